package report

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/record"
)

// everyFormat renders a document in every format for people, and the list of runs.
func everyFormat(t *testing.T, d Document) map[string]string {
	t.Helper()
	list := func(w io.Writer, d Document) error {
		return Runs(w, []record.Entry{{Dir: "/p/run", Name: d.Run.Name, State: d.Run.State, Verdict: d.Run.Verdict, Headline: d.Run.Headline}}, RunsOptions{TerminalOptions: TerminalOptions{}, Root: "/p", Zone: time.UTC})
	}
	out := map[string]string{"html": string(renderHTML(t, d))}
	for name, write := range map[string]func(io.Writer, Document) error{
		"terminal": func(w io.Writer, d Document) error { return Terminal(w, d, TerminalOptions{Width: 100}) },
		"markdown": func(w io.Writer, d Document) error { return Markdown(w, d, MarkdownOptions{}) },
		"junit":    JUnit, "runs": list,
	} {
		out[name] = string(render(t, d, write))
	}
	return out
}

// A cost that lacks the price of a model is a lower bound wherever it stands.
func TestCostWithoutAPriceIsAFloorEverywhere(t *testing.T) {
	d := slow()
	e := d.Summary.Money.PerConversation
	d.Run.Headline = &parley.Headline{CostPerConversation: &e}
	floor := "≥ " + parley.ShortenFigure(parley.FormatDollars(e.Low*thousand))
	for name, text := range everyFormat(t, d) {
		if name == "junit" {
			if strings.Contains(text, `"cost_usd_per_conversation"`) || !strings.Contains(text, `"cost_usd_per_conversation.low"`) {
				t.Error("JUnit has a value for a cost of which only a lower bound is known, or not even that")
			}
			continue
		}
		text = strings.ReplaceAll(text, `\$`, "$")
		known, all := strings.Count(text, floor), strings.Count(text, strings.TrimPrefix(floor, "≥ "))
		if known == 0 || known != all {
			t.Errorf("%s: %q stands there %d times, %d of them as a lower bound", name, floor, all, known)
		}
	}
}

// What a cost leaves out is said beside it.
func TestCostSaysWhatItLeavesOut(t *testing.T) {
	d := slow()
	for name, text := range everyFormat(t, d) {
		if name != "junit" && name != "runs" && !regexp.MustCompile(`3\s+of\s+430\s+conversations\s+had\s+not\s+come`).MatchString(text) {
			t.Errorf("%s does not say that conversations are left out", name)
		}
	}
}

// A bot may send thousands of different statements. Every report for people has room for the dearest, and says how many it leaves out.
func TestOperationsAreBounded(t *testing.T) {
	d := healthy()
	first := d.Summary.Upstreams[0]
	d.Summary.Upstreams = nil
	for i := range 5000 {
		u := first
		u.Operation = fmt.Sprintf("select %d", i)
		d.Summary.Upstreams = append(d.Summary.Upstreams, u)
	}
	for name, most := range map[string]int{"terminal": mostLines, "markdown": mostUpstreams, "html": mostUpstreams} {
		text := everyFormat(t, d)[name]
		if n := len(text); n > 1<<20 {
			t.Errorf("%s has %d bytes", name, n)
		}
		if want := moreSentence(5000 - most); !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("%s does not say %q", name, want)
		}
		shown, _, _ := strings.Cut(text, `<script`) // the page holds the document as well
		if n := len(slices.Compact(regexp.MustCompile(`select \d+`).FindAllString(shown, -1))); n != most {
			t.Errorf("%s lists %d operations, want %d", name, n, most)
		}
	}
	if len(d.Summary.Upstreams) != 5000 {
		t.Error("the document has lost operations")
	}
}

// A long statement takes two lines, and all of it can be reached without a pointer and without a script.
func TestLongStatement(t *testing.T) {
	d := healthy()
	long := "select " + strings.Repeat("appointments.starts_at, ", 40) + "1 \"x\" <y>"
	d.Summary.Upstreams[0].Operation = long
	page := string(renderHTML(t, d))
	const escaped = `1 &#34;x&#34; &lt;y&gt;`
	if !regexp.MustCompile(`<div class="code clamped" tabindex="0" title="select [^"<>]*` + escaped + `">select [^<>]*` + escaped + `</div>`).MatchString(page) {
		t.Error("the statement is not whole, or not reachable")
	}
	if n := strings.Count(page, `clamped" tabindex`); n != 1 {
		t.Errorf("%d statements are clamped, want the long one", n)
	}
}
