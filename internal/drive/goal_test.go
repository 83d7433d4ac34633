package drive

import (
	"context"
	"net/http"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"parley"
	"parley/internal/plan"
)

// bookingPlan is a plan of conversations of two turns whose goal is a call to a calendar, one every ten seconds.
func bookingPlan() *plan.Plan {
	p := testPlan(360, plan.Turn{}, plan.Turn{})
	p.Scenarios[0].Goal = &plan.Goal{Wire: "calendar", Operation: "events.insert"}
	return p
}

// insert is a call of the bot that ends now, made in the turn of whoever it names.
func insert(w *world, turn int64, change func(*parley.Call)) {
	now := w.driver.since()
	c := parley.Call{Turn: turn, Wire: "calendar", Operation: "events.insert", Status: 200, Start: now, FirstByte: now, End: now}
	if change != nil {
		change(&c)
	}
	w.driver.Called(&c)
}

// booking is a bot that books within the turn of a message, some time after the message came; it answers after a second.
func booking(text string, after time.Duration, change func(*parley.Call)) bot {
	return func(w *world, _ http.ResponseWriter, m said) {
		go func() {
			if m.Text == text {
				turn, _ := w.driver.AttributeNumber(m.From)
				go func() {
					time.Sleep(after)
					insert(w, turn, change)
				}()
			}
			time.Sleep(time.Second)
			w.reply(m.From, "re: "+m.Text, "")
		}()
	}
}

func TestGoalsByCalls(t *testing.T) {
	for _, test := range []struct {
		name  string
		text  string
		after time.Duration
		call  func(*parley.Call)
		want  [2]bool
	}{
		{"in the first turn", "message 0", 500 * time.Millisecond, nil, [2]bool{true, false}},
		{"in the last turn", "message 1", 500 * time.Millisecond, nil, [2]bool{false, true}},
		{"after the turn, while the user thinks", "message 0", 2 * time.Second, nil, [2]bool{true, false}},
		{"after the next turn began", "message 0", 3500 * time.Millisecond, nil, [2]bool{true, false}},
		{"after the conversation", "message 1", 30 * time.Second, nil, [2]bool{false, true}},
		{"of the first turn, after the conversation", "message 0", 30 * time.Second, nil, [2]bool{true, false}},
		{"when nobody remembers", "message 1", 2 * time.Minute, nil, [2]bool{}},
		{"another call", "message 0", 0, func(c *parley.Call) { c.Operation = "events.list" }, [2]bool{}},
		{"another wire", "message 0", 0, func(c *parley.Call) { c.Wire = "calendar2" }, [2]bool{}},
		{"a part of the wire", "message 0", 0, func(c *parley.Call) { c.Wire = "calendar/1" }, [2]bool{true, false}},
		{"failed", "message 0", 0, func(c *parley.Call) { c.Failure = "cut" }, [2]bool{}},
		{"refused", "message 0", 0, func(c *parley.Call) { c.Status = 409 }, [2]bool{}},
		{"tied to no turn", "message 0", 0, func(c *parley.Call) { c.Turn = 0 }, [2]bool{}},
		{"tied to a turn nobody knows", "message 0", 0, func(c *parley.Call) { c.Turn = 999 }, [2]bool{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := play(t, bookingPlan(), booking(test.text, test.after, test.call), func(w *world) {
				w.run(parley.Steady, 12*time.Second)
				time.Sleep(5 * time.Minute)
				w.driver.registry.mu.Lock()
				defer w.driver.registry.mu.Unlock()
				if n := len(w.driver.registry.byTurn); n != 0 {
					t.Errorf("%d turns are remembered for ever", n)
				}
			})
			turns := w.book.list()
			if len(turns) != 2 {
				t.Fatalf("%d turns", len(turns))
			}
			for _, turn := range turns {
				if turn.Goal != test.want[turn.Ordinal] || turn.Final != (turn.Ordinal == 1) || turn.Outcome != parley.Answered {
					t.Errorf("turn %d of conversation %d: %s, goal %v, final %v", turn.Ordinal, turn.Conversation, turn.Outcome, turn.Goal, turn.Final)
				}
			}
		})
	}
}

// A call that ends when the run is being closed still counts.
func TestGoalAtTheEnd(t *testing.T) {
	var waiting atomic.Int64
	w := play(t, bookingPlan(), func(w *world, _ http.ResponseWriter, m said) {
		turn, _ := w.driver.AttributeNumber(m.From)
		waiting.Store(turn)
	}, func(w *world) {
		w.run(parley.Steady, 6*time.Second)
		w.driver.Close()
		insert(w, waiting.Load(), nil)
	})
	turns := w.book.list()
	if len(turns) != 1 || !turns[0].Goal || turns[0].Outcome != parley.Cut {
		t.Errorf("got %+v", turns)
	}
}

func TestGoalsByReplies(t *testing.T) {
	for _, test := range []struct {
		name string
		bot  bot
		want [2]bool
	}{
		{"the answer", wordy("message 1", "You are booked.", time.Second), [2]bool{false, true}},
		{"not these words", wordy("message 1", "Fully taken.", time.Second), [2]bool{}},
		{"after the answer", wordy("message 0", "Hm.", time.Second, "Booked!"), [2]bool{true, false}},
		{"twice", func(w *world, _ http.ResponseWriter, m said) { go w.reply(m.From, "Booked: "+m.Text, "") }, [2]bool{true, false}},
		{"too late", wordy("message 1", "booked", 40*time.Second), [2]bool{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := testPlan(360, plan.Turn{}, plan.Turn{})
			p.Scenarios[0].Goal = &plan.Goal{Reply: regexp.MustCompile("(?i)booked")}
			w := play(t, p, test.bot, func(w *world) {
				w.run(parley.Steady, 6*time.Second)
				time.Sleep(5 * time.Minute)
			})
			turns := w.book.list()
			if len(turns) != 2 || turns[0].Goal != test.want[0] || turns[1].Goal != test.want[1] {
				t.Errorf("got %+v", turns)
			}
		})
	}
}

// wordy is a bot that answers a message in some words after a time, and with more words right after; others at once.
func wordy(to, words string, after time.Duration, more ...string) bot {
	return func(w *world, _ http.ResponseWriter, m said) {
		go func() {
			if m.Text != to {
				w.reply(m.From, "hello", "")
				return
			}
			time.Sleep(after)
			for _, text := range append([]string{words}, more...) {
				w.reply(m.From, text, "")
			}
		}()
	}
}

// What a run cuts off is no last turn, and what drains may be.
func TestFinal(t *testing.T) {
	w := play(t, testPlan(360, plan.Turn{}, plan.Turn{}), echo(3*time.Second), func(w *world) {
		w.run(parley.Steady, 16*time.Second) // conversations at 5 and 15 s
		w.driver.Drain(context.Background())
	})
	turns := w.book.list()
	if len(turns) != 3 {
		t.Fatalf("%d turns", len(turns))
	}
	for _, turn := range turns {
		if turn.Final != (turn.Ordinal == 1) || turn.Outcome != parley.Answered {
			t.Errorf("turn %d of conversation %d: %s, final %v", turn.Ordinal, turn.Conversation, turn.Outcome, turn.Final)
		}
	}
}
