package wires

import (
	"cmp"
	"slices"
	"time"

	"parley"
	"parley/internal/diagnose"
)

// standstill is what happens to other turns while n calls of an operation are under way.
type standstill struct {
	wire, operation string
	n               int
	full            cover
	length          float64 // of a call, mean, in seconds
	// events are what the bot did for other turns meanwhile, expected what it would have done had the calls been nothing to them.
	events, expected float64
	// between is the part of that time in which more than n turns had been begun and not ended: what waits is no queue before the bot.
	between float64
	// waited of probes sent meanwhile were not answered before it was over.
	waited, probes int
}

// settle is how long a call is under way before the bot stands: what it wrote just before is still being read.
const settle = 2 * time.Millisecond

// plateau is the part of the time with such a call under way that there must be n of them: of calls that overlap freely there are seldom that many.
const plateau = 0.2

// standstills are the operations of calls that last, with what happens meanwhile; those of which more and more are under way at once are left out.
func (s *sharing) standstills(least float64) (out []standstill) {
	type operation struct{ wire, name string }
	sums, counts := map[operation]time.Duration{}, map[operation]int{}
	for i := range s.uses {
		u := &s.uses[i]
		key := operation{u.wire, u.operation}
		sums[key] += u.to - u.from
		counts[key]++
	}
	for key, sum := range sums {
		length := sum.Seconds() / float64(counts[key])
		if length < least || float64(counts[key]) < 0.05*float64(len(s.e.Turns())) {
			continue
		}
		l := occupancyOf(s.calls(key.wire, key.name), s.from, s.to)
		n, times := l.most(), l.times()
		if n == 0 || float64(times[n]) < plateau*float64(times[1]) {
			continue
		}
		one := standstill{wire: key.wire, operation: key.name, n: n, length: length, full: l.full(n)}
		s.observe(&one)
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b standstill) int {
		return cmp.Or(cmp.Compare(a.wire, b.wire), cmp.Compare(a.operation, b.operation))
	})
	return out
}

// observe counts what happens while n calls are under way: of each turn, the time with n calls under way in its life, its own left out,
// and what it did then: calls begun, webhooks acknowledged.
func (s *sharing) observe(one *standstill) {
	still := one.full.late(settle)
	var begun []spell
	for turn := range s.e.Turns() {
		w := &s.e.Turns()[turn]
		var moments []time.Duration
		var own []spell
		end := time.Duration(0)
		for i := range w.Calls {
			c := &w.Calls[i]
			moments = append(moments, w.Spoken+c.Start)
			end = max(end, w.Spoken+c.End)
			if c.Wire == one.wire && c.Operation == one.operation {
				own = append(own, spell{w.Spoken + c.Start, w.Spoken + c.End})
			}
		}
		if acked := w.Row.Acked; acked != parley.None && acked < w.Spoken+w.Reply {
			moments = append(moments, acked)
		}
		if len(moments) == 0 {
			continue
		}
		slices.Sort(moments)
		if first := moments[0]; first < end {
			begun = append(begun, spell{first, end})
		}
		s.compare(one, &still, moments, merged(own), max(0, w.Row.Sent))
	}
	more := occupancyOf(append(begun, s.strangers()...), s.from, s.to)
	beyond := more.full(one.n + 1)
	inside, both := time.Duration(0), time.Duration(0)
	for _, sp := range still.spells {
		inside += sp.to - sp.from
		both += beyond.within(sp.from, sp.to)
	}
	if inside > 0 {
		one.between = float64(both) / float64(inside)
	}
	one.waited, one.probes = probed(s.e, &one.full)
}

// compare adds what a turn did, from when it was said, to what it would have done had its moments nothing to do with the others' calls.
func (s *sharing) compare(one *standstill, still *cover, moments []time.Duration, own cover, sent time.Duration) {
	last := moments[len(moments)-1]
	life, beside := last-sent, still.within(sent, last)
	for _, sp := range own.spells {
		a, b := max(sp.from, sent), min(sp.to, last)
		life -= max(0, b-a)
		beside -= still.within(a, b)
	}
	if life <= 0 {
		return
	}
	n, inside := 0, 0
	for _, at := range moments {
		if _, mine := own.find(at - 1); mine {
			continue
		}
		n++
		if _, in := still.find(at); in {
			if _, mine := own.find(at); !mine {
				inside++
			}
		}
	}
	one.expected += float64(n) * max(0, min(1, float64(beside)/float64(life)))
	one.events += float64(inside)
}

// fewEvents is how much the bot would have had to do meanwhile before its not doing it is no chance.
const fewEvents = 20

// telling reports whether there was enough that could have happened.
func (st *standstill) telling() bool { return st.expected >= fewEvents }

// stands reports whether the bot as a whole does nothing meanwhile.
func (st *standstill) stands(still float64) bool {
	return st.telling() && st.events <= (1-still)*st.expected && (st.probes < fewProbes || 2*st.waited > st.probes)
}

// queue reports whether what waits does so before the bot: there are no more turns begun than calls under way, as with workers that
// each do one turn after the other.
func (st *standstill) queue() bool { return st.between < 0.1 }

// standing are the operations during which the bot stands, but for those of several workers.
func (s *sharing) standing(l diagnose.Limits) (out []standstill, told bool) {
	told = true
	for _, st := range s.standstills(l["call"]) {
		switch {
		case !st.telling():
			told = false
		case st.stands(l["still"]) && (st.n == 1 || !st.queue()):
			out = append(out, st)
		}
	}
	return out, told
}
