package wires

import (
	"fmt"
	"slices"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// retries looks for requests that are made again though they cannot succeed, and for more attempts than one layer of retries makes. A
// request that is made again twice, because the service was away, is as it should be.
func retries() diagnose.Check {
	return diagnose.Check{
		ID: "retries", Title: "retries that cannot help, or retries of retries",
		Limits: []diagnose.Limit{
			{Name: "most", Value: 3, Unit: parley.Count, Means: "attempts at one request in a turn: the first and two more, as client libraries do"},
			{Name: "least", Value: 2, Unit: parley.Count, Means: "turns that show it"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			useless, nested := map[string]*group{}, map[string]*group{}
			chains := map[*group][]attempts{}
			requests := map[string]*amplified{}
			for turn := range e.Turns() {
				for _, a := range attemptsOf(&e.Turns()[turn]) {
					c := &e.Turns()[turn].Calls[a.calls[0]]
					count(requests, c, &a)
					if a.unhealable > 0 {
						g := of(useless, c)
						g.add(turn, a.calls[a.unhealable-1:])
						chains[g] = append(chains[g], a)
					} else if float64(len(a.calls)) > l["most"] {
						g := of(nested, c)
						g.add(turn, a.calls)
						chains[g] = append(chains[g], a)
					}
				}
			}
			var out diagnose.Outcome
			for _, g := range ordered(useless) {
				if float64(len(g.turns)) >= l["least"] {
					out.Suspects = append(out.Suspects, uselessRetries(e, g, chains[g]))
				}
			}
			for _, g := range ordered(nested) {
				if float64(len(g.turns)) >= l["least"] {
					out.Suspects = append(out.Suspects, nestedRetries(e, g, chains[g], requests[g.wire+"\x00"+g.operation], l["most"]))
				}
			}
			return out
		},
	}
}

// attempts are the calls of a turn that ask for the same, each after the one before had failed.
type attempts struct {
	calls []int // places in the turn's calls
	// unhealable is the number of the first attempt that failed in a way that no repetition heals, 0 for none. The last one does not count:
	// nothing came after it.
	unhealable int
	// layers is how many layers of retries are seen: one more than how often a client that counts its attempts began to count again.
	layers int
}

// amplified counts requests of one operation of which an attempt failed, and their calls.
type amplified struct{ requests, calls int }

func count(all map[string]*amplified, c *anatomy.TurnCall, a *attempts) {
	if !failed(c) {
		return
	}
	key := c.Wire + "\x00" + c.Operation
	if all[key] == nil {
		all[key] = &amplified{}
	}
	all[key].requests++
	all[key].calls += len(a.calls)
}

// attemptsOf are the requests of a turn, each with all attempts at it.
func attemptsOf(w *anatomy.Waterfall) (out []attempts) {
	for i := range w.Calls {
		c := &w.Calls[i]
		if c.Blocking || c.Layer == "postgres" || c.Layer == "redis" {
			continue
		}
		again := -1
		for k := len(out) - 1; k >= 0 && again < 0; k-- {
			if repeats(w, out[k].calls, c) {
				again = k
			}
		}
		if again < 0 {
			out = append(out, attempts{calls: []int{i}, layers: 1})
			continue
		}
		a := &out[again]
		last := &w.Calls[a.calls[len(a.calls)-1]]
		if a.unhealable == 0 && hopeless(last) {
			a.unhealable = len(a.calls)
		}
		a.layers += one(last.Retry > 0 && c.Retry == 0)
		a.calls = append(a.calls, i)
	}
	return out
}

// repeats reports whether a call is the next attempt after some calls: it asks for the same, as far as that is known, and the last one had failed.
func repeats(w *anatomy.Waterfall, before []int, c *anatomy.TurnCall) bool {
	last := &w.Calls[before[len(before)-1]]
	if last.Wire != c.Wire || last.Operation != c.Operation || !failed(last) || c.Start < last.End-clockSlack {
		return false
	}
	if c.Content != 0 || last.Content != 0 {
		return c.Content == last.Content
	}
	return c.Retry > last.Retry || c.RequestBytes == last.RequestBytes
}

// hopeless reports whether a call failed in a way that the same request will always fail. A calendar answers 403 to those who ask too often.
func hopeless(c *anatomy.TurnCall) bool {
	return slices.Contains([]int32{400, 401, 404, 422}, c.Status) || c.Status == 403 && c.Layer != "calendar"
}

// lost is how many of the turns had no answer.
func lost(e *diagnose.Evidence, turns []int) (n int) {
	for _, turn := range turns {
		n += one(e.Turns()[turn].Outcome == parley.Abandoned)
	}
	return n
}

// without is what turns save without some of their calls and all the waiting before each.
func without(e *diagnose.Evidence, g *group, drop func(turn int) []int) map[int]float64 {
	saved := map[int]float64{}
	for _, turn := range g.turns {
		gone := map[int]bool{}
		for _, i := range drop(turn) {
			gone[i] = true
		}
		replay := e.Replay(turn)
		saved[turn] = e.Saved(turn, func(i int) anatomy.Less {
			if !gone[i] {
				return anatomy.Less{}
			}
			return anatomy.Less{Call: replay.Whole(i).Call, Gap: e.Turns()[turn].Reply}
		})
	}
	return saved
}

// uselessRetries is the suspect of requests that were made again after an answer that no repetition changes. The shown calls begin with
// that answer; all after it would go.
func uselessRetries(e *diagnose.Evidence, g *group, chains []attempts) diagnose.Suspect {
	var after []float64
	for _, a := range chains {
		after = append(after, float64(len(a.calls)-a.unhealable))
	}
	status := e.Turns()[g.turns[0]].Calls[g.shown[g.turns[0]][0]].Status
	mean := diagnose.MeanOf(after)
	return diagnose.Suspect{
		Shown: g.shown, Certainty: 0.95,
		Saved: without(e, g, func(turn int) (again []int) {
			for _, a := range attemptsOf(&e.Turns()[turn]) {
				if a.unhealable > 0 && g.holds(turn, a.calls[0]) {
					again = append(again, a.calls[a.unhealable:]...)
				}
			}
			return again
		}),
		Finding: parley.Finding{
			Layer: e.Turns()[g.turns[0]].Calls[g.shown[g.turns[0]][0]].Layer, Wire: g.wire, Operation: g.operation,
			What:   fmt.Sprintf("%s is made again after status %d, which no repetition heals, up to %s times", g.named, status, number(slices.Max(after))),
			Why:    "the person waits for attempts, and for the pauses between them, that can only end in the same error",
			Change: "repeat on 408, 429, 5xx and broken connections alone; treat 400, 401, 403, 404 and 422 as final (tenacity: retry_if_exception, p-retry: AbortError)",
			Measured: []parley.Measure{
				{What: "attempts after an answer that is final", Value: mean, Unit: parley.Count, Threshold: 0},
				{What: "turns without an answer among them", Value: diagnose.Exactly(float64(lost(e, g.turns)), len(g.turns)), Unit: parley.Count},
			},
			Lost:  lost(e, g.turns),
			Doubt: assumption(e, g.wire),
		},
	}
}

// nestedRetries is the suspect of more attempts than one layer makes. How the turn had gone on after fewer is not known: the attempts between the
// last of one layer and the one that succeeded are what could be saved at the most.
func nestedRetries(e *diagnose.Evidence, g *group, chains []attempts, all *amplified, most float64) diagnose.Suspect {
	var attempts []float64
	layers, largest := 1, 0
	for _, a := range chains {
		attempts = append(attempts, float64(len(a.calls)))
		layers, largest = max(layers, a.layers), max(largest, len(a.calls))
	}
	certainty, doubt := 0.8, "the attempts may be meant: a loop of this many on purpose looks the same"
	if layers > 1 {
		certainty, doubt = 0.95, ""
	}
	gone := lost(e, g.turns)
	return diagnose.Suspect{
		Shown: g.shown, Certainty: certainty, Risk: gone > 0,
		Saved: without(e, g, func(turn int) (extra []int) {
			for _, a := range attemptsOf(&e.Turns()[turn]) {
				if a.unhealable == 0 && float64(len(a.calls)) > most && g.holds(turn, a.calls[0]) {
					extra = append(extra, a.calls[int(most):]...)
				}
			}
			if n := len(extra); n > 0 && !failed(&e.Turns()[turn].Calls[extra[n-1]]) {
				extra = extra[:n-1] // it is the one that succeeded
			}
			return extra
		}),
		Finding: parley.Finding{
			Layer: e.Turns()[g.turns[0]].Calls[g.shown[g.turns[0]][0]].Layer, Wire: g.wire, Operation: g.operation,
			What: fmt.Sprintf("%s is attempted up to %d times for one request when it fails: retries around retries", g.named, largest),
			Why:  "the person waits through all attempts, and a service that is short of breath gets several times the load",
			Change: "retry in one place: either the client library (openai: max_retries, axios-retry) or your own loop with the library's set to 0; at most 3 attempts, " +
				"with a growing, random pause and a deadline for the turn",
			Measured: []parley.Measure{
				{What: "attempts at one request, in a turn that shows it", Value: diagnose.MeanOf(attempts), Unit: parley.Count, Threshold: most},
				{What: "calls for each request whose first attempt failed", Value: diagnose.Exactly(float64(all.calls)/float64(all.requests), all.requests), Unit: parley.Count},
				{What: "times a client that counts its attempts began again", Value: diagnose.Exactly(float64(layers-1), len(chains)), Unit: parley.Count},
			},
			Lost:  gone,
			Doubt: doubts(doubt, "what the bot had done after fewer attempts is not known: what is saved is a bound", assumption(e, g.wire)),
		},
	}
}

// holds reports whether a call of a turn is one of the group's operation and shown.
func (g *group) holds(turn, call int) bool {
	return slices.Contains(g.shown[turn], call)
}
