package drive

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley"
)

// mostWaiting bounds the users among whom the one is looked for whose turn did nothing else.
const mostWaiting = 256

// trails knows what the bot did last for each turn. With one user alone it learns which call comes right after which, and how
// soon; among many users a call that names nobody belongs to the one turn whose last call was such a one and has just
// ended.
type trails struct {
	// used: there are calls that are tied to turns by more than the user's number.
	used  atomic.Bool
	mu    sync.Mutex
	of    map[int64]*trail
	ended map[kind]*ends
	// after holds, for each kind of call, those that it came after with one user alone, and how soon.
	after map[kind]map[kind]*pace
	// strays are kinds of calls that came when no user waited: they may come at any time.
	strays map[kind]struct{}
}

// kind is a kind of call.
type kind struct{ wire, operation string }

func kindOf(c *parley.Call) kind { return kind{c.Wire, c.Operation} }

// trail is one turn's. It does not hold on to the conversation, which may be over.
type trail struct {
	turn   int64
	user   uint64
	events int  // calls that began or ended
	idle   bool // none has begun since one ended
	last   kind // the one that ended last
	at     time.Duration
}

// pace is how soon one call came after another.
type pace struct {
	times   int
	longest time.Duration
}

// known reports whether one call was found to come after the other often enough.
func (p *pace) known() bool { return p != nil && p.times >= enoughTimes }

// bound is how long after the one the other is expected at the latest.
func (p *pace) bound() time.Duration { return slower*p.longest + allowance }

// ends are the latest ends of one kind of call, the oldest overwritten.
type ends struct {
	ring [64]ending
	next int
}

// ending is the end of a call: its turn does nothing else as long as there were no more events.
type ending struct {
	t      *trail
	events int
	at     time.Duration
}

// Bounds: of what is remembered, and of how soon is right after. A busy bot is slower than one with a single user; who was
// ready longer ago than that may still be the one, so that nobody is taken then.
const (
	mostTrails  = 1 << 16
	mostKinds   = 1024
	mostBefore  = 32
	enoughTimes = 3
	slower      = 3
	allowance   = 20 * time.Millisecond
	farther     = 10
)

// began notes that a call of a turn begins; the user may be unknown. learn: the user is alone.
func (t *trails) began(call *parley.Call, user uint64, learn bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil || len(t.of) >= mostTrails {
		t.used.Store(true)
		t.of = map[int64]*trail{}
	}
	of := t.of[call.Turn]
	if of == nil {
		if user == nobody {
			return
		}
		of = &trail{turn: call.Turn, user: user}
		t.of[call.Turn] = of
	}
	if learn && of.idle {
		t.learn(kindOf(call), of.last, call.Start-of.at)
	}
	of.events++
	of.idle = false
}

// stirs notes that a turn does something.
func (t *trails) stirs(turn int64) {
	if !t.used.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if of := t.of[turn]; of != nil {
		of.events++
		of.idle = false
	}
}

// learn notes that one call came after another. The caller holds mu.
func (t *trails) learn(came, after kind, gap time.Duration) {
	if t.after == nil {
		t.after = map[kind]map[kind]*pace{}
	}
	before := t.after[came]
	if before == nil {
		if len(t.after) >= mostKinds {
			return
		}
		before = map[kind]*pace{}
		t.after[came] = before
	}
	p := before[after]
	if p == nil {
		if len(before) >= mostBefore {
			return
		}
		p = &pace{}
		before[after] = p
	}
	p.times++
	p.longest = max(p.longest, gap)
}

// over notes that a call has ended.
func (t *trails) over(call *parley.Call) {
	if !t.used.Load() || call.Turn == 0 || call.End == parley.None {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.of[call.Turn]
	if of == nil || call.End < of.at {
		return // it was kept until its turn was known
	}
	of.events++
	of.idle, of.last, of.at = true, kindOf(call), call.End
	e := t.ended[of.last]
	if e == nil {
		if t.ended == nil || len(t.ended) >= mostKinds {
			t.ended = map[kind]*ends{}
		}
		e = &ends{}
		t.ended[of.last] = e
	}
	e.ring[e.next%len(e.ring)] = ending{of, of.events, call.End}
	e.next++
}

// stray notes a call that came though no user waited.
func (t *trails) stray(call *parley.Call) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.strays == nil {
		t.strays = map[kind]struct{}{}
	}
	if len(t.strays) < mostKinds {
		t.strays[kindOf(call)] = struct{}{}
	}
}

// settle returns the turn that made a call which has ended, 0 if that is not known: of those under way the only one that did
// nothing from before the call until now, and had last done what such calls come after. As long as that is not known it is
// noted, and none is taken.
func (t *trails) settle(call *parley.Call, underWay []int64) (turn int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	came := kindOf(call)
	if _, stray := t.strays[came]; stray {
		return 0
	}
	var idle, ready []*trail
	for _, turn := range underWay {
		of := t.of[turn]
		if of == nil {
			of = &trail{turn: turn, idle: true, at: parley.None} // it may have done anything, and this first
		}
		if !of.idle || of.at > call.Start {
			continue
		}
		idle = append(idle, of)
		if p := t.after[came][of.last]; p.known() && call.Start-of.at <= farther*p.bound() {
			ready = append(ready, of)
		}
	}
	if len(idle) == 1 && idle[0].at != parley.None && call.Start-idle[0].at <= allowance {
		t.learn(came, idle[0].last, call.Start-idle[0].at)
	}
	if len(ready) != 1 {
		return 0
	}
	return ready[0].turn
}

// next returns the user whose turn is to make such a call next, nobody if none is or several may be; fits says who may.
func (t *trails) next(call *parley.Call, fits func(turn int64, user uint64) bool) (user uint64) {
	soon, rivals := t.ready(call)
	rivals = slices.DeleteFunc(rivals, func(of *trail) bool { return !fits(of.turn, of.user) })
	if len(rivals) != 1 || !slices.Contains(soon, rivals[0]) {
		return nobody
	}
	return rivals[0].user
}

// ready returns the trails of turns that may make a call: of those that have just become ready to, and of all of them.
func (t *trails) ready(call *parley.Call) (soon, all []*trail) {
	t.mu.Lock()
	defer t.mu.Unlock()
	came := kindOf(call)
	if _, stray := t.strays[came]; stray {
		return nil, nil
	}
	for before, p := range t.after[came] {
		e := t.ended[before]
		if !p.known() || e == nil {
			continue
		}
		bound := p.bound()
		for i := e.next - 1; i >= 0 && i >= e.next-len(e.ring); i-- {
			end := e.ring[i%len(e.ring)]
			age := call.Start - end.at
			if age > farther*bound {
				break
			}
			if end.events != end.t.events || slices.Contains(all, end.t) {
				continue
			}
			all = append(all, end.t)
			if age <= bound {
				soon = append(soon, end.t)
			}
		}
	}
	return soon, all
}
