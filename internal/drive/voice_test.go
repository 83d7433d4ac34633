package drive

import (
	"testing"
	"time"

	"parley"
	"parley/internal/plan"
)

// What a turn says aloud reaches the bot as a voice note, and nothing else does.
func TestSpokenTurns(t *testing.T) {
	p := testPlan(60, plan.Turn{}, plan.Turn{Voice: true, Say: [][]string{{"are you open?", "hello?"}}}, plan.Turn{})
	w := play(t, p, echo(3*time.Second), func(w *world) { w.run(parley.Steady, 10*time.Minute) })
	voices := map[string]int{}
	for _, m := range w.inbox {
		if m.Voice != (m.Text == "are you open?" || m.Text == "hello?") {
			t.Errorf("%q: voice %v", m.Text, m.Voice)
		}
		if m.Voice {
			voices[m.Text]++
		}
	}
	if voices["are you open?"] < 8 || voices["hello?"] < 8 {
		t.Errorf("spoken: %v", voices)
	}
}
