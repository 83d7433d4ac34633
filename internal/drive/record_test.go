package drive

import (
	"context"
	"net/http"
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

// A bot that answers before it acknowledges does so for the last message, too: the
// run waits for that, though not for a webhook that hangs.
func TestTheLastAcknowledgementIsWaitedFor(t *testing.T) {
	within := func(work time.Duration) bot {
		return func(w *world, _ http.ResponseWriter, m said) {
			w.reply(m.From, "hello", "")
			time.Sleep(work)
		}
	}
	for _, test := range []struct {
		work, took time.Duration
		acked      int64
	}{
		{0, 0, 1},
		{100 * time.Millisecond, 100 * time.Millisecond, 1},
		{10 * time.Second, time.Second, 0},
	} {
		play(t, testPlan(3600, plan.Turn{}), within(test.work), func(w *world) {
			w.run(parley.Steady, 501*time.Millisecond) // the one message is due at 500 ms
			drain := w.driver.Drain(context.Background())
			if took := drain.End - 500*time.Millisecond; (took - test.took).Abs() > 20*time.Millisecond {
				t.Errorf("work of %v: drained after %v, want %v", test.work, took, test.took)
			}
			if got := w.driver.Progress().Messages.Acked; got != test.acked {
				t.Errorf("work of %v: %d acknowledged, want %d", test.work, got, test.acked)
			}
		})
	}
}
