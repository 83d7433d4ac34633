package drive

import (
	"slices"
	"sync"
	"time"

	"parley"
)

// registry finds the conversation that a reply or a call belongs to.
type registry struct {
	mu sync.Mutex
	// open holds the conversations that are not over; lingering ones are over but may still get replies.
	open       map[*conversation]struct{}
	byIdentity map[uint64]*conversation // keyed hashes of numbers and message ids
	byWords    map[uint64]*utterance    // on each somebody waits
	waiting    []*waiter                // of the conversations in a turn, in no order
	played     map[uint64]struct{}      // keyed hashes of all numbers ever given to a user
	byTurn     map[int64]*conversation  // conversations with a goal that a call reaches
	// came is when a conversation was opened last, answered when a turn ended last.
	came, answered time.Time
}

// utterance is one sentence that users wait on: who does, in the order in which they began to.
type utterance struct {
	queue []*waiter  // some of them gone
	count int        // of those who are not
	first [1]*waiter // what queue begins with: most sentences have one
}

// waiter is a conversation, nil when it is gone, how many calls were taken to be its turn's, and where in registry.waiting it stands.
type waiter struct {
	c     *conversation
	calls int
	place int
}

// next returns the conversation whose call comes next: of those with the fewest calls the one that has waited
// longest. A bot calls for everybody equally often, so that one who has just begun to wait goes before one
// who had a call already.
func (u *utterance) next() *conversation {
	var least *waiter
	for _, w := range u.queue {
		if w.c != nil && (least == nil || w.calls < least.calls) {
			least = w
			if w.calls == 0 {
				break
			}
		}
	}
	least.calls++
	return least.c
}

// leave takes w out. The queue is tidied when half of it is gone, so that a crowd that
// says the same does not search all of itself whenever one is answered.
func (u *utterance) leave(w *waiter) {
	w.c = nil
	if u.count--; len(u.queue) > 2*u.count {
		u.queue = slices.DeleteFunc(u.queue, func(w *waiter) bool { return w.c == nil })
	}
}

func newRegistry() registry {
	return registry{
		open:       make(map[*conversation]struct{}),
		byIdentity: make(map[uint64]*conversation),
		byWords:    make(map[uint64]*utterance),
		played:     make(map[uint64]struct{}),
		byTurn:     make(map[int64]*conversation),
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

// claim gives the user's number to c if it is free: no other conversation of the same user
// is open, or was given up and may be answered yet. It also tells whether the user spoke before.
func (r *registry) claim(c *conversation, user uint64) (free, spoke bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, spoke = r.played[user]
	if other := r.byIdentity[user]; other != nil {
		if _, busy := r.open[other]; busy || other.gaveUp.Load() {
			return false, spoke
		}
	}
	r.byIdentity[user] = c
	r.played[user] = struct{}{}
	r.open[c] = struct{}{}
	r.came = time.Now()
	return true, spoke
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

// wait notes that c waits for an answer to words.
func (r *registry) wait(c *conversation, words uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.byWords[words]
	if u == nil {
		u = &utterance{}
		u.queue = u.first[:0]
		r.byWords[words] = u
	}
	c.waiter = &waiter{c: c, place: len(r.waiting)}
	u.queue = append(u.queue, c.waiter)
	u.count++
	r.waiting = append(r.waiting, c.waiter)
}

// unwait undoes wait.
func (r *registry) unwait(c *conversation, words uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.byWords[words]
	last := len(r.waiting) - 1
	r.waiting[c.waiter.place] = r.waiting[last]
	r.waiting[last].place = c.waiter.place
	r.waiting[last] = nil
	r.waiting = r.waiting[:last]
	u.leave(c.waiter)
	c.waiter = nil
	r.answered = time.Now()
	if u.count == 0 {
		delete(r.byWords, words)
	}
}

// named returns the conversation of the first identity that is known, nil if none is.
func (r *registry) named(identities []uint64) *conversation {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range identities {
		if c := r.byIdentity[h]; c != nil {
			return c
		}
	}
	return nil
}

// said returns the conversation that waits for an answer to words; several: more than one does.
func (r *registry) said(words uint64) (c *conversation, several bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.byWords[words]
	switch {
	case words == 0 || u == nil:
		return nil, false
	case u.count > 1:
		return nil, true
	default:
		return u.next(), false
	}
}

// served returns the conversation that is to be answered next of those that wait on words, nil if none does.
func (r *registry) served(words uint64) *conversation {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.byWords[words]; u != nil {
		return u.next()
	}
	return nil
}

// dealt notes that a call on words that several wait on is known to be of c.
func (r *registry) dealt(c *conversation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.waiter != nil {
		c.waiter.calls++
	}
}

// everybody lists the conversations in a turn, none if there are more than most.
func (r *registry) everybody(most int) (list []*conversation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) > most {
		return nil
	}
	for _, w := range r.waiting {
		list = append(list, w.c)
	}
	return list
}

// waits reports whether a conversation is in a turn.
func (r *registry) waits(c *conversation) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return c != nil && c.waiter != nil
}

// sole returns the one conversation in a turn, nil if there is none or several.
func (r *registry) sole() *conversation {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 1 {
		return r.waiting[0].c
	}
	return nil
}

// company is who else is there.
type company struct {
	// conversation is the only one that is open, nil if there is none or several; settled: nobody else has been there for a moment.
	conversation *conversation
	settled      bool
	// quiet: nobody has waited for a moment.
	quiet bool
}

// aMoment is how long a bot may still be busy with a turn that is answered.
const aMoment = 500 * time.Millisecond

// alone tells who is there.
func (r *registry) alone(now time.Time) company {
	r.mu.Lock()
	defer r.mu.Unlock()
	with := company{quiet: len(r.waiting) == 0 && now.Sub(r.answered) >= aMoment}
	if len(r.open) == 1 {
		for c := range r.open {
			with.conversation, with.settled = c, now.Sub(r.came) >= aMoment
		}
	}
	return with
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

// AttributeNumber ties a call to the turn of the user with a number.
func (d *Driver) AttributeNumber(number string) (turn int64, by parley.Attribution) {
	c := d.registry.lookup(d.o.Key.Hash(number))
	if c == nil {
		return 0, parley.Unattributed
	}
	turn = c.turnID()
	d.trails.stirs(turn)
	return turn, parley.ByIdentity
}
