package tap

import "parley"

// Group is a stretch of a connection that belongs to one turn: a transaction, the time for which a pool has lent it
// out, a pipeline. One call in it that names the turn speaks for all. It belongs to one session.
type Group struct {
	tap  *Tap
	turn int64
	user uint64
	// mixed: several turns have been named, so that what names none may be of any (a connection that users share).
	mixed bool
	held  []parley.Call // that have ended and name no turn yet
}

// mostHeld bounds the calls that wait for the turn of their group to be known.
const mostHeld = 256

// NewGroup returns the group of a new connection.
func NewGroup(t *Tap) Group { return Group{tap: t} }

// Began attributes a call that begins, by the identities that it holds, which the call keeps, and other values that stand in it.
func (g *Group) Began(c *parley.Call, identities, values []uint64) {
	c.Identities = identities
	if g.tap.Attribute == nil {
		return
	}
	var user uint64
	c.Turn, user, c.By = g.tap.Attribute(identities, values)
	switch c.By {
	case parley.ByIdentity, parley.ByValue:
		g.name(c.Turn, user)
	default: // by the time alone, or not at all
		if g.turn != 0 && !g.mixed {
			c.Turn, c.By = g.turn, parley.ByConnection
		}
	}
}

// name tells the turn of the group, and so of the calls that waited for it.
func (g *Group) name(turn int64, user uint64) {
	if turn == 0 {
		return // somebody who says nothing at the moment
	}
	g.mixed = g.mixed || g.turn != 0 && g.turn != turn
	g.turn, g.user = turn, user
	for i := range g.held {
		g.held[i].Turn, g.held[i].By = turn, parley.ByConnection
	}
	g.flush()
}

// Ended records a call, or keeps it until its group's turn is known. Values are those it brought to light.
func (g *Group) Ended(c parley.Call, values []uint64) {
	if c.Turn == 0 && g.turn != 0 && !g.mixed {
		c.Turn, c.By = g.turn, parley.ByConnection
	}
	if g.user != 0 && c.Turn == g.turn && len(values) > 0 && g.tap.Reveal != nil {
		g.tap.Reveal(g.user, values)
	}
	if c.Turn != 0 || g.mixed {
		g.record(c)
		return
	}
	if len(g.held) == mostHeld {
		g.flush()
	}
	g.held = append(g.held, c)
}

// Close ends the group: the next call may be for anybody.
func (g *Group) Close() {
	g.flush()
	g.turn, g.user, g.mixed = 0, 0, false
}

func (g *Group) flush() {
	for _, c := range g.held {
		g.record(c)
	}
	clear(g.held)
	g.held = g.held[:0]
}

func (g *Group) record(c parley.Call) {
	if g.tap.Record != nil {
		g.tap.Record(c)
	}
}
