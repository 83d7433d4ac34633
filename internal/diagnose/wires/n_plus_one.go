package wires

import (
	"fmt"
	"strings"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// nPlusOne looks for the same statement sent again and again within a turn, each in a round trip of its own and with other values
// (N+1): what one statement with a list or a join would bring. A statement that is sent as often in one flight costs hardly more than
// once; one that asks for the same again is the affair of loaded-again, and one that is sent once for each answer of a service is
// needed as often.
func nPlusOne() diagnose.Check {
	return diagnose.Check{
		ID: "n-plus-one", Title: "the same statement again and again",
		Needs: []string{"postgres"},
		Limits: []diagnose.Limit{
			{Name: "least", Value: 5, Unit: parley.Count, Means: "how often a statement is sent in one turn, each time in a flight of its own"},
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that show it"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			groups := map[string]*group{}
			for turn := range e.Turns() {
				w := &e.Turns()[turn]
				for _, run := range alike(w) {
					if float64(min(inTurn(run), different(run))) >= l["least"] {
						of(groups, &w.Calls[run[0].calls[0]]).addRun(turn, run)
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

// alike are the runs of trips to a database with one operation, between two answers of services.
func alike(w *anatomy.Waterfall) (out [][]trip) {
	trips := tripsOf(w, func(c *anatomy.TurnCall) bool {
		return c.Layer == "postgres" && !bookkeeping(c.Operation) && !strings.HasPrefix(c.Operation, preparation)
	})
	same := map[string][]trip{}
	var order []string // so that one record always gives one diagnosis
	for _, t := range trips {
		key := t.wire + "\x00" + t.operation
		if same[key] == nil {
			order = append(order, key)
		}
		same[key] = append(same[key], t)
	}
	for _, key := range order {
		out = append(out, runsOf(same[key], func(a, b *trip) bool { return !decided(w, a.end, b.start) })...)
	}
	return out
}

// repeated is the suspect of a statement that turns repeat. One of the statements of each run is needed; the others, what prepares
// them and cleans up after them, and the bot's own time before each, would go.
func repeated(e *diagnose.Evidence, g *group, least float64) diagnose.Suspect {
	saved, counts := map[int]float64{}, []float64{}
	for _, turn := range g.turns {
		again := map[int]bool{}
		for _, i := range g.spare[turn] {
			again[i] = true
		}
		alongside(&e.Turns()[turn], again)
		replay := e.Replay(turn)
		saved[turn] = replay.Saved(func(i int) anatomy.Less {
			if !again[i] {
				return anatomy.Less{}
			}
			return anatomy.Less{Call: replay.Whole(i).Call, Gap: gapBetween}
		}).Seconds()
		counts = append(counts, float64(g.trips[turn]))
	}
	mean := diagnose.MeanOf(counts)
	change := "fetch all rows with one statement (a join, or WHERE id = ANY($1) with the list; of an ORM: load the relation together with its owner), or send the statements in one pipeline"
	if !reads(g.operation) {
		change = "write all rows with one statement (INSERT with several rows or unnest($1), UPDATE ... FROM unnest($1)), or send the statements in one pipeline or batch"
	}
	return diagnose.Suspect{
		Shown: g.shown, Saved: saved, Certainty: 0.95,
		Finding: parley.Finding{
			Layer: "postgres", Wire: g.wire, Operation: g.operation,
			What:   fmt.Sprintf("The statement %s is sent %s times in a turn, one after the other", g.named, parley.FormatNumber(mean.Value)),
			Why:    "each waits for a round trip of its own, and the person for all of them",
			Change: change,
			Measured: []parley.Measure{
				{What: "round trips with this statement, in a turn that shows it", Value: mean, Unit: parley.Count, Threshold: least},
			},
		},
	}
}

// reads reports whether a statement only reads, as its first word says. One that locks rows does not.
func reads(operation string) bool {
	operation = strings.ToUpper(operation)
	first, _, _ := strings.Cut(strings.TrimLeft(operation, "("), " ")
	return (first == "SELECT" || first == "WITH" || first == "TABLE" || first == "VALUES") && !locks(operation)
}

// locks reports whether a statement, in capitals, takes locks on rows, or one of those that programs agree upon.
func locks(operation string) bool {
	for _, words := range []string{"FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE", "FOR KEY SHARE", "PG_ADVISORY_LOCK(", "PG_ADVISORY_XACT_LOCK("} {
		if strings.Contains(operation, words) {
			return true
		}
	}
	return false
}
