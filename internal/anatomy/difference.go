package anatomy

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Difference says where a turn was slower than its peers: times on the critical path, which sum to the replies.
type Difference struct {
	Turn  int64   `json:"turn_id"`
	Reply float64 `json:"reply"` // s
	// Peers is the mean reply of the N turns in the middle of its peers (a fifth, three at least), in seconds. Among says who its peers
	// are, the turn itself left out: "step" (answered turns at the same step of the same script), "scenario" or "all".
	Peers float64 `json:"peers_reply"`
	N     int     `json:"peers"`
	Among string  `json:"among"`
	// Layers are those with time in either, in the order of reports; Causes the operations, the largest difference first.
	Layers []Cause `json:"layers"`
	Causes []Cause `json:"causes"`
}

// Cause is what one layer, or one operation, has to do with a difference.
type Cause struct {
	Layer string `json:"layer"`
	// Wire and Operation are those of a call. If the layer is the bot they are those of the call that the bot's own time led to.
	Wire      string `json:"wire,omitempty"`
	Operation string `json:"operation,omitempty"`
	// Seconds on the critical path, and calls until the answer: of the turn, and of its peers, mean.
	Seconds   float64 `json:"seconds"`
	Peers     float64 `json:"peers_seconds"`
	Calls     int     `json:"calls"`
	PeerCalls float64 `json:"peers_calls"`
}

// More is by how much the turn took longer than its peers, in seconds.
func (c *Cause) More() float64 { return c.Seconds - c.Peers }

// causeSum is what a Cause adds up, of the slow turn and of its peers; whole numbers sum to the same in any order.
type causeSum struct {
	time  [2]time.Duration
	calls [2]int
}

// Whose a sum is.
const slowTurn, peerTurns = 0, 1

func (s *causeSum) add(other *causeSum) {
	for who := range s.time {
		s.time[who] += other.time[who]
		s.calls[who] += other.calls[who]
	}
}

func (s *causeSum) cause(l layer, peers float64) Cause {
	return Cause{
		Layer: l.String(), Seconds: s.time[slowTurn].Seconds(), Peers: s.time[peerTurns].Seconds() / peers,
		Calls: s.calls[slowTurn], PeerCalls: float64(s.calls[peerTurns]) / peers,
	}
}

// causeKey is where time on a path is counted.
type causeKey struct {
	layer    layer
	upstream int32 // of the call, or that the bot's own time led to; nobody if there is none
}

// difference compares a turn with its peers.
func (b *body) difference(l *laid, slow composition, peers []composition, among string) *Difference {
	if len(peers) == 0 {
		return nil
	}
	upstreams := b.calls.upstreams
	sums := map[causeKey]*causeSum{}
	at := func(k causeKey) *causeSum {
		if sums[k] == nil {
			sums[k] = &causeSum{}
		}
		return sums[k]
	}
	var f pathFinder
	take := func(c composition, who int) {
		for _, p := range l.path(&f, int(c.turn), upstreams) {
			at(keyOf(p)).time[who] += p.to - p.from
		}
		for _, s := range l.group(int(c.turn)) {
			if u := &upstreams[s.upstream]; !u.delivery && s.start <= l.turns[c.turn].answered {
				at(causeKey{u.layer, s.upstream}).calls[who]++
			}
		}
	}
	take(slow, slowTurn)
	reply := time.Duration(0)
	for _, p := range peers {
		reply += p.reply
		take(p, peerTurns)
	}
	n := float64(len(peers))
	out := &Difference{Turn: l.turns[slow.turn].id, Reply: slow.reply.Seconds(), Peers: reply.Seconds() / n, N: len(peers), Among: among}
	byLayer := [layerCount]causeSum{}
	for k, sum := range sums {
		byLayer[k.layer].add(sum)
		cause := sum.cause(k.layer, n)
		if k.upstream >= 0 {
			cause.Wire, cause.Operation = upstreams[k.upstream].wire, upstreams[k.upstream].name
		}
		out.Causes = append(out.Causes, cause)
	}
	for i, sum := range byLayer {
		if sum != (causeSum{}) {
			out.Layers = append(out.Layers, sum.cause(layer(i), n))
		}
	}
	slices.SortFunc(out.Causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(math.Abs(b.More()), math.Abs(a.More())), cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Wire, b.Wire), cmp.Compare(a.Operation, b.Operation))
	})
	if len(out.Causes) > mostCauses {
		out.Causes = out.Causes[:mostCauses]
	}
	return out
}

// mostCauses bounds the operations of a difference.
const mostCauses = 20

func keyOf(p piece) causeKey {
	switch {
	case p.ref >= 0:
		return causeKey{p.layer, p.ref}
	case p.layer == botLayer:
		return causeKey{p.layer, p.before}
	default:
		return causeKey{p.layer, nobody}
	}
}
