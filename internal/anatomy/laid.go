package anatomy

import (
	"cmp"
	"math"
	"slices"
	"time"

	"parley"
)

// laid is a set of turns with their calls and deliveries.
type laid struct {
	turns []judgedTurn
	spans []callSpan // grouped by turn
	ends  []int      // where each turn's group ends
}

// layOut groups the spans that belong to a turn, in the order of turns, by counting sort.
func layOut(turns []judgedTurn, spans []callSpan) laid {
	place := make([]int, len(turns)+1)
	for _, s := range spans {
		if s.turn >= 0 {
			place[s.turn+1]++
		}
	}
	for i := range turns {
		place[i+1] += place[i]
	}
	out := make([]callSpan, place[len(turns)])
	for _, s := range spans {
		if s.turn >= 0 {
			out[place[s.turn]] = s
			place[s.turn]++
		}
	}
	return laid{turns, out, place[:len(turns)]}
}

// group returns the spans of a turn.
func (l *laid) group(turn int) []callSpan {
	from := 0
	if turn > 0 {
		from = l.ends[turn-1]
	}
	return l.spans[from:l.ends[turn]]
}

// path is the critical path of a turn; the refs of its pieces are places among the upstreams.
func (l *laid) path(f *pathFinder, turn int, upstreams []upstreamCount) []piece {
	f.acts = f.acts[:0]
	for _, s := range l.group(turn) {
		u := &upstreams[s.upstream]
		f.acts = append(f.acts, activity{s.start, s.end, s.upstream, u.layer, u.delivery})
	}
	return f.find(&l.turns[turn])
}

// composition is what an answered turn is made of, in 56 bytes: there are millions.
type composition struct {
	turn   int32
	layers [layerCount]float32 // s on the critical path
	shape  uint64              // calls by layer until the answer
	reply  time.Duration
}

// compose describes the answered turns and hands each path to see.
func (l *laid) compose(upstreams []upstreamCount, see func(t *judgedTurn, path []piece)) []composition {
	var out []composition
	var f pathFinder
	for i := range l.turns {
		t := &l.turns[i]
		if t.answered == parley.None {
			continue
		}
		c := composition{turn: int32(i), reply: t.answered - t.spoken}
		counts := [layerCount]uint64{}
		for _, s := range l.group(i) {
			if u := &upstreams[s.upstream]; !u.delivery && s.start <= t.answered {
				counts[u.layer] = min(counts[u.layer]+1, 127)
			}
		}
		for _, n := range counts {
			c.shape = c.shape<<7 | n
		}
		path := l.path(&f, i, upstreams)
		for _, p := range path {
			c.layers[p.layer] += float32((p.to - p.from).Seconds())
		}
		see(t, path)
		out = append(out, c)
	}
	return out
}

// typical returns the turn nearest the middle: of those with the most frequent numbers of calls the one whose reply time
// and times by layer are, added up, the least away from their medians.
func typical(all []composition) (composition, bool) {
	counts := map[uint64]int{}
	for i := range all {
		counts[all[i].shape]++
	}
	shape, most := uint64(0), 0
	for s, n := range counts {
		if n > most || n == most && s < shape {
			shape, most = s, n
		}
	}
	like := make([]composition, 0, most)
	for _, c := range all {
		if c.shape == shape {
			like = append(like, c)
		}
	}
	if len(like) == 0 {
		return composition{}, false
	}
	reply := median(like, func(c *composition) float64 { return c.reply.Seconds() })
	var layers [layerCount]float64
	for l := range layers {
		layers[l] = median(like, func(c *composition) float64 { return float64(c.layers[l]) })
	}
	best, least := like[0], math.Inf(1)
	for i := range like {
		away := math.Abs(like[i].reply.Seconds() - reply)
		for l, m := range layers {
			away += math.Abs(float64(like[i].layers[l]) - m)
		}
		if away < least {
			best, least = like[i], away
		}
	}
	return best, true
}

func median(all []composition, of func(*composition) float64) float64 {
	values := make([]float64, len(all))
	for i := range all {
		values[i] = of(&all[i])
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// slowOne returns the turn that 99 in a hundred are no slower than.
func slowOne(all []composition) (composition, bool) {
	if len(all) == 0 {
		return composition{}, false
	}
	return all[(99*len(all)+99)/100-1], true
}

// byReply sorts by the reply time.
func byReply(all []composition) {
	slices.SortFunc(all, func(a, b composition) int {
		return cmp.Or(cmp.Compare(a.reply, b.reply), cmp.Compare(a.turn, b.turn))
	})
}

// fewPeers is the number of peers below which a turn is compared with a wider circle, leastMiddle how many of them are the
// middle at least.
const fewPeers, leastMiddle = 5, 3

// middlePeers returns the middle fifth, by reply time, of the turns that are like a turn: said at the same step of the same script, or
// with few of those in the same script, or any. All are sorted by reply time.
func (b *body) middlePeers(all []composition, slow composition, turns []judgedTurn) (peers []composition, who string) {
	kind := b.kinds[turns[slow.turn].kind]
	for _, circle := range []struct {
		who  string
		like func(k turnKind) bool
	}{
		{"step", func(k turnKind) bool { return k == kind }},
		{"scenario", func(k turnKind) bool { return k.scenario == kind.scenario }},
		{"all", func(turnKind) bool { return true }},
	} {
		peers, who = peers[:0], circle.who
		for _, c := range all {
			if c.turn != slow.turn && circle.like(b.kinds[turns[c.turn].kind]) {
				peers = append(peers, c)
			}
		}
		if len(peers) >= fewPeers {
			break
		}
	}
	outside := (len(peers) - min(max(len(peers)/5, leastMiddle), len(peers))) / 2
	return peers[outside : len(peers)-outside], who
}
