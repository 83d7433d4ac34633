package tap

import (
	"parley"
	"parley/internal/fingerprint"
)

// Group is a stretch of a connection that belongs to one turn: a transaction, the time for which a pool has lent it
// out, a pipeline. One call in it that names the turn speaks for all. It belongs to one session.
type Group struct {
	tap  *Tap
	turn int64
	user uint64
	// mixed: several turns have been named, so that what names none may be of any (a connection that users share).
	mixed bool
	// guess is the user of the latest call that was tied to a turn by something weaker than its content.
	guess uint64
	held  []parley.Call // that have ended and name no turn yet
}

// mostHeld bounds the calls that wait for the turn of their group to be known.
const mostHeld = 256

// NewGroup returns the group of a new connection.
func NewGroup(t *Tap) Group { return Group{tap: t} }

// Began attributes a call that begins, by the identities that it holds, which the call keeps, and other values that stand in it.
func (g *Group) Began(c *parley.Call, identities []uint64, fields []fingerprint.Field) {
	c.Identities = identities
	if g.tap.Attribute == nil {
		return
	}
	if g.turn != 0 && !g.mixed {
		c.Turn, c.By = g.turn, parley.ByConnection
	}
	user := g.tap.Attribute(c, fields)
	switch c.By {
	case parley.ByIdentity, parley.ByValue, parley.BySequence:
		g.name(c.Turn, user)
	case parley.ByConnection:
	default: // by the time or the order alone, or not at all
		g.guess = user
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

// Ended records a call, or keeps it until its group's turn is known. Fields are what stood in it and what it brought to light.
func (g *Group) Ended(c parley.Call, fields []fingerprint.Field) {
	if c.Turn == 0 && g.turn != 0 && !g.mixed {
		c.Turn, c.By = g.turn, parley.ByConnection
	}
	if g.tap.Reveal != nil && c.Turn != 0 && len(fields) > 0 {
		switch {
		case c.Turn == g.turn:
			g.tap.Reveal(g.user, c.By, fields)
		case g.turn == 0:
			g.tap.Reveal(g.guess, c.By, fields)
		}
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
	g.settle()
	g.flush()
	g.turn, g.user, g.guess, g.mixed = 0, 0, 0, false
}

// settle asks once more for the turn of calls that wait for it, now that they are over.
func (g *Group) settle() {
	if g.tap.Settle == nil || g.turn != 0 {
		return
	}
	for i := range g.held {
		user := g.tap.Settle(&g.held[i])
		if user == 0 {
			continue
		}
		// What was asked on the connection besides is the same turn's.
		turn, by := g.held[i].Turn, g.held[i].By
		for k := range g.held {
			g.held[k].Turn, g.held[k].By = turn, parley.ByConnection
		}
		g.held[i].By = by
		return
	}
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
