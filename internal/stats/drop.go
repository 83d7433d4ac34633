package stats

import (
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
	const low, high = resamples * 25 / 1000, resamples * 975 / 1000
	mean.Low, mean.High = min(mean.Value, means[low]), max(mean.Value, means[high])
	quantile.Low, quantile.High = min(quantile.Value, quantiles[low]), max(quantile.Value, quantiles[high])
	return mean, quantile
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
