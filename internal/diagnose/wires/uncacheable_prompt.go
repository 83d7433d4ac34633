package wires

import (
	"fmt"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// uncacheablePrompt looks for long prompts that repeat each other in large part, but not from their beginning on: a service that keeps
// prefixes of prompts cannot use what they share.
func uncacheablePrompt() diagnose.Check {
	return diagnose.Check{
		ID: "uncacheable-prompt", Title: "what prompts share does not stand at their beginning",
		Needs: []string{"llm"},
		Limits: []diagnose.Limit{
			{Name: "tokens", Value: 1024, Unit: parley.Count, Means: "length of a prompt from which services keep its prefix"},
			{Name: "shared", Value: 0.5, Unit: parley.Ratio, Means: "part of a prompt that stood in prompts of other turns"},
			{Name: "prefix", Value: 0.3, Unit: parley.Ratio, Means: "part of what is shared that stands at the beginning, at most"},
			{Name: "cached", Value: 0.1, Unit: parley.Ratio, Means: "part of a prompt's tokens that came from the cache, at most"},
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that show it"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			var out diagnose.Outcome
			seen := false
			for _, p := range promptsOf(e, l["tokens"]) {
				seen = seen || len(p.calls) > 0
				if s := p.suspect(e, l); s != nil {
					out.Suspects = append(out.Suspects, *s)
				}
			}
			if !seen && longPrompts(e, l["tokens"]) {
				out.Unknown = "needs to see what stands in prompts: they cannot be compared"
			}
			return out
		},
	}
}

// prompts are those of one operation that are long enough to be kept.
type prompts struct {
	group
	calls []promptCall
}

// promptCall is a prompt, and what of it other prompts have.
type promptCall struct {
	turn, call int
	// shared is the part of its pieces that stood in an earlier prompt of another turn, prefix the part that stood there from the beginning on.
	shared, prefix float64
}

// longPrompts reports whether any prompt is long enough.
func longPrompts(e *diagnose.Evidence, least float64) bool {
	for turn := range e.Turns() {
		for i := range e.Turns()[turn].Calls {
			if c := &e.Turns()[turn].Calls[i]; c.Layer == "llm" && float64(c.Prompt) >= least {
				return true
			}
		}
	}
	return false
}

// promptsOf gathers the long prompts whose pieces are known, by operation.
func promptsOf(e *diagnose.Evidence, least float64) []*prompts {
	groups, all, memory := map[string]*group{}, map[*group]*prompts{}, map[*group]*heardPieces{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		for i := range w.Calls {
			c := &w.Calls[i]
			if c.Layer != "llm" || len(c.Pieces) == 0 || float64(c.Prompt) < least || failed(c) {
				continue
			}
			g := of(groups, c)
			if all[g] == nil {
				all[g], memory[g] = &prompts{}, &heardPieces{pieces: map[uint64]int{}, prefixes: map[uint64]int{}}
			}
			shared, prefix := memory[g].meet(turn, c.Pieces)
			all[g].calls = append(all[g].calls, promptCall{turn, i, shared, prefix})
		}
	}
	var out []*prompts
	for _, g := range ordered(groups) {
		all[g].group = *g
		out = append(out, all[g])
	}
	return out
}

// heardPieces remembers the turn that a piece, and a beginning of a prompt, was first heard in.
type heardPieces struct {
	pieces, prefixes map[uint64]int
}

// meet returns which part of a prompt's pieces other turns have had before, and which from its beginning on, and remembers it.
func (h *heardPieces) meet(turn int, pieces []uint64) (shared, prefix float64) {
	known, leading, unbroken := 0, 0, true
	chain := uint64(14695981039346656037) // FNV-1a, of the pieces so far
	for _, piece := range pieces {
		chain = (chain ^ piece) * 1099511628211
		first, heard := h.pieces[piece]
		if !heard {
			h.pieces[piece] = turn
		}
		known += one(heard && first != turn)
		begun, heard := h.prefixes[chain]
		if !heard {
			h.prefixes[chain] = turn
		}
		unbroken = unbroken && heard && begun != turn
		leading += one(unbroken)
	}
	return share(known, len(pieces)), share(leading, len(pieces))
}

// suspect is what the prompts of an operation come to, nil if they are as they should be.
func (p *prompts) suspect(e *diagnose.Evidence, l diagnose.Limits) *diagnose.Suspect {
	s := &diagnose.Suspect{Shown: map[int][]int{}, Saved: map[int]float64{}, Certainty: 0.9}
	fresh := timePerToken(e, func(c *anatomy.TurnCall) int64 { return c.Prompt - c.Cached })
	usd, less := map[int]float64{}, map[int]map[int]anatomy.Less{}
	var sharedParts, prefixParts, tokens []float64
	slower := slope{}
	for _, one := range p.calls {
		c := &e.Turns()[one.turn].Calls[one.call]
		if one.shared < l["shared"] || float64(c.Cached) > l["cached"]*float64(c.Prompt) {
			continue
		}
		sharedParts, prefixParts = append(sharedParts, one.shared), append(prefixParts, one.prefix/one.shared)
		usable := float64(c.Prompt)*one.shared - float64(c.Cached)
		if one.prefix >= l["prefix"]*one.shared || float64(c.Prompt)*one.shared < l["tokens"] || usable <= 0 {
			continue
		}
		tokens = append(tokens, usable)
		s.Shown[one.turn] = append(s.Shown[one.turn], one.call)
		if price := priced(e, c.Model); price != nil {
			usd[one.turn] += usable * (price.Input - price.Cached)
		}
		if each := fresh[modelKey(c)]; each.sure() {
			slower = each
			if less[one.turn] == nil {
				less[one.turn] = map[int]anatomy.Less{}
			}
			less[one.turn][one.call] = anatomy.Less{Call: min(length(c), seconds(each.value*usable))}
		}
	}
	if len(s.Shown) == 0 || float64(len(s.Shown)) < l["turns"]*float64(len(e.Turns())) {
		return nil
	}
	for turn, calls := range less {
		s.Saved[turn] = e.Saved(turn, func(i int) anatomy.Less { return calls[i] })
	}
	s.Finding = p.finding(l, sharedParts, prefixParts, tokens)
	s.Finding.Dollars = perConversation(e, usd)
	if slower.n > 0 {
		s.Finding.Measured = append(s.Finding.Measured, parley.Measure{
			What: "time for 1,000 tokens that are not in the cache", Unit: parley.Seconds,
			Value: parley.Estimate{Value: 1000 * slower.value, Low: 1000 * slower.low(), High: 1000 * slower.high(), N: slower.n},
		})
		s.Finding.Doubt = doubts(s.Finding.Doubt, assumption(e, p.wire))
	}
	return s
}

// finding puts it into words.
func (p *prompts) finding(l diagnose.Limits, shared, prefix, tokens []float64) parley.Finding {
	return parley.Finding{
		Layer: "llm", Wire: p.wire, Operation: p.operation,
		What: fmt.Sprintf("%s of each prompt to %s stood in prompts before it, and %s of that at its beginning, where alone the service's cache could use it",
			percent(median(shared)), anatomy.Label(p.wire), percent(median(prefix))),
		Why: "the service reads the same instructions anew for every message: dearer by the discount for cached tokens, and later by the time it takes to read them",
		Change: "put what is the same for everybody first (instructions, tools, examples, facts of the business), then the history, and last what changes: " +
			"the date and time, the user's name, retrieved passages, the question",
		Measured: []parley.Measure{
			{What: "part of what is shared that stands at the beginning", Value: diagnose.MeanOf(prefix), Unit: parley.Ratio, Threshold: l["prefix"]},
			{What: "part of a prompt that stood in others before", Value: diagnose.MeanOf(shared), Unit: parley.Ratio, Threshold: l["shared"]},
			{What: "tokens of a prompt that could come from the cache", Value: diagnose.MeanOf(tokens), Unit: parley.Count},
		},
		Doubt: "prompts are compared in pieces of some 512 bytes, up to the 64th; how long a service keeps a prefix is its own affair",
	}
}
