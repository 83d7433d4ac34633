package wires

import (
	"testing"

	"parley"
	"parley/internal/diagnose/casetest"
)

func TestIdenticalPrompts(t *testing.T) {
	const operation = "POST /v1/chat/completions"
	ask := func(t *casetest.Turn, content uint64) {
		t.Call("openai", operation, 500*ms, func(c *parley.Call) { c.Content = content })
	}
	tests := []struct {
		name    string
		turn    func(t *casetest.Turn)
		want    outcome
		saved   float64
		dollars float64
	}{
		// 59 of 60 classify again: 501 ms each, and 500 tokens at 1 USD, 60 at 2 USD a million.
		{"a classifier for everybody", func(t *casetest.Turn) {
			ask(t, 7)
			ask(t, uint64(1000+t.Number))
		}, aFinding, 0.5 * 59 / 60, 620e-6 * 59 / 60},
		{"each its own", func(t *casetest.Turn) { ask(t, uint64(1000+t.Number)) }, nothing, 0, 0},
		{"one in twelve", func(t *casetest.Turn) { ask(t, uint64(1000+t.Number-t.Number%12/11)) }, nothing, 0, 0},
		{"asked again because it failed", func(t *casetest.Turn) {
			t.Call("openai", operation, 500*ms, func(c *parley.Call) {
				c.Content, c.Status, c.Failure = uint64(1000+t.Number), 500, "status 500"
			})
			ask(t, uint64(1000+t.Number))
		}, nothing, 0, 0},
		{"cheap beside the rest", func(t *casetest.Turn) {
			t.Call("openai", "POST /v1/embeddings", 20*ms, func(c *parley.Call) { c.Content, c.PromptTokens, c.CompletionTokens = 5, 10, 0 })
			ask(t, uint64(1000+t.Number))
		}, aNote, 0.02 * 59 / 60, 10e-6 * 59 / 60},
		{"nobody knows what was asked", func(t *casetest.Turn) { ask(t, 0) }, unknown, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &casetest.Run{Money: prices()}
			r.Play(60, func(turn *casetest.Turn) {
				tt.turn(turn)
				turn.Answer()
			})
			f := expect(t, r, identicalPrompts(), tt.want)
			if f == nil {
				return
			}
			if got := f.Saved.Value; got < tt.saved-0.001 || got > tt.saved+0.001 {
				t.Errorf("saves %v s, want %v", got, tt.saved)
			}
			if got := f.Dollars.Value; got < 0.99*tt.dollars || got > 1.01*tt.dollars {
				t.Errorf("costs %v USD, want %v", got, tt.dollars)
			}
		})
	}
}
