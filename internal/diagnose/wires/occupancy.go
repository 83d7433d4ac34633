package wires

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"parley"
	"parley/internal/diagnose"
)

// use is a call of any turn, or of none, as a stretch of the run.
type use struct {
	wire, operation string
	conn            int64
	turn            int64 // the turn's id, 0: of none
	from, to        time.Duration
}

// usesOf are the calls under way in the stretch looked at, in the order of their starts, those that wait for work left out. Calls that share a
// flight are one.
func usesOf(e *diagnose.Evidence) (out []use) {
	type flight struct {
		wire         string
		conn, number int64
	}
	flights := map[flight]int{}
	add := func(u use, number int64) {
		key := flight{u.wire, u.conn, number}
		if at, again := flights[key]; again && number != 0 {
			out[at].from, out[at].to = min(out[at].from, u.from), max(out[at].to, u.to)
			return
		}
		flights[key] = len(out)
		out = append(out, u)
	}
	for k := range e.Turns() {
		w := &e.Turns()[k]
		for i := range w.Calls {
			c := &w.Calls[i]
			end := c.End
			if c.Unfinished {
				end = max(end, w.Reply) // it hung for as long as anybody looked
			}
			if !c.Blocking {
				add(use{c.Wire, c.Operation, c.Conn, w.Turn, w.Spoken + c.Start, w.Spoken + end}, c.Flight)
			}
		}
	}
	for _, more := range [][]parley.Call{e.Cases.Others, e.Cases.Loose} {
		for i := range more {
			if c := &more[i]; !c.Blocking && c.End != parley.None {
				add(use{c.Wire, c.Operation, c.Conn, c.Turn, c.Start, c.End}, c.Flight)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b use) int { return cmp.Compare(a.from, b.from) })
	return out
}

// spell is a stretch of the run in which a turn had something that turns share.
type spell struct{ from, to time.Duration }

// occupancy says how many spells were under way: n[i] from at[i] on.
type occupancy struct {
	at []time.Duration
	n  []int
}

// occupancyOf counts spells, cut to a stretch of the run. One that ends when another begins does not overlap it.
func occupancyOf(spells []spell, from, to time.Duration) (l occupancy) {
	type step struct {
		at time.Duration
		by int
	}
	var steps []step
	for _, s := range spells {
		if a, b := max(s.from, from), min(s.to, to); a < b {
			steps = append(steps, step{a, 1}, step{b, -1})
		}
	}
	slices.SortFunc(steps, func(a, b step) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.by, b.by)) })
	n := 0
	for i, s := range steps {
		n += s.by
		if i+1 == len(steps) || steps[i+1].at > s.at {
			l.at, l.n = append(l.at, s.at), append(l.n, n)
		}
	}
	return l
}

// when is how many were under way at a moment.
func (l *occupancy) when(at time.Duration) int {
	i := sort.Search(len(l.at), func(i int) bool { return l.at[i] > at })
	if i == 0 {
		return 0
	}
	return l.n[i-1]
}

// rare is the part of the time at a level that a higher one must have before it counts: below it are moments at which the end of one
// call was noted late.
const rare = 0.02

// most is the highest number under way, moments left out.
func (l *occupancy) most() int {
	times := l.times()
	n := len(times) - 1
	for n > 1 && float64(times[n]) <= rare*float64(times[n-1]) {
		n--
	}
	return max(0, n)
}

// times are how long at least n were under way, by n.
func (l *occupancy) times() []time.Duration {
	out := []time.Duration{0}
	for i := 0; i+1 < len(l.at); i++ {
		for len(out) <= l.n[i] {
			out = append(out, 0)
		}
		for n := range l.n[i] + 1 {
			out[n] += l.at[i+1] - l.at[i]
		}
	}
	return out
}

// full is the time at which at least n were under way.
func (l *occupancy) full(n int) cover {
	var spells []spell
	for i := 0; i+1 < len(l.at); i++ {
		switch last := len(spells) - 1; {
		case l.n[i] < n:
		case last >= 0 && spells[last].to == l.at[i]:
			spells[last].to = l.at[i+1]
		default:
			spells = append(spells, spell{l.at[i], l.at[i+1]})
		}
	}
	return newCover(spells)
}

// cover is spells that follow each other and do not overlap.
type cover struct {
	spells []spell
	before []time.Duration // the time covered before each
}

func newCover(spells []spell) cover {
	c := cover{spells: spells}
	sum := time.Duration(0)
	for _, s := range spells {
		c.before = append(c.before, sum)
		sum += s.to - s.from
	}
	return c
}

// merged is the cover of spells that may overlap.
func merged(spells []spell) cover {
	slices.SortFunc(spells, func(a, b spell) int { return cmp.Compare(a.from, b.from) })
	var out []spell
	for _, s := range spells {
		if last := len(out) - 1; last >= 0 && s.from <= out[last].to {
			out[last].to = max(out[last].to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return newCover(out)
}

// late leaves out the beginning of each spell.
func (c cover) late(by time.Duration) cover {
	var out []spell
	for _, s := range c.spells {
		if s.from+by < s.to {
			out = append(out, spell{s.from + by, s.to})
		}
	}
	return newCover(out)
}

// within is how much of a stretch is covered.
func (c *cover) within(from, to time.Duration) time.Duration {
	if from >= to {
		return 0
	}
	return c.until(to) - c.until(from)
}

func (c *cover) until(at time.Duration) time.Duration {
	i := sort.Search(len(c.spells), func(i int) bool { return c.spells[i].from > at })
	if i == 0 {
		return 0
	}
	s := c.spells[i-1]
	return c.before[i-1] + min(at, s.to) - s.from
}

// find is the spell that a moment lies in.
func (c *cover) find(at time.Duration) (spell, bool) {
	i := sort.Search(len(c.spells), func(i int) bool { return c.spells[i].from > at })
	if i == 0 || at >= c.spells[i-1].to {
		return spell{}, false
	}
	return c.spells[i-1], true
}

// probeTime is the series of how long an idle route of the bot took to begin its answer.
const probeTime = "parley_probe_seconds"

// fewProbes is how many probes must have been sent at moments that tell before they say anything.
const fewProbes = 10

// probed counts the probes sent in a covered spell with some of it left, and those of them that were not answered before it was over, or for so
// long that a bot which is merely busy would have answered.
func probed(e *diagnose.Evidence, c *cover) (waited, n int) {
	const left, slack, busy = 20 * time.Millisecond, 5 * time.Millisecond, 100 * time.Millisecond
	for _, p := range e.Series[probeTime] {
		s, inside := c.find(p.At)
		if !inside || p.At < s.from+slack || s.to-p.At < left {
			continue
		}
		n++
		if seconds(p.Value) >= min(busy, s.to-p.At-slack) {
			waited++
		}
	}
	return waited, n
}
