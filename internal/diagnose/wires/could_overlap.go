package wires

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// couldOverlap looks for lookups at different services that a turn makes one after the other though nothing that is seen makes one
// wait for the other. Many calls to one database or Redis in a row are round-trips', the same statement again n-plus-one's.
func couldOverlap() diagnose.Check {
	return diagnose.Check{
		ID: "could-overlap", Title: "lookups one after the other that could be made at once",
		Limits: []diagnose.Limit{
			{Name: "least", Value: 0.02, Unit: parley.Seconds, Means: "what the second longest of the lookups takes"},
			{Name: "gap", Value: 0.02, Unit: parley.Seconds, Means: "the bot's own time between two lookups, at most"},
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that show it"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			rows := map[string]*row{}
			for turn := range e.Turns() {
				for _, legs := range inRow(&e.Turns()[turn], seconds(l["gap"])) {
					gatherRow(rows, turn, legs, seconds(l["least"]))
				}
			}
			var out diagnose.Outcome
			mergeRows(rows)
			for _, key := range slices.Sorted(maps.Keys(rows)) {
				if r := rows[key]; float64(len(r.saved)) >= l["turns"]*float64(len(e.Turns())) {
					out.Suspects = append(out.Suspects, r.suspect(e, l["least"]))
				}
			}
			return out
		},
	}
}

// leg is what could be made at once with others: a call to a service, or all calls to one database, whose connection serves one at a time.
type leg struct {
	wire, operation, named string
	calls                  []int
	took                   time.Duration
	longest                time.Duration // of its calls; that one names it
	gap                    time.Duration // the bot's own time before it
}

// row is lookups in a row, of all turns that have them.
type row struct {
	legs   []leg // of the first turn seen, longest first
	shown  map[int][]int
	legsOf map[int][][]leg
	saved  map[int]float64
	gaps   []float64
}

// inRow are the stretches of a turn's critical path in which lookups follow each other with hardly any time between, leg by leg.
func inRow(w *anatomy.Waterfall, gap time.Duration) (out [][]leg) {
	var legs []leg
	last := time.Duration(-1)
	cut := func() {
		if len(legs) > 1 {
			out = append(out, legs)
		}
		legs = nil
	}
	for i := range w.Calls {
		c := &w.Calls[i]
		switch {
		case c.OnPath == 0 || c.Layer == "postgres" && bookkeeping(c.Operation):
			continue
		case !looksUp(c) || failed(c) || c.Start < last-clockSlack:
			cut()
		case len(legs) > 0 && c.Start-last > gap:
			cut()
			legs = joinLeg(nil, c, i, 0)
		default:
			legs = joinLeg(legs, c, i, c.Start-last)
		}
		if represents(c) {
			cut() // a search by its answer may follow
		}
		last = max(last, c.End)
	}
	cut()
	return out
}

// joinLeg adds a call to the leg it belongs to, or to a new one.
func joinLeg(legs []leg, c *anatomy.TurnCall, place int, gap time.Duration) []leg {
	data := c.Layer == "postgres" || c.Layer == "redis"
	for i := range legs {
		if g := &legs[i]; g.wire == c.Wire && (data || g.operation == c.Operation) {
			g.calls, g.took = append(g.calls, place), g.took+length(c)
			if data && length(c) > g.longest {
				g.operation, g.named, g.longest = c.Operation, diagnose.Named(c), length(c)
			}
			return legs
		}
	}
	return append(legs, leg{wire: c.Wire, operation: c.Operation, named: diagnose.Named(c), calls: []int{place}, took: length(c), longest: length(c), gap: gap})
}

// gatherRow enters what a turn has in a row, if two of its legs take long enough.
func gatherRow(rows map[string]*row, turn int, legs []leg, least time.Duration) {
	legs = slices.DeleteFunc(legs, func(g leg) bool { return g.took < least })
	if len(legs) < 2 {
		return
	}
	var gaps []float64
	for _, g := range legs[1:] {
		gaps = append(gaps, g.gap.Seconds())
	}
	slices.SortFunc(legs, func(a, b leg) int { return cmp.Compare(b.took, a.took) })
	names := make([]string, len(legs))
	for i := range legs {
		names[i] = legs[i].wire + "\x00" + legs[i].operation
	}
	slices.Sort(names)
	key := strings.Join(names, "\x00")
	r := rows[key]
	if r == nil {
		r = &row{legs: legs, shown: map[int][]int{}, legsOf: map[int][][]leg{}, saved: map[int]float64{}}
		rows[key] = r
	}
	r.gaps = append(r.gaps, gaps...)
	r.legsOf[turn] = append(r.legsOf[turn], legs)
	r.saved[turn] = 0
	for _, g := range legs {
		r.shown[turn] = append(r.shown[turn], g.calls...)
	}
	slices.Sort(r.shown[turn])
}

// mergeRows gives what is in some turns a part of a longer row to that one, if more turns have it: it is the same place of the bot.
func mergeRows(rows map[string]*row) {
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		r := rows[key]
		for _, other := range slices.Sorted(maps.Keys(rows)) {
			if into := rows[other]; other != key && len(into.legs) > len(r.legs) && len(into.saved) > len(r.saved) && into.covers(r) {
				into.take(r)
				delete(rows, key)
				break
			}
		}
	}
}

// covers reports whether all legs of another row are of this one's kinds.
func (r *row) covers(other *row) bool {
	for _, g := range other.legs {
		if !slices.ContainsFunc(r.legs, func(mine leg) bool { return mine.wire == g.wire && mine.operation == g.operation }) {
			return false
		}
	}
	return true
}

// take adds another row's turns.
func (r *row) take(other *row) {
	r.gaps = append(r.gaps, other.gaps...)
	for turn, legs := range other.legsOf {
		r.legsOf[turn] = append(r.legsOf[turn], legs...)
		r.shown[turn] = append(r.shown[turn], other.shown[turn]...)
		slices.Sort(r.shown[turn])
		r.saved[turn] = 0
	}
}

// suspect is the row as a suspect: all but the longest leg would be hidden behind it.
func (r *row) suspect(e *diagnose.Evidence, least float64) diagnose.Suspect {
	var second []float64
	for turn, rows := range r.legsOf {
		hidden := map[int]bool{}
		for _, legs := range rows {
			second = append(second, legs[1].took.Seconds())
			for _, g := range legs[1:] {
				for _, i := range g.calls {
					hidden[i] = true
				}
			}
		}
		replay := e.Replay(turn)
		r.saved[turn] = e.Saved(turn, func(i int) anatomy.Less {
			if !hidden[i] {
				return anatomy.Less{}
			}
			return anatomy.Less{Call: replay.Whole(i).Call, Gap: gapBetween}
		})
	}
	slices.Sort(second) // the turns come in no order
	certainty, seen := r.independent(e)
	names, wires := make([]string, len(r.legs)), make([]string, len(r.legs))
	for i := range r.legs {
		names[i], wires[i] = r.legs[i].named, r.legs[i].wire
	}
	return diagnose.Suspect{
		Shown: r.shown, Saved: r.saved, Certainty: certainty,
		Finding: parley.Finding{
			Layer: "bot", Wire: r.legs[0].wire, Operation: r.legs[0].operation,
			What: fmt.Sprintf("%s are asked one after the other, never at once; hidden behind the longest, the others would cost nothing, %s or more each",
				joined(names), lasting(median(second))),
			Why:    "the person waits for the sum of them, where the longest alone would do",
			Change: "make them at once: asyncio.gather or a TaskGroup in Python, Promise.all in Node, an errgroup in Go; await the results where they are used",
			Measured: []parley.Measure{
				{What: "the second longest of them", Value: diagnose.MeanOf(second), Unit: parley.Seconds, Threshold: least},
				{What: "the bot's own time between two", Value: diagnose.MeanOf(r.gaps), Unit: parley.Seconds},
			},
			Doubt: doubts(seen, assumption(e, wires...)),
		},
	}
}

// independent says how sure it is that the lookups do not need each other's answers. What stands in them is not recorded: their order
// and the time between them speak.
func (r *row) independent(e *diagnose.Evidence) (certainty float64, seen string) {
	const tiny, seldom = 3e-3, 0.05
	a, b := &r.legs[0], &r.legs[1]
	forward, backward, beside := 0, 0, 0
	for turn := range e.Turns() {
		first, second := firstOf(&e.Turns()[turn], a), firstOf(&e.Turns()[turn], b)
		switch {
		case first == nil || second == nil:
		case first.Start < second.End-clockSlack && second.Start < first.End-clockSlack:
			beside++
		case first.Start < second.Start:
			forward++
		default:
			backward++
		}
	}
	all := forward + backward + beside
	switch {
	case beside > 0 && share(beside, all) >= seldom:
		return 0.9, ""
	case share(min(forward, backward), all) >= seldom:
		return 0.85, ""
	case median(r.gaps) < tiny:
		return 0.6, "they always come in one order, so that one may need the answer of another, which is not recorded; the bot does hardly anything between them"
	default:
		return 0.5, "they always come in one order, and the bot is at work between them: one may need the answer of another, which is not recorded"
	}
}

// firstOf is the first call of a leg's kind in a turn, nil if there is none.
func firstOf(w *anatomy.Waterfall, g *leg) *anatomy.TurnCall {
	for i := range w.Calls {
		if c := &w.Calls[i]; c.Wire == g.wire && c.Operation == g.operation {
			return c
		}
	}
	return nil
}

// joined lists names: "a, b and c".
func joined(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
