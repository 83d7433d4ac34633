package report

import (
	"strings"
)

// visits is what conversations came to.
func (p *printer) visits(v *visitStory) {
	if v == nil || len(v.Counts) == 0 && len(v.Rows) < 2 {
		return
	}
	p.section("conversations", "")
	p.tally("all", v.Counts, true)
	g := grid{Columns: []column{{}, {Right: true}, {}, {Drop: 1}}}
	for _, r := range v.Shares {
		g.Rows = append(g.Rows, []cell{
			{Text: r.Name}, {r.Figure.Value, p.inks.strong}, {r.Figure.Interval, p.inks.faint}, {r.Note, p.inks.faint},
		})
	}
	p.grid(g)
	for _, note := range v.Notes {
		p.paragraph(p.inks.tones[unsure], "  ? ", note)
	}
	if len(v.Rows) > 1 || v.HasGoals {
		p.scenarios(v)
	}
}

func (p *printer) scenarios(v *visitStory) {
	g := grid{Columns: []column{
		{Head: "scenario"}, {Head: "turns", Right: true, Drop: 6}, {Head: "p50", Right: true, Drop: 4},
		{Head: "p95", Right: true}, {Head: "95 % interval", Drop: 5}, {Head: "success", Right: true, Drop: 1},
		{Head: "abandoned", Right: true, Drop: 3}, {Head: "Apdex", Right: true, Drop: 2}, {Head: "per 1,000", Right: true, Drop: 1},
	}}
	for _, r := range v.Rows {
		g.Rows = append(g.Rows, []cell{
			{Text: r.Name}, {count(r.Turns), p.inks.faint}, {Text: r.P50.Value}, {r.P95.Value, p.inks.strong}, {r.P95.Interval, p.inks.faint},
			{Text: only(v.HasShares, r.Success.Value)}, {Text: only(v.HasShares, r.Abandonment.Value)}, {Text: only(v.HasApdex, r.Apdex.Value)}, {Text: only(v.HasCost, r.Cost.Value)},
		})
	}
	if len(v.Counts) > 0 {
		p.line("")
	}
	p.grid(g)
}

// money is what conversations cost.
func (p *printer) money(m *moneyStory) {
	if m == nil {
		return
	}
	p.section("cost", "US dollars, prices of "+m.Prices)
	g := grid{Columns: []column{{}, {Right: true}, {}, {Drop: 1}}}
	g.Rows = append(g.Rows, []cell{{Text: "per 1,000 conversations"}, {m.Per1000.Value, p.inks.strong}, {m.Per1000.Interval, p.inks.faint}, {}})
	for _, part := range m.Parts {
		g.Rows = append(g.Rows, []cell{{Text: "  " + part.Name}, {Text: part.Cost}, {Text: part.Percent}, {}})
	}
	g.Rows = append(g.Rows, []cell{{Text: "per success"}, {m.PerSuccess.Value, p.inks.strong}, {m.PerSuccess.Interval, p.inks.faint}, {}})
	if m.Saved != "" {
		g.Rows = append(g.Rows, []cell{{Text: "saved by the cache"}, {Text: m.Saved}, {"per 1,000 conversations", p.inks.faint}, {}})
	}
	p.grid(g)
	if len(m.Unpriced) > 0 {
		p.paragraph(p.inks.tones[unsure], "  ? ", "no price is known for "+strings.Join(m.Unpriced, ", ")+": what they cost is missing here")
	}
	for _, note := range m.Notes {
		p.paragraph(p.inks.faint, "  – ", note)
	}
}
