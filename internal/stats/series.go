package stats

import (
	"math"
	"time"

	"parley"
)

// Series is a sample of waits, each with the moment it belongs to. A
// censored wait is one that was not seen to its end: the true one is longer.
type Series struct {
	stretch
	blocks [blockCount]waits
	n      int
	cut    int // censored ones among n
	sum    time.Duration
	max    time.Duration
	// maxCut: among the longest waits there is a censored one.
	maxCut bool
	limits []limitCount
}

// waits are those of one block.
type waits struct{ ended, cut Histogram }

// NewSeries returns an empty series over a stretch of time. Of the limits it will know what share of the waits keeps them.
func NewSeries(from, to time.Duration, limits ...Limit) *Series {
	s := &Series{stretch: stretch{from, to}}
	for _, l := range limits {
		s.limits = append(s.limits, newLimitCount(l, s.stretch))
	}
	return s
}

// Add puts a wait into the series, at the moment it was due (not when it ended: waits
// that straddle the border of a block must not fall out).
func (s *Series) Add(at, wait time.Duration, censored bool) {
	wait = max(0, wait)
	b := &s.blocks[s.block(at)]
	if censored {
		b.cut.Add(wait)
		s.cut++
	} else {
		b.ended.Add(wait)
	}
	for i := range s.limits {
		s.limits[i].add(at, wait, censored)
	}
	s.n++
	s.sum += wait
	if wait > s.max {
		s.max, s.maxCut = wait, censored
	} else if wait == s.max {
		s.maxCut = s.maxCut || censored
	}
}

// Count is the number of waits, Censored how many of them were censored.
func (s *Series) Count() int { return s.n }

// Censored is the number of censored waits.
func (s *Series) Censored() int { return s.cut }

// Max is the longest wait seen, and whether it is known only to be longer than that.
func (s *Series) Max() (longest time.Duration, beyond bool) { return s.max, s.maxCut }

// Carries reports whether n independent observations can carry the quantile p at all: whether at 95 % the
// largest of them is above it (p^n <= 5 %). For p95 that takes 59, for p99
// 299. A two-sided interval leaves only 2.5 % on each side and takes more (72 and
// 368): between the two the quantile has a value and an upper bound that lies beyond.
func Carries(p float64, n int) bool {
	return math.Pow(p, float64(n)) <= 0.05
}

// Needed is the number of independent observations from which the interval of quantile p has an upper end.
func Needed(p float64) int {
	return int(math.Ceil(math.Log(tail) / math.Log(p)))
}

// Bin is one bar of a histogram.
type Bin struct {
	From, To time.Duration
	Ended    int
	Censored int
}

// Bins returns the waits in bars, eight to every power of two, from the first
// bar with a wait to the last.
func (s *Series) Bins() []Bin {
	const perBar = subBins / 8
	total := s.total()
	from, to := total.span()
	var bars []Bin
	for k := from - from%perBar; k < to; k += perBar {
		bar := Bin{}
		bar.From, _ = edges(k)
		_, bar.To = edges(k + perBar - 1)
		for i := range perBar {
			bar.Ended += total.ended.count(k + i)
			bar.Censored += total.cut.count(k + i)
		}
		if len(bars) > 0 || bar.Ended+bar.Censored > 0 {
			bars = append(bars, bar)
		}
	}
	for len(bars) > 0 && bars[len(bars)-1].Ended+bars[len(bars)-1].Censored == 0 {
		bars = bars[:len(bars)-1]
	}
	return bars
}

// total is all blocks in one.
func (s *Series) total() *waits {
	var all waits
	for i := range s.blocks {
		all.ended.Merge(&s.blocks[i].ended)
		all.cut.Merge(&s.blocks[i].cut)
	}
	return &all
}

// span is the range of bins in use by either histogram.
func (w *waits) span() (from, to int) {
	from, to = w.ended.span()
	if w.cut.n == 0 {
		return from, to
	}
	f, t := w.cut.span()
	if w.ended.n == 0 {
		return f, t
	}
	return min(from, f), max(to, t)
}

// estimate begins an estimate of the series.
func (s *Series) estimate() parley.Estimate {
	return parley.Estimate{N: s.n, Censored: s.cut}
}
