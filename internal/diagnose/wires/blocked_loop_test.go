package wires

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley"
)

// synchronous is a turn of an event loop that calls the model by a synchronous client.
func synchronous(t *simulatedTurn) {
	t.ack()
	t.pooled(func() { t.call("postgres", opRead, 4*time.Millisecond) })
	t.blocking("openai", opChat, 400*time.Millisecond)
	t.pooled(func() { t.call("postgres", opStore, 4*time.Millisecond) })
	t.answer()
}

// oneAfterTheOther is a turn of a synchronous worker, which does nothing else until it is over and acknowledges then.
func oneAfterTheOther(t *simulatedTurn) {
	t.bot.loop <- struct{}{}
	for _, c := range []struct {
		wire, operation string
		took            time.Duration
	}{
		{"postgres", opRead, 4 * time.Millisecond}, {"openai", opChat, 400 * time.Millisecond},
		{"postgres", opStore, 4 * time.Millisecond}, {"evolution", "POST /message/sendText/{instance}", 5 * time.Millisecond},
	} {
		time.Sleep(t.jitter(t.own))
		t.bare(c.wire, c.operation, c.took)
	}
	t.row.Outcome, t.row.AnsweredAt = parley.Answered, t.now()
	t.row.Ended, t.row.FirstReply, t.row.Replies = t.row.AnsweredAt, t.row.AnsweredAt, 1
	t.row.Acked = t.now()
	t.row.AckLatency = t.row.Acked - t.row.Sent
	<-t.bot.loop
}

// busy is a turn with much work on the event loop.
func busy(t *simulatedTurn) {
	t.ack()
	t.work(t.jitter(100 * time.Millisecond))
	t.call("openai", opChat, 400*time.Millisecond)
	t.answer()
}

func TestBlockedLoop(t *testing.T) {
	pools := map[string]int{"postgres": 20, "lock": 1}
	tests := []struct {
		name  string
		loops int
		rate  float64
		play  func(t *simulatedTurn)
		check string
		doubt bool // a single worker remains
	}{
		{"a synchronous client on an event loop", 1, 1.8, synchronous, "blocked-loop", false},
		{"on the loops of two processes", 2, 4, synchronous, "blocked-loop", false},
		{"one synchronous worker", 1, 1.9, oneAfterTheOther, "blocked-loop", true},
		{"one call to the model at a time", 1, 1.9, func(t *simulatedTurn) {
			t.ack()
			t.pooled(func() { t.call("postgres", opRead, 4*time.Millisecond) })
			t.acquire("lock")
			t.call("openai", opChat, 400*time.Millisecond)
			t.release("lock")
			t.answer()
		}, "pool-limit", false},
		{"asynchronous", 1, 6, healthyTurn, "", false},
		{"the loop's own work, which leaves it time", 1, 6, busy, "", false},
		{"the loop's own work", 1, 10, busy, "own-time", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, probes := range []bool{true, false} {
				run := simulate(t, 5, tt.loops, pools, atRate(tt.rate, 120), tt.play)
				if !probes {
					run.Samples = slices.DeleteFunc(run.Samples, func(s parley.Sample) bool { return s.Name == probeTime })
				}
				f := onlyFinding(t, limitFindings(t, run), tt.check)
				if got := figureOf(f, "part of the probes") > 0.8; tt.check == "blocked-loop" && got != probes {
					t.Errorf("of the probes %v waited, with probes %v", figureOf(f, "part of the probes"), probes)
				}
				if got := strings.Contains(f.Doubt, "single synchronous worker"); tt.check == "blocked-loop" && got != tt.doubt {
					t.Errorf("doubt: %q", f.Doubt)
				}
			}
		})
	}
}

// TestBlockedLoopNeedsLoad: where turns hardly overlap nothing is known of what a call does to others.
func TestBlockedLoopNeedsLoad(t *testing.T) {
	run := simulate(t, 6, 1, map[string]int{"postgres": 20}, atRate(0.02, 600), synchronous)
	o := run.Suspects(blockedLoop(), nil)
	if len(o.Suspects) > 0 || o.Unknown == "" {
		t.Errorf("suspects %v, unknown %q", o.Suspects, o.Unknown)
	}

}
