package stats

import (
	"math"
	"time"

	"parley"
)

// Share is a sample of yes and no, each with the moment it belongs to.
type Share struct {
	stretch
	yes, all [blockCount]int
}

// NewShare returns an empty sample over a stretch of time.
func NewShare(from, to time.Duration) *Share { return &Share{stretch: stretch{from, to}} }

// Add puts one observation into the sample.
func (s *Share) Add(at time.Duration, yes bool) {
	b := s.block(at)
	s.all[b]++
	if yes {
		s.yes[b]++
	}
}

// Estimate is the share of yes, with Wilson's interval for an independent sample that would be as
// uncertain as this one. A share of exactly 0 or 1 shows no dependence: its interval is that of independence.
// An empty sample could be anything from 0 to 1.
func (s *Share) Estimate() parley.Estimate {
	e := parley.Estimate{N: s.count()}
	e.Value, e.Low, e.High = s.interval(float64(e.N))
	return e
}

// count is the number of observations.
func (s *Share) count() (all int) {
	for _, n := range s.all {
		all += n
	}
	return all
}

// HighWith is the upper bound of the share if so many of the observations that are no might be yes.
func (s *Share) HighWith(more int) float64 {
	all := s.count()
	if all == 0 {
		return 1
	}
	p, n := s.effective(float64(all))
	_, high := wilson(min(1, p+float64(more)/float64(all)), n)
	return high
}

// interval is the share with its interval, as uncertain as that of at most so many independent observations.
func (s *Share) interval(most float64) (p, low, high float64) {
	if s.count() == 0 {
		return 0, 0, 1
	}
	p, n := s.effective(most)
	low, high = wilson(p, n)
	return p, low, high
}

// effective is the share of a sample that is not empty, and of how many independent observations, at most so many,
// it would be as uncertain.
func (s *Share) effective(most float64) (p, n float64) {
	all, yes := s.count(), 0
	for _, n := range s.yes {
		yes += n
	}
	p = float64(yes) / float64(all)
	var blocks [blockCount]float64
	for b := range blocks {
		blocks[b] = (float64(s.yes[b]) - p*float64(s.all[b])) / float64(all)
	}
	n = min(float64(all), most)
	if half := spread(&blocks); half > 0 {
		n = min(n, p*(1-p)*z975*z975/(half*half))
	}
	return p, n
}

// wilson is the 95 % score interval of a share p seen in n independent observations.
func wilson(p, n float64) (low, high float64) {
	z2 := z975 * z975
	centre := (p + z2/(2*n)) / (1 + z2/n)
	half := z975 / (1 + z2/n) * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	// At the ends the formula is exact but for rounding.
	if p > 0 {
		low = max(0, centre-half)
	}
	high = 1.0
	if p < 1 {
		high = min(1, centre+half)
	}
	return low, high
}
