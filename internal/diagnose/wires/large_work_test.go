package wires

import (
	"testing"
	"time"

	"parley/internal/diagnose/casetest"
)

// TestLargeValuesKeepOthersWaiting: one turn of six reads a large value, and the one after it, 20 ms later, can go on only when that is done.
// Alone it would not have waited.
func TestLargeValuesKeepOthersWaiting(t *testing.T) {
	for name, tt := range map[string]struct {
		wait, saved time.Duration
	}{
		"while it is read":     {12 * ms, 29*ms + 9*ms},
		"for something longer": {300 * ms, 29 * ms},
		"not at all":           {ms, 29 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			r := casetest.Run{Every: 20 * ms, Solo: 24}
			r.Play(240, func(turn *casetest.Turn) {
				switch turn.Number % 6 {
				case 0:
					turn.Row.Scenario = "reader"
					turn.Call("redis", "GET sessao:*", ms, carrying(1, 50, 300_000))
					turn.Pass(29 * ms) // reading it
				case 1:
					turn.Row.Scenario = "waiter"
					turn.Call("redis", "GET outro:*", ms, nil)
					if !turn.Alone {
						turn.Pass(tt.wait - ms)
					}
				}
				turn.Call("redis", "GET pouco:*", ms, nil)
				turn.Call("openai", "POST /v1/chat/completions", 20*ms, nil)
				turn.Answer()
			})
			o := r.Suspects(largeValues(), nil)
			if len(o.Suspects) != 1 {
				t.Fatalf("%d suspects", len(o.Suspects))
			}
			sum := 0.0
			for _, s := range o.Suspects[0].Saved {
				sum += s
			}
			if got, want := sum/40, tt.saved.Seconds(); got < want-0.002 || got > want+0.002 {
				t.Errorf("six turns save %.4f s, want %.4f", got, want)
			}
		})
	}
}
