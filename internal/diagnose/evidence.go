package diagnose

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
)

// Evidence is what checks look at.
type Evidence struct {
	Run     *parley.Run
	Summary *anatomy.Summary
	// Cases are turns of one stretch of the judged phases, taken apart, and those of the solo phase.
	Cases *anatomy.Cases
	// Series are the samples of the run by name, in the order of time.
	Series map[string][]parley.Sample

	replays []*anatomy.Replay // by place in Cases.Turns, made when asked for
	kinds   map[string]bool   // kinds of wires that calls were heard on
}

// MostTurns is how many turns are taken apart: enough for intervals of a percent, and a second's work.
const MostTurns = 5000

// NewEvidence gathers what checks look at.
func NewEvidence(run *parley.Run, summary *anatomy.Summary, cases *anatomy.Cases, samples iter.Seq[parley.Sample]) *Evidence {
	e := &Evidence{Run: run, Summary: summary, Cases: cases, Series: map[string][]parley.Sample{}, kinds: map[string]bool{}}
	e.replays = make([]*anatomy.Replay, len(cases.Turns))
	if samples != nil {
		for s := range samples {
			e.Series[s.Name] = append(e.Series[s.Name], s)
		}
	}
	for i := range cases.Turns {
		for k := range cases.Turns[i].Calls {
			e.kinds[cases.Turns[i].Calls[k].Layer] = true
		}
	}
	return e
}

// lacks says which wires nobody heard.
func (e *Evidence) lacks(needs []string) string {
	if len(e.Cases.Turns) == 0 {
		return "needs turns of a judged phase"
	}
	if len(needs) == 0 {
		return ""
	}
	var names []string
	for _, need := range needs {
		if e.kinds[need] {
			return ""
		}
		names = append(names, anatomy.LayerLabel(need))
	}
	return "needs calls to " + strings.Join(names, " or ") + ": none was heard"
}

// Replay is the replay of the turn at a place.
func (e *Evidence) Replay(turn int) *anatomy.Replay {
	if e.replays[turn] == nil {
		e.replays[turn] = anatomy.NewReplay(&e.Cases.Turns[turn])
	}
	return e.replays[turn]
}

// Saved is by how much earlier, in seconds, a turn would have been answered with shorter calls.
func (e *Evidence) Saved(turn int, less func(call int) anatomy.Less) float64 {
	return e.Replay(turn).Saved(less).Seconds()
}

// Between returns the samples of a series whose label matches (any if it is empty) from a moment until another.
func (e *Evidence) Between(name, label string, from, to time.Duration) (out []parley.Sample) {
	for _, s := range e.Series[name] {
		if s.At >= from && s.At < to && (label == "" || s.Label == label) {
			out = append(out, s)
		}
	}
	return out
}

// Turns are the turns looked at.
func (e *Evidence) Turns() []anatomy.Waterfall { return e.Cases.Turns }

// reply is the mean and the 95th percentile of the time to the answer, in seconds.
func (e *Evidence) reply() (mean, p95 float64) {
	if len(e.Cases.Turns) == 0 {
		return 0, 0
	}
	values := e.replies()
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values)), quantile(values, 0.95)
}

func (e *Evidence) replies() []float64 {
	out := make([]float64, len(e.Cases.Turns))
	for i := range e.Cases.Turns {
		out[i] = e.Cases.Turns[i].Reply.Seconds()
	}
	return out
}

// Named is a call in words: "SELECT ... (PostgreSQL)", its operation cut short.
func Named(c *anatomy.TurnCall) string {
	const longest = 90
	operation := c.Operation
	if r := []rune(operation); len(r) > longest {
		operation = string(r[:longest]) + " ..."
	}
	return fmt.Sprintf("%s (%s)", operation, anatomy.Label(c.Wire))
}
