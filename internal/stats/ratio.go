package stats

import (
	"math"
	"time"

	"parley"
)

// Ratio is a sample of pairs x and y, neither negative, each with the moment it belongs to: how much x there is for each y.
type Ratio struct {
	stretch
	x, y, counts [blockCount]float64
	n            int
	xx, xy, yy   float64
}

// NewRatio returns an empty sample over a stretch of time.
func NewRatio(from, to time.Duration) *Ratio { return &Ratio{stretch: stretch{from, to}} }

// Add puts one pair into the sample.
func (r *Ratio) Add(at time.Duration, x, y float64) {
	b := r.block(at)
	r.x[b] += x
	r.y[b] += y
	r.counts[b]++
	r.n++
	r.xx += x * x
	r.xy += x * y
	r.yy += y * y
}

// Estimate is the sum of x over the sum of y, with Fieller's interval: it holds every ratio R for which x - R y
// may be 0 on average, by the spread over moving blocks or that of independent pairs, whichever is larger. With y
// always 1 that is the interval of a mean.
//
// If too few y are seen to bound the ratio from above, High lies beyond and its number is the value. Without any y the
// estimate is a floor of 0: nothing is known of the ratio.
//
// Measured coverage of the 95 % interval: see TestRatioCoverage.
func (r *Ratio) Estimate() parley.Estimate {
	e := parley.Estimate{N: r.n}
	x, y := r.sums()
	if y <= 0 {
		e.Floor, e.HighBeyond = true, true
		return e
	}
	e.Value = x / y
	e.High = e.Value
	if r.n < 3 {
		e.HighBeyond = true // no spread is known
		return e
	}
	inside := func(ratio float64) bool { return math.Abs(x-ratio*y) <= r.half(ratio) }
	if !inside(0) {
		e.Low = edge(e.Value, 0, inside)
	}
	const doublings = 40 // a ratio a billion times the value bounds nothing
	beyond := 2*e.Value + math.SmallestNonzeroFloat64
	for i := 0; inside(beyond); i++ {
		if i == doublings {
			e.HighBeyond = true
			return e
		}
		beyond *= 2
	}
	e.High = edge(e.Value, beyond, inside)
	return e
}

// Total is the sum of x.
func (r *Ratio) Total() float64 {
	x, _ := r.sums()
	return x
}

func (r *Ratio) sums() (x, y float64) {
	for b := range r.x {
		x += r.x[b]
		y += r.y[b]
	}
	return x, y
}

// half is the half-width of the 95 % interval of the sum of x - ratio y.
func (r *Ratio) half(ratio float64) float64 {
	x, y := r.sums()
	n := float64(r.n)
	sum := x - ratio*y
	var blocks [blockCount]float64
	for b := range blocks {
		blocks[b] = r.x[b] - ratio*r.y[b] - sum*r.counts[b]/n
	}
	squares := r.xx - 2*ratio*r.xy + ratio*ratio*r.yy - sum*sum/n
	independent := math.Sqrt(max(0, squares) * n / (n - 1))
	return max(spread(&blocks), studentT(n-1)*independent)
}

// edge is where inside ends between a point that is and one that is not.
func edge(in, out float64, inside func(float64) bool) float64 {
	const halvings = 60
	for range halvings {
		if mid := in + (out-in)/2; inside(mid) {
			in = mid
		} else {
			out = mid
		}
	}
	return in
}
