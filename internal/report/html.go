package report

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/a-h/templ"

	"parley"
	"parley/internal/anatomy"
)

// The style sheet and the script are written into the page, which loads nothing.
var (
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	pageScript string
)

// page is what the templates need: the story, its pictures and its data.
type page struct {
	story
	Title string
	JSON  string

	Rates, Replies figureSet
	HasRates       bool
	HasFailed      bool
	Histogram      figureSet
	SplitBar       figureSet
	Heat           *heatPicture
	ScenarioDots   figureSet
	CostBar        figureSet
	Falls          []figureSet // of Anatomy.Falls
	Proofs         []figureSet // of the turns of Found.Findings, empty for one without
	InFlight       string
	Throughput     string
	RampWaits      string
	MeanReply      string
	HasAssumed     bool
	HasCensored    bool
	Attribution    string
	HasTokens      bool
	HasRetries     bool
	HasWhy         bool
	Columns        []int // of quantileNames, those with a figure in some row
}

// HTML writes the report as one self-contained page: no file, font or script is
// loaded from anywhere, and all of it can be read without JavaScript.
func HTML(w io.Writer, d Document) error {
	if d.Run == nil {
		return errNoRun
	}
	d, more := bounded(d, mostUpstreams)
	data, err := withoutWaterfalls(d).compactJSON()
	if err != nil {
		return err
	}
	p := newPage(d, data)
	p.More = moreSentence(more)
	var out strings.Builder
	if err := reportPage(p).Render(context.Background(), &out); err != nil {
		return fmt.Errorf("report: render HTML: %w", err)
	}
	if _, err := io.WriteString(w, strings.Map(printable, out.String())); err != nil {
		return fmt.Errorf("report: write HTML: %w", err)
	}
	return nil
}

// mostUpstreams is how many operations a page lists, mostLines how many a terminal does; a bot may send thousands of
// different statements.
const (
	mostUpstreams = 100
	mostLines     = 20
)

// twoLines is the length in bytes that certainly fits two lines of a statement's column.
const twoLines = 60

// bounded leaves out the operations that a report has no room for, the cheapest, and says how many they are.
func bounded(d Document, most int) (Document, int) {
	more := len(d.summary().Upstreams) - most
	if more <= 0 {
		return d, 0
	}
	sum := *d.Summary
	sum.Upstreams = sum.Upstreams[:most]
	d.Summary = &sum
	return d, more
}

// tellMost tells no more than so many operations.
func tellMost(d Document, most int) story {
	d, more := bounded(d, most)
	s := tell(d)
	s.More = moreSentence(more)
	return s
}

// moreSentence says how many operations are left out, nothing if none is.
func moreSentence(more int) string {
	if more <= 0 {
		return ""
	}
	return plural(more, "operation") + " that took less time in all are left out here; the JSON report has them."
}

// withoutWaterfalls leaves out of the page's data the turns that are drawn on it: they would be most of it.
func withoutWaterfalls(d Document) Document {
	if d.summary().Anatomy == nil {
		return d
	}
	sum, body := *d.Summary, *d.Summary.Anatomy
	body.Typical, body.Slow = nil, nil
	sum.Anatomy, d.Summary = &body, &sum
	return d
}

// meanSentence words the mean, and what waits that were cut off do to it.
func meanSentence(w anatomy.Waits) string {
	if w.Censored == 0 {
		mean := estimate(w.Mean, parley.Seconds).Both()
		return "Mean reply " + strings.ReplaceAll(mean, " ", noBreak) + "."
	}
	return "The mean reply is at least " + seconds(w.Mean.Value) +
		", since a wait that was cut off counts only for as long as it was seen."
}

// titled is the definition of the figures in an element, shown where the pointer rests on one.
func titled(key string) templ.Attributes {
	if text := tip(key); text != "" {
		return templ.Attributes{"title": text}
	}
	return nil
}

// printable drops the control characters that HTML forbids, which a name or an
// error from outside may hold.
func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return -1
	}
	return r
}

// filledColumns are the quantiles that at least one wait has.
func filledColumns(rows []waitRow) []int {
	var out []int
	for i := range quantileNames() {
		if slices.ContainsFunc(rows, func(r waitRow) bool { return r.Cells[i].Value != nothing }) {
			out = append(out, i)
		}
	}
	return out
}

func newPage(d Document, data string) page {
	sum := d.summary()
	p := page{
		story: tell(d), JSON: data,
		Histogram: histogram(sum.Judged.Reply, replyLimits(d.Run)),
		HasRates:  len(sum.Rates) > 1, HasCensored: sum.Judged.Reply.Censored > 0,
	}
	p.Columns = filledColumns(p.Waits)
	p.Title = p.Facts[0].Value + ": " + p.Badge
	p.SplitBar = splitBar(p.Split)
	p.Heat = heatMap(d.Run, sum)
	if p.Visits != nil {
		p.ScenarioDots = scenarioChart(p.Visits.Rows, replyLimits(d.Run))
	}
	if p.Money != nil {
		p.CostBar = costBar(p.Money.Parts)
	}
	if p.Anatomy != nil {
		for _, f := range p.Anatomy.Falls {
			p.Falls = append(p.Falls, waterfallChart(f))
		}
		p.InFlight = inFlightChart(sum, p.Anatomy.Wires)
		p.HasAssumed = p.Anatomy.Assumed
	}
	if p.Found != nil {
		for _, f := range p.Found.Findings {
			var proof figureSet
			if f.Proof != nil {
				proof = waterfallChart(f.Proof)
			}
			p.Proofs = append(p.Proofs, proof)
		}
	}
	if p.HasRates {
		t := newTimeline(d.Run, sum.Rates)
		p.Rates, p.Replies = ratesChart(t), repliesChart(t, replyLimits(d.Run))
		for _, r := range sum.Rates {
			p.HasFailed = p.HasFailed || r.Failed > 0
		}
	}
	if p.Ramp != nil {
		p.Throughput, p.RampWaits = throughputChart(p.Ramp.Ramp), waitsChart(p.Ramp.Ramp)
	}
	if sum.Judged.Reply.Mean.N > 0 {
		p.MeanReply = meanSentence(sum.Judged.Reply)
	}
	if sum.Calls > 0 {
		p.Attribution = fmt.Sprintf("%s in judged phases, %s of them tied to a turn.",
			plural(sum.Calls, "call"), parley.ShortenFigure(parley.FormatShare(sum.Attributed)))
	}
	for _, part := range p.Split {
		p.HasAssumed = p.HasAssumed || part.Assumed
	}
	for _, u := range p.Upstreams {
		p.HasAssumed = p.HasAssumed || u.Assumed
		p.HasTokens = p.HasTokens || u.Tokens != ""
		p.HasRetries = p.HasRetries || u.Retries > 0
	}
	return p
}
