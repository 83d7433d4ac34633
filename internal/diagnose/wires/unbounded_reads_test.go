package wires

import (
	"strings"
	"testing"
	"time"

	"parley/internal/diagnose/casetest"
)

func TestUnboundedReads(t *testing.T) {
	const history = "SELECT texto FROM mensagem WHERE conversa = ? ORDER BY id"
	tests := []struct {
		name  string
		play  func(turn *casetest.Turn, ordinal int64)
		want  outcome
		saved float64
		says  string
	}{
		{"all keys", func(turn *casetest.Turn, _ int64) {
			turn.Call("redis", "KEYS", 61*ms, bringing(30, 2_000, 61*ms))
		}, aFinding, 0.060, "all keys"},
		{"all keys, of a developer's machine", func(turn *casetest.Turn, _ int64) {
			turn.Call("redis", "KEYS", ms, bringing(3, 200, ms))
		}, aNote, 0, "all keys"},
		{"a walk through all keys", func(turn *casetest.Turn, _ int64) {
			for range 30 {
				turn.Call("redis", "SCAN", 3*ms, bringing(2, 200, 3*ms))
			}
		}, aFinding, 29 * 0.004, "all keys"},
		{"one step of a walk", func(turn *casetest.Turn, _ int64) {
			turn.Call("redis", "SCAN", 50*ms, bringing(2, 200, 50*ms))
		}, nothing, 0, ""},
		{"a list read whole", func(turn *casetest.Turn, _ int64) {
			turn.Call("redis", "LRANGE registro:*", 41*ms, bringing(5_000, 400_000, 41*ms))
			turn.Own = 21 * ms
			turn.Call("redis", "GET outro:*", ms, nil)
			turn.Own = ms
		}, aFinding, 0.040 + 0.020, "LRANGE"},
		{"the last few of a list", func(turn *casetest.Turn, ordinal int64) {
			turn.Call("redis", "LRANGE registro:*", 41*ms, bringing(min(12, 2*ordinal), 4_000, 41*ms))
		}, nothing, 0, ""},
		{"a small hash", func(turn *casetest.Turn, _ int64) {
			turn.Call("redis", "HGETALL sessao:*", 41*ms, bringing(40, 4_000, 41*ms))
		}, nothing, 0, ""},
		{"a history that grows", func(turn *casetest.Turn, ordinal int64) {
			rows := 300 * (ordinal + 1)
			turn.Call("postgres", history, ms+time.Duration(rows)*50*time.Microsecond, bringing(rows, rows*100, ms))
		}, aFinding, 0.0525, "more with each turn"},
		{"a short one that grows", func(turn *casetest.Turn, ordinal int64) {
			turn.Call("postgres", history, 2*ms, bringing(2*ordinal, 200*ordinal, 2*ms))
		}, aNote, 0, "more with each turn"},
		{"with a LIMIT", func(turn *casetest.Turn, ordinal int64) {
			turn.Call("postgres", history+" DESC LIMIT ?", 40*ms, bringing(min(12, 2*ordinal), 2_000, 10*ms))
		}, nothing, 0, ""},
		{"a price list", func(turn *casetest.Turn, _ int64) {
			turn.Call("postgres", "SELECT * FROM servico", 40*ms, bringing(40, 8_000, 10*ms))
		}, nothing, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r casetest.Run
			r.Play(60, func(turn *casetest.Turn) {
				turn.Ordinal = turn.Number % 6
				turn.Conversation = int64(1 + turn.Number/6)
				for range 3 {
					turn.Call("redis", "GET visto:*", ms, nil)
					turn.Call("postgres", "SELECT nome FROM cliente WHERE id = ? LIMIT ?", ms, nil)
				}
				tt.play(turn, int64(turn.Ordinal))
				turn.Call("openai", "POST /v1/chat/completions", 200*ms, nil)
				turn.Answer()
			})
			f := expect(t, &r, unboundedReads(), tt.want)
			if f == nil {
				return
			}
			if !strings.Contains(f.What, tt.says) {
				t.Errorf("it says %q", f.What)
			}
			if got := f.Saved.Value; tt.want == aFinding && (got < tt.saved-0.003 || got > tt.saved+0.003) {
				t.Errorf("saves %v s, want %v", got, tt.saved)
			}
		})
	}
}

// TestUnboundedReadsHoldOthers: Redis does one thing at a time, so that a turn waits for the KEYS of another.
func TestUnboundedReadsHoldOthers(t *testing.T) {
	r := casetest.Run{Every: 500 * ms}
	r.Play(60, func(turn *casetest.Turn) {
		if turn.Number%2 == 0 {
			turn.Pass(400 * ms)
			turn.Call("redis", "KEYS", 400*ms, nil) // until 300 ms into the next turn
		} else {
			turn.Call("redis", "GET sessao:*", 299*ms, nil)
		}
		for range 3 {
			turn.Call("redis", "GET visto:*", ms, nil)
		}
		turn.Answer()
	})
	if f := expect(t, &r, unboundedReads(), aFinding); f != nil {
		if f.Affected != 60 {
			t.Errorf("%d turns show it, want all 60", f.Affected)
		}
		if want := (0.399 + 0.298) / 2; f.Saved.Value < want-0.003 || f.Saved.Value > want+0.003 {
			t.Errorf("saves %v s, want %v", f.Saved.Value, want)
		}
	}
}
