package anatomy

import (
	"cmp"
	"math"
	"slices"
)

// Difference says where a turn was slower than its peers: times on the critical path, which sum to the replies.
type Difference struct {
	Turn  int64   `json:"turn_id"`
	Reply float64 `json:"reply"` // s
	// Peers is the mean reply of the N turns in the middle fifth of its peers, in seconds. Among says who its peers
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
	sums := map[causeKey]*Cause{}
	at := func(k causeKey) *Cause {
		if sums[k] == nil {
			sums[k] = &Cause{Layer: k.layer.String()}
			if k.upstream >= 0 {
				sums[k].Wire, sums[k].Operation = upstreams[k.upstream].wire, upstreams[k.upstream].name
			}
		}
		return sums[k]
	}
	var f pathFinder
	take := func(turn int32, time, calls func(c *Cause, v float64)) {
		for _, p := range l.path(&f, int(turn), upstreams) {
			time(at(keyOf(p)), (p.to - p.from).Seconds())
		}
		for _, s := range l.group(int(turn)) {
			if u := &upstreams[s.upstream]; !u.delivery && s.start <= l.turns[turn].answered {
				calls(at(causeKey{u.layer, s.upstream}), 1)
			}
		}
	}
	out := &Difference{Turn: l.turns[slow.turn].id, Reply: slow.reply.Seconds(), N: len(peers), Among: among}
	take(slow.turn, func(c *Cause, v float64) { c.Seconds += v }, func(c *Cause, v float64) { c.Calls += int(v) })
	for _, p := range peers {
		out.Peers += p.reply.Seconds() / float64(len(peers))
		take(p.turn, func(c *Cause, v float64) { c.Peers += v / float64(len(peers)) }, func(c *Cause, v float64) { c.PeerCalls += v / float64(len(peers)) })
	}
	byLayer := [layerCount]Cause{}
	for k, c := range sums {
		sum := &byLayer[k.layer]
		sum.Layer, sum.Seconds, sum.Peers = c.Layer, sum.Seconds+c.Seconds, sum.Peers+c.Peers
		if k.layer != botLayer { // whose operations are those of other layers
			sum.Calls, sum.PeerCalls = sum.Calls+c.Calls, sum.PeerCalls+c.PeerCalls
		}
		out.Causes = append(out.Causes, *c)
	}
	for _, c := range byLayer {
		if c.Layer != "" {
			out.Layers = append(out.Layers, c)
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
