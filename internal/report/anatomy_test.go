package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/anatomy"
)

func TestAnalysisGolden(t *testing.T) {
	for name, width := range map[string]int{"healthy.analysis.60.txt": 60, "healthy.analysis.100.txt": 100, "ramp.analysis.txt": 80, "load.analysis.txt": 80, "found.analysis.60.txt": 60, "found.analysis.100.txt": 100} {
		kind, _, _ := strings.Cut(name, ".")
		var out bytes.Buffer
		if err := Analysis(&out, fixtures()[kind], TerminalOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		noNonsense(t, name, out.String())
		fits(t, name, out.String(), width)
		golden(t, name, out.Bytes())
	}
}

func TestOneTurnGolden(t *testing.T) {
	var out bytes.Buffer
	if err := OneTurn(&out, *healthy().Summary.Anatomy.Slow, TerminalOptions{Width: 100}); err != nil {
		t.Fatal(err)
	}
	golden(t, "healthy.turn.txt", out.Bytes())
}

// fits holds the lines of a text against its width.
func fits(t *testing.T, name, text string, width int) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if n := len([]rune(line)); n > width || line != strings.TrimRight(line, " ") {
			t.Errorf("%s: %d cells of %d: %q", name, n, width, line)
		}
	}
}

// The causes that are shown, with what is left, add up to the difference.
func TestCausesAddUp(t *testing.T) {
	d := &anatomy.Difference{Turn: 1, Reply: 10, Peers: 2, N: 5, Among: "all"}
	for i := range 12 {
		d.Causes = append(d.Causes, anatomy.Cause{Layer: "bot", Seconds: float64(12 - i), Peers: 2})
	}
	sum := 0.0
	for _, c := range d.Causes {
		sum += c.More()
	}
	d.Reply = d.Peers + sum
	story := tellDifference(d)
	last := story.Causes[len(story.Causes)-1]
	if want := sum - 10 - 9 - 8 - 7 - 6; len(story.Causes) != mostCauses+1 || last.What != "everything else" || last.More != signed(want) {
		t.Errorf("%+v, want %v", last, want)
	}
	d.Reply = 1
	if tellDifference(d) != nil || tellDifference(nil) != nil {
		t.Error("a turn that is no slower has a difference")
	}
}

// Waterfalls of turns with next to nothing in them are drawn, and show no nonsense.
func TestOddWaterfalls(t *testing.T) {
	call := anatomy.TurnCall{Wire: "x", Operation: "<script>", Start: -time.Hour, End: time.Hour, FirstByte: -2 * time.Hour}
	for name, w := range map[string]anatomy.Waterfall{
		"nothing":      {},
		"no answer":    {Outcome: parley.Abandoned, Reply: 30 * time.Second, Calls: []anatomy.TurnCall{call}},
		"instant":      {Outcome: parley.Answered, Calls: []anatomy.TurnCall{{}, {Unfinished: true}}},
		"wrong places": {Outcome: parley.Answered, Reply: time.Second, Path: []anatomy.Piece{{To: time.Second, Layer: "bot", Call: -1, After: 7, Before: 9}}},
	} {
		d := healthy()
		d.Summary.Anatomy = &anatomy.Body{Typical: &w, Slow: &w}
		page := string(renderHTML(t, d))
		if _, err := elements(page); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		noNonsense(t, name, page)
		var text bytes.Buffer
		if err := OneTurn(&text, w, TerminalOptions{}); err != nil {
			t.Fatal(err)
		}
		noNonsense(t, name, text.String())
		fits(t, name, text.String(), 80)
	}
}

// A row is one operation for as long as no other comes between.
func TestCallRows(t *testing.T) {
	ms := time.Millisecond
	rows := callRows([]anatomy.TurnCall{
		{Wire: "a", Operation: "x", Start: 0, End: 10 * ms, FirstByte: 5 * ms, OnPath: 10 * ms, Opened: true},
		{Wire: "a", Operation: "x", Start: 5 * ms, End: 20 * ms, OnPath: 10 * ms, Status: 500},
		{Wire: "b", Operation: "x", Start: 20 * ms, End: 30 * ms, Prompt: 1000, Completion: 5},
		{Wire: "a", Operation: "x", Start: 30 * ms, End: 40 * ms},
	})
	if len(rows) != 3 || rows[0].Name != "a x ×2" || rows[0].Took != 20*ms || rows[0].OnPath != 20*ms || !rows[0].Failed ||
		rows[0].Note != "status 500, 1 connection opened" || rows[1].Note != "1,000 tokens in, 5 out" || rows[2].Took != 10*ms {
		t.Errorf("%+v", rows)
	}
}

// What a waterfall lacks is said wherever it is shown.
func TestIncompleteWaterfall(t *testing.T) {
	f := func(w anatomy.Waterfall, want string) {
		t.Helper()
		w.Outcome, w.Reply = parley.Answered, time.Second
		d := healthy()
		d.Summary.Anatomy = &anatomy.Body{Typical: &w}
		var short, whole, one bytes.Buffer
		if err := errors.Join(Terminal(&short, d, TerminalOptions{Width: 100}), Analysis(&whole, d, TerminalOptions{Width: 100}), OneTurn(&one, w, TerminalOptions{Width: 100})); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"report": short.String(), "analysis": whole.String(), "turn": one.String(), "page": strings.ReplaceAll(string(renderHTML(t, d)), noBreak, " "),
		} {
			if !strings.Contains(text, want) {
				t.Errorf("the %s does not say %q", name, want)
			}
		}
	}
	f(anatomy.Waterfall{Untied: .25, Incomplete: true}, "Incomplete: 25 % of the calls made meanwhile could be tied to no turn")
	f(anatomy.Waterfall{More: 7, Incomplete: true}, "7 calls beyond the first 500 are left out.")
}
