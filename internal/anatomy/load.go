package anatomy

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"parley"
)

// Load is a stretch of the run under one load, and what was under way at each dependency.
type Load struct {
	Name string        `json:"name"` // the phase, or the ramp's with the step: "ramp, step 3"
	From time.Duration `json:"from_ns"`
	To   time.Duration `json:"to_ns"`
	// Offered are the messages due in it, an hour.
	Offered float64 `json:"offered"`
	// InFlight are the calls under way on each wire that was used, in the order of the wires' names.
	InFlight []InFlight `json:"in_flight"`
}

// InFlight is how many calls were under way at once on a wire, calls that wait for work left out.
type InFlight struct {
	Wire string  `json:"wire"`
	Mean float64 `json:"mean"`
	Peak int     `json:"peak"`
}

// loadCount gathers a Load.
type loadCount struct {
	name  string
	span  stretch
	due   int // messages
	wires map[string]*flightCount
}

// flightCount are the calls on one wire, cut at the borders of the stretch.
type flightCount struct {
	starts, ends []time.Duration
	busy         time.Duration
}

// loadsOf are the stretches of a run under one load.
func loadsOf(s *scene) []loadCount {
	var out []loadCount
	add := func(name string, from, to time.Duration) {
		if to == parley.None || to > s.run.Elapsed {
			to = s.run.Elapsed
		}
		if from < to {
			out = append(out, loadCount{name: name, span: stretch{from, to}, wires: map[string]*flightCount{}})
		}
	}
	for _, p := range s.run.Phases {
		switch p.Kind {
		case parley.Solo, parley.Steady:
			add(p.Name, p.Start, p.End)
		case parley.Ramp:
			for i, step := range p.Steps {
				add(p.Name+", step "+strconv.Itoa(i+1), step.Start, step.End)
			}
		case parley.Canary, parley.WarmUp, parley.Drain:
		}
	}
	return out
}

func (l *loadCount) turn(t *parley.Turn) {
	if t.Due >= l.span.from && t.Due < l.span.to {
		l.due += max(1, int(t.Said)) // one that was held back was one message at least
	}
}

func (l *loadCount) call(wire string, start, end time.Duration) {
	start, end = max(start, l.span.from), min(end, l.span.to)
	if start >= end {
		return
	}
	w := l.wires[wire]
	if w == nil {
		w = &flightCount{}
		l.wires[wire] = w
	}
	w.starts, w.ends = append(w.starts, start), append(w.ends, end)
	w.busy += end - start
}

func (l *loadCount) result() Load {
	length := l.span.to - l.span.from
	out := Load{Name: l.name, From: l.span.from, To: l.span.to, Offered: float64(l.due) / length.Hours()}
	for wire, w := range l.wires {
		out.InFlight = append(out.InFlight, InFlight{wire, float64(w.busy) / float64(length), mostAtOnce(w.starts, w.ends)})
	}
	slices.SortFunc(out.InFlight, func(a, b InFlight) int { return strings.Compare(a.Wire, b.Wire) })
	return out
}
