package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// proof is a turn of so many operations, of which those at the places given make a finding.
func proof(operations int, making ...int) *fallStory {
	w := anatomy.Waterfall{Turn: 7, Outcome: parley.Answered, Reply: time.Duration(operations) * 10 * time.Millisecond}
	for i := range operations {
		at := time.Duration(i) * 10 * time.Millisecond
		w.Calls = append(w.Calls, anatomy.TurnCall{Wire: "http", Operation: fmt.Sprint("GET /", i), Start: at, End: at + time.Duration(1+i%7)*time.Millisecond})
	}
	return tellProof(&w, making)
}

// The rows that make a finding are kept, whatever else a turn did, and marked.
func TestProofKeepsWhatMakesTheFinding(t *testing.T) {
	f := proof(200, 0, 70, 199)
	var names []string
	for i, r := range f.Rows {
		if r.Marked > 0 {
			names = append(names, r.Name)
		}
		if i > 0 && r.From < f.Rows[i-1].From {
			t.Errorf("row %d is out of order", i)
		}
	}
	if got, want := strings.Join(names, ", "), "http GET /0, http GET /70, http GET /199"; got != want || len(f.Rows) != mostProofRows {
		t.Errorf("%d rows, marked %s, want %s", len(f.Rows), got, want)
	}
	if picture := drawFall(fallWidths()[0], f); strings.Count(picture, "fall-making") != 3 || strings.Count(picture, "fall-band") != 3 {
		t.Errorf("marks in the picture: %d on %d bands", strings.Count(picture, "fall-making"), strings.Count(picture, "fall-band"))
	}
	if got := strings.Join(f.Notes, " "); !strings.Contains(got, "186 rows of other calls left out; parley analyze --turn 7 shows all.") {
		t.Errorf("notes: %q", got)
	}
	if f := proof(3, 1, 99); len(f.Rows) != 3 || f.Rows[1].Marked != 1 {
		t.Errorf("of a short turn: %+v", f.Rows)
	}
}

// A call long after the answer is in the picture if the finding is about it.
func TestProofShowsWorkAfterTheAnswer(t *testing.T) {
	late := anatomy.Waterfall{Outcome: parley.Answered, Reply: time.Second, Calls: []anatomy.TurnCall{
		{Wire: "a", Operation: "x", Start: 0, End: time.Second},
		{Wire: "b", Operation: "y", Start: 1500 * time.Millisecond, End: 2 * time.Second},
	}}
	f := func(calls []int, want int) {
		t.Helper()
		picture := drawFall(fallWidths()[0], tellProof(&late, calls))
		if got := strings.Count(picture, `class="fall-call`); got != want {
			t.Errorf("%d bars, want %d", got, want)
		}
	}
	f([]int{0}, 1)
	f([]int{1}, 2)
}

// What is known of the whole decides whether a part of it is drawn.
func TestSavedBar(t *testing.T) {
	f := &parley.Finding{
		Saved: &parley.Estimate{Value: .5, Low: .4, High: .7, N: 9}, Share: .25,
		SavedP95: &parley.Estimate{Value: -.1, Low: -.2, High: .1, N: 9}, ShareP95: -.02, Lost: 1,
	}
	rows := costRows(f)
	if len(rows) != 3 || rows[1].saved().Value != "500 ms, 25 %" || rows[1].Of != 2 || !strings.Contains(savedBar(rows[1]), "saved-part") {
		t.Errorf("%+v", rows)
	}
	if rows[0].Share != "" || savedBar(rows[0]) != "" {
		t.Error("what saves nothing has a share or a picture")
	}
	noNonsense(t, "saved", savedBar(rows[1]))
	f.Share = 0
	if rows := costRows(f); rows[1].Share != "" || savedBar(rows[1]) != "" {
		t.Error("a part of a mean that is not known")
	}
}

// Many findings and notes are told up to a bound, and the rest is counted.
func TestFindingsAreBounded(t *testing.T) {
	d := found()
	for range 40 {
		d.Run.Diagnosis.Findings = append(d.Run.Diagnosis.Findings, d.Run.Diagnosis.Findings[1])
		d.Run.Diagnosis.Notes = append(d.Run.Diagnosis.Notes, d.Run.Diagnosis.Notes[0])
	}
	var whole bytes.Buffer
	if err := Analysis(&whole, d, TerminalOptions{Width: 100}); err != nil {
		t.Fatal(err)
	}
	texts := everyFormat(t, d)
	for text, want := range map[string]string{
		texts["terminal"]: "37 more findings, 41 notes, 1 check that could not tell",
		texts["html"]:     "30 findings left out here", texts["markdown"]: "30 findings left out here", whole.String(): "29 notes left out here",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %q", want)
		}
	}
}

// A finding without a turn taken apart, a figure or words is told all the same.
func TestOddFindings(t *testing.T) {
	d := healthy()
	d.Titles, d.Proofs = nil, nil
	d.Run.Diagnosis = &parley.Diagnosis{
		Findings: []parley.Finding{{}, {Check: "x", Examples: []parley.Example{{Turn: 9}}, Saved: &parley.Estimate{Floor: true}, SavedP95: &parley.Estimate{}}},
		Notes:    []parley.Finding{{}},
		Unknown:  []parley.Unknown{{}},
	}
	for name, text := range everyFormat(t, d) {
		noNonsense(t, name, text)
	}
	if _, err := elements(string(renderHTML(t, d))); err != nil {
		t.Error(err)
	}
}

func TestChecks(t *testing.T) {
	checks := []diagnose.Check{
		{ID: "n-plus-one", Title: "the same statement again and again", Needs: []string{"postgres", "redis"}, Limits: []diagnose.Limit{
			{Name: "least", Value: 5, Unit: parley.Count, Means: "how often a statement is sent in one turn, each time in a flight of its own, and so on"},
			{Name: "turns", Value: .05, Unit: parley.Ratio, Means: "part of the turns that show it"},
		}},
		{ID: "bare", Title: "a check without a threshold"},
	}
	var out bytes.Buffer
	if err := Checks(&out, checks, TerminalOptions{Width: 60}); err != nil {
		t.Fatal(err)
	}
	fits(t, "checks", out.String(), 60)
	golden(t, "checks.txt", out.Bytes())
}
