package drive

import (
	"fmt"
	"hash/fnv"
	"iter"
	"sync/atomic"
)

// stepStats counts what happened during one level of load.
type stepStats struct {
	offered, answered   atomic.Int64 // messages due in it; messages answered in it, whenever they were due
	ended, failed, late atomic.Int64 // turns due in it; late by parley's own fault
	heldBack            atomic.Int64 // conversations due in it
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

// Thresholds of the stop rule. A level is behind when fewer messages are answered
// while it lasts than keepsUp of those due in it, although at least enough were due. A
// bot that keeps up answers as many as were due one reply time earlier, when
// the load was a step lower: hence well below 1.
const (
	keepsUp    = 0.75
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
	return fmt.Sprintf("saturated: %d messages were answered during the last step, in which %d were due", s.answered, s.offered)
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
