package report

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"
)

// trust says how far the figures can be relied on.
func (p *printer) trust(s story) {
	p.section("trust", "")
	p.paragraph(p.inks.tones[s.ValidTone], "  "+s.ValidTone.mark()+" ", s.Validity)
	for _, limit := range s.Invalid {
		p.paragraph(p.inks.faint, "    ", limit)
	}
	parts := make([]string, 0, len(s.Health))
	for _, h := range s.Health {
		parts = append(parts, h.Name+" "+h.Value)
	}
	if len(parts) > 0 {
		p.paragraph(p.inks.faint, "    ", strings.Join(parts, " · "))
	}
	for _, a := range s.Assumed {
		p.paragraph(p.inks.faint, "  – ", fmt.Sprintf("assumed: %s is %s (%s)", a.Wire, a.Model, a.Source))
	}
	for _, w := range s.Warnings {
		p.paragraph(p.inks.tones[unsure], "  ? ", w)
	}
}

// section starts a part of the report.
func (p *printer) section(title, note string) {
	text := p.inks.head.Render(title)
	if note != "" {
		text += "  " + p.inks.faint.Render(clip(note, p.width-len(title)-2))
	}
	p.line("")
	p.line(text)
}

func (p *printer) grid(g grid) {
	for _, line := range g.lines(p.width-2, p.inks.faint) {
		p.line("  " + line)
	}
}

// paragraph writes text behind a styled lead, and wrapped lines under its beginning.
func (p *printer) paragraph(style lipgloss.Style, lead, text string) {
	indent := lipgloss.Width(lead)
	for i, line := range wrap(text, p.width-indent) {
		if i > 0 {
			lead = strings.Repeat(" ", indent)
		}
		p.line(style.Render(lead) + line)
	}
}

func (p *printer) line(text string) {
	p.text.WriteString(strings.TrimRight(text, " "))
	p.text.WriteByte('\n')
}

func nonEmpty(texts ...string) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}
