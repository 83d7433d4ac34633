package wires

import (
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

func TestRetries(t *testing.T) {
	const operation = "POST /v1/chat/completions"
	try := func(t *casetest.Turn, status, retry int32, pause time.Duration) {
		t.Pass(pause)
		t.Call("openai", operation, 100*ms, func(c *parley.Call) {
			c.Content, c.Status, c.Retry = uint64(1+t.Number), status, retry
			if status >= 400 {
				c.Failure = "status"
			}
		})
	}
	tests := []struct {
		name  string
		every int // one turn in so many has trouble
		turn  func(t *casetest.Turn)
		want  outcome
		saved float64 // of a turn with trouble
	}{
		{"a request that is wrong, again and again", 1, func(t *casetest.Turn) {
			try(t, 400, 0, 0)
			try(t, 400, 0, 500*ms)
			try(t, 400, 0, 500*ms)
			think(t)
		}, aFinding, 2 * 0.601},
		{"and seldom", 25, func(t *casetest.Turn) {
			try(t, 422, 0, 0)
			try(t, 422, 0, 50*ms)
			think(t)
		}, aNote, 0.151},
		{"a service that was away for a moment", 2, func(t *casetest.Turn) {
			try(t, 503, 0, 0)
			try(t, 503, 1, 500*ms)
			try(t, 200, 2, 500*ms)
		}, nothing, 0},
		// Of six attempts the fourth and fifth are too many; the sixth succeeded.
		{"the client's retries within the bot's", 1, func(t *casetest.Turn) {
			try(t, 503, 0, 0)
			try(t, 503, 1, 500*ms)
			try(t, 503, 2, 500*ms)
			try(t, 503, 0, 500*ms)
			try(t, 503, 1, 500*ms)
			try(t, 200, 2, 500*ms)
		}, aFinding, 2 * 0.601},
		{"wrong once, then another request", 1, func(t *casetest.Turn) {
			try(t, 400, 0, 0)
			t.Call("openai", operation, 100*ms, func(c *parley.Call) { c.Content = uint64(100000 + t.Number) })
		}, nothing, 0},
		{"the same request when it had not failed", 1, func(t *casetest.Turn) {
			for range 6 {
				try(t, 200, 0, 0)
			}
		}, nothing, 0},
		{"a calendar that was asked too often", 1, func(t *casetest.Turn) {
			t.Call("calendar", "freebusy.query", 50*ms, func(c *parley.Call) { c.Status, c.Failure, c.Content = 403, "status 403", 9 })
			t.Call("calendar", "freebusy.query", 50*ms, func(c *parley.Call) { c.Content = 9 })
			think(t)
		}, nothing, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &casetest.Run{Every: 5 * time.Second}
			r.Play(100, func(turn *casetest.Turn) {
				if turn.Number%tt.every == 0 {
					tt.turn(turn)
				} else {
					think(turn)
				}
				turn.Answer()
			})
			f := expect(t, r, retries(), tt.want)
			if f == nil {
				return
			}
			want := tt.saved / float64(tt.every)
			if got := f.Saved.Value; got < want-0.002 || got > want+0.002 {
				t.Errorf("saves %v s, want %v", got, want)
			}
		})
	}
}

// Sends whose content nobody hashed are the same if they are as long, and turns that lose their answer over them make it a finding.
func TestNestedRetriesLoseTheAnswer(t *testing.T) {
	r := play(60, func(turn *casetest.Turn) {
		think(turn)
		if turn.Number%20 == 0 {
			for range 5 {
				turn.Call("evolution", "POST /message/sendText/{instance}", 10*ms, func(c *parley.Call) { c.Status, c.Failure = 500, "status 500" })
			}
			return
		}
		turn.Answer()
	})
	f := expect(t, r, retries(), aFinding)
	if f.Lost != 3 {
		t.Errorf("%d turns lost, want 3", f.Lost)
	}
	if got := f.Measured[1].Value.Value; got != 5 {
		t.Errorf("%v calls for each request, want 5", got)
	}
}
