package report

import "fmt"

// savedBar draws what of a wait would go: the bar is the wait as it was, the end that would go is tinted, and the whisker is the
// interval of where the wait would end. It is empty if the whole is not known.
func savedBar(c costRow) string {
	if c.Of <= 0 || !finite(c.Estimate.Value) {
		return ""
	}
	x := scale{from: 0, to: c.Of, a: 6, b: gaugeWidth - 10}
	g := newSVG(gaugeWidth, gaugeHeight)
	const top, thick, middle = 12.0, 10.0, 17.0
	g.rect("measured none", x.a, top, x.b-x.a, thick, "")
	left := x.clamped(c.Of - c.Estimate.Value)
	g.rect("saved-part", left, top, x.b-left, thick, "")
	if low, high := x.clamped(c.Of-c.Estimate.High), x.clamped(c.Of-c.Estimate.Low); high > low && !c.Estimate.Exact {
		g.line("whisker", low, middle, high, middle)
		g.line("whisker", low, middle-5, low, middle+5)
		g.line("whisker", high, middle-5, high, middle+5)
	}
	return g.image("gauge", fmt.Sprintf("%s of %s, %s, would go", c.Saved.Both(), seconds(c.Of), c.Share), "")
}

// saved is the figure with the whole that it is a part of.
func (c costRow) saved() figure {
	f := c.Saved
	if c.Share != "" {
		f.Value += ", " + c.Share
	}
	return f
}
