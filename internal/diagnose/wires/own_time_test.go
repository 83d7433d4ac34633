package wires

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose"
	"parley/internal/diagnose/casetest"
)

// working is a turn with work of the bot's own between two calls, and time in which it does nothing.
func working(work, idle time.Duration) func(t *simulatedTurn) {
	return func(t *simulatedTurn) {
		t.ack()
		t.pooled(func() { t.call("postgres", opRead, 4*time.Millisecond) })
		t.work(t.jitter(work))
		time.Sleep(t.jitter(idle))
		t.call("openai", opChat, 200*time.Millisecond)
		t.answer()
	}
}

func TestOwnTime(t *testing.T) {
	without := func(names ...string) func(samples []parley.Sample) []parley.Sample {
		return func(samples []parley.Sample) []parley.Sample {
			return slices.DeleteFunc(samples, func(s parley.Sample) bool { return slices.Contains(names, s.Name) })
		}
	}
	all := without()
	tests := []struct {
		name    string
		play    func(t *simulatedTurn)
		loads   []simulatedLoad
		samples func(samples []parley.Sample) []parley.Sample
		what    string // in the finding; empty: none
		doubt   string
	}{
		{"work", working(200*time.Millisecond, 0), atRate(0.8, 120), all, "it works meanwhile", "bound"},
		{"a sleep", working(time.Millisecond, 300*time.Millisecond), atRate(2, 60), all, "does not work", "cannot be seen"},
		{"nobody looked at the processes", working(200*time.Millisecond, 0), atRate(0.8, 120), without("bot_cpu_seconds_total", "bot_busiest_thread_cores"), "own time", "not known"},
		{"a saturated interpreter", working(60*time.Millisecond, 0), atRate(16, 60), all, "the interpreter's one thread", "bound"},
		{"a little work", working(20*time.Millisecond, 0), atRate(3, 60), all, "", ""},
		{"a sleep before the send is named elsewhere", func(t *simulatedTurn) {
			t.ack()
			t.call("openai", opChat, 200*time.Millisecond)
			time.Sleep(300 * time.Millisecond)
			t.answer()
		}, atRate(2, 60), all, "", ""},
		{"a pool is short", func(t *simulatedTurn) {
			t.ack()
			t.pooled(func() { t.call("postgres", opRead, 200*time.Millisecond) })
			t.answer()
		}, atRate(20, 60), all, "", ""},
		{"the loop is blocked", synchronous, atRate(1.8, 100), all, "", ""},
		{"healthy", healthyTurn, atRate(6, 60), all, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run := simulate(t, 9, 1, map[string]int{"postgres": 4}, tt.loads, tt.play)
			run.Samples = tt.samples(run.Samples)
			d := run.Diagnose(ownTime())
			if tt.what == "" {
				if len(d.Findings)+len(d.Notes) > 0 {
					t.Errorf("findings %+v, notes %+v", d.Findings, d.Notes)
				}
				return
			}
			if len(d.Findings) != 1 || !strings.Contains(d.Findings[0].What, tt.what) || !strings.Contains(d.Findings[0].Doubt, tt.doubt) {
				t.Fatalf("findings %+v, want one that says %q and doubts %q", d.Findings, tt.what, tt.doubt)
			}
			t.Log(d.Findings[0].What, d.Findings[0].Saved.Value)
		})
	}
}

// TestOwnTimeSaved: CPU time above what a turn needs.
func TestOwnTimeSaved(t *testing.T) {
	run := simulate(t, 10, 1, map[string]int{"postgres": 4}, atRate(0.5, 200), working(300*time.Millisecond, 0))
	d := diagnose.Diagnose(run.Evidence(), []diagnose.Check{ownTime()}, nil)
	if len(d.Findings) != 1 {
		t.Fatalf("findings: %+v", d.Findings)
	}
	if got := d.Findings[0].Saved.Value; got < 0.2 || got > 0.3 {
		t.Errorf("saves %v s, want some 0.25 of the 0.3 s of work", got)
	}
}

// Where no call was heard, nobody knows what the bot waited for.
func TestOwnTimeNeedsCalls(t *testing.T) {
	var r casetest.Run
	r.Play(60, func(turn *casetest.Turn) {
		turn.Row.Outcome, turn.Row.AnsweredAt, turn.Row.Ended = parley.Answered, turn.At+time.Second, turn.At+time.Second
	})
	if o := r.Suspects(ownTime(), nil); o.Unknown == "" || len(o.Suspects) != 0 {
		t.Errorf("%+v", o)
	}
}
