package drive

import (
	"slices"
	"sync"
	"time"

	"parley"
	"parley/internal/stats"
)

// lateAfter is the lag at which a turn counts against parley, not the bot
// (design: 10 ms, or 1 % of the reply's p50 if that is more).
const lateAfter = 10 * time.Millisecond

// lags keeps how late turns were said, and how long they waited for their reply. Its
// size does not grow with the run, unless parley is late. Turns of steady phases
// are kept apart, since the budgets rest on them alone.
type lags struct {
	mu            sync.Mutex
	steady, other lagged
	waits         stats.Histogram // of answered turns
	worst         time.Duration   // since it was last asked for
	heldBack      int64
}

// lagged is how late the turns of some phases were said.
type lagged struct {
	all      stats.Histogram
	max      time.Duration
	late     []time.Duration // those beyond lateAfter, each: the limit is known at the end only
	heldBack int
}

// of returns the counts that a phase goes to. The caller holds mu.
func (l *lags) of(in *phase) *lagged {
	if in.kind == parley.Steady {
		return &l.steady
	}
	return &l.other
}

// note adds the lag of one turn.
func (l *lags) note(in *phase, lag time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.worst = max(l.worst, lag)
	to := l.of(in)
	to.all.Add(lag)
	to.max = max(to.max, lag)
	if lag > lateAfter {
		to.late = append(to.late, lag)
		in.stats.late.Add(1)
	}
}

// held counts a conversation that a ceiling forbade.
func (l *lags) held(in *phase) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heldBack++
	if in.kind != parley.Ramp { // which goes on until something gives, and then ends
		l.of(in).heldBack++
	}
}

// waited adds the reply latency of one turn.
func (l *lags) waited(wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waits.Add(wait)
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
// moments, in the steady phases or, in a run without one, in all. P50 and P99 are
// right to within 1 %.
type Lag struct {
	P50, P99, Max time.Duration
	// Late counts the turns, out of N, that were said more than Limit after they were
	// due. Unsaid counts the conversations that a ceiling forbade in the same
	// phases, ramps excepted.
	Late, Unsaid, N int
	Limit           time.Duration
	// HeldBack counts all conversations that a ceiling forbade.
	HeldBack int64
}

// Lag returns the lag so far.
func (d *Driver) Lag() Lag {
	l := &d.health
	l.mu.Lock()
	defer l.mu.Unlock()
	judged := &l.steady
	if judged.all.Count()+judged.heldBack == 0 {
		judged = &l.other
	}
	limit := max(lateAfter, l.waits.Quantile(0.5)/100)
	slices.Sort(judged.late)
	first, _ := slices.BinarySearch(judged.late, limit+1)
	return Lag{
		P50: judged.all.Quantile(0.5), P99: judged.all.Quantile(0.99), Max: judged.max,
		Late: len(judged.late) - first, Unsaid: judged.heldBack, N: judged.all.Count(), Limit: limit,
		HeldBack: l.heldBack,
	}
}
