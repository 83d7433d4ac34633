package stats

import (
	"math"

	"parley"
)

// Survival is the Kaplan-Meier estimate of how long waits last.
type Survival struct {
	series *Series
	first  int // bin of the slices' first element
	// Of every bin: the share still waiting after it, the share of those at
	// risk whose wait ended in it (the hazard), and 1 / those who went on, 0 if none did.
	after, hazard, onward []float64
	// green is the running sum of Greenwood's formula: after^2 * green is the
	// variance of after, were the waits independent.
	green []float64
}

// Survival estimates the distribution of the waits so far. The series must not be
// empty. The estimate must not be used after more waits were added.
func (s *Series) Survival() *Survival {
	all := s.total()
	from, to := all.span()
	c := &Survival{series: s, first: from}
	risk, after, green := float64(s.n), 1.0, 0.0
	for k := from; k < to; k++ {
		ended := float64(all.ended.count(k))
		var hazard, onward float64
		if risk > 0 {
			hazard = ended / risk
		}
		// Waits that end in the bin of a censored one are taken to end first.
		if rest := risk - ended; rest > 0 {
			onward = 1 / rest
			green += hazard * onward
		}
		after *= 1 - hazard
		c.after = append(c.after, after)
		c.hazard = append(c.hazard, hazard)
		c.onward = append(c.onward, onward)
		c.green = append(c.green, green)
		risk -= ended + float64(all.cut.count(k))
	}
	return c
}

// Quantile estimates the quantile p in seconds, with the order-statistic
// interval of an independent sample that would be as uncertain as this one.
// What lies beyond the waits seen to their end is marked so, and its number is the longest wait seen.
//
// Measured coverage of the 95 % interval: see TestQuantileCoverage.
func (c *Survival) Quantile(p float64) parley.Estimate {
	e := c.series.estimate()
	e.Value, e.ValueBeyond = c.at(p)
	low, high, ok := ranks(p, c.effective(p))
	if low > 0 {
		e.Low, e.LowBeyond = c.at(low)
	}
	if ok {
		e.High, e.HighBeyond = c.at(high)
	} else {
		e.High, e.HighBeyond = c.series.max.Seconds(), true
	}
	return e
}

// Value is the quantile p alone, without an interval.
func (c *Survival) Value(p float64) (seconds float64, beyond bool) { return c.at(p) }

// at is the smallest wait, in seconds, that a share p of all do not exceed.
func (c *Survival) at(p float64) (seconds float64, beyond bool) {
	if i := c.bin(p); i < len(c.after) {
		return min(middle(c.first+i), c.series.max).Seconds(), false
	}
	return c.series.max.Seconds(), true
}

// bin is the index of the bin in which the share of ended waits reaches p.
func (c *Survival) bin(p float64) int {
	lo, hi := 0, len(c.after)
	for lo < hi {
		if mid := (lo + hi) / 2; 1-c.after[mid] >= p-1e-9 {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// effective is the size of an independent and uncensored sample in which the
// share of waits up to the quantile p would be as uncertain as it is here.
func (c *Survival) effective(p float64) float64 {
	i := min(c.bin(p), len(c.after)-1)
	for i >= 0 && c.after[i] <= 1e-12 {
		i-- // the share past the longest wait has no variance
	}
	n := float64(c.series.n)
	if i < 0 || c.green[i] == 0 {
		return n
	}
	after := c.after[i]
	binomial := after * (1 - after)
	independent := binomial / (after * after * c.green[i])
	if half := spread(c.influence(i, func(int) float64 { return after })); half > 0 {
		return min(n, independent, binomial*z975*z975/(half*half))
	}
	return min(n, independent)
}

// influence is what every block contributes to the deviation of a figure in which the hazards of the bins 0 to last have
// some weights: the derivative with respect to the block's own waits. With the weight after[last] in all
// bins the figure is the share still waiting after last.
func (c *Survival) influence(last int, weight func(bin int) float64) *[blockCount]float64 {
	var out [blockCount]float64
	for b := range out {
		w := &c.series.blocks[b]
		risk := w.ended.n + w.cut.n
		for i := 0; i <= last && risk > 0; i++ {
			ended := w.ended.count(c.first + i)
			surplus := float64(ended) - float64(risk)*c.hazard[i]
			out[b] -= surplus * c.onward[i] * weight(i)
			risk -= ended + w.cut.count(c.first+i)
		}
	}
	return &out
}

// ranks are the shares of an independent sample of n whose order statistics
// enclose the quantile p with 95 %; !ok if even its largest does not bound it from above,
// low is 0 if its smallest does not from below.
func ranks(p, n float64) (low, high float64, ok bool) {
	size := max(1, int(n))
	// least(q) is the smallest k with P(X <= k) > q.
	least := func(q float64) int {
		lo, hi := -1, size
		for hi-lo > 1 {
			if mid := (lo + hi) / 2; binomialCDF(mid, size, p) > q {
				hi = mid
			} else {
				lo = mid
			}
		}
		return hi
	}
	// P(the l-th is above the quantile) = P(X <= l-1), P(the u-th is below it) = P(X >= u).
	l := least(tail)
	u := least(1-tail-1e-12) + 1
	return float64(l) / float64(size), float64(u) / float64(size), u <= size
}

// Mean estimates the mean wait in seconds, restricted to the longest wait
// seen: where that one was censored the true mean is longer, and marked beyond. The interval
// is symmetric on the logarithmic scale, as waits are skewed.
func (c *Survival) Mean() parley.Estimate {
	e := c.series.estimate()
	last := len(c.after) - 1
	value := middle(c.first).Seconds()
	area := make([]float64, last+1) // seconds waited past each bin
	for i := last - 1; i >= 0; i-- {
		area[i] = area[i+1] + c.after[i]*c.width(i)
	}
	value += area[0]
	if c.series.cut == 0 {
		value = c.series.sum.Seconds() / float64(c.series.n)
	}
	blocks := c.influence(last-1, func(i int) float64 { return area[i] })
	half := max(spread(blocks), z975*math.Sqrt(c.meanVariance(area)))
	e.Value, e.Low, e.High = value, value, value
	if value > 0 {
		e.Low, e.High = value*math.Exp(-half/value), value*math.Exp(half/value)
	}
	if c.series.maxCut {
		e.ValueBeyond, e.HighBeyond = true, true
		e.Warnings = append(e.Warnings, "waits not seen to their end count as the longest one seen")
	}
	return e
}

// meanVariance is that of the restricted mean, were the waits independent.
func (c *Survival) meanVariance(area []float64) float64 {
	v := 0.0
	for i, a := range area {
		v += a * a * c.hazard[i] * c.onward[i]
	}
	return v
}

// width is the distance in seconds between the middles of a bin and the next.
func (c *Survival) width(i int) float64 {
	return (middle(c.first+i+1) - middle(c.first+i)).Seconds()
}
