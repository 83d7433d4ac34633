package drive

import (
	"fmt"
	"hash/fnv"
	"iter"
	"sync/atomic"
)

// stepStats counts the turns that were due in one level of load.
type stepStats struct {
	offered, answered, acked atomic.Int64 // messages
	ended, failed, late      atomic.Int64 // turns; late by parley's own fault
	heldBack                 atomic.Int64 // conversations
}

// step is a stepStats at the end of its level.
type step struct {
	offered, answered, ended, failed, late, heldBack int64
}

func (s *stepStats) snapshot() step {
	return step{
		offered: s.offered.Load(), answered: s.answered.Load(), ended: s.ended.Load(),
		failed: s.failed.Load(), late: s.late.Load(), heldBack: s.heldBack.Load(),
	}
}

// stopRule decides when a ramp has shown enough.
type stopRule struct {
	behind int // levels in a row that the bot did not keep up with
}

// Thresholds of the stop rule. A level is behind when less than keepsUp of the
// messages due in it are answered by its end, although at least enough were due;
// what was said in the last moments is still on its way even with a fast bot,
// so that the threshold is well below 1.
const (
	keepsUp    = 0.7
	enough     = 10
	behindFor  = 2
	giveUpOver = 0.5
	lateShare  = 0.1
)

// saturated looks at the level that has just ended and returns why the ramp
// should stop, or nothing.
func (r *stopRule) saturated(s step) string {
	if s.heldBack > 0 {
		return fmt.Sprintf("the plan's ceiling of open conversations was reached (%d conversations held back)", s.heldBack)
	}
	if s.ended >= enough && float64(s.failed) > giveUpOver*float64(s.ended) {
		return fmt.Sprintf("saturated: %d of %d turns failed", s.failed, s.ended)
	}
	if s.offered < enough {
		return ""
	}
	if float64(s.late) > lateShare*float64(s.offered) {
		return fmt.Sprintf("parley itself fell behind: %d of %d messages were said more than %v late", s.late, s.offered, lateAfter)
	}
	if float64(s.answered) >= keepsUp*float64(s.offered) {
		r.behind = 0
		return ""
	}
	if r.behind++; r.behind < behindFor {
		return ""
	}
	return fmt.Sprintf("saturated: %d of the last step's %d messages were answered by its end", s.answered, s.offered)
}

// pull is an arrival sequence with its next element at hand.
type pull struct {
	next Arrival
	ok   bool
	get  func() (Arrival, bool)
	stop func()
}

func newPull(arrivals iter.Seq[Arrival]) *pull {
	p := &pull{}
	p.get, p.stop = iter.Pull(arrivals)
	p.advance()
	return p
}

func (p *pull) advance() { p.next, p.ok = p.get() }

// hashName gives each phase random numbers of its own, so that changing one
// phase leaves the arrivals of the others as they were.
func hashName(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return h.Sum64()
}
