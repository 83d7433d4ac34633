package stats

import (
	"math"
	"time"
)

// blockCount is the number of blocks a series is kept in.
const blockCount = 128

// windows are the lengths, in blocks, of the moving windows whose sums show
// the spread of a figure. Short windows have many degrees of freedom, long ones see long
// dependence; the widest answer is taken.
var windows = [...]int{1, 4, 8, 16}

// stretch is a stretch of time cut into blockCount blocks.
type stretch struct{ from, to time.Duration }

// block is the block of an instant; what lies outside goes to the nearest one.
func (s stretch) block(at time.Duration) int {
	if s.to <= s.from {
		return 0
	}
	i := float64(at-s.from) / float64(s.to-s.from) * blockCount
	return int(min(max(i, 0), blockCount-1))
}

// spread is the half-width of the 95 % interval of a sum, given what each
// block contributed to its deviation (the contributions add up to 0).
//
// The sum over a window of w of B blocks has w/B of the variance of the whole, if windows are longer than
// the dependence. Overlapping windows have about 1.5 (B/w - 1) degrees of
// freedom, and 1 - w/B corrects for the mean being that of the same blocks (Meketon and Schmeiser 1984).
func spread(blocks *[blockCount]float64) float64 {
	widest := 0.0
	for _, w := range windows {
		sum, squares := 0.0, 0.0
		for i, v := range blocks {
			sum += v
			if i >= w {
				sum -= blocks[i-w]
			}
			if i >= w-1 {
				squares += sum * sum
			}
		}
		share := float64(w) / blockCount
		variance := squares / float64(blockCount-w+1) / share / (1 - share)
		widest = max(widest, studentT(1.5*(1/share-1))*math.Sqrt(variance))
	}
	return widest
}
