package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"parley"
	"parley/internal/anatomy"
)

// figureSet is one picture in two sizes, of which the style sheet shows the one
// that fits the screen: text in an image shrinks with it.
type figureSet struct{ Wide, Narrow string }

// canvas is the size of an image and how much fits on it.
type canvas struct {
	class         string
	width         float64
	left, right   float64
	ticks, yTicks int
}

func canvases() [2]canvas {
	return [2]canvas{
		{class: "chart wide", width: 920, left: 52, right: 14, ticks: 12, yTicks: 4},
		{class: "chart narrow", width: 400, left: 44, right: 8, ticks: 5, yTicks: 4},
	}
}

// bothSizes draws a picture for either canvas.
func bothSizes(draw func(canvas) string) figureSet {
	c := canvases()
	return figureSet{Wide: draw(c[0]), Narrow: draw(c[1])}
}

// panel is one plot of a stack that shares the axis of time.
type panel struct {
	title  string
	height float64
	series []series
	unit   parley.Unit
	limits []parley.Budget // promises drawn across it
}

// series is one line of a panel.
type series struct {
	class string
	area  bool // filled down to zero
	bars  bool // one bar a bucket instead of a line
	dots  bool // one dot a bucket: too few turns each for a line to mean a course
	value func(anatomy.RatePoint) (v float64, present bool)
}

// timeline is what the plots over time share.
type timeline struct {
	run   *parley.Run
	rates []anatomy.RatePoint
	total time.Duration
	join  int // points of the record in one of rates
}

func newTimeline(run *parley.Run, rates []anatomy.RatePoint) timeline {
	t := timeline{run: run, rates: rates, total: run.Elapsed, join: 1}
	for _, p := range rates {
		t.total = max(t.total, p.At+p.Width)
	}
	return t
}

// fewTurns is how many turns a point needs before its percentiles are joined
// by a line, and how many messages before its rate is drawn on its own.
const fewTurns = 6

// turnsPerPoint is the mean over the points that have any.
func (t timeline) turnsPerPoint() int {
	turns, points := 0, 0
	for _, p := range t.rates {
		if p.N > 0 {
			turns, points = turns+p.N, points+1
		}
	}
	return turns / max(points, 1)
}

// joined widens the points until one holds a few messages: at a message or two
// each, a rate would jump between nothing and its double. It keeps twelve points at least.
func (t timeline) joined() timeline {
	messages := 0.0
	for _, p := range t.rates {
		messages += p.Offered * p.Width.Seconds()
	}
	if messages <= 0 {
		return t
	}
	t.join = max(1, min(int(math.Ceil(fewTurns*float64(len(t.rates))/messages)), len(t.rates)/12))
	var wide []anatomy.RatePoint
	for group := range slices.Chunk(t.rates, t.join) {
		wide = append(wide, joinPoints(group))
	}
	t.rates = wide
	return t
}

// joinPoints averages rates; percentiles cannot be averaged and are left out.
func joinPoints(points []anatomy.RatePoint) anatomy.RatePoint {
	out := anatomy.RatePoint{At: points[0].At}
	for _, p := range points {
		out.Width += p.Width
	}
	for _, p := range points {
		share := 1 / float64(len(points))
		if out.Width > 0 {
			share = float64(p.Width) / float64(out.Width) // the last point of a record is often shorter
		}
		out.Offered += p.Offered * share
		out.Acked += p.Acked * share
		out.Answered += p.Answered * share
		out.InFlight += p.InFlight * share
		out.Failed += p.Failed
	}
	return out
}

// ratesChart shows messages per second, turns in flight and failed turns.
func ratesChart(t timeline) figureSet {
	t = t.joined()
	always := func(f func(anatomy.RatePoint) float64) func(anatomy.RatePoint) (float64, bool) {
		return func(p anatomy.RatePoint) (float64, bool) { return f(p), true }
	}
	panels := []panel{
		{title: "messages per second", height: 190, series: []series{
			{class: "offered", value: always(func(p anatomy.RatePoint) float64 { return p.Offered })},
			{class: "acked", value: always(func(p anatomy.RatePoint) float64 { return p.Acked })},
			{class: "answered", value: always(func(p anatomy.RatePoint) float64 { return p.Answered })},
		}},
		{title: "turns in flight", height: 90, series: []series{
			{class: "inflight", area: true, value: always(func(p anatomy.RatePoint) float64 { return p.InFlight })},
		}},
	}
	failed := 0
	for _, p := range t.rates {
		failed += p.Failed
	}
	if failed > 0 {
		panels = append(panels, panel{title: "failed turns per bucket", height: 54, series: []series{
			{class: "failed", bars: true, value: func(p anatomy.RatePoint) (float64, bool) { return float64(p.Failed), p.Failed > 0 }},
		}})
	}
	return bothSizes(func(c canvas) string {
		return t.draw(c, panels, "rates", "Messages offered, acknowledged and answered per second over the run, with turns in flight below.")
	})
}

// repliesChart shows reply p50 and p95 over time.
func repliesChart(t timeline, limits []parley.Budget) figureSet {
	present := func(f func(anatomy.RatePoint) float64) func(anatomy.RatePoint) (float64, bool) {
		return func(p anatomy.RatePoint) (float64, bool) { return f(p), p.N > 0 }
	}
	title := "reply time"
	sparse := t.turnsPerPoint() < fewTurns
	if sparse {
		title = "reply time, few turns a point"
	}
	panels := []panel{{title: title, height: 190, unit: parley.Seconds, limits: limits, series: []series{
		{class: "p95", dots: sparse, value: present(func(p anatomy.RatePoint) float64 { return p.ReplyP95 })},
		{class: "p50", dots: sparse, value: present(func(p anatomy.RatePoint) float64 { return p.ReplyP50 })},
	}}}
	return bothSizes(func(c canvas) string {
		return t.draw(c, panels, "replies", "Reply p50 and p95 over the run.")
	})
}

const (
	phaseBand = 22.0 // height of the strip of phases
	panelGap  = 40.0 // room for a panel's title
	axisRoom  = 26.0
)

// draw stacks the panels under the strip of phases. The data attributes let the
// page's script find the instant under the pointer.
func (t timeline) draw(c canvas, panels []panel, kind, label string) string {
	height := phaseBand + axisRoom
	for _, p := range panels {
		height += panelGap + p.height
	}
	g := newSVG(c.width, height)
	x := scale{from: 0, to: t.total.Seconds(), a: c.left, b: c.width - c.right}
	t.phases(g, x, height-axisRoom)
	top := phaseBand
	for _, p := range panels {
		t.panel(g, c, x, p, top+panelGap)
		top += panelGap + p.height
	}
	t.timeAxis(g, c, x, top)
	g.line("cursor", x.a, phaseBand, x.a, top)
	return g.image(c.class, label, fmt.Sprintf(` data-plot="%s" data-x0="%s" data-x1="%s" data-seconds="%s" data-join="%d"`,
		kind, px(x.a), px(x.b), px(t.total.Seconds()), t.join))
}

// phases draws the labelled strip, the shade of the judged phases and the steps of a ramp.
func (t timeline) phases(g *svg, x scale, bottom float64) {
	for i, ph := range t.run.Phases {
		end := ph.End
		if end == parley.None {
			end = t.total
		}
		a, b := x.clamped(ph.Start.Seconds()), x.clamped(end.Seconds())
		class := "phase"
		if ph.Kind == parley.Steady || ph.Kind == parley.Ramp {
			class = "phase loaded"
			g.rect("ground", a, phaseBand, b-a, bottom-phaseBand, "")
		}
		g.rect(class, a, 0, b-a, phaseBand, fmt.Sprintf("%s, %s to %s", ph.Name, clock(ph.Start), clock(end)))
		if textWidth(ph.Name)+8 < b-a {
			g.text("phase-name", (a+b)/2, 15, "middle", ph.Name)
		}
		if i > 0 {
			g.line("border", a, 0, a, bottom)
		}
		t.steps(g, x, ph, bottom)
	}
}

// steps numbers the levels of a ramp where there is room.
func (t timeline) steps(g *svg, x scale, ph parley.Phase, bottom float64) {
	for i, st := range ph.Steps {
		end := st.End
		if end == parley.None {
			end = t.total
		}
		a, b := x.clamped(st.Start.Seconds()), x.clamped(end.Seconds())
		if i > 0 {
			g.line("step", a, phaseBand, a, bottom)
		}
		if b-a > 14 {
			g.text("step-name", (a+b)/2, phaseBand+13, "middle", fmt.Sprint(i+1))
		}
	}
}

func (t timeline) panel(g *svg, c canvas, x scale, p panel, top float64) {
	highest := 0.0
	for _, s := range p.series {
		for _, r := range t.rates {
			if v, ok := s.value(r); ok && finite(v) {
				highest = max(highest, v)
			}
		}
	}
	for _, b := range p.limits {
		// A promise that everything is far below would flatten the plot.
		if b.Limit < 2*highest {
			highest = max(highest, b.Limit)
		}
	}
	ticks := c.yTicks
	if p.height < 100 {
		ticks = 2
	}
	end, step := niceTop(highest, ticks)
	y := scale{from: 0, to: end, a: top + p.height, b: top}
	for k := 0; float64(k)*step <= end*1.0001; k++ {
		v := float64(k) * step
		g.line("gridline", c.left, y.at(v), c.width-c.right, y.at(v))
		g.text("tick", c.left-8, y.at(v)+4, "end", tickLabel(v, p.unit))
	}
	g.text("panel-title", c.left, top-10, "start", p.title)
	for _, s := range p.series {
		t.series(g, x, y, s)
	}
	for _, b := range p.limits {
		if b.Limit <= end {
			g.line("limit", x.a, y.at(b.Limit), x.b, y.at(b.Limit))
			g.text("limit-name", x.b, y.at(b.Limit)-5, "end", promiseWords(b))
		}
	}
}

// series draws one line, area or row of bars.
func (t timeline) series(g *svg, x, y scale, s series) {
	var line, area trace
	var first, last float64
	for _, r := range t.rates {
		v, ok := s.value(r)
		if !ok || !finite(v) {
			line.lift()
			continue
		}
		if s.bars {
			a, b := x.at(r.At.Seconds()), x.at((r.At + r.Width).Seconds())
			g.rect(s.class, a, y.at(v), max(b-a-.5, 1.2), y.a-y.at(v), fmt.Sprintf("%s: %s failed", clock(r.At), plural(int64(v), "turn")))
			continue
		}
		at := x.at((r.At + r.Width/2).Seconds())
		if s.dots {
			g.circle("point "+s.class, at, y.at(v), 3, fmt.Sprintf("%s: %s %s, %s", clock(r.At), s.class, seconds(v), plural(r.N, "turn")))
			continue
		}
		if !area.down {
			first = at
		}
		last = at
		line.to(at, y.at(v))
		area.to(at, y.at(v))
	}
	if s.area && area.down {
		area.to(last, y.a)
		area.to(first, y.a)
		g.path(s.class+" area", area.String()+"Z")
	}
	g.path("line "+s.class, line.String())
}

func (t timeline) timeAxis(g *svg, c canvas, x scale, y float64) {
	step := timeStep(t.total, c.ticks)
	for at := time.Duration(0); at <= t.total; at += step {
		px := x.at(at.Seconds())
		g.line("tickmark", px, y, px, y+4)
		anchor := "middle"
		if px > x.b-14 {
			anchor = "end"
		}
		g.text("tick", px, y+18, anchor, clock(at))
	}
}

// tickLabel words a figure on an axis: as short as it can be.
func tickLabel(v float64, u parley.Unit) string {
	switch {
	case u == parley.Seconds && v == 0:
		return "0"
	case u == parley.Seconds:
		return parley.ShortenFigure(seconds(v))
	case v >= 100_000:
		return strconv.FormatFloat(v/1000, 'g', 4, 64) + "k"
	case v != math.Trunc(v):
		return strconv.FormatFloat(v, 'g', 3, 64)
	default:
		return number(v)
	}
}
