package wires

import (
	"fmt"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// identicalPrompts looks for requests to a model that were made before, word for word. A request repeated because it failed is retries'.
func identicalPrompts() diagnose.Check {
	return diagnose.Check{
		ID: "identical-prompts", Title: "the same prompt paid again",
		Needs: []string{"llm"},
		Limits: []diagnose.Limit{
			{Name: "share", Value: 0.1, Unit: parley.Ratio, Means: "part of the requests of one kind that were made before, word for word"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			var out diagnose.Outcome
			known := false
			for _, q := range askedAgain(e) {
				known = known || q.known > 0
				if q.known > 0 && share(q.again, q.known) >= l["share"] {
					out.Suspects = append(out.Suspects, q.suspect(e, l["share"]))
				}
			}
			if !known {
				out.Unknown = "needs to see what models are asked: the requests cannot be compared"
			}
			return out
		},
	}
}

// question is the requests of one operation to models.
type question struct {
	group
	known, again int // requests whose content is known; those asked before
	times        map[uint64]int
	tokens       float64 // of those asked before
}

// askedAgain gathers the requests to models by operation; the groups show those that were asked before.
func askedAgain(e *diagnose.Evidence) []*question {
	groups, all := map[string]*group{}, map[*group]*question{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		for i := range w.Calls {
			c := &w.Calls[i]
			if c.Layer != "llm" {
				continue
			}
			g := of(groups, c)
			q := all[g]
			if q == nil {
				q = &question{times: map[uint64]int{}}
				all[g] = q
			}
			if c.Content == 0 || failed(c) {
				continue
			}
			q.known++
			if q.times[c.Content]++; q.times[c.Content] > 1 {
				q.again++
				q.tokens += float64(c.Prompt)
				g.add(turn, []int{i})
			}
		}
	}
	var out []*question
	for _, g := range ordered(groups) {
		all[g].group = *g
		out = append(out, all[g])
	}
	return out
}

// suspect is the question as a suspect: an exact cache would have answered what was asked before.
func (q *question) suspect(e *diagnose.Evidence, least float64) diagnose.Suspect {
	saved, usd := map[int]float64{}, map[int]float64{}
	for _, turn := range q.turns {
		again := map[int]bool{}
		for _, i := range q.shown[turn] {
			again[i] = true
			usd[turn] += paid(e, &e.Turns()[turn].Calls[i])
		}
		replay := e.Replay(turn)
		saved[turn] = e.Saved(turn, func(i int) anatomy.Less {
			if !again[i] {
				return anatomy.Less{}
			}
			return replay.Whole(i)
		})
	}
	most := 0
	for _, n := range q.times {
		most = max(most, n)
	}
	return diagnose.Suspect{
		Shown: q.shown, Saved: saved, Certainty: 0.9,
		Finding: parley.Finding{
			Layer: "llm", Wire: q.wire, Operation: q.operation,
			What: fmt.Sprintf("%s of the requests %s were made before, word for word; one of them %s times",
				percent(share(q.again, q.known)), q.named, number(float64(most))),
			Why: "the person waits for an answer that was there already, and it is paid again",
			Change: "keep answers under a hash of model, messages and tools (Redis SET key answer EX 3600), or take what is constant out of the turn: " +
				"ask once at start, or classify by rule",
			Measured: []parley.Measure{
				{What: "part of the requests made before", Value: diagnose.Exactly(share(q.again, q.known), q.known), Unit: parley.Ratio, Threshold: least},
				{What: "times that the most frequent one was made", Value: diagnose.Exactly(float64(most), q.known), Unit: parley.Count},
				{What: "prompt tokens of each", Value: diagnose.Exactly(q.tokens/float64(max(1, q.again)), q.again), Unit: parley.Count},
			},
			Dollars: perConversation(e, usd),
			Doubt:   doubts("a bot may want another answer to the same words each time", assumption(e, q.wire)),
		},
	}
}
