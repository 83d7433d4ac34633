package wires

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose"
	"parley/internal/diagnose/casetest"
)

// limitChecks are those that tell limits apart.
func limitChecks() []diagnose.Check {
	return []diagnose.Check{poolLimit(), blockedLoop(), workersLimit(), ownTime()}
}

// limitFindings are the findings that the checks of limits make of a run, by check.
func limitFindings(t *testing.T, run *casetest.Run) map[string]parley.Finding {
	t.Helper()
	out := map[string]parley.Finding{}
	d := diagnose.Diagnose(run.Evidence(), limitChecks(), nil)
	for _, f := range d.Findings {
		t.Logf("%s: %s (saves %.3f s of the mean, confidence %.2f; %s)", f.Check, f.What, f.Saved.Value, f.Confidence, f.Doubt)
		out[f.Check] = f
	}
	for _, f := range d.Notes {
		t.Logf("note %s: %s", f.Check, f.What)
	}
	for _, u := range d.Unknown {
		t.Logf("unknown %s: %s", u.Check, u.Needs)
	}
	return out
}

// onlyFinding fails the test unless exactly this check has a finding ("" for none).
func onlyFinding(t *testing.T, got map[string]parley.Finding, check string) parley.Finding {
	t.Helper()
	for id := range got {
		if id != check {
			t.Errorf("%s has a finding", id)
		}
	}
	f, found := got[check]
	if check != "" && !found {
		t.Fatalf("%s has no finding", check)
	}
	return f
}

// figureOf is a measured value of a finding.
func figureOf(f parley.Finding, what string) float64 {
	for _, m := range f.Measured {
		if strings.HasPrefix(m.What, what) {
			return m.Value.Value
		}
	}
	return -1
}

// TestPoolLimitNamesTheNumber: pools of n that are held for the turn's database work, and for a call to a model in between, under more load than they carry.
func TestPoolLimitNamesTheNumber(t *testing.T) {
	for _, n := range []int{1, 2, 4, 8} {
		for name, play := range map[string]func(t *simulatedTurn){
			"held across the model": func(t *simulatedTurn) {
				t.ack()
				t.call("redis", "HGETALL session:{n}", time.Millisecond)
				t.pooled(func() {
					t.call("postgres", opRead, 4*time.Millisecond)
					t.call("openai", opChat, 400*time.Millisecond)
					t.call("postgres", opStore, 4*time.Millisecond)
				})
				t.answer()
			},
			"slow statements": func(t *simulatedTurn) {
				t.ack()
				t.call("redis", "HGETALL session:{n}", time.Millisecond)
				t.pooled(func() { t.call("postgres", opRead, 300*time.Millisecond) })
				t.call("openai", opChat, 200*time.Millisecond)
				t.pooled(func() { t.call("postgres", opStore, 100*time.Millisecond) })
				t.answer()
			},
			"limited calls to the model": func(t *simulatedTurn) {
				t.ack()
				t.call("redis", "HGETALL session:{n}", time.Millisecond)
				t.work(t.jitter(time.Millisecond))
				t.acquire("openai")
				t.call("openai", opChat, 400*time.Millisecond)
				t.release("openai")
				t.answer()
			},
		} {
			t.Run(fmt.Sprintf("%s, %d", name, n), func(t *testing.T) {
				run := simulate(t, uint64(n), 1, map[string]int{"postgres": n, "openai": n}, atRate(1.1*float64(n)/0.41, 60), play)
				f := onlyFinding(t, limitFindings(t, run), "pool-limit")
				if got := figureOf(f, "in use at once"); got != float64(n) {
					t.Errorf("a limit of %v, want %d", got, n)
				}
			})
		}
	}
}

// heldAcross is a turn that holds a connection to the database while it calls the model; early says that it acknowledges before that.
func heldAcross(early bool) func(t *simulatedTurn) {
	return func(t *simulatedTurn) {
		if early {
			t.ack()
		}
		t.pooled(func() {
			t.call("postgres", opRead, 4*time.Millisecond)
			t.call("openai", opChat, 400*time.Millisecond)
			t.call("postgres", opStore, 4*time.Millisecond)
			t.answer()
		})
		if !early {
			t.ack()
		}
	}
}

// TestPoolOrWorkers: a connection that is held for the whole turn looks like a worker, but for who answers meanwhile.
func TestPoolOrWorkers(t *testing.T) {
	tests := []struct {
		name          string
		early, probes bool
		check         string
	}{
		{"acknowledged at once", true, false, "pool-limit"},
		{"probes are answered", false, true, "pool-limit"},
		{"nothing tells", false, false, "workers-limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run := simulate(t, 4, 1, map[string]int{"postgres": 4}, atRate(10, 60), heldAcross(tt.early))
			if !tt.probes {
				run.Samples = nil
			}
			f := onlyFinding(t, limitFindings(t, run), tt.check)
			if !strings.Contains(f.Doubt, "look the same") && !strings.Contains(f.Doubt, "looks the same") {
				t.Errorf("doubt: %q", f.Doubt)
			}
		})
	}
}

// TestPoolLimitOverLoads: a number that holds as the load grows is proven; one load and nothing to compare it with is little.
func TestPoolLimitOverLoads(t *testing.T) {
	step := func(rate float64) simulatedLoad { return simulatedLoad{parley.Ramp, rate, 30} }
	steady := simulatedLoad{parley.Steady, 11, 60}
	tests := []struct {
		name      string
		loads     []simulatedLoad
		certainty float64
	}{
		{"solo, steady and a ramp beyond", append(atRate(11, 60), step(9), step(14), step(20)), 0.95},
		{"a ramp alone", []simulatedLoad{step(2), step(6), step(12), step(18)}, 0.95},
		{"solo and steady", atRate(11, 60), 0.8},
		{"steady alone", []simulatedLoad{steady}, 0.65},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run := simulate(t, 8, 1, map[string]int{"postgres": 4}, tt.loads, func(t *simulatedTurn) {
				t.ack()
				t.pooled(func() { t.call("postgres", opRead, 400*time.Millisecond) })
				t.call("openai", opChat, 200*time.Millisecond)
				t.answer()
			})
			f := onlyFinding(t, limitFindings(t, run), "pool-limit")
			if got := figureOf(f, "in use at once"); got != 4 || f.Confidence != tt.certainty {
				t.Errorf("%v at once, confidence %v; want 4, %v", got, f.Confidence, tt.certainty)
			}
		})
	}
}
