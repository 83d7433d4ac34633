package drive

import (
	"slices"
	"time"

	"parley"
	"parley/internal/fingerprint"
)

// Trace ties a call that begins on one of the bot's wires to a turn: it sets call.Turn and call.By, by the identities, the words
// and the operation that stand in the call already, and by other values in it. What is the surest is taken:
//
//   - an identity;
//   - the connection, if the tap found the call on one that is held for a turn (it has set call.Turn then);
//   - a value that came to light for one user only, whom the bot may be busy with;
//   - the user's last words, if one waiting user said them;
//   - what came before: with one user alone calls of this operation come right after a certain other one, and of one waiting turn
//     that has just ended;
//   - the user's last words, if several said them: the one who is served next;
//   - the time, if only one user waits.
//
// It returns the keyed hash of the user's number, 0 if the turn is unknown.
func (d *Driver) Trace(call *parley.Call, fields []fingerprint.Field) (user uint64) {
	now := time.Now()
	alone := d.registry.alone(now)
	c, by := d.recognise(call, fields)
	if by == parley.ByConnection && alone.conversation != nil && alone.conversation.turnID() == call.Turn {
		c = alone.conversation
	}
	if c == nil {
		call.By = by
		switch {
		case by == parley.ByConnection:
			d.trails.began(call, nobody, false)
		case alone.quiet:
			d.trails.stray(call)
			d.lineage.disown(fields)
		default:
			d.lineage.guess(fields, d.waits)
		}
		return nobody
	}
	call.By = by
	call.Turn, user = c.turnOf(call.Identities)
	sure := by != parley.ByTime || alone.settled
	learn := alone.conversation == c && sure
	switch {
	case learn:
		d.lineage.study(user, fields)
	case by == parley.ByIdentity:
		d.lineage.check(user, fields)
	}
	d.trails.began(call, user, learn)
	return user
}

// waits reports whether a user waits.
func (d *Driver) waits(user uint64) bool { return d.registry.waits(d.registry.lookup(user)) }

// Settle ties a call that has ended, and that nothing tied to a turn when it began, to the one turn that has done nothing else
// meanwhile and was to make such a call. It returns the user, 0 if the call stays without a turn.
func (d *Driver) Settle(call *parley.Call) (user uint64) {
	if call.Turn != 0 || call.End == parley.None {
		return nobody
	}
	waiting := d.registry.everybody(mostWaiting)
	turns, users := make([]int64, len(waiting)), make([]uint64, len(waiting))
	for i, c := range waiting {
		turns[i], users[i] = c.current()
	}
	turn := d.trails.settle(call, turns)
	if turn == 0 {
		return nobody
	}
	call.Turn, call.By = turn, parley.BySequence
	return users[slices.Index(turns, turn)]
}

// Over notes that a call tied to a turn has ended: the turn may make the next one.
func (d *Driver) Over(call *parley.Call) { d.trails.over(call) }

// recognise finds the conversation of a call. It is nil for one that is unknown, or known by its connection alone.
func (d *Driver) recognise(call *parley.Call, fields []fingerprint.Field) (*conversation, parley.Attribution) {
	if c := d.registry.named(call.Identities); c != nil {
		return c, parley.ByIdentity
	}
	if call.Turn != 0 {
		return nil, parley.ByConnection
	}
	if owner := d.lineage.owner(fields); owner != nobody {
		if c := d.registry.lookup(owner); c != nil && c.occupies(call.Start) {
			return c, parley.ByValue
		}
	}
	c, several := d.registry.said(call.Words)
	if c != nil {
		return c, parley.ByWords
	}
	next := d.trails.next(call, func(turn int64, user uint64) bool {
		c := d.registry.lookup(user)
		return c != nil && c.turnID() == turn && (!several || c.waitsOn(call.Words))
	})
	if c := d.registry.lookup(next); c != nil {
		if several {
			d.registry.dealt(c)
		}
		return c, parley.BySequence
	}
	if several {
		if c = d.registry.served(call.Words); c != nil {
			return c, parley.ByOrder
		}
	}
	if c := d.registry.sole(); c != nil {
		return c, parley.ByTime
	}
	return nil, parley.Unattributed
}

// Reveal notes values that came to light in a call of a user, which was tied to the turn in the given way.
func (d *Driver) Reveal(user uint64, by parley.Attribution, fields []fingerprint.Field) {
	if user == nobody || len(fields) == 0 {
		return
	}
	if alone := d.registry.alone(time.Now()); alone.conversation != nil && (by != parley.ByTime || alone.settled) {
		if _, present := alone.conversation.current(); present == user {
			d.lineage.observe(user, fields)
		}
	}
	if by != parley.ByTime { // a poll that comes while one user waits has constants, which are not the user's
		d.lineage.reveal(user, fields)
	}
}

// turnOf returns the turn that a call with some identities is of, and its user: the current one, unless a message of the one
// before stands in the call.
func (c *conversation) turnOf(identities []uint64) (turn int64, user uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	named := func(id uint64) bool { return slices.Contains(c.turn.Messages, id) }
	before := func(id uint64) bool { return slices.Contains(c.previous.messages, id) }
	if !slices.ContainsFunc(identities, named) && slices.ContainsFunc(identities, before) {
		return c.previous.turn, c.turn.User
	}
	return c.turn.ID, c.turn.User
}

// current returns the current turn and its user.
func (c *conversation) current() (turn int64, user uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turn.ID, c.turn.User
}

// occupies reports whether the bot may be busy with the conversation: a turn is open, or ended not long ago.
func (c *conversation) occupies(at time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turn.Outcome == parley.Open || at-c.turn.Ended < afterwards
}

// afterwards is how long a bot may go on with a turn that has ended.
const afterwards = 10 * time.Second

// waitsOn reports whether the user waits for an answer to words.
func (c *conversation) waitsOn(words uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turn.Words == words && c.turn.Outcome == parley.Open
}
