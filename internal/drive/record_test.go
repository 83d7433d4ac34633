package drive

import (
	"context"
	"testing"
	"time"

	"parley"
	"parley/internal/plan"
)

// A turn is recorded when it opens and when it ends. More rows would only cost:
// the reply that ends it is in the second already.
func TestTurnsAreRecordedTwice(t *testing.T) {
	w := play(t, testPlan(3600, plan.Turn{}, plan.Turn{}), echo(time.Second), func(w *world) {
		w.run(parley.Steady, 10*time.Second)
		time.Sleep(time.Minute)
		w.driver.Drain(context.Background())
	})
	turns := w.book.list()
	if len(turns) != 20 || w.book.rows != 2*len(turns) {
		t.Errorf("%d rows for %d turns, want 40 for 20", w.book.rows, len(turns))
	}
	for _, turn := range turns {
		if turn.Replies != 1 || turn.Outcome != parley.Answered {
			t.Errorf("turn %d: %s, %d replies", turn.ID, turn.Outcome, turn.Replies)
		}
	}
}
