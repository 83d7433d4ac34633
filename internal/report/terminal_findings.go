package report

import (
	"fmt"
	"io"
	"strings"

	"charm.land/lipgloss/v2"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// findings is the short version: the answer, what each finding costs and what to change.
func (p *printer) findings(s *findingsStory) {
	if s == nil {
		return
	}
	p.section("what limits this bot", "")
	p.paragraph(lipgloss.NewStyle(), "  ", s.Sentence)
	shown := s.Findings[:min(len(s.Findings), shortList)]
	for i, f := range shown {
		p.paragraph(p.inks.strong, fmt.Sprintf("  %d  ", i+1), f.title(s))
		p.paragraph(p.inks.faint, "     ", strings.Join(nonEmpty(f.words(true), f.Seen, string(f.Status), "confidence "+f.Sure), "; "))
		p.paragraph(p.inks.faint, "     change: ", f.Change)
	}
	if rest := s.rest(len(shown)); rest != "" {
		p.paragraph(p.inks.faint, "  – ", rest+": parley analyze shows them")
	}
}

// diagnosis is the whole of what was found; run is how the reader names the run's folder.
func (p *printer) diagnosis(s *findingsStory, run string) {
	if s == nil {
		return
	}
	p.paragraph(p.inks.head, "", s.Answer)
	if len(s.Findings) > 0 {
		p.section("findings", "in the order of what they cost the person waiting")
	}
	for i, f := range s.Findings {
		p.finding(i+1, f, run)
	}
	p.leftOut(s.More, "finding")
	p.notes(s)
	p.unknown(s)
}

// finding is one of them, with all there is to say.
func (p *printer) finding(number int, f *findingRow, run string) {
	const indent = "     "
	if number > 1 {
		p.line("")
	}
	p.paragraph(p.inks.strong, fmt.Sprintf("  %-2d ", number), f.What)
	p.paragraph(p.inks.faint, indent, strings.Join(nonEmpty(f.Check, f.Where, string(f.Status)), ", ")+"; confidence "+f.Sure+"; "+f.Seen+" show it")
	named := func(name, text string) {
		if text != "" {
			p.paragraph(p.inks.strong, fmt.Sprintf("%s%-9s", indent, name), text)
		}
	}
	named("saves", f.words(true))
	named("measured", f.measured())
	named("why", f.Why)
	named("doubt", f.Doubt)
	named("change", f.Change)
	named("verify", f.Verify)
	for i, e := range f.Examples {
		name := ""
		if i == 0 {
			name = "turns"
		}
		text := fmt.Sprintf("parley analyze %s --turn %d", run, e.Turn)
		if e.Saved > 0 {
			text += "  (" + seconds(e.Saved) + " less)"
		}
		named(name, text)
	}
}

func (p *printer) notes(s *findingsStory) {
	if len(s.Notes) == 0 {
		return
	}
	p.section("notes", "what could be better, and explains nothing of this run")
	for _, f := range s.Notes {
		p.paragraph(p.inks.faint, "  – ", strings.Join(nonEmpty(f.Check+": "+strings.TrimSuffix(f.What, "."), f.words(false)), "; "))
	}
	p.leftOut(s.MoreNotes, "note")
}

// unknown lists the checks that could not tell, those that the plan dismisses, and those that found nothing.
func (p *printer) unknown(s *findingsStory) {
	if len(s.Unknown) > 0 {
		p.section("could not tell", "")
	}
	for _, u := range s.Unknown {
		p.paragraph(p.inks.tones[unsure], "  ? ", u.Check+": "+u.Needs)
	}
	if len(s.Dismissed) > 0 {
		p.section("dismissed by the plan", "")
	}
	for _, u := range s.Dismissed {
		p.paragraph(p.inks.faint, "  – ", u.Check+": "+u.Reason)
	}
	if looked := s.looked(); looked != "" {
		p.section("looked and found nothing", "")
		p.paragraph(p.inks.faint, "  ", looked)
	}
}

func (p *printer) leftOut(n int, noun string) {
	if n > 0 {
		p.paragraph(p.inks.faint, "  – ", plural(n, noun)+" left out here; the JSON report has them")
	}
}

// Checks lists the checks of the diagnosis with their thresholds.
func Checks(w io.Writer, checks []diagnose.Check, o TerminalOptions) error {
	p := newPrinter(o)
	for _, c := range checks {
		p.section(c.ID, c.Title)
		if len(c.Needs) > 0 {
			p.paragraph(p.inks.faint, "  ", "needs calls to "+anyOf(c.Needs))
		}
		g := grid{Columns: []column{{}, {Right: true}, {}}}
		for _, l := range c.Limits {
			g.Rows = append(g.Rows, []cell{{l.Name, p.inks.strong}, {Text: threshold(l.Value, l.Unit)}})
		}
		for i, line := range g.lines(p.width-2, p.inks.head) {
			p.paragraph(lipgloss.NewStyle(), "  "+line+"  ", c.Limits[i].Means)
		}
	}
	p.line("")
	p.paragraph(p.inks.faint, "", "A plan changes a threshold with checks: {ID: {NAME: VALUE}}, and dismisses a check with checks: {ID: {dismiss: REASON}}.")
	return p.flush(w)
}

// anyOf names kinds of wires, any of which will do.
func anyOf(kinds []string) string {
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = anatomy.LayerLabel(kind)
	}
	return strings.Join(names, " or ")
}

// threshold words a limit of a check.
func threshold(v float64, u parley.Unit) string { return parley.ShortenFigure(quantity(v, u)) }
