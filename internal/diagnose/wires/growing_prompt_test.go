package wires

import (
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

// prices are those of a model that costs a dollar for a million tokens of the prompt, a tenth of that from the cache.
func prices() *parley.Money {
	return &parley.Money{Source: "test", Models: []parley.ModelPrice{
		{Model: "gpt-4o-mini", Known: true, Input: 1e-6, Cached: 1e-7, Output: 2e-6},
	}}
}

// chat makes turns those of conversations of some length, one after the other.
func chat(t *casetest.Turn, turns int) {
	t.Conversation, t.Ordinal = int64(1000+t.Number/turns), t.Number%turns
	t.Row.User = uint64(t.Conversation)
	t.Row.Final = t.Ordinal == turns-1
}

func TestGrowingPrompt(t *testing.T) {
	tests := []struct {
		name    string
		turns   int // of a conversation
		prompt  func(ordinal int) int64
		each    time.Duration // for each token of the prompt
		want    outcome
		saved   float64 // seconds of the mean reply
		dollars float64 // of a conversation
	}{
		// Each of 12 turns has 300 tokens more. Beyond the fourth turn's prompt of 1,300 there are 300 to 2,400: 10,800 in all.
		{"without bound", 12, func(o int) int64 { return 400 + 300*int64(o) }, 0, aFinding, 0, 10800e-6},
		{"without bound, and the model takes longer for it", 12, func(o int) int64 { return 400 + 300*int64(o) }, 200 * time.Microsecond, aFinding, 10800 * 200e-6 / 12, 10800e-6},
		{"the last ten messages", 12, func(o int) int64 { return 400 + 300*int64(min(o, 4)) }, 0, nothing, 0, 0},
		{"of one length", 12, func(int) int64 { return 2000 }, 0, nothing, 0, 0},
		{"by few tokens", 12, func(o int) int64 { return 2000 + 10*int64(o) }, 0, nothing, 0, 0},
		{"cheap beside the answer", 12, func(o int) int64 { return 20000 + 40*int64(o) }, 0, aNote, 0, 1440e-6},
		{"conversations too short to tell", 4, func(o int) int64 { return 400 + 300*int64(o) }, 0, unknown, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &casetest.Run{Money: prices()}
			r.Play(240, func(turn *casetest.Turn) {
				chat(turn, tt.turns)
				tokens := tt.prompt(turn.Ordinal)
				took := 400*ms + time.Duration(turn.Number%7)*ms + time.Duration(tokens)*tt.each
				turn.Call("openai", "POST /v1/chat/completions", took, func(c *parley.Call) { c.PromptTokens = tokens })
				turn.Answer()
			})
			f := expect(t, r, growingPrompt(), tt.want)
			if f == nil {
				return
			}
			if got := f.Dollars.Value; got < 0.99*tt.dollars || got > 1.01*tt.dollars {
				t.Errorf("costs %v USD, want %v", got, tt.dollars)
			}
			saved := 0.0
			if f.Saved != nil {
				saved = f.Saved.Value
			}
			if saved < 0.97*tt.saved || saved > 1.03*tt.saved {
				t.Errorf("saves %v s, want %v", saved, tt.saved)
			}
		})
	}
}

// Users who return make one story of several short conversations, if the bot remembers them.
func TestGrowingPromptOfReturningUsers(t *testing.T) {
	r := &casetest.Run{Money: prices()}
	r.Play(240, func(turn *casetest.Turn) {
		chat(turn, 3)
		turn.Row.User = uint64(1 + turn.Number/12)
		turn.Call("openai", "POST /v1/chat/completions", 400*ms, func(c *parley.Call) { c.PromptTokens = 400 + 300*int64(turn.Number%12) })
		turn.Answer()
	})
	if f := expect(t, r, growingPrompt(), aFinding); f.Measured[0].Value.Value < 299 || f.Measured[0].Value.Value > 301 {
		t.Errorf("grows by %v tokens, want 300", f.Measured[0].Value.Value)
	}
}
