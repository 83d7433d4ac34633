package receptionist

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/e2e/product"
)

// TestEndings ends a run in the middle of its load, politely and not.
func TestEndings(t *testing.T) {
	adoptOrphans(t)
	built := product.Build(t)
	// The killed one first: the folders of its servers are removed when the next run begins.
	t.Run("killed", func(t *testing.T) {
		e, at, _ := endBy(t, built, os.Kill)
		if e.run.State != parley.Running || len(e.missing) == 0 {
			t.Errorf("state %s, missing %q", e.run.State, e.missing)
		}
		judgeLast(t, e, at, 1200*time.Millisecond) // a second, and the time to write
		again := built.Run(t, nil, "report", e.dir)
		t.Logf("exit code %d, missing %q", again.Code, e.missing)
		if again.Code != 0 || !strings.Contains(strings.ToLower(again.Stdout), "missing") {
			t.Errorf("the report of a killed run: exit code %d\n%s%s", again.Code, again.Stdout, again.Stderr)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		e, at, r := endBy(t, built, os.Interrupt)
		if r.Code != parley.ExitInterrupted || e.run.State != parley.Interrupted || len(e.missing) > 0 {
			t.Errorf("exit code %d, state %s, missing %q", r.Code, e.run.State, e.missing)
		}
		for _, turn := range e.turns {
			if turn.Outcome == parley.Open {
				t.Errorf("turn %d has no end", turn.ID)
			}
		}
		// All that was said must be in the record, and nothing may be said a second later.
		judgeLast(t, e, at, 0)
		webhooks := e.log.messages()
		last := webhooks[len(webhooks)-1].Start - at
		t.Logf("the last message came %v after the interrupt", last)
		if last > 1500*time.Millisecond {
			t.Errorf("a message came %v after the interrupt", last)
		}
	})
}

// endBy begins a run, ends it under load by a signal, and says when on the bot's clock.
func endBy(t *testing.T, built product.Binary, s os.Signal) (e *evidence, at time.Duration, r product.Result) {
	t.Helper()
	plan, notes := planOf(t, built, "[steady: 40s]")
	e = &evidence{dir: filepath.Join(t.TempDir(), "run")}
	running := built.Start(t, []string{"PYTHONDONTWRITEBYTECODE=1"}, "review", "-f", plan, "--out", e.dir)
	lines := 0
	for line := range running.Progress {
		if strings.Contains(line, "steady") {
			lines++
		}
		if lines == 2 { // one when the phase begins, one ten seconds later
			at = monotonic(t, time.Now())
			running.Signal(t, s)
			break
		}
	}
	r = running.Wait(t)
	took := monotonic(t, time.Now()) - at
	judgeLeft(t)
	if lines < 2 {
		t.Fatalf("the load never began\n%s", r.Stderr)
	}
	t.Logf("%v: exit code %d after %v", s, r.Code, took)
	if s == os.Interrupt && !strings.Contains(strings.ToLower(r.Stdout), "interrupted") {
		t.Errorf("the report does not say that the run was interrupted:\n%s", r.Stdout)
	}
	e.read(t, notes)
	return e, at, r
}

// judgeLast holds what the bot took against the record: everything it took earlier than
// lost before the end must be there. A turn that is still open is there with what was said at its opening.
func judgeLast(t *testing.T, e *evidence, at, lost time.Duration) {
	t.Helper()
	recorded, taken := 0, 0
	inRecord, inLog := map[uint64]bool{}, map[string]bool{}
	for _, turn := range e.turns {
		recorded += int(turn.Said)
		inRecord[turn.User] = true
	}
	for _, s := range e.log.messages() {
		if s.Start < at-lost {
			taken++
			inLog[s.User] = true
		}
	}
	t.Logf("taken by the bot: %d messages of %d users; recorded: %d of %d", taken, len(inLog), recorded, len(inRecord))
	if len(inRecord) < len(inLog) || lost == 0 && recorded < taken {
		t.Error("the record lacks what the bot took")
	}
}
