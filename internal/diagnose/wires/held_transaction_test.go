package wires

import (
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

// leaving sets the state in which a call leaves its session.
func leaving(state string) func(*parley.Call) {
	return func(c *parley.Call) { c.Transaction = state }
}

func TestHeldTransaction(t *testing.T) {
	model := func(turn *casetest.Turn) { turn.Call("openai", "POST /v1/chat/completions", 300*ms, nil) }
	tests := []struct {
		name string
		play func(turn *casetest.Turn)
		want outcome
	}{
		{"across the model, nobody waits", func(turn *casetest.Turn) {
			turn.Call("postgres", "BEGIN", ms, leaving("open"))
			turn.Call("postgres", "SELECT * FROM cliente WHERE fone = ?", 5*ms, leaving("open"))
			model(turn)
			turn.Call("postgres", "COMMIT", ms, leaving("idle"))
		}, aNote},
		{"of which the server says nothing", func(turn *casetest.Turn) {
			turn.Call("postgres", "START TRANSACTION", ms, nil)
			turn.Call("postgres", "SELECT * FROM cliente WHERE fone = ?", 5*ms, nil)
			model(turn)
			turn.Call("postgres", "COMMIT", ms, nil)
		}, aNote},
		{"closed before", func(turn *casetest.Turn) {
			turn.Call("postgres", "BEGIN", ms, leaving("open"))
			turn.Call("postgres", "UPDATE cliente SET visto = ?", 5*ms, leaving("open"))
			turn.Call("postgres", "COMMIT", ms, leaving("idle"))
			model(turn)
		}, nothing},
		{"statements by themselves", func(turn *casetest.Turn) {
			turn.Call("postgres", "SELECT * FROM cliente WHERE fone = ?", 5*ms, leaving("idle"))
			model(turn)
			turn.Call("postgres", "INSERT INTO mensagem VALUES (?)", 5*ms, leaving("idle"))
		}, nothing},
		{"across Redis alone", func(turn *casetest.Turn) {
			turn.Call("postgres", "BEGIN", ms, leaving("open"))
			turn.Call("redis", "GET sessao:*", 50*ms, nil)
			turn.Call("postgres", "COMMIT", ms, leaving("idle"))
			model(turn)
		}, nothing},
		{"beside a call that outlasts it", func(turn *casetest.Turn) {
			turn.Beside("openai", "POST /v1/chat/completions", 300*ms, nil)
			turn.Call("postgres", "BEGIN", ms, leaving("open"))
			turn.Call("postgres", "UPDATE cliente SET visto = ?", 50*ms, leaving("open"))
			turn.Call("postgres", "COMMIT", ms, leaving("idle"))
			turn.Pass(250 * ms)
		}, nothing},
		{"with statements all the while", func(turn *casetest.Turn) {
			turn.Call("postgres", "BEGIN", ms, leaving("open"))
			turn.Beside("http", "GET /preco", 30*ms, nil)
			turn.Call("postgres", "SELECT pg_sleep(?)", 50*ms, leaving("open"))
			turn.Call("postgres", "COMMIT", ms, leaving("idle"))
		}, nothing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := casetest.Run{Every: 100 * ms}
			r.Play(60, func(turn *casetest.Turn) {
				turn.Connect("postgres")
				tt.play(turn)
				turn.Answer()
			})
			if f := expect(t, &r, heldTransaction(), tt.want); f != nil && !strings.Contains(f.Doubt, "no turn waits") {
				t.Errorf("it doubts %q", f.Doubt)
			}
		})
	}
}

// TestHeldTransactionThatOthersWaitFor: with a pool of 4 and more turns than that, what is saved is what they wait for it.
func TestHeldTransactionThatOthersWaitFor(t *testing.T) {
	inTransaction := func(turn *simulatedTurn, between func()) {
		statement := func(operation, state string, took time.Duration) {
			turn.call("postgres", operation, took)
			turn.calls[len(turn.calls)-1].Transaction = state
		}
		turn.ack()
		turn.pooled(func() {
			statement("BEGIN", "open", ms)
			statement(opRead, "open", 4*ms)
			between()
			statement("COMMIT", "idle", ms)
		})
	}
	model := func(turn *simulatedTurn) { turn.call("openai", opChat, 400*ms) }
	held := simulate(t, 1, 64, map[string]int{"postgres": 4}, atRate(9, 60), func(turn *simulatedTurn) {
		inTransaction(turn, func() { model(turn) })
		turn.answer()
	})
	f := expect(t, held, heldTransaction(), aFinding)
	if f != nil && (f.Saved.Value < 0.1 || !strings.Contains(f.What, "one of the 4")) {
		t.Errorf("saves %v s: %s", f.Saved.Value, f.What)
	}
	short := simulate(t, 1, 64, map[string]int{"postgres": 4}, atRate(9, 60), func(turn *simulatedTurn) {
		inTransaction(turn, func() {})
		model(turn)
		turn.answer()
	})
	expect(t, short, heldTransaction(), nothing)
	large := simulate(t, 1, 64, map[string]int{"postgres": 64}, atRate(9, 60), func(turn *simulatedTurn) {
		inTransaction(turn, func() { model(turn) })
		turn.answer()
	})
	expect(t, large, heldTransaction(), aNote)
}
