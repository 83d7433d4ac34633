package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley"
	"parley/internal/anatomy"
)

func TestHTMLGolden(t *testing.T) {
	for _, name := range []string{"healthy", "slow", "unsure", "interrupted", "broken", "ramp", "found"} {
		page := string(renderHTML(t, fixtures()[name]))
		// What differs between pages: style and scripts stand in files of their own.
		_, body, _ := strings.Cut(page, "<body>")
		body, _, _ = strings.Cut(body, "<script")
		golden(t, name+".html", []byte(body))
	}
}

func renderHTML(t interface{ Fatal(...any) }, d Document) []byte {
	var out bytes.Buffer
	if err := HTML(&out, d); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestHTMLIsWellFormed(t *testing.T) {
	for name, d := range fixtures() {
		if _, err := elements(string(renderHTML(t, d))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// elements lists the tags of a page in order and checks that they are balanced.
func elements(page string) ([]string, error) {
	var all, open []string
	rest, ok := strings.CutPrefix(page, "<!doctype html>")
	if !ok {
		return nil, errors.New("no doctype")
	}
	for {
		_, after, found := strings.Cut(rest, "<")
		if !found {
			break
		}
		tag, after, found := strings.Cut(after, ">")
		if !found {
			return nil, fmt.Errorf("tag without end: %.60q", tag)
		}
		rest = after
		name, _, _ := strings.Cut(strings.TrimPrefix(tag, "/"), " ")
		name = strings.TrimSuffix(name, "/")
		all = append(all, name)
		switch {
		case strings.HasPrefix(tag, "/"):
			if len(open) == 0 || open[len(open)-1] != name {
				return nil, fmt.Errorf("</%s> closes %v", name, open)
			}
			open = open[:len(open)-1]
		case strings.HasSuffix(tag, "/"), slices.Contains([]string{"meta", "br"}, name):
		default:
			open = append(open, name)
			if name == "script" || name == "style" { // their text is not markup
				_, rest, _ = strings.Cut(rest, "</"+name)
				rest = "</" + name + rest
			}
		}
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("never closed: %v", open)
	}
	return all, nil
}

func TestHTMLEscapes(t *testing.T) {
	page := string(renderHTML(t, broken()))
	for _, evil := range []string{"<script>alert", "<img", `alert("x")</script>`, "\x1b"} {
		if strings.Contains(page, evil) {
			t.Errorf("the page contains %q", evil)
		}
	}
	if got := strings.Count(page, "<script"); got != 2 {
		t.Errorf("%d script elements, want the data and the page's own", got)
	}
}

// TestHTMLStructureIsTheAuthors: whatever the names are, the elements stay the same.
func TestHTMLStructureIsTheAuthors(t *testing.T) {
	named := func(text string) Document {
		text = "x" + text // an empty text may leave its row out
		d := withFindings(slow())
		nameFindings(d, text)
		d.Run.Name, d.Run.ID = text, text
		d.Run.Phases[3].Name = text
		d.Run.Problems = []parley.Problem{{Code: text, What: text, Hint: text}}
		d.Run.Assumed[0].Model = text
		d.Run.Environment.Target = map[string]string{text: text}
		d.Run.Verdict.Sentence = text
		d.Run.Verdict.Budgets[0].Why = text
		d.Run.Plan = nil
		d.Summary.JudgedPhase = text
		d.Summary.Upstreams[0].Operation, d.Summary.Upstreams[0].Wire = text, text
		d.Summary.Split[0].Label = text
		d.Summary.Judged.Scenarios[0].Name = text
		d.Summary.Judged.Failures[0].Name = text
		d.Missing = []string{text}
		return d
	}
	structure := func(t interface{ Fatal(...any) }, text string) []string {
		all, err := elements(string(renderHTML(t, named(text))))
		if err != nil {
			t.Fatal(err)
		}
		// How many labels fit into a picture depends on their length.
		return slices.DeleteFunc(all, func(tag string) bool { return tag == "text" || tag == "/text" })
	}
	want := structure(t, "plain")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[<>"'&/=a-z -]{0,20}`)).Draw(t, "text")
		if diff := cmp.Diff(want, structure(t, text)); diff != "" {
			t.Fatalf("%q changes the page:\n%s", text, diff)
		}
	})
}

func TestHTMLLoadsNothing(t *testing.T) {
	for name, d := range fixtures() {
		page := string(renderHTML(t, d))
		for _, outside := range []string{"http://", "https://", "src=", "@import", "<link", "url(//"} {
			if strings.Contains(strings.ReplaceAll(page, "img src=x", ""), outside) {
				t.Errorf("%s: the page contains %q", name, outside)
			}
		}
	}
}

func TestHTMLHoldsTheDocument(t *testing.T) {
	page := string(renderHTML(t, broken()))
	_, rest, _ := strings.Cut(page, `<script type="application/json" id="document">`)
	data, _, _ := strings.Cut(rest, "</script>")
	var embedded document
	if err := json.Unmarshal([]byte(data), &embedded); err != nil {
		t.Fatal(err)
	}
	if embedded.Format != Format || embedded.Run.Name != broken().Run.Name {
		t.Errorf("embedded document: %s, %q", embedded.Format, embedded.Run.Name)
	}
}

func TestHTMLSize(t *testing.T) {
	d := slow()
	d.Run.Elapsed = time.Hour
	d.Summary.Rates = rates(time.Hour, 15*time.Second, 1.4, 3) // no more than 240 points are ever made
	for i := range 20 {
		u := d.Summary.Upstreams[1]
		u.Operation = fmt.Sprintf("%s /* %d */", u.Operation, i)
		d.Summary.Upstreams = append(d.Summary.Upstreams, u)
	}
	if size := len(renderHTML(t, d)); size > 500_000 {
		t.Errorf("%d bytes for a run of one hour", size)
	}
	// A plan of a hundred scenarios, a bot of three hundred operations, the longest name a plan takes.
	d = withMoney(d)
	d.Summary.Heat = heat(time.Hour, d.Summary.Judged.Reply, 70)
	v, sc := d.Summary.Visits.Scenarios[0], d.Summary.Judged.Scenarios[0]
	for i := range 100 {
		v.Name = fmt.Sprintf("scenario %d with a name that is longer than most", i)
		sc.Name = v.Name
		d.Summary.Visits.Scenarios = append(d.Summary.Visits.Scenarios, v)
		d.Summary.Judged.Scenarios = append(d.Summary.Judged.Scenarios, sc)
	}
	for i := range 300 {
		u := d.Summary.Upstreams[i%3]
		u.Operation = fmt.Sprintf("%s /* %d */", u.Operation, i)
		d.Summary.Upstreams = append(d.Summary.Upstreams, u)
	}
	// And turns of as many calls as are kept, of statements as long as they come.
	calls := make([]anatomy.TurnCall, 500)
	for i := range calls {
		at := time.Duration(i) * time.Millisecond
		calls[i] = anatomy.TurnCall{Wire: "postgres", Operation: fmt.Sprintf("SELECT %d FROM %s", i%50, strings.Repeat("x, ", 300)), Layer: "postgres", Start: at, End: at + time.Millisecond}
	}
	turn := anatomy.Waterfall{Reply: time.Second, Outcome: parley.Answered, Calls: calls}
	other := turn
	other.Turn++
	d.Summary.Anatomy = &anatomy.Body{Typical: &turn, Slow: &other}
	page := renderHTML(t, d)
	t.Logf("%d bytes", len(page))
	if len(page) > 3<<19 {
		t.Errorf("%d bytes for a run of many scenarios and operations", len(page))
	}
	if !strings.Contains(string(page), "223 operations that took less time") {
		t.Error("nothing says that operations are left out")
	}
}

// odd are documents with as little in them as can be.
func odd() map[string]Document {
	nan := math.NaN()
	oneTurn := healthy()
	oneTurn.Summary.Rates = oneTurn.Summary.Rates[:1]
	oneTurn.Summary.Judged = crowd(wait{n: 3, median: 1, spread: .1})
	steps := ramp()
	for i := range steps.Summary.Ramp.Steps {
		steps.Summary.Ramp.Steps[i].Reply = anatomy.Waits{}
	}
	steps.Summary.Ramp.Knee = nil
	idle := healthy()
	for i := range idle.Summary.Rates {
		idle.Summary.Rates[i] = anatomy.RatePoint{At: time.Duration(i), Width: 1}
	}
	idle.Run.Elapsed = 0
	limits := healthy()
	for i := range limits.Run.Verdict.Budgets {
		b := &limits.Run.Verdict.Budgets[i]
		b.Budget.Limit, b.Measured = 0, &parley.Estimate{}
	}
	return map[string]Document{
		"nothing":      {Run: &parley.Run{}},
		"no figures":   {Run: &parley.Run{}, Summary: &anatomy.Summary{Ramp: &anatomy.Ramp{}, Split: []anatomy.Part{{Seconds: nan}}}},
		"no summary":   {Run: healthy().Run},
		"one turn":     oneTurn,
		"empty steps":  steps,
		"idle":         idle,
		"zero budgets": limits,
	}
}

func TestOddDocuments(t *testing.T) {
	for name, d := range odd() {
		var text bytes.Buffer
		if err := Terminal(&text, d, TerminalOptions{}); err != nil {
			t.Fatal(err)
		}
		if name == "no figures" {
			d.Summary.Split = nil // JSON has no word for NaN
		}
		page := string(renderHTML(t, d))
		if _, err := elements(page); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		noNonsense(t, name, text.String())
		noNonsense(t, name, page)
	}
}

func TestNoNonsense(t *testing.T) {
	for name, d := range fixtures() {
		var text, data bytes.Buffer
		if err := errors.Join(Terminal(&text, d, TerminalOptions{Color: true}), JSON(&data, d)); err != nil {
			t.Fatal(err)
		}
		noNonsense(t, name, text.String())
		noNonsense(t, name, data.String())
		noNonsense(t, name, string(renderHTML(t, d)))
	}
}

// noNonsense looks for what formatting leaves behind when a figure is missing.
func noNonsense(t *testing.T, name, text string) {
	t.Helper()
	for _, nonsense := range []string{"NaN", "Inf ", "+Inf", "-Inf", "%!", "<nil>", `""px`, "e+0"} {
		if strings.Contains(text, nonsense) {
			t.Errorf("%s: contains %q", name, nonsense)
		}
	}
}

func TestNoRun(t *testing.T) {
	var out bytes.Buffer
	for name, err := range map[string]error{
		"HTML":     HTML(&out, Document{}),
		"JSON":     JSON(&out, Document{}),
		"Terminal": Terminal(&out, Document{}, TerminalOptions{}),
	} {
		if !errors.Is(err, errNoRun) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}

// fullDisk is a writer that fails.
type fullDisk struct{}

var errFull = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	for name, err := range map[string]error{
		"HTML":     HTML(fullDisk{}, healthy()),
		"JSON":     JSON(fullDisk{}, healthy()),
		"Terminal": Terminal(fullDisk{}, healthy(), TerminalOptions{}),
	} {
		if !errors.Is(err, errFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
