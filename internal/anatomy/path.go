package anatomy

import (
	"cmp"
	"slices"
	"time"

	"parley"
)

// clockSlack is how much later than the point it led to a call may have ended: the end of an answer is noted when it
// has been written, and a quick bot on another core may have gone on by then.
const clockSlack = time.Millisecond

// activity is a call of a turn, or the delivery of one of its replies.
type activity struct {
	start, end time.Duration
	ref        int32 // of the caller's
	layer      layer
	delivery   bool
}

// piece is a part of a critical path.
type piece struct {
	from, to time.Duration
	layer    layer
	ref      int32 // the activity's, -1 for time without one
	// after and before are the refs of the activities of the path around it, -1 at its ends.
	after, before int32
}

// nobody is the ref of no activity.
const nobody = -1

// pathFinder finds critical paths. It keeps its buffers from one turn to the next.
type pathFinder struct {
	acts  []activity // of the turn; find sorts them
	out   []piece
	parts []piece
}

// find returns the critical path of a turn: what determined the moment of its answer, as pieces that follow each other
// without a gap from the user's last word to the answer. It is empty for a turn without an answer.
//
// It is walked backwards. It begins with the call that sent the answer. What led to a point of the path is, of the
// calls that began before and had ended by then, the one that ended last; the time between is the bot's own, or before
// its first sign of life the platform's and the queue's. The walk goes on from that call's start.
func (f *pathFinder) find(t *judgedTurn) []piece {
	f.out = f.out[:0]
	if t.answered == parley.None {
		return nil
	}
	at, before := t.answered, int32(nobody)
	life := f.life(t)
	if a, found := answering(f.acts, t.answered); found && max(a.start, t.spoken) < at {
		at, before = max(a.start, t.spoken), a.ref
		f.out = append(f.out, piece{at, t.answered, sendingLayer, a.ref, nobody, nobody})
	}
	slices.SortFunc(f.acts, func(a, b activity) int {
		return cmp.Or(cmp.Compare(b.end, a.end), cmp.Compare(a.start, b.start), cmp.Compare(a.ref, b.ref))
	})
	for _, a := range f.acts {
		from, to := max(a.start, t.spoken), min(a.end, at)
		if a.delivery || a.end > at+clockSlack || from >= to {
			continue
		}
		f.idle(t, life, piece{from: to, to: at, after: a.ref, before: before})
		f.out = append(f.out, piece{from, to, a.layer, a.ref, nobody, nobody})
		at, before = from, a.ref
	}
	f.idle(t, life, piece{from: t.spoken, to: at, after: nobody, before: before})
	slices.Reverse(f.out)
	return f.out
}

// life is the moment of the first sign of life after the webhook was sent: its acknowledgement or a call.
func (f *pathFinder) life(t *judgedTurn) time.Duration {
	life := t.answered
	if t.acked != parley.None {
		life = min(life, t.acked)
	}
	for _, a := range f.acts {
		if !a.delivery && a.start >= t.sent {
			life = min(life, a.start)
		}
	}
	return life
}

// idle adds a stretch without an activity, divided by whose it is; the parts go to the end of the path last first.
func (f *pathFinder) idle(t *judgedTurn, life time.Duration, p piece) {
	f.parts = f.parts[:0]
	for at := p.from; at < p.to; {
		kind, until := botLayer, p.to
		switch {
		case at < t.sent:
			kind, until = platformLayer, t.sent
		case at < t.retryTo:
			kind, until = platformLayer, t.retryTo
		case at < life:
			kind, until = waitingLayer, life
		}
		until = min(until, p.to)
		f.parts = append(f.parts, piece{at, until, kind, nobody, p.after, p.before})
		at = until
	}
	slices.Reverse(f.parts)
	f.out = append(f.out, f.parts...)
}

// answering returns what brought the answer to the user: the call that was sending it at that moment, or its delivery
// after that call had ended, from the start of the call on.
func answering(acts []activity, answered time.Duration) (out activity, found bool) {
	for _, a := range acts {
		if a.delivery && a.end == answered && (!found || later(a, out)) {
			out, found = a, true
		}
	}
	at := answered
	if found {
		at = out.start
	}
	call, sent := activity{}, false
	for _, a := range acts {
		if !a.delivery && a.layer == sendingLayer && a.start <= at && at <= a.end && (!sent || later(a, call)) {
			call, sent = a, true
		}
	}
	if sent {
		return activity{start: call.start, end: answered, ref: call.ref, layer: sendingLayer}, true
	}
	return out, found
}

// later reports whether an activity began after another; of two at once, that of the smaller ref did.
func later(a, than activity) bool {
	return a.start > than.start || a.start == than.start && a.ref < than.ref
}
