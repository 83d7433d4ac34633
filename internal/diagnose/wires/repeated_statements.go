package wires

import (
	"fmt"
	"strings"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// repeatedStatements looks for the same statement sent again and again within a turn, each in a round trip of its own (N+1): what one
// statement with a list or a join would bring. A statement that is sent as often in one flight costs hardly more than once.
func repeatedStatements() diagnose.Check {
	return diagnose.Check{
		ID: "n-plus-one", Title: "the same statement again and again",
		Needs: []string{"postgres"},
		Limits: []diagnose.Limit{
			{Name: "least", Value: 5, Unit: parley.Count, Means: "how often a statement is sent in one turn, each time in a flight of its own"},
			{Name: "turns", Value: 0.1, Unit: parley.Ratio, Means: "part of the turns that show it"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			groups := map[string]*group{}
			for turn := range e.Turns() {
				for _, calls := range alike(&e.Turns()[turn]) {
					if float64(len(calls)) >= l["least"] {
						of(groups, &e.Turns()[turn].Calls[calls[0]]).add(turn, calls)
					}
				}
			}
			var out diagnose.Outcome
			for _, g := range ordered(groups) {
				if float64(len(g.shown)) >= l["turns"]*float64(len(e.Turns())) {
					out.Suspects = append(out.Suspects, repeated(e, g, l["least"]))
				}
			}
			return out
		},
	}
}

// alike are the calls of a turn to a database by operation, those in one flight counted once, in the order of time.
func alike(w *anatomy.Waterfall) map[string][]int {
	out := map[string][]int{}
	for i := range w.Calls {
		c := &w.Calls[i]
		if c.Layer != "postgres" || c.Blocking || bookkeeping(c.Operation) {
			continue
		}
		same := out[c.Operation]
		if n := len(same); n > 0 && c.Flight != 0 && w.Calls[same[n-1]].Flight == c.Flight && w.Calls[same[n-1]].Conn == c.Conn {
			continue
		}
		out[c.Operation] = append(same, i)
	}
	return out
}

// bookkeeping reports whether a statement is about the session, not about data: pools and transactions repeat those.
func bookkeeping(operation string) bool {
	first, _, _ := strings.Cut(strings.TrimRight(operation, "; "), " ")
	switch strings.ToUpper(first) {
	case "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET", "RESET", "DISCARD", "SHOW", "CONNECT", "DEALLOCATE", "CLOSE", "UNLISTEN":
		return true
	}
	return false
}

// repeated is the suspect of a statement that turns repeat. One of the statements is needed; the others, and the bot's own time
// before each, would go.
func repeated(e *diagnose.Evidence, g *group, least float64) diagnose.Suspect {
	saved, counts := map[int]float64{}, []float64{}
	for _, turn := range g.turns {
		calls := g.shown[turn]
		again := map[int]bool{}
		for _, i := range calls[1:] {
			again[i] = true
		}
		replay := e.Replay(turn)
		saved[turn] = replay.Saved(func(i int) anatomy.Less {
			if !again[i] {
				return anatomy.Less{}
			}
			return anatomy.Less{Call: replay.Whole(i).Call, Gap: gapBetween}
		}).Seconds()
		counts = append(counts, float64(len(calls)))
	}
	mean := diagnose.MeanOf(counts)
	return diagnose.Suspect{
		Shown: g.shown, Saved: saved, Certainty: 0.95,
		Finding: parley.Finding{
			Layer: "postgres", Wire: g.wire, Operation: g.operation,
			What:   fmt.Sprintf("The statement %s is sent %s times in a turn, one after the other", g.named, parley.FormatNumber(mean.Value)),
			Why:    "each waits for a round trip of its own, and the person for all of them",
			Change: "fetch all rows with one statement (a join, or WHERE id = ANY($1) with the list), or send the statements in one pipeline",
			Measured: []parley.Measure{
				{What: "round trips with this statement, in a turn that shows it", Value: mean, Unit: parley.Count, Threshold: least},
			},
		},
	}
}
