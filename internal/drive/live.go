package drive

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"parley"
)

// live are the counters behind a progress line.
type live struct {
	sent, acked, answeredMessages atomic.Int64 // messages
	waiting, answers, fails       atomic.Int64 // turns
	strangers                     atomic.Int64 // replies
	refused, notices              atomic.Int64 // webhook requests
	noticesWaiting, withheld      atomic.Int64 // webhooks of no turn
	underWay                      atomic.Int64 // webhooks of turns that may be acknowledged at any moment
	// deaf counts the requests in a row that nobody listened to.
	deaf atomic.Int64

	mu     sync.Mutex
	recent [256]time.Duration // a ring of the latest reply latencies
	filled int
	at     int
}

// heard notes whether anybody listened to a request that ended with err.
func (l *live) heard(err error) {
	if errors.Is(err, syscall.ECONNREFUSED) {
		l.deaf.Add(1)
	} else {
		l.deaf.Store(0)
	}
}

func (l *live) answered(wait time.Duration) {
	l.answers.Add(1)
	l.mu.Lock()
	l.recent[l.at] = wait
	l.at = (l.at + 1) % len(l.recent)
	l.filled = min(l.filled+1, len(l.recent))
	l.mu.Unlock()
}

// Progress is a snapshot of the run so far.
type Progress struct {
	Phase         string
	Step          int
	Messages      parley.Messages
	Waiting       int // turns waiting for an answer
	Conversations int // open conversations
	Turns         int64
	Answered      int64 // turns
	Failed        int64 // turns abandoned
	Refused       int64 // webhook attempts that got no 2xx
	Strangers     int64 // replies to numbers parley did not play
	Notices       int64 // webhooks of no turn (echoes, statuses) sent
	// Withheld counts webhooks of no turn that were not sent because the bot caused more than could be.
	Withheld int64
	// Deaf counts the webhook requests in a row, up to now, that were refused a connection.
	Deaf int64
	// RecentP95 is the p95 of the latest answered turns: for a progress line, not for a claim.
	RecentP95 time.Duration
}

// Progress returns the counters of the run so far.
func (d *Driver) Progress() Progress {
	in := d.phase.Load()
	p := Progress{
		Phase: in.name,
		Step:  int(in.step),
		Messages: parley.Messages{
			Planned:  d.plans.total(d.since()),
			Sent:     d.live.sent.Load(),
			Acked:    d.live.acked.Load(),
			Answered: d.live.answeredMessages.Load(),
		},
		Waiting:       int(d.live.waiting.Load()),
		Conversations: d.registry.openCount(),
		Turns:         d.turns.Load(),
		Answered:      d.live.answers.Load(),
		Failed:        d.live.fails.Load(),
		Refused:       d.live.refused.Load(),
		Strangers:     d.live.strangers.Load(),
		Notices:       d.live.notices.Load(),
		Withheld:      d.live.withheld.Load(),
		Deaf:          d.live.deaf.Load(),
	}
	d.live.mu.Lock()
	waits := slices.Clone(d.live.recent[:d.live.filled])
	d.live.mu.Unlock()
	if n := len(waits); n > 0 {
		slices.Sort(waits)
		p.RecentP95 = waits[min(n-1, n*95/100)]
	}
	return p
}
