package cli_test

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"parley"
)

// A kill -9 at any moment costs the last second of the record at most, leaves
// nothing running, and the report says that the record is not whole.
func TestKill(t *testing.T) {
	t.Parallel()
	plan := planText(t, func(plan string) string {
		plan = phases("ramp: {for: 10m, from: 1, to: 4, growth: 1.1, step: 1s}")(plan)
		if _, err := exec.LookPath("redis-server"); err == nil {
			plan = strings.Replace(plan, "dependencies:\n", "dependencies:\n  redis: {address: private, env: [REDIS_URL], canary: optional}\n", 1)
		}
		return plan
	})
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for range 5 {
		moment := time.Duration(rng.Int64N(int64(3 * time.Second)))
		p := review(t, plan)
		p.await("getting ready")
		killed := p.killAfter(moment)
		p.nothingLeft()
		run, turns, missing := p.record()
		if run.State != parley.Running || run.Verdict != nil || len(missing) == 0 {
			t.Errorf("state %s, verdict %v, missing %q", run.State, run.Verdict, missing)
		}
		lost := killed.Sub(run.Started) - run.Elapsed
		t.Logf("killed %v after the start: %d turns are left, %v lost; %s", moment.Round(time.Millisecond), len(turns), lost.Round(time.Millisecond), missing)
		if len(turns) > 20 && !upToDate(run) {
			t.Errorf("run.json was not kept up to date: messages %+v, phases %+v", run.Messages, run.Phases)
		}
		if lost > deadline {
			t.Errorf("%v are lost", lost)
		}
		if text := p.report(); !strings.Contains(strings.Join(strings.Fields(text), " "), missing[0]) {
			t.Errorf("the report does not say %q:\n%s", missing[0], text)
		}
	}
}

// upToDate reports whether run.json of a run killed in its ramp tells of it.
func upToDate(run *parley.Run) bool {
	last := run.Phases[len(run.Phases)-1]
	return run.Messages.Sent > 0 && run.Generator.LagLimit > 0 && last.Rate > 0 && len(last.Steps) > 0
}

// killAfter kills the process without warning when the time is over, and says when that was.
func (p *process) killAfter(moment time.Duration) time.Time {
	p.t.Helper()
	select {
	case <-p.ended:
		p.t.Fatalf("parley ended by itself:\n%s", p.output.String())
	case <-time.After(moment):
	}
	killed := time.Now()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	p.end()
	return killed
}
