package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"parley/internal/anatomy"
)

// Analysis writes as text what limits the bot and what turns are made of: the findings, the waterfalls, what made the slow one slow, the
// layers, what was in flight and what went on in the background. A document without calls says so.
func Analysis(w io.Writer, d Document, o TerminalOptions) error {
	if d.Run == nil {
		return errNoRun
	}
	p := newPrinter(o)
	s := tell(d)
	p.diagnosis(s.Found, cmp.Or(d.Dir, "RUN"))
	if s.Found != nil {
		p.section("the run", "")
	}
	for _, f := range s.Facts {
		p.paragraph(p.inks.faint, fmt.Sprintf("  %-8s ", f.Name), f.Value)
	}
	p.problems(story{Missing: s.Missing})
	if a := s.Anatomy; a == nil {
		p.paragraph(lipgloss.NewStyle(), "  ", "No call of the bot was recorded, so its turns cannot be taken apart.")
	} else {
		for _, f := range a.Falls {
			p.fall(f, 0)
		}
		p.difference(a.Difference)
		p.layers(a)
		p.loads(a)
		p.background(a)
	}
	return p.flush(w)
}

// OneTurn writes a single turn as text.
func OneTurn(w io.Writer, f anatomy.Waterfall, o TerminalOptions) error {
	p := newPrinter(o)
	story := tellFall("turn "+fmt.Sprint(f.Turn), "", &f)
	p.fall(story, 0)
	p.fallLayers(story)
	return p.flush(w)
}

func (p *printer) flush(w io.Writer) error {
	if _, err := io.WriteString(w, strings.TrimPrefix(p.text.String(), "\n")); err != nil {
		return fmt.Errorf("report: write text: %w", err)
	}
	return nil
}

// mostShortLines is how many lines of a waterfall stand in a report's short version.
const mostShortLines = 8

// anatomy is the short version: the slow turn, and what made it slow.
func (p *printer) anatomy(a *anatomyStory) {
	if a == nil || len(a.Falls) == 0 {
		return
	}
	p.fall(a.Falls[len(a.Falls)-1], mostShortLines)
	p.difference(a.Difference)
	p.paragraph(p.inks.faint, "  – ", "parley analyze shows more: a typical turn, all layers, calls in flight, background work")
}

// fallCells is the width of a waterfall's picture.
func (p *printer) fallCells() int {
	if p.width < 80 {
		return 20
	}
	return 30
}

// fall draws one turn: a line for each call, or several alike, and for each stretch of the path without one; not more than
// most lines, the longest, unless most is 0.
func (p *printer) fall(f *fallStory, most int) {
	p.section(f.Title+", "+duration(f.Reply), "")
	p.paragraph(p.inks.faint, "  ", f.Which)
	p.paragraph(p.inks.faint, "  ", f.Summary+"; webhook "+f.Webhook)
	g := grid{Columns: []column{{Head: "█ waited for  ▒ not  ░ idle"}, {Head: "from", Right: true, Drop: 1}, {Head: "took", Right: true}, {}, {Drop: 2}}}
	if p.width < 80 {
		g.Columns[0].Head = "█ waited for  ░ idle"
	}
	lines, short := fallLines(f)
	lines, left := longestLines(lines, most)
	room := max(p.width-2-p.fallCells()-2*10, 16) // for the name
	if p.width >= 90 {
		room -= 10 // and for the moment
	}
	for _, l := range lines {
		style := lipgloss.NewStyle()
		switch {
		case l.Failed:
			style = p.inks.tones[bad]
		case len(l.Calls) == 0:
			style = p.inks.faint
		}
		g.Rows = append(g.Rows, []cell{
			{bars(f, &l, p.fallCells()), style}, {moment(l.From), p.inks.faint}, {duration(l.Took), p.inks.strong}, {clip(l.Name, room), style}, {l.Note, p.inks.faint},
		})
	}
	p.grid(g)
	if short > 0 {
		p.paragraph(p.inks.faint, "  – ", "shorter stretches without a call: "+duration(short)+" in all")
	}
	if left > 0 {
		p.paragraph(p.inks.faint, "  – ", plural(left, "line")+" of shorter calls and stretches left out")
	}
	for _, note := range f.Notes {
		p.paragraph(p.inks.tones[unsure], "  ? ", note)
	}
}

// fallLines are the rows of a waterfall in order, with the stretches of the path without a call among them; those too
// short to be drawn are only added up.
func fallLines(f *fallStory) (lines []fallRow, short time.Duration) {
	lines = slices.Clone(f.Rows)
	for _, piece := range f.idle() {
		took := piece.To - piece.From
		if took < f.Reply/100 {
			short += took
			continue
		}
		lines = append(lines, fallRow{Name: anatomy.LayerLabel(piece.Layer), From: piece.From, To: piece.To, Took: took})
	}
	slices.SortStableFunc(lines, func(a, b fallRow) int { return cmp.Compare(a.From, b.From) })
	return lines, short
}

// longestLines keeps the order of the lines that took longest, and says how many are left out.
func longestLines(lines []fallRow, most int) (kept []fallRow, left int) {
	if most == 0 || len(lines) <= most {
		return lines, 0
	}
	took := make([]time.Duration, 0, len(lines))
	for _, l := range lines {
		took = append(took, l.Took)
	}
	slices.Sort(took)
	least := took[len(took)-most]
	for _, l := range lines {
		if l.Took >= least && len(kept) < most {
			kept = append(kept, l)
		}
	}
	return kept, len(lines) - len(kept)
}

// bars draws the stretches of a line from the user's last word to the answer.
func bars(f *fallStory, l *fallRow, width int) string {
	cells := []rune(strings.Repeat(" ", width))
	draw := func(ink rune, from, to time.Duration) {
		reply := max(f.Reply, 1)
		a := int(int64(width) * int64(max(0, from)) / int64(reply))
		b := int((int64(width)*int64(to) + int64(reply) - 1) / int64(reply))
		if to < 0 || a >= width {
			return // before the last word, or after the answer
		}
		for i := a; i < min(max(b, a+1), width); i++ {
			cells[i] = ink
		}
	}
	if len(l.Calls) == 0 {
		draw('░', l.From, l.To)
	}
	for _, c := range l.Calls {
		ink := '▒'
		if c.OnPath > 0 {
			ink = '█'
		}
		draw(ink, c.Start, c.End)
	}
	return strings.TrimRight(string(cells), " ")
}

// fallLayers is the time of one turn by layer.
func (p *printer) fallLayers(f *fallStory) {
	if len(f.Path) == 0 {
		return
	}
	p.section("what the answer waited for", "")
	g := grid{Columns: []column{{}, {Right: true}, {}}}
	for _, l := range f.Layers {
		g.Rows = append(g.Rows, []cell{{Text: l.What}, {l.Turn, p.inks.strong}, {l.Note, p.inks.faint}})
	}
	p.grid(g)
}

func (p *printer) difference(d *differenceStory) {
	if d == nil {
		return
	}
	p.section("what made the p99 turn slow", "")
	p.paragraph(lipgloss.NewStyle(), "  ", d.Sentence)
	g := grid{Columns: []column{{Right: true}, {}, {Drop: 1}}}
	for _, c := range d.Causes {
		g.Rows = append(g.Rows, []cell{{c.More, p.inks.strong}, {Text: c.What}, {c.Note, p.inks.faint}})
	}
	p.grid(g)
}

func (p *printer) layers(a *anatomyStory) {
	if len(a.Layers) == 0 {
		return
	}
	p.section("what the answer waited for", "all judged turns; calls and round trips a turn")
	g := grid{Columns: []column{
		{}, {Head: "calls", Right: true}, {Head: "trips", Right: true, Drop: 3}, {Head: "opened", Right: true, Drop: 4},
		{Head: "mean", Right: true}, {Head: "95 % interval", Drop: 2}, {Head: "p95", Right: true}, {Head: "share", Right: true}, {Drop: 1},
	}}
	for _, l := range a.Layers {
		g.Rows = append(g.Rows, []cell{
			{Text: l.Name}, {Text: l.Calls}, {Text: l.Flights}, {Text: l.Opened}, {l.Mean.Value, p.inks.strong}, {l.Mean.Interval, p.inks.faint},
			{Text: l.P95.Value}, {Text: l.Share}, {assumedWord(l.Assumed), p.inks.faint},
		})
	}
	p.grid(g)
}

func (p *printer) loads(a *anatomyStory) {
	if len(a.Loads) == 0 {
		return
	}
	p.section("calls in flight", "mean, and most at once")
	g := grid{Columns: []column{{Head: "load"}, {Head: "offered /h", Right: true}}}
	for i, wire := range a.Wires {
		g.Columns = append(g.Columns, column{Head: wire, Right: true, Drop: i})
	}
	for _, l := range a.Loads {
		row := []cell{{Text: l.Name}, {Text: l.Offered}}
		for _, c := range l.InFlight {
			row = append(row, cell{Text: strings.Replace(c, ", at most", " /", 1)})
		}
		g.Rows = append(g.Rows, row)
	}
	p.grid(g)
}

func (p *printer) background(a *anatomyStory) {
	if len(a.Background) == 0 {
		return
	}
	p.section("background work", "calls that no turn is known to have waited for")
	g := grid{Columns: []column{{}, {Head: "calls", Right: true}, {Head: "a minute", Right: true, Drop: 1}, {Head: "of all calls", Right: true, Drop: 2}, {Head: "mean", Right: true}, {Drop: 3}}}
	for _, b := range a.Background {
		note := ""
		if b.Blocking {
			note = "waits for work"
		}
		g.Rows = append(g.Rows, []cell{
			{Text: b.Wire + " " + b.Operation}, {Text: count(b.Calls)}, {Text: b.Minute}, {Text: b.Of}, {Text: b.Took}, {note, p.inks.faint},
		})
	}
	p.grid(g)
	if a.More > 0 {
		p.paragraph(p.inks.faint, "  – ", plural(a.More, "operation")+" with fewer calls left out")
	}
}
