package wires

import (
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

// pieces are n of them, numbered from a number on.
func pieces(from, n int) (out []uint64) {
	for i := range n {
		out = append(out, uint64(from+i))
	}
	return out
}

func TestUncacheablePrompt(t *testing.T) {
	constant := pieces(1, 16) // the instructions
	own := func(t *casetest.Turn, n int) []uint64 { return pieces(1000+100*t.Number, n) }
	late := func(t *casetest.Turn) []uint64 { return append(own(t, 4), constant...) }
	tests := []struct {
		name    string
		pieces  func(t *casetest.Turn) []uint64
		tokens  int64
		cached  int64
		each    time.Duration // for each token that is not cached
		want    outcome
		saved   float64
		dollars float64
	}{
		// 80 % of 2,000 tokens, 0.9 USD a million less for each, in 239 of 240.
		{"the date before the instructions", late, 2000, 0, 0, aFinding, 0, 1600 * 0.9e-6 * 239 / 240},
		{"and the model takes time for them", late, 2000, 0, 100 * time.Microsecond, aFinding, 0.16 * 239 / 240, 1600 * 0.9e-6 * 239 / 240},
		{"the date first, but the service has it already", late, 2000, 1800, 0, nothing, 0, 0},
		{"the instructions first", func(t *casetest.Turn) []uint64 { return append(pieces(1, 16), own(t, 4)...) }, 2000, 1500, 0, nothing, 0, 0},
		{"the instructions first, and the service keeps nothing", func(t *casetest.Turn) []uint64 { return append(pieces(1, 16), own(t, 4)...) }, 2000, 0, 0, nothing, 0, 0},
		{"each its own", func(t *casetest.Turn) []uint64 { return own(t, 20) }, 2000, 0, 0, nothing, 0, 0},
		{"too short to be kept", late, 900, 0, 0, nothing, 0, 0},
		{"what is shared is too short", late, 1200, 0, 0, nothing, 0, 0},
		{"nobody knows what stands in them", func(*casetest.Turn) []uint64 { return nil }, 2000, 0, 0, unknown, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &casetest.Run{Money: prices()}
			r.Play(240, func(turn *casetest.Turn) {
				tokens := tt.tokens
				if tt.each > 0 {
					tokens += int64(turn.Number%5) - 2 // so that a line can be fitted
				}
				took := 400*ms + time.Duration(tokens-tt.cached)*tt.each
				turn.Call("openai", "POST /v1/chat/completions", took, func(c *parley.Call) {
					c.PromptTokens, c.CachedTokens, c.Pieces = tokens, tt.cached, tt.pieces(turn)
				})
				turn.Answer()
			})
			f := expect(t, r, uncacheablePrompt(), tt.want)
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
			if saved < 0.98*tt.saved || saved > 1.02*tt.saved {
				t.Errorf("saves %v s, want %v", saved, tt.saved)
			}
		})
	}
}
