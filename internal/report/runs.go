package report

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"time"

	"parley"
	"parley/internal/record"
)

// RunsOptions say how a list of runs is shown.
type RunsOptions struct {
	TerminalOptions // Width 0 means no limit
	// Root is the folder that the runs' folders are named from.
	Root string
	// Zone is that of the times; nil means UTC.
	Zone *time.Location
}

// Runs writes runs as a table, in the order given. In a narrow terminal columns
// give way, the least telling first; the folder is never shortened, since
// parley report takes it. A run that cannot be read is listed with what is wrong.
func Runs(w io.Writer, entries []record.Entry, o RunsOptions) error {
	p := newPrinter(o.TerminalOptions)
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	// Time and name stand in the folder's name, too.
	g := grid{Columns: []column{
		{Head: "STARTED", Drop: 4}, {Head: "NAME", Drop: 5}, {Head: "VERB", Drop: 6}, {Head: "VERDICT"}, {Head: "REPLY P95", Right: true},
		{Head: "ANSWERED/H", Right: true, Drop: 3}, {Head: "SUCCESS", Right: true, Drop: 1}, {Head: "COST/1000", Right: true, Drop: 2},
		{Head: "SIZE", Right: true, Drop: 7}, {Head: "FOLDER"},
	}}
	for i := range entries {
		g.Rows = append(g.Rows, p.runRow(&entries[i], o))
	}
	width := math.MaxInt
	if o.Width > 0 {
		width = max(o.Width, g.essential())
	}
	for i, line := range g.lines(width, p.inks.faint) {
		p.line(line)
		if i == 0 {
			continue // the heads
		}
		if e := &entries[i-1]; e.Broken != "" { //nolint:gosec // a line for each entry, after the heads
			p.paragraph(p.inks.tones[bad], "  ✗ ", e.Broken)
		}
	}
	if _, err := io.WriteString(w, p.text.String()); err != nil {
		return fmt.Errorf("report: write runs: %w", err)
	}
	return nil
}

// essential is the width of the columns that never give way.
func (g grid) essential() int {
	widths := g.widths()
	for i, c := range g.Columns {
		if c.Drop > 0 {
			widths[i] = 0
		}
	}
	return total(widths)
}

func (p *printer) runRow(e *record.Entry, o RunsOptions) []cell {
	tone, word := runVerdict(e)
	folder := e.Dir
	if rel, err := filepath.Rel(o.Root, e.Dir); err == nil && !strings.HasPrefix(rel, "..") {
		folder = rel
	}
	h := parley.Headline{}
	if e.Headline != nil {
		h = *e.Headline
	}
	value := func(e *parley.Estimate, by float64, u parley.Unit) string {
		if e == nil {
			return nothing
		}
		return estimate(scaled(*e, by), u).Value
	}
	perHour := nothing
	if h.PerHour > 0 {
		perHour = number(h.PerHour)
	}
	return []cell{
		{Text: e.Started.In(o.Zone).Format("2006-01-02 15:04")}, {e.Name, p.inks.strong}, {Text: e.Verb}, {word, p.inks.tones[tone]},
		{value(h.ReplyP95, 1, parley.Seconds), p.inks.strong}, {Text: perHour}, {Text: value(h.Success, 1, parley.Ratio)},
		{Text: value(h.CostPerConversation, thousand, parley.Dollars)}, {fileSize(e.Bytes), p.inks.faint}, {Text: folder},
	}
}

// runVerdict is the verdict, or why there is none.
func runVerdict(e *record.Entry) (tone, string) {
	switch {
	case e.Broken != "":
		return bad, "unreadable"
	case e.Recording:
		return quiet, "going on"
	case e.State == parley.Running:
		return unsure, "killed"
	case e.State != parley.Complete:
		return unsure, string(e.State)
	case e.Verdict == nil:
		return quiet, nothing
	default:
		return toneOf(e.Verdict.Result), string(e.Verdict.Result)
	}
}

// fileSize writes a number of bytes.
func fileSize(bytes int64) string {
	if bytes < 1e6 {
		return fmt.Sprintf("%.0f kB", math.Ceil(float64(bytes)/1e3))
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
