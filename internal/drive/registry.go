package drive

import (
	"sync"

	"parley"
)

// registry finds the conversation that a reply or a call belongs to.
type registry struct {
	mu sync.Mutex
	// open holds the conversations that are not over; lingering ones are over but may still get replies.
	open       map[*conversation]struct{}
	byIdentity map[uint64]*conversation // keyed hashes of numbers and message ids
	byWords    map[uint64]*utterance
	waiting    map[*conversation]int64 // conversations in a turn, and which one
	played     map[uint64]struct{}     // keyed hashes of all numbers ever given to a user
}

// utterance is one sentence that users wait on.
type utterance struct {
	count int // turns waiting on these words
	// queue holds them in the order in which calls are taken to be theirs: whoever
	// got one goes to the back. Those who no longer wait are skipped and dropped.
	queue []waiter
}

// waiter is one turn of a conversation.
type waiter struct {
	c    *conversation
	turn int64
}

// next returns the turn whose call comes next.
func (u *utterance) next(waiting map[*conversation]int64) *conversation {
	for len(u.queue) > 0 {
		w := u.queue[0]
		u.queue = u.queue[1:]
		if waiting[w.c] == w.turn {
			u.queue = append(u.queue, w)
			return w.c
		}
	}
	return nil
}

func newRegistry() registry {
	return registry{
		open:       make(map[*conversation]struct{}),
		byIdentity: make(map[uint64]*conversation),
		byWords:    make(map[uint64]*utterance),
		waiting:    make(map[*conversation]int64),
		played:     make(map[uint64]struct{}),
	}
}

func (r *registry) openCount() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.open)
}

func (r *registry) all() []*conversation {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*conversation, 0, len(r.open))
	for c := range r.open {
		list = append(list, c)
	}
	return list
}

// claim gives the user's number to c unless another conversation of the same user is open.
func (r *registry) claim(c *conversation, user uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.byIdentity[user]; other != nil {
		if _, busy := r.open[other]; busy {
			return false
		}
	}
	r.byIdentity[user] = c
	r.played[user] = struct{}{}
	r.open[c] = struct{}{}
	return true
}

// ended takes c from the open conversations; its identities stay until forget.
func (r *registry) ended(c *conversation) {
	r.mu.Lock()
	delete(r.open, c)
	r.mu.Unlock()
}

// forget drops the identities of c that no later conversation has taken over.
func (r *registry) forget(c *conversation, identities []uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range identities {
		if r.byIdentity[h] == c {
			delete(r.byIdentity, h)
		}
	}
}

func (r *registry) lookup(identity uint64) *conversation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byIdentity[identity]
}

func (r *registry) knows(user uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.played[user]
	return ok
}

// message ties a message id to its conversation.
func (r *registry) message(c *conversation, id uint64) {
	r.mu.Lock()
	r.byIdentity[id] = c
	r.mu.Unlock()
}

// wait notes that c waits, in a turn, for an answer to words.
func (r *registry) wait(c *conversation, turn int64, words uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[c] = turn
	u := r.byWords[words]
	if u == nil {
		u = &utterance{}
		r.byWords[words] = u
	}
	u.count++
	u.queue = append(u.queue, waiter{c, turn})
}

// unwait undoes wait.
func (r *registry) unwait(c *conversation, words uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, c)
	u := r.byWords[words]
	if u == nil {
		return
	}
	if u.count--; u.count == 0 {
		delete(r.byWords, words)
	}
}

// find returns the conversation that a call belongs to and how that is known.
func (r *registry) find(identities []uint64, words uint64) (*conversation, parley.Attribution) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range identities {
		if c := r.byIdentity[h]; c != nil {
			return c, parley.ByIdentity
		}
	}
	if u := r.byWords[words]; words != 0 && u != nil {
		alone := u.count == 1
		if c := u.next(r.waiting); c != nil {
			if alone {
				return c, parley.ByWords
			}
			return c, parley.ByOrder
		}
	}
	if len(r.waiting) == 1 {
		for c := range r.waiting {
			return c, parley.ByTime
		}
	}
	return nil, parley.Unattributed
}

// settle records the last changes of conversations that linger.
func (r *registry) settle() {
	r.mu.Lock()
	lingering := make(map[*conversation]struct{})
	for _, c := range r.byIdentity {
		lingering[c] = struct{}{}
	}
	r.mu.Unlock()
	for c := range lingering {
		c.settle()
	}
}

// Known reports whether a number belongs to a user who has spoken.
func (d *Driver) Known(number string) bool { return d.registry.knows(d.o.Key.Hash(number)) }

// Attribute ties a call to a turn by what stands in it.
func (d *Driver) Attribute(identities []uint64, words uint64) (turn int64, by parley.Attribution) {
	c, by := d.registry.find(identities, words)
	if c == nil {
		return 0, by
	}
	return c.turnID(), by
}

// AttributeNumber ties a call to the turn of the user with a number.
func (d *Driver) AttributeNumber(number string) (turn int64, by parley.Attribution) {
	c := d.registry.lookup(d.o.Key.Hash(number))
	if c == nil {
		return 0, parley.Unattributed
	}
	return c.turnID(), parley.ByIdentity
}
