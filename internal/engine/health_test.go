package engine

import (
	"runtime"
	"testing"
	"time"

	"parley"
)

// The CPU that parley uses counts against a run while its load bears on budgets, over
// the time that really passed, and never because of a ramp.
func TestCPUIsJudgedOutsideOfRamps(t *testing.T) {
	type second struct {
		phase parley.PhaseKind // begins with this second; empty: goes on
		share float64          // of all cores
		lasts int              // seconds until the next sample, 0 means 1
	}
	stretch := func(phase parley.PhaseKind, share float64, n int) []second {
		all := []second{{phase: phase, share: share}}
		for range n - 1 {
			all = append(all, second{share: share})
		}
		return all
	}
	join := func(parts ...[]second) (all []second) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	for _, test := range []struct {
		name    string
		seconds []second
		want    float64
	}{
		{"a busy steady phase", stretch(parley.Steady, 0.9, 10), 0.9},
		{"too short to tell", stretch(parley.Steady, 0.9, 4), 0},
		{"a busy ramp and its drain", join(stretch(parley.Steady, 0.1, 10), stretch(parley.Ramp, 1, 10), stretch(parley.Drain, 1, 10)), 0.1},
		{"a steady phase after a ramp", join(stretch(parley.Ramp, 1, 10), stretch(parley.Steady, 0.2, 10)), 0.2},
		{"the drain of a steady phase", join(stretch(parley.Steady, 0.1, 10), stretch(parley.Drain, 0.9, 10)), 0.9},
		{"samples that come late", join(stretch(parley.Steady, 0.5, 3), []second{{share: 0.5, lasts: 9}}, stretch("", 0.5, 3)), 0.5},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &health{}
			now, used := time.Now().Add(-time.Hour), time.Duration(0)
			for _, s := range test.seconds {
				if s.phase != "" {
					h.phase(0, s.phase)
					if !h.ramped.IsZero() {
						h.ramped = now // as if the phase had begun then
					}
				}
				h.use(now, used)
				lasts := time.Duration(max(1, s.lasts)) * time.Second
				now = now.Add(lasts)
				used += time.Duration(s.share * float64(lasts) * float64(runtime.GOMAXPROCS(0)))
			}
			h.use(now, used)
			if diff := h.maxCPU - test.want; diff > 1e-6 || diff < -1e-6 {
				t.Errorf("judged %.3f, want %.3f", h.maxCPU, test.want)
			}
		})
	}
}
