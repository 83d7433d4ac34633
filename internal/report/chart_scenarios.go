package report

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"parley"
)

const (
	scenarioRowHeight = 34.0
	scenarioTop       = 30.0
)

// scenarioChart sets the reply p95 of the scenarios side by side, each a dot
// with its interval on a common axis. It is empty for fewer than two.
func scenarioChart(rows []scenarioRow, limits []parley.Budget) figureSet {
	highest, found := 0.0, 0
	for _, r := range rows {
		if q, ok := quantileOf(r.reply, "p95"); ok {
			highest = max(highest, q.Value, q.High)
			found++
		}
	}
	if found < 2 {
		return figureSet{}
	}
	for _, b := range limits {
		if b.Stat == "p95" && b.Limit < 2*highest {
			highest = max(highest, b.Limit)
		}
	}
	return bothSizes(func(c canvas) string { return drawScenarios(c, rows, limits, highest) })
}

func drawScenarios(c canvas, rows []scenarioRow, limits []parley.Budget, highest float64) string {
	left, above := 60.0, 0.0
	for _, r := range rows {
		left = max(left, 1.1*textWidth(scenarioName(r))+24)
	}
	if c.width < 600 { // names stand above their lines
		left, above = 8, 14
	}
	step := scenarioRowHeight + above
	g := newSVG(c.width, scenarioTop+step*float64(len(rows))+axisRoom)
	bottom := scenarioTop + step*float64(len(rows))
	end, tick := niceTop(highest, c.ticks/2+1)
	x := scale{from: 0, to: end, a: left, b: c.width - c.right - 16}
	for k := 0; float64(k)*tick <= end*1.0001; k++ {
		v := float64(k) * tick
		g.line("gridline", x.at(v), scenarioTop, x.at(v), bottom)
		g.text("tick", x.at(v), bottom+18, "middle", tickLabel(v, parley.Seconds))
	}
	for _, b := range limits {
		if b.Stat == "p95" && b.Limit <= end {
			g.line("limit", x.at(b.Limit), scenarioTop-6, x.at(b.Limit), bottom)
			width := textWidth(promiseWords(b))
			g.text("limit-name", min(max(x.at(b.Limit)-width/2, 4), c.width-4-width), scenarioTop-12, "start", promiseWords(b))
		}
	}
	var words strings.Builder
	for i, r := range rows {
		middle := scenarioTop + step*(float64(i)+.5) + above/2
		name := scenarioName(r)
		if above > 0 {
			g.text("row-name", left, middle-11, "start", name)
		} else {
			g.text("row-name", left-14, middle+4, "end", name)
		}
		words.WriteString(" " + r.Name + ": " + r.P95.Both() + ".")
		scenarioMark(g, x, middle, r)
	}
	return g.image(c.class, "Reply p95 by scenario, with 95 % intervals."+words.String(), "")
}

// scenarioName is short enough to stand beside the chart.
func scenarioName(r scenarioRow) string { return ansi.Truncate(clean(r.Name), 32, "…") }

// scenarioMark is hollow, at the longest wait seen, if the percentile lies beyond it.
func scenarioMark(g *svg, x scale, y float64, r scenarioRow) {
	q, ok := quantileOf(r.reply, "p95")
	if !ok {
		g.text("tick", x.a+4, y+4, "start", "too few turns")
		return
	}
	if low, high := whisker(x, q.Estimate); high > low {
		g.line("whisker", low, y, high, y)
		g.line("whisker", low, y-5, low, y+5)
		if q.HighBeyond {
			g.path("whisker", fmt.Sprintf("M%s %sl5 4l-5 4", px(high), px(y-4)))
		} else {
			g.line("whisker", high, y-5, high, y+5)
		}
	}
	class := "point answered"
	if q.ValueBeyond {
		class += " beyond"
	}
	g.circle(class, x.clamped(q.Value), y, 5, fmt.Sprintf("%s: p95 %s", r.Name, r.P95.Both()))
}
