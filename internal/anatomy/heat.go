package anatomy

import (
	"math"
	"time"

	"parley"
)

// Waits are counted in rows of a quarter of a power of two from heatLeast on, heatRows of them, up to
// 68 minutes; the result has as few as show the range in use, heatMost at most.
const (
	heatLeast = time.Millisecond
	heatParts = 4 // rows to a power of two
	heatRows  = 22 * heatParts
	heatMost  = 16
)

// heatCount gathers the heat map. Its columns are the points of the rates.
type heatCount struct {
	elapsed time.Duration
	width   time.Duration
	columns []heatColumn
	turns   int
}

type heatColumn struct {
	rows       [heatRows]int32
	unanswered int
}

func newHeatCount(elapsed time.Duration) *heatCount {
	h := &heatCount{elapsed: elapsed, width: bucketWidth(elapsed)}
	h.columns = make([]heatColumn, max(1, int((elapsed+h.width-1)/h.width)))
	return h
}

// add enters a turn that was said.
func (h *heatCount) add(t *parley.Turn) {
	h.turns++
	c := &h.columns[min(max(0, int(t.Spoken/h.width)), len(h.columns)-1)]
	if t.Outcome != parley.Answered {
		c.unanswered++
		return
	}
	wait, _ := t.ReplyLatency()
	c.rows[heatRow(wait)]++
}

func heatRow(wait time.Duration) int {
	if wait <= heatLeast {
		return 0
	}
	return min(int(heatParts*math.Log2(float64(wait)/float64(heatLeast))), heatRows-1)
}

// result is nil without turns.
func (h *heatCount) result() *Heat {
	if h.turns == 0 {
		return nil
	}
	from, to := h.used()
	merged, rows := 1, to-from // rows made one
	for rows > heatMost {
		merged *= 2
		rows = (to+merged-1)/merged - from/merged
	}
	from -= from % merged
	out := &Heat{Width: h.width, Edges: make([]float64, rows+1)}
	for i := range out.Edges {
		out.Edges[i] = heatLeast.Seconds() * math.Exp2(float64(from+i*merged)/heatParts)
	}
	for i := range h.columns {
		c := &h.columns[i]
		counts := make([]int, rows)
		for row := from; row < to; row++ {
			counts[(row-from)/merged] += int(c.rows[row])
		}
		out.Counts = append(out.Counts, counts)
		out.Unanswered = append(out.Unanswered, c.unanswered)
	}
	return out
}

// used is the range of rows with an answer, [from, to); one row around a second if there is none.
func (h *heatCount) used() (from, to int) {
	from, to = heatRows, 0
	for i := range h.columns {
		for row, n := range h.columns[i].rows {
			if n > 0 {
				from, to = min(from, row), max(to, row+1)
			}
		}
	}
	if from >= to {
		from = heatRow(time.Second)
		return from, from + 1
	}
	return from, to
}
