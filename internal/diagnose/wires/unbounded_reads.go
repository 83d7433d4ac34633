package wires

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// unboundedReads looks for reads that take longer the more there is: KEYS, a walk through all keys, whole sets, lists and hashes,
// statements without a LIMIT whose result grows as the conversation does.
func unboundedReads() diagnose.Check {
	return diagnose.Check{
		ID: "unbounded-reads", Title: "reads without a bound",
		Needs: []string{"redis", "postgres"},
		Limits: []diagnose.Limit{
			{Name: "rows", Value: manyElements, Unit: parley.Count, Means: "elements or rows that a read without a bound brings"},
			{Name: "growth", Value: 0.5, Unit: parley.Count, Means: "rows by which a result grows with each turn of a conversation, at least"},
			{Name: "scans", Value: 5, Unit: parley.Count, Means: "SCAN commands in a turn"},
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that show it"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			var out diagnose.Outcome
			known := usuals{}
			for _, g := range boundless(e) {
				r := reach(e, g)
				if float64(len(g.turns)) < l["turns"]*float64(len(e.Turns())) || !r.unbounded(l) {
					continue
				}
				out.Suspects = append(out.Suspects, r.suspect(e, g, known.of(e, g.wire), l))
			}
			return out
		},
	}
}

// bulk reports whether a command of Redis takes longer the more there is, in its key or altogether.
func bulk(operation string) bool {
	return slices.Contains([]string{
		"KEYS", "SMEMBERS", "HGETALL", "HKEYS", "HVALS", "LRANGE", "ZRANGE", "ZREVRANGE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE", "SORT", "SORT_RO",
		"SUNION", "SINTER", "SDIFF", "ZUNION", "ZINTER", "ZDIFF", "XRANGE", "XREVRANGE",
	}, command(operation))
}

// boundless are the reads whose operation sets no bound, until the answer.
func boundless(e *diagnose.Evidence) []*group {
	groups := map[string]*group{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		for i := range w.Calls {
			c := &w.Calls[i]
			if !sized(c) || c.Start > w.Reply || failed(c) {
				continue
			}
			statement := c.Layer == "postgres" && reads(c.Operation) && !bounded(c.Operation)
			if statement || c.Layer == "redis" && (bulk(c.Operation) || command(c.Operation) == "SCAN") {
				of(groups, c).add(turn, []int{i})
			}
		}
	}
	return ordered(groups)
}

// bounded reports whether a statement sets a bound to its result, or may, where its text was cut off.
func bounded(operation string) bool {
	operation = strings.ToUpper(operation)
	return strings.Contains(operation, "LIMIT ") || strings.Contains(operation, "FETCH FIRST") || strings.Contains(operation, "FETCH NEXT") ||
		strings.HasSuffix(operation, "...")
}

// reached is how far a read without a bound goes.
type reached struct {
	command string // of Redis, empty for a statement
	rows    []float64
	most    float64 // rows or elements in nineteen of twenty calls
	calls   float64 // in a turn that makes them, the median
	grows   slope   // rows, with each turn of a conversation
}

func reach(e *diagnose.Evidence, g *group) reached {
	var r reached
	var perTurn []float64
	var order []int64
	talks := map[int64][]point{}
	for _, turn := range g.turns {
		w := &e.Turns()[turn]
		perTurn = append(perTurn, float64(len(g.shown[turn])))
		for _, i := range g.shown[turn] {
			c := &w.Calls[i]
			r.rows = append(r.rows, float64(c.Rows))
			if c.Layer == "redis" {
				r.command = command(c.Operation)
			}
			if talks[w.Conversation] == nil {
				order = append(order, w.Conversation)
			}
			talks[w.Conversation] = append(talks[w.Conversation], point{x: float64(w.Ordinal), y: float64(c.Rows)})
		}
	}
	groups := make([][]point, len(order))
	for i, id := range order {
		groups[i] = talks[id]
	}
	r.most, r.calls, r.grows = at(r.rows, 0.95), median(perTurn), fit(groups...)
	return r
}

// unbounded reports whether the read goes beyond what the thresholds allow. A list of Redis may have a bound that its name does not show,
// so that only one that has grown large counts.
func (r *reached) unbounded(l diagnose.Limits) bool {
	const listed = 50
	growing := r.grows.sure() && r.grows.low() >= l["growth"] && (r.command == "" || r.most > listed)
	switch r.command {
	case "KEYS":
		return true
	case "SCAN":
		return r.calls >= l["scans"]
	}
	return r.most > l["rows"] || growing
}

// suspect words what was found. A read that is still small costs nothing yet.
func (r *reached) suspect(e *diagnose.Evidence, g *group, u usual, l diagnose.Limits) diagnose.Suspect {
	saved, shown := r.saved(e, g, u)
	s := diagnose.Suspect{Shown: shown, Saved: saved, Certainty: 0.85}
	first := &e.Turns()[g.turns[0]].Calls[g.shown[g.turns[0]][0]]
	mean := diagnose.MeanOf(r.rows)
	f := &s.Finding
	f.Layer, f.Wire, f.Operation = first.Layer, g.wire, g.operation
	f.Measured = []parley.Measure{{What: "elements or rows that it brings", Value: mean, Unit: parley.Count, Threshold: l["rows"]}}
	f.Doubt = "what is counted is the time beyond that of small calls on the wire; with less data it takes less, with more it takes more"
	name := anatomy.Label(g.wire)
	switch {
	case r.command == "KEYS" || r.command == "SCAN":
		s.Certainty = 0.95
		f.What = fmt.Sprintf("A turn goes through all keys of %s with %s", name, r.command)
		f.Why = "it takes longer with every key there is, whoever it belongs to"
		if r.command == "KEYS" {
			f.Why += ", and Redis does nothing else meanwhile: all turns wait"
		}
		f.Change = "keep what is looked for under a key that can be named: a set or a hash as an index (SADD when a session begins, SREM when it ends), or the id in the key itself"
	case r.command != "":
		f.What = fmt.Sprintf("%s on %s brings %s elements in the mean", g.operation, name, number(mean.Value))
		f.Why = "the whole of it is moved and parsed each time, and it takes longer with every element; Redis does nothing else while it gathers them"
		f.Change = "read the last few (LRANGE key -20 -1, ZRANGE ... LIMIT), bound the key when it is written (LTRIM, MAXLEN, EXPIRE), or ask for the members needed (HMGET, SMISMEMBER)"
	default:
		f.What = fmt.Sprintf("The statement %s has no LIMIT and brings %s rows in the mean", g.named, number(mean.Value))
		f.Why = "the longer a conversation, the longer its replies take"
		f.Change = "read the newest few: ORDER BY ... DESC LIMIT 20, with an index on the columns of WHERE and ORDER BY; keep a summary of what is older"
	}
	if r.command != "KEYS" && r.command != "SCAN" && r.grows.sure() && r.grows.low() >= l["growth"] {
		grows := parley.Estimate{Value: r.grows.value, Low: r.grows.low(), High: r.grows.high(), N: r.grows.n}
		f.What += fmt.Sprintf(", %s more with each turn", number(grows.Value))
		f.Measured = append(f.Measured, parley.Measure{What: "rows more with each turn of a conversation", Value: grows, Unit: parley.Count, Threshold: l["growth"]})
	}
	return s
}

// saved is what the reads take beyond small calls, in their own turns and, since Redis does one thing at a time, in those that waited
// for them meanwhile.
func (r *reached) saved(e *diagnose.Evidence, g *group, u usual) (saved map[int]float64, shown map[int][]int) {
	saved, shown = map[int]float64{}, map[int][]int{}
	held := r.holds(e, g, u)
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		less := r.own(e, g, u, turn)
		shown[turn] = slices.Clone(g.shown[turn])
		for i := range w.Calls {
			c := &w.Calls[i]
			if r.command == "" || c.Wire != g.wire || !sized(c) || slices.Contains(g.shown[turn], i) {
				continue
			}
			const tells = time.Millisecond
			if wait := min(length(c)-u.call, held.within(w.Spoken+c.Start, w.Spoken+c.End)); wait > tells {
				l := less[i]
				l.Call = wait
				less[i] = l
				shown[turn] = append(shown[turn], i)
			}
		}
		if len(shown[turn]) == 0 {
			delete(shown, turn)
			continue
		}
		slices.Sort(shown[turn])
		saved[turn] = e.Saved(turn, func(i int) anatomy.Less { return less[i] })
	}
	return saved, shown
}

// own is what would go from a turn that makes the reads. Of a walk through the keys one step would be left.
func (r *reached) own(e *diagnose.Evidence, g *group, u usual, turn int) map[int]anatomy.Less {
	calls := g.shown[turn]
	if r.command == "SCAN" {
		less := map[int]anatomy.Less{}
		for _, i := range calls[min(1, len(calls)):] {
			less[i] = anatomy.Less{Call: e.Replay(turn).Whole(i).Call, Gap: gapBetween}
		}
		return less
	}
	return u.less(e, turn, slices.DeleteFunc(slices.Clone(calls), func(i int) bool {
		return r.command != "KEYS" && e.Turns()[turn].Calls[i].Rows <= smallRows
	}))
}

// holds are the times at which Redis gathered an answer, and did nothing else.
func (r *reached) holds(e *diagnose.Evidence, g *group, u usual) cover {
	var busy []spell
	for _, turn := range g.turns {
		w := &e.Turns()[turn]
		for _, i := range g.shown[turn] {
			if c := &w.Calls[i]; r.command != "" && length(c) > u.call {
				busy = append(busy, spell{w.Spoken + c.Start, w.Spoken + c.End})
			}
		}
	}
	return merged(busy)
}
