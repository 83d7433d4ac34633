package drive

import (
	"sync"

	"parley"
)

// revealed remembers which user a value has come to light for: the id of a row that was read by a user's number is
// that user's, and a later statement with that id is about the same user.
type revealed struct {
	mu     sync.Mutex
	owners map[uint64]uint64 // keyed hash of the user's number by that of the value; nobody's if it is of several
}

// nobody owns what came to light for several users: the rows of a price list, say.
const nobody = 0

// mostRevealed bounds the memory, at some 40 MB. A longer run forgets all and learns anew.
const mostRevealed = 1 << 20

// add notes values that came to light for a user.
func (r *revealed) add(user uint64, values []uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.owners == nil || len(r.owners) > mostRevealed {
		r.owners = make(map[uint64]uint64)
	}
	for _, v := range values {
		switch owner, known := r.owners[v]; {
		case !known:
			r.owners[v] = user
		case owner != user:
			r.owners[v] = nobody
		}
	}
}

// owner returns the one user whom the values belong to, nobody if there is none or several.
func (r *revealed) owner(values []uint64) (user uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range values {
		owner := r.owners[v]
		switch {
		case owner == nobody || owner == user:
		case user == nobody:
			user = owner
		default:
			return nobody
		}
	}
	return user
}

// Trace ties a call on a wire that parley taps to a turn: by the identities in it, else by other values in it that came to
// light for one user only, else by the time if only one user waits. User is the keyed hash of the user's number, 0 if the turn
// is unknown.
func (d *Driver) Trace(identities, values []uint64) (turn int64, user uint64, by parley.Attribution) {
	c, by := d.registry.find(identities, 0)
	if by != parley.ByIdentity && len(values) > 0 {
		if owner := d.revealed.owner(values); owner != nobody {
			if known := d.registry.lookup(owner); known != nil {
				c, by = known, parley.ByValue
			}
		}
	}
	if c == nil {
		return 0, 0, by
	}
	turn, user = c.current()
	return turn, user, by
}

// Reveal notes values that came to light in a call of a user.
func (d *Driver) Reveal(user uint64, values []uint64) {
	if user != nobody {
		d.revealed.add(user, values)
	}
}

// current returns the current turn and its user.
func (c *conversation) current() (turn int64, user uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turn.ID, c.turn.User
}
