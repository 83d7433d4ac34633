package report

import (
	"fmt"
	"strings"

	"parley"
)

const (
	gaugeWidth  = 240.0
	gaugeHeight = 34.0
)

// gauge draws a measured figure against its limit: the bar ends at the figure,
// the whisker is its interval, the tick is the limit, and the tinted ground is
// where the promise holds. It is empty if nothing was measured.
func gauge(r budgetRow) string {
	if r.BudgetResult.Measured == nil || !finite(r.BudgetResult.Measured.Value) {
		return ""
	}
	e, limit := *r.BudgetResult.Measured, r.Budget.Limit
	x := scale{from: 0, to: gaugeEnd(e, limit), a: 6, b: gaugeWidth - 10}
	g := newSVG(gaugeWidth, gaugeHeight)
	const top, thick, middle = 12.0, 10.0, 17.0
	g.rect("track", x.a, top, x.b-x.a, thick, "")
	switch strings.TrimSuffix(r.Budget.Op, "=") {
	case "<":
		g.rect("allowed", x.a, top, x.clamped(limit)-x.a, thick, "")
	case ">":
		g.rect("allowed", x.clamped(limit), top, x.b-x.clamped(limit), thick, "")
	}
	tone := string(r.Tone)
	value := x.clamped(e.Value)
	if e.ValueBeyond {
		value = x.b
	}
	g.rect("measured "+tone, x.a, top+2, value-x.a, thick-4, "")
	if low, high := whisker(x, e); high > low {
		g.line("whisker", low, middle, high, middle)
		g.line("whisker", low, middle-5, low, middle+5)
		if e.HighBeyond {
			g.path("whisker", fmt.Sprintf("M%s %sl5 4l-5 4", px(high), px(middle-4)))
		} else {
			g.line("whisker", high, middle-5, high, middle+5)
		}
	} else {
		g.circle("dot "+tone, value, middle, 4.5, r.Measured.Value)
	}
	g.line("limit", x.clamped(limit), 5, x.clamped(limit), gaugeHeight-5)
	return g.image("gauge", fmt.Sprintf("measured %s, limit %s", r.Measured.Both(), r.Promise), "")
}

// gaugeEnd is the figure at the right edge: the limit stands at the same place
// in every row unless the measured figure needs more room.
func gaugeEnd(e parley.Estimate, limit float64) float64 {
	end := limit * 1.6
	for _, v := range []float64{e.Value, e.High} {
		if finite(v) {
			end = max(end, v*1.12)
		}
	}
	if end <= 0 {
		return 1
	}
	return end
}

// whisker returns the ends of the interval, equal if there is none.
func whisker(x scale, e parley.Estimate) (low, high float64) {
	if e.Exact || !finite(e.Low) || !finite(e.High) || e.Low == 0 && e.High == 0 {
		return 0, 0
	}
	high = x.clamped(e.High)
	if e.HighBeyond {
		high = x.b
	}
	return x.clamped(e.Low), high
}

// splitBar draws the mean reply as one bar, divided by where the time went.
func splitBar(rows []splitRow) figureSet {
	if len(rows) == 0 {
		return figureSet{}
	}
	return bothSizes(func(c canvas) string {
		const top, thick = 24.0, 40.0
		g := newSVG(c.width, top+thick+2)
		sum := 0.0
		for _, r := range rows {
			sum += r.Seconds
		}
		x := scale{from: 0, to: sum, a: 0, b: c.width}
		from := 0.0
		for i, r := range rows {
			a, b := x.at(from), x.at(from+r.Seconds)
			title := fmt.Sprintf("%s: %s, %s", r.Label, r.Time, r.Percent)
			g.rect("part "+partClass(i, r), a, top, b-a-1.5, thick, title)
			if r.Assumed {
				g.rect("hatch", a, top, b-a-1.5, thick, title+", assumed")
			}
			label := r.Label + " " + r.Percent
			if textWidth(label)+12 > b-a {
				label = r.Percent
			}
			if textWidth(label)+6 < b-a {
				g.text("part-name", a, top-8, "start", label)
			}
			from += r.Seconds
		}
		return g.image(c.class, "Mean reply time, divided: "+splitWords(rows), "")
	})
}

// partClass is the fill of a part: tints of the accent for wires in their order,
// neutral for the bot, warning for waiting.
func partClass(i int, r splitRow) string {
	switch r.Name {
	case "bot":
		return "part-bot"
	case "retry":
		return "part-retry"
	default:
		return fmt.Sprintf("part-%d", min(i, 5))
	}
}

func splitWords(rows []splitRow) string {
	parts := make([]string, len(rows))
	for i, r := range rows {
		parts[i] = r.Label + " " + r.Percent
	}
	return strings.Join(parts, ", ") + "."
}

// countBar is a bar of share of the full width, for the cell of a table.
func countBar(share float64) string {
	g := newSVG(100, 8)
	g.rect("track", 0, 0, 100, 8, "")
	g.rect("bin", 0, 0, 100*min(max(share, 0), 1), 8, "")
	return `<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">` + g.b.String() + `</svg>`
}
