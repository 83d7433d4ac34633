package wires

import (
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

func TestRepeatedLookups(t *testing.T) {
	prices := func(t *casetest.Turn, took time.Duration, content uint64, rows int64) {
		t.Call("postgres", "SELECT * FROM precos WHERE clinica = $1", took, func(c *parley.Call) { c.Content, c.Rows = content, rows })
	}
	tests := []struct {
		name  string
		turn  func(t *casetest.Turn)
		want  outcome
		saved float64
	}{
		{"prices, in every conversation", func(t *casetest.Turn) { prices(t, 100*ms, 5, 40) }, aFinding, 0.1 * 59 / 60},
		{"opening hours of a service", func(t *casetest.Turn) {
			t.Call("http", "GET /hours", 100*ms, func(c *parley.Call) { c.Content = 5 })
		}, aFinding, 0.1 * 59 / 60},
		{"cheap beside the rest", func(t *casetest.Turn) { prices(t, 15*ms, 5, 40) }, aNote, 0.015 * 59 / 60},
		{"not worth a word", func(t *casetest.Turn) { prices(t, 2*ms, 5, 40) }, nothing, 0},
		{"each asks for its own", func(t *casetest.Turn) { prices(t, 100*ms, uint64(100+t.Number), 1) }, nothing, 0},
		{"of one conversation", func(t *casetest.Turn) {
			chat(t, 12)
			prices(t, 100*ms, uint64(t.Conversation), 1)
		}, nothing, 0},
		{"the answer changes", func(t *casetest.Turn) { prices(t, 100*ms, 5, int64(t.Number)) }, nothing, 0},
		{"long ago", func(t *casetest.Turn) { prices(t, 100*ms, uint64(100+t.Number%30), 40) }, nothing, 0},
		{"a write", func(t *casetest.Turn) {
			t.Call("postgres", "UPDATE visitas SET n = n + $1", 100*ms, func(c *parley.Call) { c.Content = 5 })
		}, nothing, 0},
		{"twice in one turn", func(t *casetest.Turn) {
			prices(t, 100*ms, uint64(100+t.Number), 1)
			prices(t, 100*ms, uint64(100+t.Number), 1)
		}, nothing, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &casetest.Run{Every: 3 * time.Second}
			r.Play(60, func(turn *casetest.Turn) {
				tt.turn(turn)
				think(turn)
				turn.Answer()
			})
			f := expect(t, r, repeatedLookups(), tt.want)
			if f == nil {
				return
			}
			if got := f.Saved.Value; got < tt.saved-0.001 || got > tt.saved+0.001 {
				t.Errorf("saves %v s, want %v", got, tt.saved)
			}
		})
	}
}
