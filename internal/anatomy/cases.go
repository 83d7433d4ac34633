package anatomy

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"parley"
)

// Cases are turns taken apart, for whoever looks for causes: all those of one stretch of time, so that what calls of several turns
// have to do with each other can be seen, too.
type Cases struct {
	// Solo are the turns of the solo phase, of which each was alone; none if there was no such phase or it is the judged one.
	Solo []Waterfall
	// Turns are judged ones that were said in [From, To), in the order of Spoken; Judged is how many there are in the whole run.
	Turns    []Waterfall
	From, To time.Duration
	Judged   int
	// Loose are calls begun in the stretch that are tied to no turn, the first mostLoose.
	Loose []parley.Call
	// Others are calls under way in the stretch that are tied to a turn which is not among Turns (of the warm-up, say), the first
	// mostLoose: they take room at what turns share.
	Others []parley.Call
}

// mostLoose bounds the calls of no turn that are kept.
const mostLoose = 50_000

// TakeApart takes apart the judged turns in the middle of a run, most of them at the most, and as many of its solo phase. Of a turn
// there must be one row, the last; calls on one connection come in the order of their ends. Turns are read twice.
func TakeApart(run *parley.Run, turns iter.Seq[parley.Turn], replies iter.Seq[parley.Reply], calls iter.Seq[parley.Call], most int) *Cases {
	scene := newScene(run)
	out := &Cases{}
	wanted := out.choose(scene, turns, most)
	for t := range rows(turns) {
		if _, ok := wanted[t.ID]; ok {
			wanted[t.ID] = &dissection{scene: scene, turn: t, elapsed: run.Elapsed, wires: map[string]*tying{}}
		}
	}
	for r := range rows(replies) {
		if d := wanted[r.Turn]; d != nil && len(d.replies) < mostTurnCalls {
			d.replies = append(d.replies, r)
		}
	}
	begun := out.hear(wanted, calls)
	for _, d := range wanted {
		if d == nil {
			continue
		}
		for wire, b := range begun {
			d.wires[wire] = b.during(d, wire)
		}
		w := d.result()
		if scene.judged.names[d.turn.Phase] {
			out.Turns = append(out.Turns, w)
		} else {
			out.Solo = append(out.Solo, w)
		}
	}
	bySpoken := func(a, b Waterfall) int { return cmp.Or(cmp.Compare(a.Spoken, b.Spoken), cmp.Compare(a.Turn, b.Turn)) }
	slices.SortFunc(out.Turns, bySpoken)
	slices.SortFunc(out.Solo, bySpoken)
	return out
}

// choose picks the turns, and sets the stretch.
func (c *Cases) choose(s *scene, turns iter.Seq[parley.Turn], most int) map[int64]*dissection {
	type said struct {
		id     int64
		spoken time.Duration
	}
	var judged, solo []said
	for t := range rows(turns) {
		switch {
		case t.Outcome == parley.Unsent:
		case s.judged.names[t.Phase]:
			judged = append(judged, said{t.ID, t.Spoken})
		case s.solo.names[t.Phase]:
			solo = append(solo, said{t.ID, t.Spoken})
		}
	}
	c.Judged = len(judged)
	wanted := map[int64]*dissection{}
	middle := func(all []said) []said {
		slices.SortFunc(all, func(a, b said) int { return cmp.Or(cmp.Compare(a.spoken, b.spoken), cmp.Compare(a.id, b.id)) })
		outside := max(0, len(all)-most)
		all = all[outside/2 : len(all)-(outside-outside/2)]
		for _, t := range all {
			wanted[t.id] = nil
		}
		return all
	}
	middle(solo)
	if chosen := middle(judged); len(chosen) > 0 {
		c.From, c.To = chosen[0].spoken, s.run.Elapsed
		if len(chosen) < len(judged) {
			c.To = chosen[len(chosen)-1].spoken + 1
		}
	}
	return wanted
}

// hear gives the calls to their turns, keeps those of none, and returns when all began, by wire.
func (c *Cases) hear(wanted map[int64]*dissection, calls iter.Seq[parley.Call]) map[string]*begins {
	begun := map[string]*begins{}
	var conns connections
	for call := range rows(calls) {
		opened, flew := conns.meet(call.Wire, &call)
		if d := wanted[call.Turn]; d != nil {
			d.own(&call, opened, flew)
		} else if call.Turn != 0 && call.Start < c.To && (call.End == parley.None || call.End > c.From) && len(c.Others) < mostLoose {
			c.Others = append(c.Others, call)
		}
		if call.Start < c.From || call.Start >= c.To {
			continue
		}
		if call.Turn == 0 && len(c.Loose) < mostLoose {
			c.Loose = append(c.Loose, call)
		}
		if call.Blocking {
			continue
		}
		if begun[call.Wire] == nil {
			begun[call.Wire] = &begins{}
		}
		begun[call.Wire].add(&call)
	}
	for _, b := range begun {
		slices.Sort(b.all)
		slices.Sort(b.loose)
	}
	return begun
}

// begins are the moments at which calls on a wire began, all of them and those tied to no turn.
type begins struct{ all, loose []time.Duration }

func (b *begins) add(c *parley.Call) {
	b.all = append(b.all, c.Start)
	if c.Turn == 0 {
		b.loose = append(b.loose, c.Start)
	}
}

// during counts the calls that began while a turn lasted.
func (b *begins) during(d *dissection, wire string) *tying {
	from, to := min(d.turn.Due, d.turn.Spoken), d.end()
	count := func(all []time.Duration) int {
		first, _ := slices.BinarySearch(all, from)
		last, _ := slices.BinarySearch(all, to+1)
		return last - first
	}
	return &tying{
		all: count(b.all), untied: count(b.loose),
		used: slices.ContainsFunc(d.calls, func(c parley.Call) bool { return c.Wire == wire }),
	}
}
