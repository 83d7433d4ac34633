package report

import (
	"fmt"
	"io"
	"strings"

	"charm.land/lipgloss/v2"
)

// TerminalOptions say what the terminal can show.
type TerminalOptions struct {
	// Width in cells; 0 means 80. It is kept between 60 and 100.
	Width int
	// Color allows ANSI styles. Nothing is told by colour alone.
	Color bool
}

// Terminal writes the report as text. Names that come from the plan or the bot
// are stripped of control characters.
func Terminal(w io.Writer, d Document, o TerminalOptions) error {
	if d.Run == nil {
		return errNoRun
	}
	p := newPrinter(o)
	p.print(tellMost(d, mostLines))
	if _, err := io.WriteString(w, p.text.String()); err != nil {
		return fmt.Errorf("report: write text: %w", err)
	}
	return nil
}

// printer collects the lines of a terminal report.
type printer struct {
	text  strings.Builder
	width int
	inks  inks
}

// inks are the styles; without colour they do nothing.
type inks struct {
	head, faint, strong lipgloss.Style
	tones               map[tone]lipgloss.Style
}

func newPrinter(o TerminalOptions) *printer {
	if o.Width == 0 {
		o.Width = 80
	}
	p := &printer{width: min(max(o.Width, 60), 100)}
	if !o.Color {
		return p
	}
	ink := func(color string) lipgloss.Style { return lipgloss.NewStyle().Foreground(lipgloss.Color(color)) }
	p.inks = inks{
		head:   lipgloss.NewStyle().Bold(true),
		faint:  lipgloss.NewStyle().Faint(true),
		strong: lipgloss.NewStyle().Bold(true),
		tones:  map[tone]lipgloss.Style{good: ink("2"), bad: ink("1"), unsure: ink("3")},
	}
	return p
}

func (p *printer) print(s story) {
	p.verdict(s)
	p.problems(s)
	p.findings(s.Found)
	p.budgets(s)
	p.waits(s)
	p.split(s)
	p.upstreams(s)
	p.anatomy(s.Anatomy)
	p.visits(s.Visits)
	p.money(s.Money)
	p.ramp(s)
	p.counts(s)
	p.trust(s)
}

// verdict is the headline and which run it is of.
func (p *printer) verdict(s story) {
	style := p.inks.tones[s.Tone].Bold(p.inks.strong.GetBold())
	p.paragraph(style, s.Tone.mark()+" "+strings.ToUpper(s.Badge)+"  ", s.Sentence)
	for _, f := range s.Facts {
		p.paragraph(p.inks.faint, fmt.Sprintf("  %-8s ", f.Name), f.Value)
	}
}

func (p *printer) problems(s story) {
	if len(s.Problems) > 0 {
		p.section("problems", "")
		for _, pr := range s.Problems {
			p.paragraph(p.inks.tones[bad], "  ✗ ", fmt.Sprintf("%s (%s, at %s)", pr.What, pr.Code, clock(pr.At)))
			if pr.Hint != "" {
				p.paragraph(p.inks.faint, "    ", pr.Hint)
			}
		}
	}
	if len(s.Missing) > 0 {
		p.section("missing from the record", "")
		for _, m := range s.Missing {
			p.paragraph(p.inks.tones[unsure], "  ? ", m)
		}
	}
}

func (p *printer) budgets(s story) {
	if len(s.Budgets) == 0 {
		return
	}
	p.section("budgets", "")
	g := grid{Columns: []column{{}, {}, {}, {Right: true}, {Drop: 1}, {}}}
	for _, b := range s.Budgets {
		style := p.inks.tones[b.Tone]
		g.Rows = append(g.Rows, []cell{
			{b.Tone.mark(), style}, {b.Name, p.inks.strong}, {Text: b.Promise},
			{b.Measured.Value, style}, {b.Measured.Interval, p.inks.faint}, {string(b.Result), style},
		})
	}
	lines := g.lines(p.width-2, p.inks.head)
	for i, b := range s.Budgets {
		p.line("  " + lines[i])
		why := strings.Join(nonEmpty(b.Why, b.Need), "; ")
		if why != "" {
			p.paragraph(p.inks.faint, "     ", why)
		}
	}
}

func (p *printer) waits(s story) {
	p.section("waits", s.Judged)
	if len(s.Waits) == 0 {
		p.paragraph(p.inks.faint, "  ", "No turn was recorded, so no wait was measured.")
		return
	}
	g := grid{Columns: []column{
		{}, {Head: "n", Right: true, Drop: 3},
		{Head: "p50", Right: true}, {Head: "95 % interval", Drop: 2},
		{Head: "p95", Right: true}, {Head: "95 % interval"},
		{Head: "p99", Right: true, Drop: 1}, {Head: "max", Right: true, Drop: 4},
	}}
	for _, w := range s.Waits {
		p50, p95, p99 := w.Cells[0], w.Cells[3], w.Cells[4]
		g.Rows = append(g.Rows, []cell{
			{Text: w.Name}, {count(w.N), p.inks.faint}, {p50.Value, p.inks.strong}, {p50.Interval, p.inks.faint},
			{p95.Value, p.inks.strong}, {p95.Interval, p.inks.faint}, {Text: p99.Value}, {w.Max, p.inks.faint},
		})
	}
	p.grid(g)
}

// split is where the time of a reply goes, as bars.
func (p *printer) split(s story) {
	if len(s.Split) == 0 {
		return
	}
	p.section("where the time of a reply goes", "mean of answered turns")
	const bar = 24
	g := grid{Columns: []column{{}, {Right: true}, {Right: true}, {}, {Drop: 1}}}
	for _, part := range s.Split {
		note := ""
		if part.Assumed {
			note = "assumed"
		}
		g.Rows = append(g.Rows, []cell{
			{Text: part.Label}, {part.Time, p.inks.strong}, {Text: part.Percent},
			{blocks(part.Share, bar), p.inks.head}, {note, p.inks.faint},
		})
	}
	p.grid(g)
}

// blocks draws share of width cells, in eighths of a cell, at least one eighth.
func blocks(share float64, width int) string {
	eighths := min(max(int(share*float64(width)*8+0.5), 1), width*8)
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text
}

func (p *printer) upstreams(s story) {
	if len(s.Upstreams) == 0 {
		return
	}
	p.section("upstreams", "calls the bot made during judged turns")
	g := grid{Columns: []column{
		{}, {Head: "calls", Right: true, Drop: 2}, {Head: "per turn", Right: true},
		{Head: "p50", Right: true}, {Head: "p95", Right: true}, {Head: "failed", Right: true},
		{Head: "tokens", Drop: 4}, {Drop: 1},
	}}
	for _, u := range s.Upstreams {
		failed := cell{count(u.Failed), p.inks.faint}
		if u.Failed > 0 {
			failed.Style = p.inks.tones[bad]
		}
		note := ""
		if u.Assumed {
			note = "assumed"
		}
		g.Rows = append(g.Rows, []cell{
			{Text: u.Wire + " " + u.Operation}, {Text: count(u.Calls)}, {Text: u.Each},
			{u.P50.Value, p.inks.strong}, {u.P95.Value, p.inks.strong}, failed, {u.Tokens, p.inks.faint}, {note, p.inks.faint},
		})
	}
	p.grid(g)
	if s.More != "" {
		p.paragraph(p.inks.faint, "  – ", s.More)
	}
}

func (p *printer) ramp(s story) {
	if s.Ramp == nil {
		return
	}
	p.section("ramp", "messages an hour")
	p.paragraph(lipgloss.NewStyle(), "  ", s.Ramp.Sentence)
	g := grid{Columns: []column{
		{Head: "step"}, {Head: "offered", Right: true}, {Head: "answered", Right: true},
		{Head: "in flight", Right: true, Drop: 2}, {Head: "p50", Right: true, Drop: 1}, {Head: "p95", Right: true},
		{Head: "failed", Right: true}, {},
	}}
	for _, r := range s.Ramp.Rows {
		note := ""
		if r.LastGood {
			note = "◀ last kept up with"
		}
		g.Rows = append(g.Rows, []cell{
			{Text: fmt.Sprint(r.Step)}, {Text: r.Offered}, {r.Answered, p.inks.strong}, {Text: r.InFlight},
			{Text: r.P50.Value}, {Text: r.P95.Value}, {Text: r.Failed}, {note, p.inks.strong},
		})
	}
	p.grid(g)
}

func (p *printer) counts(s story) {
	if len(s.Messages) == 0 && len(s.Counts) == 0 {
		return
	}
	p.section("counts", "")
	p.tally("messages", s.Messages, true)
	p.tally("turns", s.Counts, false)
	for _, f := range s.Failures {
		p.paragraph(p.inks.tones[bad], "  ✗ ", fmt.Sprintf("%s: %s", f.Name, plural(f.Count, "turn")))
	}
}

// tally writes counts on one wrapped line; all of them, or those that are not zero.
func (p *printer) tally(title string, rows []countRow, all bool) {
	var parts, zero []string
	for _, r := range rows {
		if all || r.Value != "0" {
			parts = append(parts, r.Value+" "+r.Name)
		} else {
			zero = append(zero, r.Name)
		}
	}
	if len(zero) > 0 {
		parts = append(parts, "no "+strings.Join(zero, ", no "))
	}
	if len(parts) > 0 {
		p.paragraph(p.inks.faint, fmt.Sprintf("  %-9s ", title), strings.Join(parts, " · "))
	}
}
