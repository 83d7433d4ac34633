package calendar

import "hash/fnv"

// position is a place in the order of events: by start, then by id.
type position struct {
	Start int64  `json:"s"`
	ID    string `json:"i"`
}

func (p position) before(o position) bool {
	return p.Start < o.Start || p.Start == o.Start && p.ID < o.ID
}

func (e *event) position() position { return position{e.start.at, e.id} }

// index holds events by time: a treap in the order of position, in which each node knows the latest end below
// it. Inserting and removing take time logarithmic in the number of events; finding those that overlap a
// range, logarithmic for each one found.
type index struct{ root *node }

type node struct {
	event       *event
	at          position
	priority    uint64
	latest      int64 // end of any event in this subtree
	left, right *node
}

// priorityOf is a hash of the id: the shape follows from the events alone, and nobody
// degenerates it by inserting in order.
func priorityOf(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // never fails
	x := h.Sum64()
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}

func (n *node) update() {
	n.latest = n.event.end.at
	if n.left != nil {
		n.latest = max(n.latest, n.left.latest)
	}
	if n.right != nil {
		n.latest = max(n.latest, n.right.latest)
	}
}

// insert adds an event that is not in the index.
func (x *index) insert(e *event) {
	low, high := split(x.root, e.position())
	n := &node{event: e, at: e.position(), priority: priorityOf(e.id)}
	n.update()
	x.root = join(join(low, n), high)
}

// remove takes an event out, if it is there.
func (x *index) remove(e *event) { x.root = without(x.root, e.position()) }

// split divides a tree into what is before a position and the rest.
func split(n *node, at position) (low, high *node) {
	if n == nil {
		return nil, nil
	}
	if n.at.before(at) {
		n.right, high = split(n.right, at)
		low = n
	} else {
		low, n.left = split(n.left, at)
		high = n
	}
	n.update()
	return low, high
}

// join puts two trees together, of which all of the first is before the second.
func join(low, high *node) *node {
	switch {
	case low == nil:
		return high
	case high == nil:
		return low
	case low.priority > high.priority:
		low.right = join(low.right, high)
		low.update()
		return low
	default:
		high.left = join(low, high.left)
		high.update()
		return high
	}
}

func without(n *node, at position) *node {
	switch {
	case n == nil:
		return nil
	case at.before(n.at):
		n.left = without(n.left, at)
	case n.at.before(at):
		n.right = without(n.right, at)
	default:
		return join(n.left, n.right)
	}
	n.update()
	return n
}

// visit calls yield with the events that end after from, start before to and come after a
// position, in order, until it returns false.
func (x *index) visit(from, to int64, after position, yield func(*event) bool) {
	x.root.visit(from, to, after, yield)
}

func (n *node) visit(from, to int64, after position, yield func(*event) bool) bool {
	if n == nil || n.latest <= from {
		return true
	}
	if !after.before(n.at) {
		return n.right.visit(from, to, after, yield)
	}
	if !n.left.visit(from, to, after, yield) {
		return false
	}
	if n.at.Start >= to {
		return true
	}
	if n.event.end.at > from && !yield(n.event) {
		return false
	}
	return n.right.visit(from, to, after, yield)
}
