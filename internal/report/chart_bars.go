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

// barPart is one part of a bar that stands for a whole.
type barPart struct {
	Label, Percent, Amount, Class string
	Size                          float64
	Hatched                       bool // and so marked as assumed
}

// splitBar draws the mean reply as one bar, divided by where the time went.
func splitBar(rows []splitRow) figureSet {
	parts := make([]barPart, 0, len(rows))
	for i, r := range rows {
		parts = append(parts, barPart{r.Label, r.Percent, r.Time, partClass(i, r), r.Seconds, r.Assumed})
	}
	return dividedBar("Mean reply time, divided: ", parts)
}

// costBar draws what a conversation costs as one bar, divided by what is paid for.
func costBar(parts []costPart) figureSet {
	bars := make([]barPart, 0, len(parts))
	for _, p := range parts {
		bars = append(bars, barPart{Label: p.Name, Percent: p.Percent, Amount: p.Cost, Class: p.Class, Size: p.Dollars})
	}
	return dividedBar("Cost per 1,000 conversations, divided: ", bars)
}

func dividedBar(what string, parts []barPart) figureSet {
	if len(parts) == 0 {
		return figureSet{}
	}
	words := make([]string, len(parts))
	sum := 0.0
	for i, p := range parts {
		words[i] = p.Label + " " + p.Percent
		sum += p.Size
	}
	return bothSizes(func(c canvas) string {
		const top, thick = 24.0, 40.0
		g := newSVG(c.width, top+thick+2)
		x := scale{from: 0, to: sum, a: 0, b: c.width}
		from := 0.0
		for _, p := range parts {
			a, b := x.at(from), x.at(from+p.Size)
			title := fmt.Sprintf("%s: %s, %s", p.Label, p.Amount, p.Percent)
			g.rect("part "+p.Class, a, top, b-a-1.5, thick, title)
			if p.Hatched {
				g.rect("hatch", a, top, b-a-1.5, thick, title+", assumed")
			}
			label := p.Label + " " + p.Percent
			if partNameWidth(label) > b-a {
				label = p.Percent
			}
			if partNameWidth(label) <= b-a {
				g.text("part-name", a, top-8, "start", label)
			}
			from += p.Size
		}
		return g.image(c.class, what+strings.Join(words, ", ")+".", "")
	})
}

// partNameWidth is the room a part's name needs above the bar: its type is larger than that of other labels.
func partNameWidth(name string) float64 { return 1.1*textWidth(name) + 10 }

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

// countBar is a bar of share of the full width, for the cell of a table.
func countBar(share float64) string {
	g := newSVG(100, 8)
	g.rect("track", 0, 0, 100, 8, "")
	g.rect("bin", 0, 0, 100*min(max(share, 0), 1), 8, "")
	return `<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">` + g.b.String() + `</svg>`
}
