package wires

import (
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

func TestWorkAfterAnswer(t *testing.T) {
	const every = 2 * time.Second
	load := func(t *casetest.Turn) { t.Call("postgres", "SELECT * FROM mensagens WHERE fone = $1", 5*ms, nil) }
	// until passes time until a moment after the turn's beginning.
	until := func(t *casetest.Turn, after time.Duration) { t.At = max(t.At, t.Row.Sent+after) }
	// Each turn answers after some 0.6 s. Its work goes on until 2.5 s, and the next turn of the conversation begins at 2 s.
	summary := func(t *casetest.Turn, end time.Duration) {
		t.Beside("openai", "POST /v1/chat/completions", t.Row.Sent+end-t.At, nil)
	}
	tests := []struct {
		name  string
		turn  func(t *casetest.Turn)
		want  outcome
		saved float64 // of the turns that come after another one, half of all
	}{
		{"the next turn waits for it", func(t *casetest.Turn) {
			if t.Ordinal == 1 {
				until(t, 500*ms)
			}
			load(t)
			think(t)
			t.Answer()
			summary(t, 2500*ms)
		}, aFinding, 0.5},
		{"the next turn looks at a lock", func(t *casetest.Turn) {
			t.Own = 100 * ms
			if t.Ordinal == 1 {
				for range 5 {
					t.Call("redis", "SET lock:*", 0, nil)
				}
			}
			t.Own = ms
			load(t)
			think(t)
			t.Answer()
			summary(t, 2500*ms)
		}, aFinding, 0.5},
		// The work begins when the next message is there, and is taken for the next turn's.
		{"the next turn has the former one's work", func(t *casetest.Turn) {
			if t.Ordinal == 1 {
				t.Call("openai", "POST /v1/chat/completions", 500*ms, nil)
			}
			load(t)
			think(t)
			t.Answer()
			if t.Ordinal == 1 {
				t.Call("openai", "POST /v1/chat/completions", 500*ms, nil)
			}
		}, aFinding, 0.501},
		{"the next turn begins with work of its own kind", func(t *casetest.Turn) {
			if t.Ordinal == 1 {
				t.Call("calendar", "freebusy.query", 500*ms, nil)
			}
			load(t)
			think(t)
			t.Answer()
		}, nothing, 0},
		{"nobody waits for it", func(t *casetest.Turn) {
			load(t)
			think(t)
			t.Answer()
			summary(t, 2500*ms)
		}, nothing, 0},
		{"over when the next turn begins", func(t *casetest.Turn) {
			if t.Ordinal == 1 {
				until(t, 500*ms)
			}
			load(t)
			think(t)
			t.Answer()
			summary(t, 1500*ms)
		}, nothing, 0},
		{"every turn waits for more messages", func(t *casetest.Turn) {
			until(t, 500*ms)
			load(t)
			think(t)
			t.Answer()
			summary(t, 2500*ms)
		}, nothing, 0},
		{"hardly a wait", func(t *casetest.Turn) {
			if t.Ordinal == 1 {
				until(t, 30*ms)
			}
			load(t)
			think(t)
			t.Answer()
			summary(t, 2030*ms)
		}, nothing, 0},
		{"the next turn is slow by itself", func(t *casetest.Turn) {
			if t.Ordinal == 1 {
				until(t, 1200*ms)
			}
			load(t)
			think(t)
			t.Answer()
			summary(t, 2500*ms)
		}, nothing, 0},
		{"others wait, not the same person", func(t *casetest.Turn) {
			t.Conversation, t.Ordinal = int64(1+t.Number), 0
			if t.Number%2 == 1 {
				until(t, 500*ms)
			}
			load(t)
			think(t)
			t.Answer()
			summary(t, 2500*ms)
		}, nothing, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &casetest.Run{Every: every}
			r.Play(60, func(turn *casetest.Turn) {
				chat(turn, 2)
				if turn.Ordinal == 1 {
					turn.Row.Outcome = parley.Answered
				}
				tt.turn(turn)
			})
			f := expect(t, r, workAfterAnswer(), tt.want)
			if f == nil {
				return
			}
			want := tt.saved / 2
			if got := f.Saved.Value; got < want-0.01 || got > want+0.01 {
				t.Errorf("saves %v s, want %v", got, want)
			}
			if f.Affected != 30 {
				t.Errorf("%d turns show it, want 30", f.Affected)
			}
		})
	}
}
