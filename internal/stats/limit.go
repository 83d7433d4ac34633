package stats

import (
	"math"
	"time"

	"parley"
)

// Limit is a wait that those of a series are held against.
type Limit struct {
	At time.Duration
	// Strict: a wait of exactly At is beyond the limit, not within it.
	Strict bool
}

// limitCount counts the waits within a limit. One that was censored before the limit may have ended on either side of it.
type limitCount struct {
	Limit
	surely, possibly *Share
}

func newLimitCount(l Limit, s stretch) limitCount {
	return limitCount{Limit: l, surely: NewShare(s.from, s.to), possibly: NewShare(s.from, s.to)}
}

func (l *limitCount) add(at, wait time.Duration, censored bool) {
	before := wait < l.At
	within := before || !l.Strict && wait == l.At
	l.surely.Add(at, within && !censored)
	l.possibly.Add(at, before || within && !censored)
}

// farther is how many times farther above the quantile, on the logarithmic scale, a limit
// must lie than the quantile lies above the median to be far off.
const farther = 2

// Within estimates the share of waits within a limit the series was made with, for the question whether the quantile p
// is. The value and the lower bound count waits censored before the limit as beyond it,
// the upper bound as within it.
//
// The interval is Wilson's, for an independent sample as uncertain as this one is at the limit, at the quantile and at the
// median. Of a limit far beyond the waits only what was seen at the limit itself counts, since how alike waits are on
// their own scale says nothing about it. A limit the series was not made with could have any share within.
//
// Measured rates of false decisions: see TestLimitDecisions.
func (c *Survival) Within(limit Limit, p float64) parley.Estimate {
	e := c.series.estimate()
	e.High = 1
	for i := range c.series.limits {
		l := &c.series.limits[i]
		if l.Limit != limit {
			continue
		}
		most := float64(c.series.n)
		if !c.far(limit, p) {
			most = min(c.effective(p), c.effective(0.5))
		}
		e.Value, e.Low, _ = l.surely.interval(most)
		_, _, e.High = l.possibly.interval(most)
	}
	return e
}

// far reports whether the limit lies far above the quantile p.
func (c *Survival) far(limit Limit, p float64) bool {
	quantile, beyond := c.at(p)
	median, _ := c.at(0.5)
	if beyond || median <= 0 || limit.At.Seconds() <= quantile {
		return false
	}
	return math.Log(limit.At.Seconds()/quantile) >= farther*math.Log(quantile/median)
}
