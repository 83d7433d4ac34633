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

// Study is Summarize, and takes turns apart besides: the judged ones in the middle of the run, most of them at the most, and as many of its
// solo phase. Each sequence is read twice, as by Summarize alone.
func Study(run *parley.Run, turns iter.Seq[parley.Turn], replies iter.Seq[parley.Reply], calls iter.Seq[parley.Call], most int) (*Summary, *Cases) {
	var cases *Cases
	summary := summarizeWith(run, turns, replies, calls, func(scene *scene, judged, solo []judgedTurn, ids []int64) []Waterfall {
		b := newBench(scene, saidBy(judged), saidBy(solo), ids, most)
		b.read(turns, replies, calls)
		cases = b.cases()
		return b.extra()
	})
	return summary, cases
}

// said is when a turn was.
type said struct {
	id     int64
	spoken time.Duration
}

func saidBy(turns []judgedTurn) []said {
	out := make([]said, len(turns))
	for i := range turns {
		out[i] = said{turns[i].id, turns[i].spoken}
	}
	return out
}

// bench is where turns are taken apart: those of the cases, and a few others.
type bench struct {
	scene  *scene
	wanted map[int64]*dissection // nil until its row was read
	chosen map[int64]bool        // those of the cases
	others []int64
	out    Cases
	begun  map[string]*begins
}

func newBench(s *scene, judged, solo []said, others []int64, most int) *bench {
	b := &bench{scene: s, wanted: map[int64]*dissection{}, chosen: map[int64]bool{}, others: others, begun: map[string]*begins{}}
	b.out.Judged = len(judged)
	b.choose(solo, most)
	if chosen := b.choose(judged, most); len(chosen) > 0 {
		b.out.From, b.out.To = chosen[0].spoken, s.run.Elapsed
		if len(chosen) < len(judged) {
			b.out.To = chosen[len(chosen)-1].spoken + 1
		}
	}
	for _, id := range others {
		b.wanted[id] = nil
	}
	return b
}

// choose picks the turns in the middle.
func (b *bench) choose(all []said, most int) []said {
	slices.SortFunc(all, func(a, b said) int { return cmp.Or(cmp.Compare(a.spoken, b.spoken), cmp.Compare(a.id, b.id)) })
	outside := max(0, len(all)-most)
	all = all[outside/2 : len(all)-(outside-outside/2)]
	for _, t := range all {
		b.wanted[t.id], b.chosen[t.id] = nil, true
	}
	return all
}

// read reads each table once.
func (b *bench) read(turns iter.Seq[parley.Turn], replies iter.Seq[parley.Reply], calls iter.Seq[parley.Call]) {
	for t := range rows(turns) {
		if _, ok := b.wanted[t.ID]; ok {
			b.wanted[t.ID] = &dissection{scene: b.scene, turn: t, elapsed: b.scene.run.Elapsed, wires: map[string]*tying{}}
		}
	}
	for r := range rows(replies) {
		if d := b.wanted[r.Turn]; d != nil && len(d.replies) < mostTurnCalls {
			d.replies = append(d.replies, r)
		}
	}
	var conns connections
	for call := range rows(calls) {
		opened, flew := conns.meet(call.Wire, &call)
		if d := b.wanted[call.Turn]; d != nil {
			d.own(&call, opened, flew)
		}
		for _, id := range b.others {
			if d := b.wanted[id]; d != nil && !b.chosen[id] {
				d.tally(&call)
			}
		}
		b.hear(&call)
	}
	for _, begun := range b.begun {
		slices.Sort(begun.all)
		slices.Sort(begun.loose)
	}
}

// hear keeps what a call is to the stretch.
func (b *bench) hear(call *parley.Call) {
	c := &b.out
	if !b.chosen[call.Turn] && call.Turn != 0 && call.Start < c.To && (call.End == parley.None || call.End > c.From) && len(c.Others) < mostLoose {
		c.Others = append(c.Others, *call)
	}
	if call.Start < c.From || call.Start >= c.To {
		return
	}
	if call.Turn == 0 && len(c.Loose) < mostLoose {
		c.Loose = append(c.Loose, *call)
	}
	if call.Blocking {
		return
	}
	if b.begun[call.Wire] == nil {
		b.begun[call.Wire] = &begins{}
	}
	b.begun[call.Wire].add(call)
}

// cases are the turns chosen, taken apart.
func (b *bench) cases() *Cases {
	for id, d := range b.wanted {
		if d == nil || !b.chosen[id] {
			continue
		}
		for wire, begun := range b.begun {
			d.wires[wire] = begun.during(d, wire)
		}
		w := d.result()
		if b.scene.judged.names[d.turn.Phase] {
			b.out.Turns = append(b.out.Turns, w)
		} else {
			b.out.Solo = append(b.out.Solo, w)
		}
	}
	bySpoken := func(a, b Waterfall) int { return cmp.Or(cmp.Compare(a.Spoken, b.Spoken), cmp.Compare(a.Turn, b.Turn)) }
	slices.SortFunc(b.out.Turns, bySpoken)
	slices.SortFunc(b.out.Solo, bySpoken)
	return &b.out
}

// extra are the few others, taken apart, each once.
func (b *bench) extra() (out []Waterfall) {
	for i, id := range b.others {
		if d := b.wanted[id]; d != nil && !slices.Contains(b.others[:i], id) {
			out = append(out, d.result())
		}
	}
	return out
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
