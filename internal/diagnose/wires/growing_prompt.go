package wires

import (
	"fmt"
	"maps"
	"slices"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// growingPrompt looks for prompts that go on growing from turn to turn when a bounded history would have been full. What it costs are
// the tokens beyond that, in money and, where the model takes longer for longer prompts, in time.
func growingPrompt() diagnose.Check {
	return diagnose.Check{
		ID: "growing-prompt", Title: "prompts that grow with every turn",
		Needs: []string{"llm"},
		Limits: []diagnose.Limit{
			{Name: "after", Value: 4, Unit: parley.Count, Means: "turns of a conversation after which the prompt should grow no more"},
			{Name: "growth", Value: 30, Unit: parley.Count, Means: "tokens that the prompt grows by in each turn after those"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			stories := storiesOf(e, func(w *anatomy.Waterfall) uint64 { return uint64(w.Conversation) })
			if !longEnough(stories, l["after"]) { // one user's conversations may be one story to the bot
				stories = storiesOf(e, func(w *anatomy.Waterfall) uint64 { return w.Row.User })
			}
			if !longEnough(stories, l["after"]) {
				return diagnose.Outcome{Unknown: fmt.Sprintf("needs conversations of %s turns and more, or users who return: until then every history grows",
					number(l["after"]+lateTurns))}
			}
			all, late := growth(stories, 0), growth(stories, l["after"])
			if !late.sure() || late.value < l["growth"] || late.value < all.value/2 {
				return diagnose.Outcome{}
			}
			return diagnose.Outcome{Suspects: []diagnose.Suspect{growing(e, stories, late, l)}}
		},
	}
}

// lateTurns are how many turns beyond the bound stories must go, and enoughStories how many of them must.
const (
	lateTurns     = 2
	enoughStories = 10
)

// story is what one person and the bot said to each other, turn by turn.
type story struct {
	turns   []int // places among the turns
	prompts []point
}

// storiesOf puts the longest prompt of every turn into the story of whoever it is about.
func storiesOf(e *diagnose.Evidence, whose func(w *anatomy.Waterfall) uint64) []*story {
	stories := map[uint64]*story{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		longest := int64(0)
		for i := range w.Calls {
			if c := &w.Calls[i]; c.Layer == "llm" && !failed(c) {
				longest = max(longest, c.Prompt)
			}
		}
		if longest == 0 {
			continue
		}
		s := stories[whose(w)]
		if s == nil {
			s = &story{}
			stories[whose(w)] = s
		}
		place := float64(w.Ordinal)
		if n := len(s.prompts); n > 0 {
			place = max(place, s.prompts[n-1].x+1)
		}
		s.turns, s.prompts = append(s.turns, turn), append(s.prompts, point{x: place, y: float64(longest)})
	}
	out := make([]*story, 0, len(stories))
	for _, key := range slices.Sorted(maps.Keys(stories)) {
		out = append(out, stories[key])
	}
	return out
}

// longEnough reports whether enough stories go on long enough to tell growth from a history that fills up.
func longEnough(stories []*story, after float64) bool {
	long := 0
	for _, s := range stories {
		if s.prompts[len(s.prompts)-1].x >= after+lateTurns-1 {
			long++
		}
	}
	return long >= enoughStories
}

// growth is by how many tokens prompts grow each turn, in the turns from a place on.
func growth(stories []*story, from float64) slope {
	groups := make([][]point, len(stories))
	for i, s := range stories {
		for _, p := range s.prompts {
			if p.x >= from {
				groups[i] = append(groups[i], p)
			}
		}
	}
	return fit(groups...)
}

// surplus is what prompts hold beyond a bounded history, by the places of the turns.
type surplus struct {
	shown  map[int][]int
	usd    map[int]float64
	saved  map[int]float64 // seconds
	tokens []float64       // of each late turn
	slower slope           // what tokens take, if they take time
}

// surplusOf adds it up. What a bounded history would hold is the longest prompt of the turns before the bound.
func surplusOf(e *diagnose.Evidence, stories []*story, after float64) *surplus {
	s := &surplus{shown: map[int][]int{}, usd: map[int]float64{}, saved: map[int]float64{}}
	times := timePerToken(e, func(c *anatomy.TurnCall) int64 { return c.Prompt })
	full := levels(stories, after)
	for k, one := range stories {
		for i, turn := range one.turns {
			if one.prompts[i].x >= after {
				s.add(e, turn, full[k], times)
			}
		}
	}
	return s
}

// add enters a late turn.
func (s *surplus) add(e *diagnose.Evidence, turn int, full float64, times map[string]slope) {
	w, less, tokens := &e.Turns()[turn], map[int]anatomy.Less{}, 0.0
	for i := range w.Calls {
		c := &w.Calls[i]
		excess := float64(c.Prompt) - full
		if c.Layer != "llm" || failed(c) || excess <= 0 {
			continue
		}
		tokens += excess
		s.shown[turn] = append(s.shown[turn], i)
		if price := priced(e, c.Model); price != nil {
			fresh := max(0, 1-float64(c.Cached)/float64(c.Prompt))
			s.usd[turn] += excess * (fresh*price.Input + (1-fresh)*price.Cached)
		}
		if each := times[modelKey(c)]; each.sure() {
			s.slower = each
			less[i] = anatomy.Less{Call: min(length(c), seconds(each.value*excess))}
		}
	}
	if len(less) > 0 {
		s.saved[turn] = e.Saved(turn, func(i int) anatomy.Less { return less[i] })
	}
	s.tokens = append(s.tokens, tokens)
}

// growing is the suspect.
func growing(e *diagnose.Evidence, stories []*story, late slope, l diagnose.Limits) diagnose.Suspect {
	more := surplusOf(e, stories, l["after"])
	longest := 0.0
	for _, one := range stories {
		longest = max(longest, one.prompts[len(one.prompts)-1].x)
	}
	s := diagnose.Suspect{Shown: more.shown, Saved: more.saved, Certainty: 0.9}
	if longest < 2*l["after"] {
		s.Certainty = 0.7
	}
	s.Finding = parley.Finding{
		Layer:  "llm",
		What:   fmt.Sprintf("The prompt grows by %s tokens with every turn, and still does so after %s turns", number(late.value), number(l["after"])),
		Why:    "each turn pays for all turns before it: the longer somebody talks to the bot, the dearer its answers are, and with most models the later they come",
		Change: "keep the last 6 to 10 messages (LTRIM key -20 -1, ORDER BY id DESC LIMIT 10, messages.slice(-10)) and put a short summary of what came before in front of them",
		Measured: []parley.Measure{
			{What: "tokens more with every turn", Value: parley.Estimate{Value: late.value, Low: late.low(), High: late.high(), N: late.n}, Unit: parley.Count, Threshold: l["growth"]},
			{What: "tokens beyond a bounded history, in a late turn", Value: diagnose.MeanOf(more.tokens), Unit: parley.Count},
		},
		Dollars: perConversation(e, more.usd),
		Doubt:   fmt.Sprintf("conversations went on for %s turns at most: a bound beyond that cannot be seen", number(longest+1)),
	}
	if more.slower.n > 0 {
		s.Finding.Measured = append(s.Finding.Measured, parley.Measure{
			What: "time for 1,000 tokens more in the prompt", Unit: parley.Seconds,
			Value: parley.Estimate{Value: 1000 * more.slower.value, Low: 1000 * more.slower.low(), High: 1000 * more.slower.high(), N: more.slower.n},
		})
		s.Finding.Doubt = doubts(s.Finding.Doubt, assumption(e, modelWires(e)...))
	}
	return s
}

// levels are for each story the tokens of its prompt when a bounded history is full: those of its last turn before, or of all stories' if that was not seen.
func levels(stories []*story, after float64) []float64 {
	out, all := make([]float64, len(stories)), []float64{}
	for i, s := range stories {
		for _, p := range s.prompts {
			if p.x < after {
				out[i] = max(out[i], p.y)
			}
			if p.x == after-1 {
				all = append(all, p.y)
			}
		}
	}
	for i := range out {
		if out[i] == 0 {
			out[i] = median(all)
		}
	}
	return out
}

// modelWires are the wires to language models that were heard.
func modelWires(e *diagnose.Evidence) []string {
	wires := map[string]bool{}
	for turn := range e.Turns() {
		for i := range e.Turns()[turn].Calls {
			if c := &e.Turns()[turn].Calls[i]; c.Layer == "llm" {
				wires[c.Wire] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(wires))
}
