package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
)

// heatPicture is the heat map of waits, and the same as a table.
type heatPicture struct {
	Figure  figureSet
	Levels  []heatLevel
	Missing bool // some turn was not answered
	Bands   []string
	Rows    []heatRow
}

// heatLevel is one colour of the map: cells of up to Most turns, and more than those of the level before.
type heatLevel struct {
	Most  int
	Words string
}

// heatRow is a stretch of the run in the table.
type heatRow struct {
	From, Unanswered string
	Counts           []string
}

const (
	heatColours  = 5
	heatHeight   = 190.0 // of all rows, if they are neither too low nor too high then
	heatLost     = 16.0  // height of the strip of unanswered turns
	heatTableMax = 24    // rows of the table
	heatBands    = 6     // columns of the table
)

// heatMap draws turns by when they were spoken and how long they waited. It is
// nil if there is nothing to draw.
func heatMap(run *parley.Run, sum *anatomy.Summary) *heatPicture {
	h := sum.Heat
	if h == nil || !wellFormed(h) {
		return nil
	}
	first, last, most, lost := heatRange(h)
	if most == 0 && lost == 0 {
		return nil
	}
	t := newTimeline(run, sum.Rates)
	m := heatChart{timeline: t, Heat: h, first: first, last: last, levels: heatLevels(most), missing: lost > 0}
	bands, rows := heatTable(h, first, last)
	return &heatPicture{Figure: bothSizes(m.draw), Levels: m.levels, Missing: m.missing, Bands: bands, Rows: rows}
}

// wellFormed: the counts fill the grid of columns and rows.
func wellFormed(h *anatomy.Heat) bool {
	rows := len(h.Edges) - 1
	ragged := slices.ContainsFunc(h.Counts, func(column []int) bool { return len(column) != rows })
	return h.Width > 0 && rows > 0 && len(h.Counts) > 0 && len(h.Unanswered) == len(h.Counts) && !ragged
}

// heatRange finds the rows that hold anything, and the largest counts.
func heatRange(h *anatomy.Heat) (first, last, most, lost int) {
	first, last = len(h.Edges)-2, 0
	for i, column := range h.Counts {
		for row, n := range column {
			if n > 0 {
				first, last, most = min(first, row), max(last, row), max(most, n)
			}
		}
		lost = max(lost, h.Unanswered[i])
	}
	if first > last {
		first, last = 0, 0
	}
	return first, last, max(most, lost), lost
}

// heatLevels divides counts from 1 to most into levels by their logarithm: a
// few turns that waited long must be seen beside many that did not.
func heatLevels(most int) []heatLevel {
	var out []heatLevel
	for k := 1; k <= heatColours; k++ {
		upper := int(math.Round(math.Pow(float64(most), float64(k)/heatColours)))
		if k == heatColours {
			upper = most
		}
		lower := 1
		if len(out) > 0 {
			lower = out[len(out)-1].Most + 1
		}
		switch {
		case upper < lower:
		case upper == lower:
			out = append(out, heatLevel{upper, count(upper)})
		default:
			out = append(out, heatLevel{upper, count(lower) + "–" + count(upper)})
		}
	}
	return out
}

// heatChart is the map with what its axes need.
type heatChart struct {
	timeline
	*anatomy.Heat
	first, last int // rows drawn
	levels      []heatLevel
	missing     bool
}

// class is the colour of a cell, from 1 for few turns to the number of levels; 0 for none.
func (m heatChart) class(n int) int {
	if n <= 0 {
		return 0
	}
	for i, l := range m.levels {
		if n <= l.Most {
			// The last level is the darkest, however few there are.
			return heatColours - len(m.levels) + i + 1
		}
	}
	return heatColours
}

func (m heatChart) draw(c canvas) string {
	rows := m.last - m.first + 1
	height := min(max(heatHeight/float64(rows), 14), 28)
	top := phaseBand + panelGap
	if m.missing {
		top += heatLost + 6
	}
	bottom := top + float64(rows)*height
	g := newSVG(c.width, bottom+axisRoom)
	x := scale{from: 0, to: m.total.Seconds(), a: c.left, b: c.width - c.right}
	m.phases(g, x, bottom)
	g.text("panel-title", c.left, phaseBand+panelGap-10, "start", "wait for the reply")
	if m.missing {
		m.strip(g, x, phaseBand+panelGap, "lost", heatLost, func(column int) int { return m.Unanswered[column] })
		g.text("tick", c.left-8, phaseBand+panelGap+heatLost-4, "end", "never")
	}
	for row := m.first; row <= m.last; row++ {
		y := bottom - float64(row-m.first+1)*height
		m.strip(g, x, y, "heat", height, func(column int) int { return m.Counts[column][row] })
	}
	for _, v := range logTicks(m.lowest(), m.Edges[m.last+1], 7) {
		y := bottom - m.rowsBelow(v)*height
		g.line("heat-line", c.left, y, c.width-c.right, y)
		g.text("tick", c.left-8, y+4, "end", tickLabel(v, parley.Seconds))
	}
	for _, ph := range m.run.Phases[min(1, len(m.run.Phases)):] {
		at := x.clamped(ph.Start.Seconds())
		if at > x.a+2 {
			g.line("heat-border", at, phaseBand+panelGap, at, bottom)
		}
	}
	m.timeAxis(g, c, x, bottom)
	g.line("cursor", x.a, phaseBand, x.a, bottom)
	label := "Heat map of waits: turns by when they were spoken and how long they waited for the reply."
	g.describe(m.words())
	return g.image(c.class, label, fmt.Sprintf(` data-plot="heat" data-x0="%s" data-x1="%s" data-seconds="%s" data-top="%s" data-cell="%s" data-first="%d" data-last="%d"`,
		px(x.a), px(x.b), px(m.total.Seconds()), px(top), px(height), m.first, m.last))
}

// lowest is the bound of the first row for an axis of logarithms, which has no place for 0.
func (m heatChart) lowest() float64 {
	if m.Edges[m.first] > 0 {
		return m.Edges[m.first]
	}
	return m.Edges[m.first+1] / 2
}

// rowsBelow is how many rows lie below a wait, in fractions by its logarithm.
func (m heatChart) rowsBelow(wait float64) float64 {
	for row := m.first; row <= m.last; row++ {
		low, high := max(m.Edges[row], m.lowest()), m.Edges[row+1]
		if wait <= high || row == m.last {
			return float64(row-m.first) + min(max(math.Log(wait/low)/math.Log(high/low), 0), 1)
		}
	}
	return 0
}

// strip draws one row of cells, one path a colour; neighbours of one colour become one box.
func (m heatChart) strip(g *svg, x scale, y float64, class string, height float64, n func(column int) int) {
	var paths [heatColours + 1]strings.Builder
	for from := 0; from < len(m.Counts); {
		level := m.class(n(from))
		to := from + 1
		for to < len(m.Counts) && m.class(n(to)) == level {
			to++
		}
		if level > 0 {
			a, b := m.edge(x, from), m.edge(x, to)
			_, _ = fmt.Fprintf(&paths[level], "M%s %sH%sV%sH%sZ", px(a), px(y), px(b), px(y+height), px(a)) // a builder does not fail
		}
		from = to
	}
	for level := range paths {
		g.path(fmt.Sprintf("%s-%d", class, level), paths[level].String())
	}
}

// edge is where a column begins.
func (m heatChart) edge(x scale, column int) float64 {
	return x.clamped((time.Duration(column) * m.Width).Seconds())
}

// words describes the map for those who cannot see it.
func (m heatChart) words() string {
	turns, lost, best, bestRow := 0, 0, 0, 0
	for row := m.first; row <= m.last; row++ {
		sum := 0
		for _, column := range m.Counts {
			sum += column[row]
		}
		turns += sum
		if sum > best {
			best, bestRow = sum, row
		}
	}
	for _, n := range m.Unanswered {
		lost += n
	}
	text := fmt.Sprintf("%s answered, most of them (%s) after %s; %s never answered.",
		plural(turns, "turn"), count(best), bandWords(m.Heat, bestRow, bestRow), count(lost))
	return text + " The table below has the counts."
}

// bandWords names the rows from first to last of the map.
func bandWords(h *anatomy.Heat, first, last int) string {
	low, high := parley.ShortenFigure(seconds(h.Edges[first])), parley.ShortenFigure(seconds(h.Edges[last+1]))
	if last == len(h.Edges)-2 {
		return "more than " + low
	}
	return low + " to " + high
}

// heatTable joins columns and rows of the map until they make a table.
func heatTable(h *anatomy.Heat, first, last int) (bands []string, rows []heatRow) {
	join := (len(h.Counts) + heatTableMax - 1) / heatTableMax
	height := (last - first + heatBands) / heatBands
	for row := first; row <= last; row += height {
		bands = append(bands, bandWords(h, row, min(row+height-1, last)))
	}
	for from := 0; from < len(h.Counts); from += join {
		counts, lost := make([]int, len(bands)), 0
		for column := from; column < min(from+join, len(h.Counts)); column++ {
			for row := first; row <= last; row++ {
				counts[(row-first)/height] += h.Counts[column][row]
			}
			lost += h.Unanswered[column]
		}
		r := heatRow{From: clock(time.Duration(from) * h.Width), Unanswered: count(lost)}
		for _, n := range counts {
			r.Counts = append(r.Counts, count(n))
		}
		rows = append(rows, r)
	}
	return bands, rows
}
