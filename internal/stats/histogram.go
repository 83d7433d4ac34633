package stats

import (
	"math"
	"math/bits"
	"time"
)

// Every power of two is cut into subBins equal bins, so that the middle of a bin is
// within 1/(2*subBins) = 0.8 % of every value in it. Values below subBins have bins of their own.
const (
	subBits = 6
	subBins = 1 << subBits
)

// Histogram counts durations in bins whose width grows with their value. The middle of a bin
// differs from what was put in by 0.8 % at most. The zero value is empty and
// ready. It costs four bytes for every bin between the smallest and the
// largest value.
type Histogram struct {
	first  int // bin of counts[0]
	counts []uint32
	n      int
}

// Add counts one duration; a negative one counts as 0.
func (h *Histogram) Add(d time.Duration) {
	bin := binOf(d)
	h.reach(bin, bin)
	h.counts[bin-h.first]++
	h.n++
}

// Merge adds everything other counted.
func (h *Histogram) Merge(other *Histogram) {
	if other.n == 0 {
		return
	}
	h.reach(other.first, other.first+len(other.counts)-1)
	into := h.counts[other.first-h.first:]
	for i, c := range other.counts {
		into[i] += c
	}
	h.n += other.n
}

// Count is the number of durations counted.
func (h *Histogram) Count() int { return h.n }

// Quantile is the smallest duration, to within a bin, that at least a share p of all
// do not exceed; 0 of an empty histogram.
func (h *Histogram) Quantile(p float64) time.Duration {
	rank := max(1, int(math.Ceil(p*float64(h.n)-1e-9)))
	seen := 0
	for i, c := range h.counts {
		if seen += int(c); seen >= rank && c > 0 {
			return middle(h.first + i)
		}
	}
	return 0
}

// count is the number of durations in one bin.
func (h *Histogram) count(bin int) int {
	if i := bin - h.first; i >= 0 && i < len(h.counts) {
		return int(h.counts[i])
	}
	return 0
}

// span is the range of bins in use, [from, to).
func (h *Histogram) span() (from, to int) { return h.first, h.first + len(h.counts) }

// reach makes room for the bins from low to high.
func (h *Histogram) reach(low, high int) {
	if len(h.counts) == 0 {
		h.first = low
		h.counts = make([]uint32, high-low+1)
		return
	}
	if low < h.first {
		grown := make([]uint32, h.first-low+len(h.counts))
		copy(grown[h.first-low:], h.counts)
		h.first, h.counts = low, grown
	}
	if missing := high - h.first + 1 - len(h.counts); missing > 0 {
		h.counts = append(h.counts, make([]uint32, missing)...)
	}
}

// binOf returns the bin of a duration.
func binOf(d time.Duration) int {
	v := uint64(max(0, d))
	if v < subBins {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return shift<<subBits + int(v>>shift)
}

// edges are the bounds of a bin, [from, to).
func edges(bin int) (from, to time.Duration) {
	if bin < 2*subBins {
		return time.Duration(bin), time.Duration(bin + 1)
	}
	shift := bin>>subBits - 1
	lead := int64(bin&(subBins-1) | subBins)
	return time.Duration(lead << shift), time.Duration((lead + 1) << shift)
}

// middle is the value that stands for a bin.
func middle(bin int) time.Duration {
	from, to := edges(bin)
	return from + (to-from)/2
}
