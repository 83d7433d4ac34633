package drive

import (
	"context"
	"net/http"
	"testing"
	"time"

	"parley"
	"parley/internal/plan"
)

// An answer that comes after its user gave up answers nobody: not even the same
// person who has come back meanwhile, or a slow bot would look quick.
func TestLateAnswerDoesNotAnswerAUserWhoReturns(t *testing.T) {
	p := testPlan(3600, plan.Turn{Patience: 10 * time.Second})
	p.Users.Returning = 0.9
	w := play(t, p, echo(15*time.Second), func(w *world) {
		w.run(parley.Steady, 2*time.Minute)
		w.driver.Drain(context.Background())
	})
	if got := outcomes(w.book.list()); got[parley.Abandoned] != 120 {
		t.Errorf("outcomes %v, want 120 abandoned: every answer comes 5 s too late", got)
	}
}

// Whoever was held back has no history, and does not return.
func TestOnlyThoseWhoSpokeReturn(t *testing.T) {
	p := testPlan(3600, plan.Turn{Patience: time.Hour})
	p.Load.Concurrency = 1
	p.Users.Returning = 0.9
	first := func(w *world, _ http.ResponseWriter, m said) {
		go func() { time.Sleep(9 * time.Second); w.reply(m.From, "done", "") }()
	}
	w := play(t, p, first, func(w *world) {
		w.run(parley.Steady, 5*time.Minute)
		w.driver.Drain(context.Background())
	})
	spoke := make(map[uint64]bool)
	for _, turn := range w.book.list() {
		if turn.Outcome == parley.Unsent {
			continue
		}
		if turn.Returning != spoke[turn.User] {
			t.Errorf("turn %d: returning %v, but its user spoke before: %v", turn.ID, turn.Returning, spoke[turn.User])
		}
		spoke[turn.User] = true
	}
}
