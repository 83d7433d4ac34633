package wires

import (
	"fmt"
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

func TestRoundTrips(t *testing.T) {
	content := uint64(0)
	other := func(c *parley.Call) { // each asks for something else
		content++
		c.Content = content
	}
	commands := func(turn *casetest.Turn, n int, took time.Duration) {
		for range n {
			turn.Call("redis", "HGET sessao:*", took, other)
		}
	}
	tests := []struct {
		name  string
		play  func(turn *casetest.Turn)
		want  outcome
		saved float64
	}{
		{"twenty fields one by one", func(turn *casetest.Turn) { commands(turn, 20, 4*ms) }, aFinding, 19 * 0.005},
		{"cheap ones", func(turn *casetest.Turn) {
			turn.Own = 100 * time.Microsecond
			commands(turn, 20, 200*time.Microsecond)
		}, aNote, 0},
		{"four are few", func(turn *casetest.Turn) { commands(turn, 4, 10*ms) }, nothing, 0},
		{"twenty in a pipeline", func(turn *casetest.Turn) {
			for range 20 {
				turn.Beside("redis", "GET cache:*", 10*ms, func(c *parley.Call) { c.Flight = int64(1000 + turn.Number) })
			}
			turn.Pass(10 * ms)
		}, nothing, 0},
		{"twenty side by side", func(turn *casetest.Turn) {
			for i := range 20 {
				turn.Beside("redis", "GET cache:*", 10*ms, func(c *parley.Call) { c.Conn = int64(30 + i) })
			}
			turn.Pass(10 * ms)
		}, nothing, 0},
		{"with work between", func(turn *casetest.Turn) {
			turn.Own = 15 * ms
			commands(turn, 12, 4*ms)
		}, nothing, 0},
		{"with a statement between", func(turn *casetest.Turn) {
			for range 10 {
				turn.Call("redis", "GET cache:*", 4*ms, other)
				turn.Call("postgres", "SELECT * FROM item WHERE id = ?", 2*ms, nil)
			}
		}, nothing, 0},
		{"the same again and again", func(turn *casetest.Turn) {
			for range 10 {
				turn.Call("redis", "GET sessao:*", 4*ms, func(c *parley.Call) { c.Content = 1 })
			}
		}, nothing, 0},
		{"a new connection's", func(turn *casetest.Turn) {
			for range 3 {
				for _, operation := range []string{"HELLO", "CLIENT", "CLIENT", "SELECT"} {
					turn.Call("redis", operation, 4*ms, nil)
				}
			}
		}, nothing, 0},
		{"a walk through the keys", func(turn *casetest.Turn) {
			for range 10 {
				turn.Call("redis", "SCAN", 4*ms, other)
			}
		}, nothing, 0},
		{"ten statements, each another", func(turn *casetest.Turn) {
			for i := range 10 {
				turn.Call("postgres", fmt.Sprintf("SELECT * FROM tabela_%c WHERE id = ?", 'a'+i), 9*ms, nil)
			}
		}, aFinding, 9 * 0.010},
		{"seven statements", func(turn *casetest.Turn) {
			for i := range 7 {
				turn.Call("postgres", fmt.Sprintf("SELECT * FROM tabela_%c WHERE id = ?", 'a'+i), 9*ms, nil)
			}
		}, nothing, 0},
		{"one statement twenty times", func(turn *casetest.Turn) {
			for range 20 {
				turn.Call("postgres", "SELECT * FROM item WHERE id = ?", 9*ms, nil)
			}
		}, nothing, 0},
		{"one request twenty times", func(turn *casetest.Turn) {
			for range 20 {
				turn.Call("http", "GET /preco/{id}", 9*ms, nil)
			}
		}, aFinding, 19 * 0.010},
		{"requests to several routes", func(turn *casetest.Turn) {
			for i := range 8 {
				turn.Call("http", fmt.Sprintf("GET /%c", 'a'+i), 9*ms, nil)
			}
		}, nothing, 0},
		{"a chain of prompts", func(turn *casetest.Turn) {
			for range 8 {
				turn.Call("openai", "POST /v1/chat/completions", 90*ms, nil)
			}
		}, nothing, 0},
		{"inputs embedded one by one", func(turn *casetest.Turn) {
			for range 8 {
				turn.Call("openai", "POST /v1/embeddings", 29*ms, nil)
			}
		}, aFinding, 7 * 0.030},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r casetest.Run
			r.Play(60, func(turn *casetest.Turn) {
				turn.Call("openai", "POST /v1/chat/completions", 300*ms, nil)
				turn.Pass(10 * ms)
				tt.play(turn)
				turn.Answer()
			})
			if f := expect(t, &r, roundTrips(), tt.want); tt.want == aFinding && f != nil {
				if got := f.Saved.Value; got < tt.saved-0.006 || got > tt.saved+0.006 {
					t.Errorf("saves %v s, want %v", got, tt.saved)
				}
			}
		})
	}
}

// TestRoundTripsUnderLoad: a busy bot takes longer between two calls, which does not make another program of it.
func TestRoundTripsUnderLoad(t *testing.T) {
	r := casetest.Run{Solo: 20}
	r.Play(40, func(turn *casetest.Turn) {
		if !turn.Alone && turn.Number%2 == 1 {
			turn.Own = 20 * ms
		}
		for range 20 {
			turn.Call("redis", "HGET sessao:*", 4*ms, nil)
		}
		turn.Answer()
	})
	if f := expect(t, &r, roundTrips(), aFinding); f != nil && f.Affected != 40 {
		t.Errorf("%d turns show it, want all 40", f.Affected)
	}
}

// TestRoundTripsOfManyShapes: keys that are all of their own shape have the command in common; the first of them says nothing.
func TestRoundTripsOfManyShapes(t *testing.T) {
	var r casetest.Run
	r.Play(40, func(turn *casetest.Turn) {
		turn.Call("redis", "SET recebida:*", 4*ms, nil)
		for i := range 12 {
			turn.Call("redis", fmt.Sprintf("GET perfil:*:campo-%c", 'a'+i), 4*ms, nil)
		}
		turn.Call("openai", "POST /v1/chat/completions", 60*ms, nil)
		turn.Answer()
	})
	if f := expect(t, &r, roundTrips(), aFinding); f != nil && (f.Operation != "GET" || f.Confidence > 0.75) {
		t.Errorf("%s, confidence %v: %s", f.Operation, f.Confidence, f.What)
	}
}
