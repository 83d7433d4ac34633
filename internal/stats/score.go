package stats

import (
	"math"
	"time"

	"parley"
)

// Scores is a sample of marks between 0 and 1, each with the moment it belongs to.
type Scores struct {
	stretch
	sums    [blockCount]float64
	counts  [blockCount]int
	squares float64
}

// NewScores returns an empty sample over a stretch of time.
func NewScores(from, to time.Duration) *Scores { return &Scores{stretch: stretch{from, to}} }

// Add puts one mark into the sample.
func (s *Scores) Add(at time.Duration, mark float64) {
	b := s.block(at)
	s.sums[b] += mark
	s.counts[b]++
	s.squares += mark * mark
}

// Estimate is the mean mark, with Wilson's interval for an independent sample of yes and no that would be as
// uncertain as this one. The variance is that of the marks with one more at either end, since a few equal marks do not
// show that all are equal. A mean of exactly 0 or 1 has the interval of as many independent answers; an empty
// sample could be anything from 0 to 1.
//
// Measured coverage of the 95 % interval: see TestScoreCoverage.
func (s *Scores) Estimate() parley.Estimate {
	n, sum := 0, 0.0
	for b := range s.counts {
		n += s.counts[b]
		sum += s.sums[b]
	}
	if n == 0 {
		return parley.Estimate{High: 1}
	}
	all := float64(n)
	mean := sum / all
	var blocks [blockCount]float64
	for b := range blocks {
		blocks[b] = (s.sums[b] - mean*float64(s.counts[b])) / all
	}
	shifted := (sum + 1) / (all + 2)
	variance := (s.squares+1)/(all+2) - shifted*shifted
	half := max(spread(&blocks), z975*math.Sqrt(variance/all))
	like := all
	if binomial := mean * (1 - mean); binomial > 0 {
		like = binomial * z975 * z975 / (half * half)
	}
	e := parley.Estimate{Value: mean, N: n}
	e.Low, e.High = wilson(mean, like)
	return e
}

// Merge adds the marks of another sample over the same stretch of time.
func (s *Scores) Merge(other *Scores) {
	for b := range s.sums {
		s.sums[b] += other.sums[b]
		s.counts[b] += other.counts[b]
	}
	s.squares += other.squares
}
