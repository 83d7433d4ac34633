package drive

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley"
)

// lateAfter is the lag at which a turn counts against parley, not the bot
// (design: 10 ms, or 1 % of the reply's p50 if that is more).
const lateAfter = 10 * time.Millisecond

// lags keeps how late every turn was said, and how long it waited for its reply:
// exactly, at four bytes each. Turns of steady phases are kept apart, since
// the budgets rest on them alone.
type lags struct {
	mu            sync.Mutex
	steady, other []uint32      // microseconds
	waits         []uint32      // microseconds, of answered turns
	worst         time.Duration // since it was last asked for
	heldBack      atomic.Int64
}

func micros(d time.Duration) uint32 { return uint32(min(max(d, 0).Microseconds(), 1<<32-1)) }

// note adds the lag of one turn.
func (l *lags) note(in *phase, lag time.Duration) {
	if lag > lateAfter {
		in.stats.late.Add(1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.worst = max(l.worst, lag)
	if in.kind == parley.Steady {
		l.steady = append(l.steady, micros(lag))
	} else {
		l.other = append(l.other, micros(lag))
	}
}

// waited adds the reply latency of one turn.
func (l *lags) waited(wait time.Duration) {
	l.mu.Lock()
	l.waits = append(l.waits, micros(wait))
	l.mu.Unlock()
}

// WorstLag returns the largest lag since the last call of WorstLag.
func (d *Driver) WorstLag() time.Duration {
	d.health.mu.Lock()
	defer d.health.mu.Unlock()
	worst := d.health.worst
	d.health.worst = 0
	return worst
}

// Lag is how late the first webhooks of turns were written after their due
// moments, in the steady phases or, in a run without one, in all.
type Lag struct {
	P50, P99, Max time.Duration
	// Late counts the turns, out of N, that were said more than Limit after they were due.
	Late, N int
	Limit   time.Duration
	// HeldBack counts conversations not said because of a ceiling.
	HeldBack int64
}

// Lag returns the lag so far. It sorts all of it: ask when the run is over.
func (d *Driver) Lag() Lag {
	l := &d.health
	l.mu.Lock()
	sorted, waits := slices.Clone(l.steady), slices.Clone(l.waits)
	if len(sorted) == 0 {
		sorted = slices.Clone(l.other)
	}
	l.mu.Unlock()
	slices.Sort(sorted)
	slices.Sort(waits)
	limit := max(lateAfter, quantile(waits, 0.5)/100)
	first, _ := slices.BinarySearch(sorted, micros(limit)+1)
	return Lag{
		P50: quantile(sorted, 0.5), P99: quantile(sorted, 0.99), Max: quantile(sorted, 1),
		Late: len(sorted) - first, N: len(sorted), Limit: limit,
		HeldBack: l.heldBack.Load(),
	}
}

// quantile reads one quantile off sorted microseconds; 0 if there are none.
func quantile(sorted []uint32, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return time.Duration(sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]) * time.Microsecond
}
