package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"parley"
)

func TestMarkdownGolden(t *testing.T) {
	for name, d := range fixtures() {
		golden(t, name+".md", render(t, d, func(w io.Writer, d Document) error { return Markdown(w, d, MarkdownOptions{}) }))
	}
}

func TestJUnitGolden(t *testing.T) {
	for name, d := range fixtures() {
		golden(t, name+".xml", render(t, d, JUnit))
	}
}

func TestAnnotationsGolden(t *testing.T) {
	for name, d := range fixtures() {
		golden(t, name+".annotations", render(t, d, Annotations))
	}
}

func render(t interface{ Fatal(...any) }, d Document, write func(io.Writer, Document) error) []byte {
	var out bytes.Buffer
	if err := write(&out, d); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestCIReportsNeedARun(t *testing.T) {
	for name, err := range map[string]error{
		"Markdown": Markdown(io.Discard, Document{}, MarkdownOptions{}), "JUnit": JUnit(io.Discard, Document{}), "Annotations": Annotations(io.Discard, Document{}),
	} {
		if !errors.Is(err, errNoRun) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"Markdown": Markdown(fullDisk{}, healthy(), MarkdownOptions{}), "JUnit": JUnit(fullDisk{}, healthy()), "Annotations": Annotations(fullDisk{}, healthy()),
	} {
		if !errors.Is(err, errFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hostile puts a text into every place of a document that is filled from outside.
func hostile(text string) Document {
	d := withFindings(slow())
	nameFindings(d, text)
	d.Run.Name = text
	d.Run.Verdict.Sentence = text
	d.Run.Verdict.Budgets[0].Why = text
	d.Run.Problems = []parley.Problem{{Code: text, What: text, Hint: text}}
	d.Run.Warnings, d.Missing = []string{text}, []string{text}
	d.Summary.Upstreams[0].Operation = text
	d.Summary.Visits.Scenarios[0].Name, d.Summary.Visits.Scenarios[0].Goal = text, text
	d.Summary.Judged.Failures[0].Name = text
	return d
}

// A row of a table has as many cells as its heading, whatever stands in them, and no text makes a tag or a heading.
func TestMarkdownStructureIsTheAuthors(t *testing.T) {
	shape := func(t interface{ Fatal(...any) }, text string) []string {
		var out []string
		for line := range strings.SplitSeq(string(render(t, hostile(text), func(w io.Writer, d Document) error { return Markdown(w, d, MarkdownOptions{}) })), "\n") {
			bare := regexp.MustCompile(`\\.`).ReplaceAllString(line, "")
			if strings.ContainsAny(bare, "<>`[]") {
				t.Fatal(fmt.Sprintf("markup in %q", line))
			}
			kind, _, _ := strings.Cut(bare, " ")
			if !strings.Contains("# ## ### - |", kind) || kind == "" {
				kind = "text"
			}
			out = append(out, kind+strconv.Itoa(strings.Count(bare, "|")))
		}
		return out
	}
	want := shape(t, "plain")
	rapid.Check(t, func(t *rapid.T) {
		text := "x" + rapid.OneOf(rapid.String(), rapid.StringMatching("[<>&|`*_\\\\#\\[\\]()!$@a\\n\\r -]{0,20}")).Draw(t, "text")
		if got := shape(t, text); !slices.Equal(want, got) {
			t.Fatalf("%q changes the report:\n%v\n%v", text, want, got)
		}
	})
}

func TestMarkdownLimit(t *testing.T) {
	whole := render(t, healthy(), func(w io.Writer, d Document) error { return Markdown(w, d, MarkdownOptions{}) })
	for _, limit := range []int{len(whole) + 100, len(whole) - 1, 3000, 800} {
		var out bytes.Buffer
		if err := Markdown(&out, healthy(), MarkdownOptions{Limit: limit}); err != nil {
			t.Fatal(err)
		}
		if out.Len() > limit || !strings.Contains(out.String(), "95 % of replies arrive within") {
			t.Errorf("limit %d: %d bytes:\n%s", limit, out.Len(), out.String())
		}
		if short := limit < len(whole); short != strings.Contains(out.String(), "did not fit") {
			t.Errorf("limit %d: says that something is left out: %v", limit, !short)
		}
	}
	if err := Markdown(io.Discard, healthy(), MarkdownOptions{Limit: 10}); err == nil {
		t.Error("ten bytes are enough for a report")
	}
}

// element is any element of XML.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

func (e element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// The rules are those of the schemas in use (JUnit.xsd of Ant and Jenkins' own): which attributes an element must have, which may be in it, in which order.
func TestJUnitKeepsTheSchema(t *testing.T) {
	must := map[string][]string{
		"testsuites": {"tests", "failures", "errors"}, "testsuite": {"name", "timestamp", "hostname", "tests", "failures", "errors", "skipped", "time"},
		"property": {"name", "value"}, "testcase": {"name", "classname", "time"}, "failure": {"type", "message"}, "error": {"type", "message"}, "skipped": {"message"},
	}
	order := map[string][]string{
		"testsuites": {"testsuite"}, "testsuite": {"properties", "testcase", "system-out", "system-err"},
		"properties": {"property"}, "testcase": {"skipped", "error", "failure"},
	}
	var check func(t *testing.T, e element)
	check = func(t *testing.T, e element) {
		for _, name := range must[e.XMLName.Local] {
			if !slices.ContainsFunc(e.Attrs, func(a xml.Attr) bool { return a.Name.Local == name }) {
				t.Errorf("<%s> lacks %s", e.XMLName.Local, name)
			}
		}
		last := 0
		for _, child := range e.Children {
			at := slices.Index(order[e.XMLName.Local], child.XMLName.Local)
			if at < last {
				t.Errorf("<%s> in <%s> is not allowed there", child.XMLName.Local, e.XMLName.Local)
			}
			last = max(last, at)
			check(t, child)
		}
	}
	for name, d := range fixtures() {
		t.Run(name, func(t *testing.T) {
			var root element
			if err := xml.Unmarshal(render(t, d, JUnit), &root); err != nil {
				t.Fatal(err)
			}
			check(t, root)
			checkTotals(t, root.Children[0], d)
		})
	}
}

// checkTotals counts the cases again, and holds them against the budgets.
func checkTotals(t *testing.T, suite element, d Document) {
	t.Helper()
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`).MatchString(suite.attr("timestamp")) {
		t.Errorf("timestamp %q", suite.attr("timestamp"))
	}
	counts := map[string]int{}
	for _, c := range suite.Children {
		if c.XMLName.Local != "testcase" {
			continue
		}
		counts["tests"]++
		for _, outcome := range c.Children {
			counts[map[string]string{"failure": "failures", "error": "errors", "skipped": "skipped"}[outcome.XMLName.Local]]++
		}
	}
	for _, name := range []string{"tests", "failures", "errors", "skipped"} {
		if suite.attr(name) != strconv.Itoa(counts[name]) {
			t.Errorf("%s=%q, counted %d", name, suite.attr(name), counts[name])
		}
	}
	want := 1
	failed := 0
	if v := d.Run.Verdict; v != nil {
		want += len(v.Budgets)
		for _, b := range v.Budgets {
			if b.Result == parley.Fail {
				failed++
			}
		}
	}
	if counts["tests"] != want || counts["failures"] != failed {
		t.Errorf("%d cases of %d, %d failures of %d", counts["tests"], want, counts["failures"], failed)
	}
}

// Whatever stands in a document, the XML can be read and a workflow command stays one line.
func TestCIReportsAreSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching("[<>&\"':,%\\x00-\\x1f\u2028\ufffe]{0,20}"), rapid.StringMatching(`(\n|\r|::|error|%0A|x){0,8}`)).Draw(t, "text")
		var root element
		data := render(t, hostile(text), JUnit)
		if err := xml.Unmarshal(data, &root); err != nil || !utf8.Valid(data) {
			t.Fatalf("%q: %v", text, err)
		}
		lines := strings.Split(strings.TrimSuffix(string(render(t, hostile(text), Annotations)), "\n"), "\n")
		for _, line := range lines {
			if !regexp.MustCompile(`^::(error|warning|notice) title=[^:,\r]*::[^\r]*$`).MatchString(line) {
				t.Fatalf("%q makes the line %q", text, line)
			}
		}
		if want := 10; len(lines) != want {
			t.Fatalf("%q makes %d lines, want %d:\n%s", text, len(lines), want, strings.Join(lines, "\n"))
		}
	})
}

// A percentile beyond the users' patience has a lower bound in the properties, and no number.
func TestJUnitInventsNoNumber(t *testing.T) {
	text := string(render(t, slow(), JUnit))
	if !strings.Contains(text, `"reply_seconds.p95.low"`) || strings.Contains(text, `"reply_seconds.p95"`) || strings.Contains(text, `"reply_seconds.p95.high"`) {
		t.Errorf("properties of a p95 that is beyond what was seen:\n%s", text)
	}
}

func TestAnnotationsAreCapped(t *testing.T) {
	d := slow()
	for i := range 25 {
		d.Run.Warnings = append(d.Run.Warnings, fmt.Sprintf("note %d", i))
	}
	text := string(render(t, d, Annotations))
	if got := strings.Count(text, "::warning "); got != mostAnnotations {
		t.Errorf("%d warnings", got)
	}
	if !strings.Contains(text, "18 more of this kind") { // 1 budget, 26 warnings, 9 shown
		t.Errorf("nothing says how many there are:\n%s", text)
	}
}

func TestEscapes(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(escapeData("50 %\r\nof\tall\x1b[2J"), "50 %25%0Aof all[2J")
	f(escapeProperty("a: b, 5 %\n"), "a%3A b%2C 5 %25 ")
	f(escapeMarkdown("a|b <b>&\n`x` @me $5"), "a\\|b &lt;b&gt;&amp; \\`x\\` @\u200bme \\$5")
}

func TestMargin(t *testing.T) {
	f := func(op string, limit, value float64, want string) {
		t.Helper()
		r := parley.BudgetResult{Budget: parley.Budget{Op: op, Limit: limit}, Measured: &parley.Estimate{Value: value}}
		if got := margin(r); got != want {
			t.Errorf("%v %s %v: %q, want %q", value, op, limit, got, want)
		}
	}
	f("<", 5, 4, "20 % to spare")
	f("<", 5, 6.1, "22 % over")
	f("<", 5, 15, "3 times the limit")
	f(">=", 100, 90, "10 % short")
	f(">", 100, 125, "25 % to spare")
	f("=", 5, 4, "")
	f("<", 0, 4, "")
	if got := margin(parley.BudgetResult{Budget: parley.Budget{Op: "<", Limit: 5}, Result: parley.AssumedOnly, Measured: &parley.Estimate{Value: 1}}); got != "" {
		t.Errorf("of an assumption: %q", got)
	}
	if got := margin(parley.BudgetResult{Budget: parley.Budget{Op: "<", Limit: 5}, Measured: &parley.Estimate{Value: 30, ValueBeyond: true}}); got != "" {
		t.Errorf("beyond what was seen: %q", got)
	}
}
