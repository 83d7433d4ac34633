package cli_test

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley"
)

// Ctrl-C ends every phase soon, leaves a whole record with a report, and exit code 130.
func TestInterrupt(t *testing.T) {
	long := []string{"STEADY=10m", "PATIENCE=10m"}
	for _, test := range []struct {
		name, doing string
		plan        func(string) string
		variables   []string
	}{
		{name: "starting the bot", doing: "starting the bot", plan: never},
		{name: "starting services", doing: "starting services", plan: private},
		{name: "setup", doing: "starting the bot", plan: settingUp},
		{name: "canary", doing: "canary", variables: append(long, "HABIT=mute")},
		{name: "solo", doing: "solo", plan: phases("solo: 10m"), variables: append(long, "HABIT=silent")},
		{name: "steady", doing: "steady", variables: append(long, "HABIT=silent")},
		{name: "webhooks that never end", doing: "steady", variables: append(long, "HABIT=dripping")},
		{name: "flood", doing: "steady", variables: append(long, "HABIT=flooding")},
		{name: "ramp", doing: "ramp 2", plan: phases("ramp: {for: 10m, from: 1, to: 4, growth: 1.1, step: 1s}"), variables: long},
		{name: "drain", doing: "drain", variables: []string{"STEADY=1s", "PATIENCE=10m", "HABIT=silent"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := review(t, planText(t, test.plan), test.variables...)
			p.await(test.doing)
			asked := time.Now()
			p.signal(syscall.SIGINT)
			code := p.end().ExitCode()
			t.Logf("%v from Ctrl-C to the end", time.Since(asked).Round(time.Millisecond))
			if code != parley.ExitInterrupted {
				t.Errorf("exit code %d", code)
			}
			p.nothingLeft()
			run, turns, missing := p.record()
			if run.State != parley.Interrupted || len(missing) > 0 || len(run.Problems) > 0 {
				t.Errorf("state %s, missing %q, problems %+v", run.State, missing, run.Problems)
			}
			for _, turn := range turns {
				if turn.Outcome == parley.Open {
					t.Errorf("turn %d was left open", turn.ID)
				}
			}
			for name, text := range map[string]string{"review": p.output.String(), "report": p.report()} {
				if !strings.Contains(text, "nterrupted") {
					t.Errorf("%s does not say that the run was interrupted:\n%s", name, text)
				}
			}
		})
	}
}

// A second Ctrl-C ends parley where it stands, and nothing outlives it.
func TestSecondInterrupt(t *testing.T) {
	p := review(t, planText(t, stubborn))
	p.await("steady")
	asked := time.Now()
	p.signal(syscall.SIGINT)
	twice := time.NewTicker(10 * time.Millisecond) // the second is another only once the first has been taken
	defer twice.Stop()
	for again := true; again; {
		select {
		case <-p.ended:
			again = false
		case <-twice.C:
			_ = p.cmd.Process.Signal(syscall.SIGINT) // it may have ended by now
		}
	}
	t.Logf("%v from the first Ctrl-C to the end", time.Since(asked).Round(time.Millisecond))
	if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("ended with %v, not by the signal", p.cmd.ProcessState)
	}
	p.nothingLeft()
	p.report()
}

// planText is the plan of the scripts, changed.
func planText(t *testing.T, change func(string) string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/parley.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if change == nil {
		return string(text)
	}
	return change(string(text))
}

// phases puts other phases into a plan.
func phases(list string) func(string) string {
	return func(plan string) string {
		return strings.Replace(plan, `steady: "${STEADY:-1s}"`, list, 1)
	}
}

// never is a bot that starts and is never ready.
func never(plan string) string {
	return strings.Replace(plan, `[bot, "${HABIT:-polite}"]`, `[sleep, "600"]`, 1)
}

// private gives a plan's bot a PostgreSQL, which takes its time to start.
func private(plan string) string {
	return strings.Replace(plan, "dependencies:\n", "dependencies:\n  postgres: {address: private, env: [DATABASE_URL]}\n", 1)
}

// settingUp is a bot whose setup never ends.
func settingUp(plan string) string {
	return strings.Replace(plan, "  command:", "  setup: [sleep, \"600\"]\n  command:", 1)
}

// stubborn is a bot that does not end when it is asked to, so that parley waits for it.
func stubborn(plan string) string {
	plan = strings.Replace(plan, `[bot, "${HABIT:-polite}"]`, `[bot, stubborn]`, 1)
	return strings.Replace(plan, "${STEADY:-1s}", "10m", 1)
}
