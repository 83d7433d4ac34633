package wires

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/diagnose"
)

// sharing is what the checks of limits look at: what was under way in the stretch, and which turns waited with nothing of theirs under way.
type sharing struct {
	e        *diagnose.Evidence
	from, to time.Duration // until the last of the turns had its answer
	uses     []use
	habit    *habit
	waits    []queued
}

func newSharing(e *diagnose.Evidence, least time.Duration) *sharing {
	s := &sharing{e: e, from: e.Cases.From, uses: usesOf(e), habit: habitOf(e)}
	s.waits = queuedOf(e, s.habit, least)
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		s.to = max(s.to, w.Spoken+w.Reply)
	}
	return s
}

// fewWaiting is the number of turns that must wait before a limit can be told from chance.
const fewWaiting = 10

// enough reports whether so many turns wait that it is no chance.
func (s *sharing) enough(waits []queued, turns float64) bool {
	n := waiters(waits)
	return n >= fewWaiting && float64(n) >= turns*float64(len(s.e.Turns()))
}

// before are the waits before calls on a wire.
func (s *sharing) before(wire string) (out []queued) {
	for _, w := range s.waits {
		if w.place.wire == wire {
			out = append(out, w)
		}
	}
	return out
}

// wires are those that turns wait before, the longest waits first.
func (s *sharing) wires() []string {
	sums := map[string]time.Duration{}
	for i := range s.waits {
		sums[s.waits[i].place.wire] += s.waits[i].lasted()
	}
	out := make([]string, 0, len(sums))
	for wire := range sums {
		out = append(out, wire)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(sums[b], sums[a]), cmp.Compare(a, b)) })
	return out
}

// calls are the calls on a wire, of one operation unless it is empty.
func (s *sharing) calls(wire, operation string) (out []spell) {
	for i := range s.uses {
		if u := &s.uses[i]; u.wire == wire && (operation == "" || u.operation == operation) {
			out = append(out, spell{u.from, u.to})
		}
	}
	return out
}

// held are the connections of a wire as turns held them: from a turn's first call on one to its last before another turn came. There are none if
// turns share connections; conns is the number of connections.
func (s *sharing) held(wire string) (out []spell, conns int) {
	byConn := map[int64][]use{}
	for _, u := range s.uses {
		if u.wire == wire {
			byConn[u.conn] = append(byConn[u.conn], u)
		}
	}
	mixed, all := 0, 0
	for _, uses := range byConn {
		var owner int64
		for i, u := range uses {
			last := len(out) - 1
			switch {
			case i == 0:
				out = append(out, spell{u.from, u.to})
			case u.turn == owner || u.turn == 0: // what is tied to no turn follows the turn before: a connection is reset as it is given back
				out[last].to = max(out[last].to, u.to)
				continue
			default:
				all++
				if u.from < out[last].to-clockSlack {
					mixed++
				}
				out = append(out, spell{u.from, u.to})
			}
			owner = u.turn
		}
	}
	if share(mixed, all) > 0.05 {
		return nil, len(byConn)
	}
	return out, len(byConn)
}

// main is the place before which the turns wait longest.
func (s *sharing) main() (out place, found bool) {
	sums := map[place]time.Duration{}
	for i := range s.waits {
		sums[s.waits[i].place.anyTurn()] += s.waits[i].lasted()
	}
	for p, sum := range sums {
		if !found || sum > sums[out] || sum == sums[out] && p.operation < out.operation {
			out, found = p, true
		}
	}
	return out, found
}

// worked is how turns are worked on, from what happens before the call at a place until their last call, and the waits before that place. Half of
// what is usual before the call counts: to count more would often let a turn begin before the one whose worker it takes is over.
func (s *sharing) worked(p place) (spells []spell, waits []queued) {
	for turn := range s.e.Turns() {
		w := &s.e.Turns()[turn]
		from, to, found := time.Duration(0), time.Duration(0), false
		for i, at := range placesOf(w) {
			c := &w.Calls[i]
			if c.Blocking {
				continue
			}
			if !found && at.anyTurn() == p {
				found, from = true, c.Start-min(max(0, s.habit.gaps[at]), max(0, s.e.Replay(turn).Gap(i)))/2
			}
			to = max(to, c.End)
		}
		if found {
			spells = append(spells, spell{w.Spoken + from, w.Spoken + to})
		}
	}
	for i := range s.waits {
		if w := s.waits[i]; w.place.anyTurn() == p {
			w.from, w.to, w.early = w.from-w.early, w.to-w.early, 0 // a worker takes the turn up, and the usual time follows
			waits = append(waits, w)
		}
	}
	return append(spells, s.strangers()...), waits
}

// strangers is how turns are worked on that are not looked at, from their first call to their last.
func (s *sharing) strangers() (out []spell) {
	places := map[int64]int{}
	for i := range s.e.Cases.Others {
		c := &s.e.Cases.Others[i]
		if c.Blocking || c.End == parley.None {
			continue
		}
		at, known := places[c.Turn]
		if !known {
			at = len(out)
			places[c.Turn] = at
			out = append(out, spell{c.Start, c.End})
		}
		out[at].from, out[at].to = min(out[at].from, c.Start), max(out[at].to, c.End)
	}
	return out
}

// crew is the number of turns that are worked on at once, if that is what turns wait for. Its place is the one they wait before.
type crew struct {
	limited
	place place
	// pool: the turns are let in while they wait, and the place's wire has as many connections, so that it is those that are short. Alike: it cannot be told.
	pool, alike bool
}

// crew finds a limit on the turns that are worked on at once.
func (s *sharing) crew(l diagnose.Limits) (c crew, found bool) {
	p, waiting := s.main()
	if !waiting {
		return c, false
	}
	spells, waits := s.worked(p)
	if !s.enough(waits, l["turns"]) {
		return c, false
	}
	c = crew{limited: limitOf(spells, waits, s.from, s.to), place: p}
	if !c.explains(l["covered"]) {
		return c, false
	}
	held, conns := s.held(p.wire)
	if len(held) == 0 || conns > c.n+c.n/4 || conns < c.n {
		return c, true
	}
	waited, n := probed(s.e, &c.full)
	switch {
	case n >= fewProbes && waited*2 > n: // the bot as a whole stands
	case n >= fewProbes || s.letIn(waits):
		c.pool, c.alike = true, true
	default:
		c.alike = true
	}
	return c, true
}

// letIn reports whether most of the turns that wait had their webhook acknowledged early in the wait.
func (s *sharing) letIn(waits []queued) bool {
	early := 0
	for i := range waits {
		w := &waits[i]
		if acked := s.e.Turns()[w.turn].Row.Acked; acked != parley.None && acked < w.from+w.lasted()/2 {
			early++
		}
	}
	return 2*early > len(waits)
}

// higher looks at all loads of the run: proven if there was one of at least growth times that at which n calls were first under way on the
// wire, and there were no more; against if a load had more than n on average.
func (s *sharing) higher(wire string, n int, growth float64) (proven, against bool) {
	if s.e.Summary.Anatomy == nil {
		return false, false
	}
	name, _, _ := strings.Cut(wire, "/")
	first, last := 0.0, 0.0
	for _, load := range s.e.Summary.Anatomy.Loads {
		for _, f := range load.InFlight {
			if f.Wire != name {
				continue
			}
			against = against || f.Mean > float64(n)
			if f.Peak >= n && (first == 0 || load.Offered < first) {
				first = load.Offered
			}
			if f.Peak == n {
				last = max(last, load.Offered)
			}
		}
	}
	return first > 0 && last >= growth*first, against
}

// several reports whether the run has turns at more than one level of load.
func (s *sharing) several() bool {
	return s.habit.alone || s.e.Summary.Anatomy != nil && len(s.e.Summary.Anatomy.Loads) > 1
}

// waiting is the part of the time to the answer that turns wait with nothing of theirs under way, beyond what is usual.
func (s *sharing) waiting() float64 {
	waits, replies := 0.0, 0.0
	for i := range s.waits {
		waits += s.waits[i].lasted().Seconds()
	}
	for turn := range s.e.Turns() {
		replies += s.e.Turns()[turn].Reply.Seconds()
	}
	if replies == 0 {
		return 0
	}
	return waits / replies
}

// keptUp says what a run lacks in which parley itself was what limited; empty otherwise.
func (s *sharing) keptUp() string {
	if len(s.e.Run.Generator.Invalid) > 0 {
		return "needs a run in which parley keeps up: what limited this one may have been parley"
	}
	return ""
}
