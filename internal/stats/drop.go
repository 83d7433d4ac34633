package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	"parley"
)

// Drop says by how much a figure of a sample falls when each of its waits changes from before to after, which are in the order of time:
// the mean, and the p-th quantile (0 < p < 1). The intervals are those of a moving-block bootstrap of the pairs (Künsch 1989), 2.5th to
// 97.5th percentile of its resamples, with blocks of the cube root of n times two, since waits near each other are alike. Fewer than
// two pairs have no interval: Low and High are Value, and Floor is set.
func Drop(before, after []float64, p float64) (mean, quantile parley.Estimate) {
	n := min(len(before), len(after))
	if n == 0 {
		return parley.Estimate{Floor: true}, parley.Estimate{Floor: true}
	}
	d := drops{before: before[:n], after: after[:n], p: p}
	for i := range n {
		d.pick = append(d.pick, i)
	}
	mean.Value, quantile.Value = d.figures()
	mean.N, quantile.N = n, n
	mean.Low, mean.High = mean.Value, mean.Value
	quantile.Low, quantile.High = quantile.Value, quantile.Value
	if n < 2 {
		mean.Floor, quantile.Floor = true, true
		return mean, quantile
	}
	const resamples = 400
	means, quantiles := make([]float64, resamples), make([]float64, resamples)
	block := 1
	for block*block*block < 8*n {
		block++
	}
	block = min(block, n)
	random := rand.New(rand.NewPCG(uint64(n), 0x9e3779b97f4a7c15)) // the same figures must have the same interval every time
	for i := range resamples {
		for at := 0; at < n; {
			from := random.IntN(n - block + 1)
			for k := from; k < from+block && at < n; k++ {
				d.pick[at] = k
				at++
			}
		}
		means[i], quantiles[i] = d.figures()
	}
	slices.Sort(means)
	slices.Sort(quantiles)
	// n/block blocks are few: Student's quantile for them, to the first order, is that much wider than the normal one; and a
	// resample of blocks varies less than the sample it stands for, by the block that it cannot reach beyond the ends.
	blocks := float64(n) / float64(block)
	wider := (1 + 1.2/max(1, blocks-1)) * math.Sqrt(1/(1-min(0.5, 1/blocks)))
	around(&mean, means, wider)
	around(&quantile, quantiles, wider)
	return mean, quantile
}

// around sets the interval of a figure from those of its resamples, sorted, made wider.
func around(e *parley.Estimate, resampled []float64, wider float64) {
	low, high := resampled[len(resampled)*25/1000], resampled[len(resampled)*975/1000]
	e.Low = min(e.Value, e.Value-wider*(e.Value-low))
	e.High = max(e.Value, e.Value+wider*(high-e.Value))
}

// drops computes figures of a resample of pairs.
type drops struct {
	before, after []float64
	p             float64
	pick          []int
	sorted        []float64
}

func (d *drops) figures() (mean, quantile float64) {
	sum := 0.0
	for _, i := range d.pick {
		sum += d.before[i] - d.after[i]
	}
	return sum / float64(len(d.pick)), d.quantile(d.before) - d.quantile(d.after)
}

func (d *drops) quantile(of []float64) float64 {
	d.sorted = d.sorted[:0]
	for _, i := range d.pick {
		d.sorted = append(d.sorted, of[i])
	}
	slices.Sort(d.sorted)
	return d.sorted[min(len(d.sorted)-1, int(d.p*float64(len(d.sorted))))]
}
