package report

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley"
	"parley/internal/anatomy"
)

// Every name with a definition leads to one that is on the page, and each definition is there once.
func TestEveryTermIsDefined(t *testing.T) {
	keys := map[string]bool{}
	for _, d := range glossary() {
		if keys[d.Key] || d.Name == "" || d.Means == "" || !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(d.Key) {
			t.Errorf("entry %+v: its key is there already, or something is missing", d)
		}
		keys[d.Key] = true
		if strings.HasSuffix(d.Means, ".") || strings.Contains(d.Means, "\n") {
			t.Errorf("%s: %q", d.Key, d.Means)
		}
	}
	linked := map[string]bool{}
	for name, d := range fixtures() {
		page := string(renderHTML(t, d))
		for _, m := range regexp.MustCompile(`href="#def-([^"]*)" data-means="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			linked[m[1]] = true
			if !keys[m[1]] || m[2] == "" || strings.Count(page, `id="def-`+m[1]+`"`) != 1 {
				t.Errorf("%s: no definition of %q", name, m[1])
			}
		}
		s := tell(d)
		for _, rows := range [][]countRow{s.Messages, s.Counts} {
			for _, r := range rows {
				if means(r.Key) == "" {
					t.Errorf("%s: nothing says what %q is", name, r.Name)
				}
			}
		}
		for _, h := range s.Health {
			if means(h.Key) == "" {
				t.Errorf("%s: nothing says what %q is", name, h.Name)
			}
		}
	}
	if len(linked) < 50 {
		t.Errorf("only %d definitions are linked to", len(linked))
	}
}

func TestHeatLevels(t *testing.T) {
	f := func(most int, want ...string) {
		t.Helper()
		var got []string
		for _, l := range heatLevels(most) {
			got = append(got, l.Words)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d (-want +got):\n%s", most, diff)
		}
	}
	f(0)
	f(1, "1")
	f(2, "1", "2")
	f(32, "1–2", "3–4", "5–8", "9–16", "17–32")
	f(10_000, "1–6", "7–40", "41–251", "252–1,585", "1,586–10,000")
}

// Every count has a level, larger ones no lower level, and the most the highest.
func TestHeatLevelsGrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 1_000_000).Draw(t, "most")
		m := heatChart{levels: heatLevels(most)}
		a, b := rapid.IntRange(1, most).Draw(t, "a"), rapid.IntRange(1, most).Draw(t, "b")
		if low, high := m.class(min(a, b)), m.class(max(a, b)); low < 1 || low > high || high > heatColours {
			t.Fatalf("levels %d and %d for %d and %d of %d", low, high, min(a, b), max(a, b), most)
		}
		if m.class(most) != heatColours || m.class(0) != 0 {
			t.Fatalf("the most have level %d, none has %d", m.class(most), m.class(0))
		}
	})
}

// The table holds every turn of the map.
func TestHeatTableIsWhole(t *testing.T) {
	d := slow()
	m := heatMap(d.Run, d.Summary)
	if m == nil || len(m.Rows) > heatTableMax || len(m.Bands) > heatBands {
		t.Fatalf("%+v", m)
	}
	want, got := 0, 0
	for i, column := range d.Summary.Heat.Counts {
		want += d.Summary.Heat.Unanswered[i]
		for _, n := range column {
			want += n
		}
	}
	for _, r := range m.Rows {
		for _, text := range append(r.Counts, r.Unanswered) {
			got += number0(t, text)
		}
	}
	if got != want || want == 0 {
		t.Errorf("the table has %d turns, the map %d", got, want)
	}
}

func number0(t *testing.T, text string) (n int) {
	t.Helper()
	for _, r := range strings.ReplaceAll(text, ",", "") {
		if r < '0' || r > '9' {
			t.Fatalf("%q is no count", text)
		}
		n = 10*n + int(r-'0')
	}
	return n
}

// A map that is empty or not whole is left out, and breaks nothing.
func TestOddHeat(t *testing.T) {
	for name, h := range map[string]*anatomy.Heat{
		"none":      nil,
		"empty":     {},
		"no turns":  {Width: time.Second, Edges: []float64{1, 2}, Counts: [][]int{{0}}, Unanswered: []int{0}},
		"ragged":    {Width: time.Second, Edges: []float64{1, 2, 3}, Counts: [][]int{{1, 2}, {1}}, Unanswered: []int{0, 0}},
		"no losses": {Width: time.Second, Edges: []float64{1, 2}, Counts: [][]int{{1}}},
	} {
		d := healthy()
		d.Summary.Heat = h
		if heatMap(d.Run, d.Summary) != nil {
			t.Errorf("%s: there is a map", name)
		}
	}
	for name, h := range map[string]*anatomy.Heat{
		"one cell":  {Width: time.Hour, Edges: []float64{0, 2}, Counts: [][]int{{1}}, Unanswered: []int{0}},
		"only lost": {Width: time.Second, Edges: []float64{0, 1, 2}, Counts: [][]int{{0, 0}}, Unanswered: []int{7}},
	} {
		d := healthy()
		d.Summary.Heat = h
		page := string(renderHTML(t, d))
		noNonsense(t, name, page)
		if !strings.Contains(page, `data-plot="heat"`) {
			t.Errorf("%s: there is no map", name)
		}
	}
}

// The parts add up to the cost of a thousand conversations.
func TestCostPartsAddUp(t *testing.T) {
	d := healthy()
	sum := 0.0
	for _, p := range tellMoney(d.Run, d.Summary).Parts {
		sum += p.Dollars
	}
	if want := d.Summary.Money.PerConversation.Value * thousand; math.Abs(sum-want) > 1e-9*want {
		t.Errorf("parts of %v, whole %v", sum, want)
	}
	// Prices may be lost, as from a record of another version; then models are one part.
	d.Run.Money = nil
	parts := tellMoney(d.Run, d.Summary).Parts
	if len(parts) != 3 || parts[0].Name != "language models" {
		t.Errorf("without prices: %+v", parts)
	}
}

// Conversations without an Apdex or a goal show none; scenarios of a record without conversations show their replies.
func TestVisitsSayWhatThereIs(t *testing.T) {
	d := slow()
	d.Summary.Visits.Target, d.Summary.Visits.WithGoal, d.Summary.Visits.Untied = 0, 0, 0
	v := tellVisits(d.Summary)
	names := ""
	for _, r := range v.Shares {
		names += r.Name + " "
	}
	if names != "success abandonment " || v.HasApdex || len(v.Notes) > 0 {
		t.Errorf("shares %q, Apdex %v, notes %q", names, v.HasApdex, v.Notes)
	}
	d.Summary.Visits = anatomy.Visits{}
	v = tellVisits(d.Summary)
	if len(v.Rows) != 3 || v.HasShares || len(v.Counts) > 0 || v.Rows[0].P95.Value == nothing {
		t.Errorf("without conversations: %+v", v)
	}
	if tellVisits(&anatomy.Summary{}) != nil || tellMoney(&parley.Run{}, &anatomy.Summary{}) != nil {
		t.Error("a story of nothing")
	}
}
