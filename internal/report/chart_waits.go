package report

import (
	"cmp"
	"math"
	"slices"

	"parley"
	"parley/internal/anatomy"
)

// histogram draws the distribution of a wait on a logarithmic axis of time.
// Censored waits stand where they were cut off, in another pattern.
func histogram(w anatomy.Waits, limits []parley.Budget) figureSet {
	if len(w.Bins) == 0 {
		return figureSet{}
	}
	return bothSizes(func(c canvas) string { return drawHistogram(c, w, limits) })
}

const (
	histogramTop    = 46.0 // room for the markers' words
	histogramHeight = 200.0
)

func drawHistogram(c canvas, w anatomy.Waits, limits []parley.Budget) string {
	g := newSVG(c.width, histogramTop+histogramHeight+axisRoom)
	bottom := histogramTop + histogramHeight
	from, to := binRange(w.Bins)
	bars := equalBars(w, from, to)
	x := scale{from: from, to: to, a: c.left, b: c.width - c.right, log: true}
	highest := 0.0
	for _, b := range bars {
		highest = max(highest, b.ended+b.censored)
	}
	end, step := niceTop(highest, c.yTicks)
	y := scale{from: 0, to: end, a: bottom, b: histogramTop}
	for k := 0; float64(k)*step <= end*1.0001; k++ {
		v := float64(k) * step
		g.line("gridline", c.left, y.at(v), c.width-c.right, y.at(v))
		g.text("tick", c.left-8, y.at(v)+4, "end", tickLabel(v, parley.Count))
	}
	for _, b := range bars {
		drawBar(g, x, y, b)
	}
	for _, v := range logTicks(x.from, x.to, c.ticks) {
		g.line("tickmark", x.at(v), bottom, x.at(v), bottom+4)
		g.text("tick", x.at(v), bottom+18, "middle", tickLabel(v, parley.Seconds))
	}
	g.text("panel-title", c.left, 12, "start", "turns")
	drawMarkers(g, x, bottom, w, limits)
	return g.image(c.class, "Histogram of reply times on a logarithmic axis. "+histogramWords(w), "")
}

// binRange is the axis of a histogram: all bins, and at least a decade, since one
// bin alone would fill the picture and say nothing.
func binRange(bins []anatomy.Bin) (from, to float64) {
	from, to = bins[0].From, bins[len(bins)-1].To
	if from <= 0 || !finite(to) {
		from = max(from, to/1e4, 1e-6)
	}
	if grow := math.Sqrt(10 * from / to); grow > 1 {
		from, to = from/grow, to*grow
	}
	return from, to
}

// bar is one bar of the picture. Counts are fractions where a bin lies across two bars.
type bar struct {
	from, to        float64 // s
	ended, censored float64 // turns
}

// equalBars spreads the bins over bars of equal width on the logarithmic axis:
// the bins themselves are not equally wide there, so that their heights could
// not be compared, and a small sample needs wider ones.
func equalBars(w anatomy.Waits, from, to float64) []bar {
	octaves := math.Log2(to / from)
	n := int(min(max(2*math.Sqrt(float64(w.N)), 12), 48, max(6*octaves, 12)))
	bars := make([]bar, n)
	edge := func(i int) float64 { return from * math.Exp2(octaves*float64(i)/float64(n)) }
	for i := range bars {
		bars[i].from, bars[i].to = edge(i), edge(i+1)
	}
	for _, bin := range w.Bins {
		low, high := max(bin.From, from), max(bin.To, from)
		for i := range bars {
			bars[i].ended += overlap(low, high, bars[i].from, bars[i].to) * float64(bin.Count)
		}
		// Waits are cut off at one moment, the users' patience, which is not to be split.
		middle := math.Log2(math.Sqrt(low*high)/from) / octaves * float64(n)
		bars[min(max(int(middle), 0), n-1)].censored += float64(bin.Censored)
	}
	return bars
}

// overlap is the share of [low, high) that lies in [from, to), in logarithms.
func overlap(low, high, from, to float64) float64 {
	a, b := max(low, from), min(high, to)
	if a >= b {
		return 0
	}
	return math.Log(b/a) / math.Log(high/low)
}

func drawBar(g *svg, x, y scale, b bar) {
	left, width := x.at(b.from)+.5, x.at(b.to)-x.at(b.from)-1
	between := seconds(b.from) + " to " + seconds(b.to) + ": about "
	if b.ended > 0 {
		top := y.at(b.ended)
		g.rect("bin", left, top, width, y.a-top, between+number(b.ended)+" turns")
	}
	if b.censored > 0 {
		base, top := y.at(b.ended), y.at(b.ended+b.censored)
		g.rect("censored", left, top, width, base-top, between+number(b.censored)+" turns still waiting when the wait was cut off")
	}
}

// drawMarkers names p50, p95 and the promises. Each kind of marker has its own
// line of words, so that a promise near p95 stays legible.
func drawMarkers(g *svg, x scale, bottom float64, w anatomy.Waits, limits []parley.Budget) {
	taken := map[float64]float64{} // by line of words, where the latest of them end
	marker := func(class string, v, row float64, words string) {
		if v < x.from || v > x.to {
			return
		}
		g.line(class, x.at(v), row+5, x.at(v), bottom)
		width := textWidth(words)
		from := min(x.at(v)-width/2, g.w-4-width)
		if last, ok := taken[row]; ok {
			from = max(from, last+10)
		}
		if from+width > g.w {
			return // the line stays; its words stand in the table
		}
		taken[row] = from + width
		g.text(class+"-name", from, row, "start", words)
	}
	limits = slices.SortedFunc(slices.Values(limits), func(a, b parley.Budget) int { return cmp.Compare(a.Limit, b.Limit) })
	for _, b := range limits {
		marker("limit", b.Limit, 20, promiseWords(b))
	}
	for _, name := range []string{"p50", "p95"} {
		if q, ok := quantileOf(w, name); ok && !q.ValueBeyond {
			marker("quantile", q.Value, 38, name+" "+seconds(q.Value))
		}
	}
}

func histogramWords(w anatomy.Waits) string {
	text := plural(w.N, "turn")
	if q, ok := quantileOf(w, "p50"); ok {
		text += ", p50 " + estimate(q.Estimate, parley.Seconds).Value
	}
	if q, ok := quantileOf(w, "p95"); ok {
		text += ", p95 " + estimate(q.Estimate, parley.Seconds).Value
	}
	if w.Censored > 0 {
		text += ", " + plural(w.Censored, "wait") + " cut off"
	}
	return text + "."
}

// promiseWords names a promise about the reply in a picture of replies.
func promiseWords(b parley.Budget) string {
	return "promise " + b.Stat + " " + b.Op + " " + parley.ShortenFigure(seconds(b.Limit))
}

// replyLimits are the promises about the reply that belong on its histogram.
func replyLimits(run *parley.Run) []parley.Budget {
	var out []parley.Budget
	if run.Verdict == nil {
		return nil
	}
	for _, r := range run.Verdict.Budgets {
		if r.Budget.Metric == "reply" && r.Budget.Unit == parley.Seconds && r.Budget.Limit > 0 {
			out = append(out, r.Budget)
		}
	}
	return out
}
