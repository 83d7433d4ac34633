package wires

import (
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

func TestSlowStatement(t *testing.T) {
	const history = "SELECT * FROM mensagem WHERE conversa = $1 ORDER BY criada DESC LIMIT $2"
	tests := []struct {
		name     string
		took     func(turn *casetest.Turn) time.Duration
		findings int
		notes    int
	}{
		{"slow in every turn", func(*casetest.Turn) time.Duration { return 120 * ms }, 1, 0},
		{"quick", func(*casetest.Turn) time.Duration { return 3 * ms }, 0, 0},
		{"slow, but a small part of the reply", func(*casetest.Turn) time.Duration { return 25 * ms }, 0, 1},
		{"slow only under load, quick alone", func(turn *casetest.Turn) time.Duration {
			if turn.Alone {
				return 3 * ms
			}
			return 120 * ms
		}, 0, 0},
		{"slow now and then", func(turn *casetest.Turn) time.Duration {
			if turn.Number%3 == 0 {
				return 300 * ms
			}
			return 3 * ms
		}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := casetest.Run{Solo: 5}
			r.Play(60, func(turn *casetest.Turn) {
				turn.Call("postgres", history, tt.took(turn), nil)
				turn.Call("openai", "POST /v1/chat/completions", 300*ms, nil)
				turn.Answer()
			})
			d := r.Diagnose(slowStatement())
			if len(d.Findings) != tt.findings || len(d.Notes) != tt.notes {
				t.Errorf("%d findings and %d notes, want %d and %d: %+v %+v", len(d.Findings), len(d.Notes), tt.findings, tt.notes, d.Findings, d.Notes)
			}
		})
	}
	t.Run("what parley itself imposed", func(t *testing.T) {
		var r casetest.Run
		r.Play(60, func(turn *casetest.Turn) {
			turn.Call("postgres", history, 120*ms, func(c *parley.Call) { c.Imposed = 118 * ms })
			turn.Answer()
		})
		if d := r.Diagnose(slowStatement()); len(d.Findings)+len(d.Notes) != 0 {
			t.Errorf("%+v", d)
		}
	})
}
