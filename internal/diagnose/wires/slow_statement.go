package wires

import (
	"fmt"
	"slices"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// slowStatement looks for a statement that takes long even when nothing stands in its way: a missing index, a sort of too much, a
// function of the database. One that is slow because others hold its rows or its connection is another check's.
func slowStatement() diagnose.Check {
	return diagnose.Check{
		ID: "slow-statement", Title: "a statement that is slow by itself",
		Needs: []string{"postgres"},
		Limits: []diagnose.Limit{
			{Name: "longer", Value: 0.02, Unit: parley.Seconds, Means: "how long the statement takes in an unhindered turn: the quickest quarter of its calls"},
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that send it"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			groups := map[string]*group{}
			for turn := range e.Turns() {
				for i := range e.Turns()[turn].Calls {
					if c := &e.Turns()[turn].Calls[i]; c.Layer == "postgres" && !c.Blocking && !c.Unfinished && !bookkeeping(c.Operation) {
						of(groups, c).add(turn, []int{i})
					}
				}
			}
			var out diagnose.Outcome
			for _, g := range ordered(groups) {
				if float64(len(g.turns)) < l["turns"]*float64(len(e.Turns())) {
					continue
				}
				if quick := unhindered(e, g); quick >= l["longer"] {
					out.Suspects = append(out.Suspects, slow(e, g, quick, l["longer"]))
				}
			}
			return out
		},
	}
}

// unhindered is how long an operation takes when nothing stands in its way, in seconds: the quickest quarter of its calls, and if
// there are some in the solo phase, no longer than their median.
func unhindered(e *diagnose.Evidence, g *group) float64 {
	var all, alone []float64
	for _, turn := range g.turns {
		for _, i := range g.shown[turn] {
			c := &e.Turns()[turn].Calls[i]
			all = append(all, (c.End - c.Start - c.Imposed).Seconds())
		}
	}
	for k := range e.Cases.Solo {
		for i := range e.Cases.Solo[k].Calls {
			if c := &e.Cases.Solo[k].Calls[i]; c.Wire == g.wire && c.Operation == g.operation && !c.Unfinished {
				alone = append(alone, (c.End - c.Start - c.Imposed).Seconds())
			}
		}
	}
	slices.Sort(all)
	quick := all[len(all)/4]
	if len(alone) > 0 {
		slices.Sort(alone)
		quick = min(quick, alone[len(alone)/2])
	}
	return quick
}

// quickStatement is what a statement takes that finds its rows by an index, network included, in seconds.
const quickStatement = 0.002

// slow is the suspect of a statement. What would be saved is its unhindered time but for that of a quick one; what it takes beyond is
// waiting, and not counted.
func slow(e *diagnose.Evidence, g *group, quick, limit float64) diagnose.Suspect {
	saved := map[int]float64{}
	for _, turn := range g.turns {
		mine := map[int]bool{}
		for _, i := range g.shown[turn] {
			mine[i] = true
		}
		saved[turn] = e.Saved(turn, func(i int) anatomy.Less {
			if !mine[i] {
				return anatomy.Less{}
			}
			c := &e.Turns()[turn].Calls[i]
			return anatomy.Less{Call: min(c.End-c.Start, seconds(quick)) - seconds(quickStatement)}
		})
	}
	return diagnose.Suspect{
		Shown: g.shown, Saved: saved, Certainty: 0.9,
		Finding: parley.Finding{
			Layer: "postgres", Wire: g.wire, Operation: g.operation,
			What:   fmt.Sprintf("The statement %s takes %s even when nothing stands in its way", g.named, parley.FormatDuration(seconds(quick))),
			Why:    "every turn that sends it waits for it",
			Change: "look at its plan with EXPLAIN (ANALYZE, BUFFERS) on data of the real size: most often an index on the columns of WHERE and ORDER BY is missing",
			Measured: []parley.Measure{
				{What: "time of the statement, unhindered", Value: diagnose.Exactly(quick, len(g.turns)), Unit: parley.Seconds, Threshold: limit},
			},
			Doubt: "that it can be made quick is supposed, not shown: its plan was not looked at",
		},
	}
}
