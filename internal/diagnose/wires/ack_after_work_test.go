package wires

import (
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

func TestAckAfterWork(t *testing.T) {
	// work is a turn that takes about as long as it is told, in its model.
	work := func(t *casetest.Turn, took time.Duration) {
		t.Call("redis", "SET seen:*", ms, nil)
		t.Call("postgres", "SELECT * FROM mensagens WHERE fone = $1", 5*ms, nil)
		t.Call("openai", "POST /v1/chat/completions", took, nil)
		t.Answer()
	}
	acked := func(t *casetest.Turn, at time.Duration) {
		t.Row.Acked, t.Row.AckLatency = at, at-t.Row.Sent
	}
	tests := []struct {
		name  string
		turn  func(t *casetest.Turn)
		want  outcome
		saved float64
	}{
		{"when the answer is sent", func(t *casetest.Turn) { work(t, 2*time.Second); acked(t, t.At+ms) }, aFinding, 0},
		{"when a quick answer is sent", func(t *casetest.Turn) { work(t, 400*ms); acked(t, t.At+ms) }, aNote, 0},
		{"when an instant answer is sent", func(t *casetest.Turn) { work(t, 100*ms); acked(t, t.At+ms) }, nothing, 0},
		{"at once", func(t *casetest.Turn) { acked(t, t.At+3*ms); work(t, 2*time.Second) }, nothing, 0},
		{"late, since the bot came late to anything", func(t *casetest.Turn) {
			t.Pass(1500 * ms)
			acked(t, t.At+2*ms)
			work(t, 2*time.Second)
		}, nothing, 0},
		{"after some statements, the model comes later", func(t *casetest.Turn) {
			for range 6 {
				t.Call("postgres", "INSERT INTO mensagens VALUES ($1)", 200*ms, nil)
			}
			acked(t, t.At+ms)
			t.Call("openai", "POST /v1/chat/completions", 3*time.Second, nil)
			t.Answer()
		}, nothing, 0},
		// The first webhook was refused; the person waits 5 s for the second.
		{"and the platform repeats it", func(t *casetest.Turn) {
			if t.Number%4 == 0 {
				t.Row.Attempts, t.Row.Refused = 2, 1
				t.Pass(5 * time.Second)
			}
			work(t, 600*ms)
			acked(t, t.At+ms)
		}, aFinding, 1.25},
		{"nobody saw it work", func(t *casetest.Turn) { t.Pass(time.Second); acked(t, t.At) }, unknown, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &casetest.Run{Every: 20 * time.Second}
			r.Play(60, func(turn *casetest.Turn) { tt.turn(turn) })
			f := expect(t, r, ackAfterWork(), tt.want)
			if f == nil {
				return
			}
			saved := 0.0
			if f.Saved != nil {
				saved = f.Saved.Value
			}
			if saved < tt.saved-0.01 || saved > tt.saved+0.01 {
				t.Errorf("saves %v s, want %v", saved, tt.saved)
			}
		})
	}
}

// A turn whose webhook was never acknowledged says nothing about when they are.
func TestAckNever(t *testing.T) {
	r := play(20, func(turn *casetest.Turn) {
		think(turn)
		turn.Row.Acked, turn.Row.AckLatency = parley.None, parley.None
	})
	expect(t, r, ackAfterWork(), unknown)
}
