package wires

import (
	"fmt"
	"strings"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// largeValues looks for values and results so large that their transfer, and making and reading them, takes time: a session that has
// everything in it, a result of which a tenth is used. How often the same one is loaded is loaded-again's affair.
func largeValues() diagnose.Check {
	return diagnose.Check{
		ID: "large-values", Title: "large values in Redis, large results of PostgreSQL",
		Needs: []string{"redis", "postgres"},
		Limits: []diagnose.Limit{
			{Name: "value", Value: 64 << 10, Unit: parley.Count, Means: "bytes of a value read from Redis or written to it"},
			{Name: "result", Value: 1 << 20, Unit: parley.Count, Means: "bytes of the result of a statement"},
			{Name: "rows", Value: 1000, Unit: parley.Count, Means: "rows of the result of a statement"},
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that show it"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			groups := map[string]*group{}
			for turn := range e.Turns() {
				w := &e.Turns()[turn]
				for i := range w.Calls {
					if c := w.Calls[i]; sized(&c) && c.Start <= w.Reply && oversized(&c, l) {
						c.Operation = valueOf(&c)
						of(groups, &c).add(turn, []int{i})
					}
				}
			}
			var out diagnose.Outcome
			known := usuals{}
			for _, g := range ordered(groups) {
				if float64(len(g.turns)) >= l["turns"]*float64(len(e.Turns())) {
					out.Suspects = append(out.Suspects, large(e, g, known.of(e, g.wire), l))
				}
			}
			return out
		},
	}
}

// manyElements is from when on unbounded-reads speaks of a reply.
const manyElements = 500

// oversized reports whether a call is larger than the thresholds say.
func oversized(c *anatomy.TurnCall, l diagnose.Limits) bool {
	if c.Layer == "redis" {
		if name := command(c.Operation); name == "KEYS" || name == "SCAN" || bulk(name) && c.Rows > manyElements {
			return false // it is many that make it large: the affair of unbounded-reads
		}
		return float64(max(c.RequestBytes, c.ResponseBytes)) > l["value"]
	}
	return float64(max(c.RequestBytes, c.ResponseBytes)) > l["result"] || float64(c.Rows) > l["rows"] && reads(c.Operation)
}

// valueOf names what a call reads or writes: of Redis the shape of the key, so that reading and writing go together.
func valueOf(c *anatomy.TurnCall) string {
	if _, shape, ok := strings.Cut(c.Operation, " "); ok && c.Layer == "redis" {
		return shape
	}
	return c.Operation
}

// large is the suspect of a value or a result.
func large(e *diagnose.Evidence, g *group, u usual, l diagnose.Limits) diagnose.Suspect {
	saved := map[int]float64{}
	var bytes, rows []float64
	var first *anatomy.TurnCall
	others := hindranceOf(e, u, func(c *anatomy.TurnCall) bool {
		return c.Wire == g.wire && sized(c) && oversized(c, l) && valueOf(c) == g.operation
	})
	for turn := range e.Turns() {
		less := u.less(e, turn, g.shown[turn])
		others.add(turn, less)
		if len(less) > 0 {
			saved[turn] = e.Saved(turn, func(i int) anatomy.Less { return less[i] })
		}
	}
	for _, turn := range g.turns {
		sum := 0.0
		for _, i := range g.shown[turn] {
			c := &e.Turns()[turn].Calls[i]
			sum += float64(c.RequestBytes + c.ResponseBytes)
			rows = append(rows, float64(c.Rows))
			if first == nil {
				first = c
			}
		}
		bytes = append(bytes, sum)
	}
	moved := diagnose.MeanOf(bytes)
	s := diagnose.Suspect{
		Shown: g.shown, Saved: saved, Certainty: 0.8,
		Finding: parley.Finding{
			Layer: first.Layer, Wire: g.wire, Operation: first.Operation,
			Why: "it is transferred, made and read while the person waits, and the bot answers nobody else while it parses",
			Doubt: "what is counted is the time beyond that of small calls on the wire, and of the bot's own time beside it no more than making or reading " +
				"so much takes at most, and the waits of other turns meanwhile; with a smaller value some of it may stay",
		},
	}
	f := &s.Finding
	if first.Layer == "redis" {
		f.What = fmt.Sprintf("A turn moves %s of the value %s to and from %s", kilobytes(moved.Value), g.operation, anatomy.Label(g.wire))
		f.Change = "keep in the value what each turn needs, and the rest under keys of its own (a hash of which HMGET reads the fields wanted; a list of which LRANGE reads the last few); drop what can be computed; compress above some 50 kB"
		f.Measured = []parley.Measure{{What: "bytes moved for it, in a turn that shows it", Value: moved, Unit: parley.Count, Threshold: l["value"]}}
		return s
	}
	mean := diagnose.MeanOf(rows)
	f.What = fmt.Sprintf("The statement %s brings %s rows, %s", g.named, number(mean.Value), kilobytes(moved.Value))
	f.Change = "ask for the columns and rows that are used: no SELECT *, a LIMIT, sums and counts in the database; fetch large columns only where they are needed"
	f.Measured = []parley.Measure{
		{What: "bytes moved for it, in a turn that shows it", Value: moved, Unit: parley.Count, Threshold: l["result"]},
		{What: "rows of its result", Value: mean, Unit: parley.Count, Threshold: l["rows"]},
	}
	return s
}

// kilobytes writes a number of bytes.
func kilobytes(bytes float64) string {
	if bytes >= 1<<20 {
		return number(float64(int(bytes/(1<<20)*10))/10) + " MB"
	}
	return number(float64(int(bytes/1024+0.5))) + " kB"
}
