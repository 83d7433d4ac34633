package cli_test

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"parley"
)

// While a run goes on its folder can be read, and nobody else can record into it. SIGTERM, which
// schedulers send, ends it as Ctrl-C does.
func TestRunGoingOn(t *testing.T) {
	t.Parallel()
	p := review(t, planText(t, nil), "STEADY=10m")
	p.await("steady")
	if text := p.report(); !strings.Contains(text, "going on") {
		t.Errorf("the report does not say that the run is going on:\n%s", text)
	}
	second := exec.CommandContext(t.Context(), "parley", "review", "--out", "out")
	second.Dir = p.dir
	text, err := second.CombinedOutput()
	if code := second.ProcessState.ExitCode(); err == nil || code != parley.ExitUsage || !strings.Contains(string(text), "out") {
		t.Errorf("a second review of the folder: exit code %d\n%s", code, text)
	}
	p.signal(syscall.SIGTERM)
	if code := p.end().ExitCode(); code != parley.ExitInterrupted {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	p.nothingLeft()
	if run, _, missing := p.record(); run.State != parley.Interrupted || len(missing) > 0 {
		t.Errorf("state %s, missing %q", run.State, missing)
	}
}
