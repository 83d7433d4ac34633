package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"parley"
	"parley/internal/anatomy"
)

// findingsStory is what the checks found; nil if none ran.
type findingsStory struct {
	// Answer is the sentence of the diagnosis; Sentence the same under a heading that says what it is about.
	Answer, Sentence string
	Findings         []*findingRow
	Notes            []*findingRow
	More, MoreNotes  int // left out
	Unknown          []parley.Unknown
	Clean            []checkRow
	Dismissed        []parley.Dismissal
}

// findingRow is one finding in words.
type findingRow struct {
	*parley.Finding
	Title    string // "the same statement again and again"
	Where    string // "PostgreSQL", "openai"
	What     string // with its full stop
	Costs    []costRow
	Sure     string // "95 %"
	Seen     string // "312 of 400 turns"
	Measures []measureRow
	Proof    *fallStory // nil if the turn was not taken apart
	Tone     tone       // of its status
}

// costRow is one thing that a finding costs.
type costRow struct {
	Name, Key string // "p95 reply"
	Saved     figure
	Of        float64 // the whole that Saved is a part of, in seconds; 0 if it is not known
	Share     string  // the part, "12 %"; empty without Of
	Estimate  parley.Estimate
}

// measureRow is a figure that a finding rests on.
type measureRow struct {
	What      string
	Value     figure
	Threshold string
}

// checkRow is a check by its names.
type checkRow struct{ ID, Title string }

// Bounds of what reports list.
const (
	mostFindings = 12
	mostNotes    = 12
	shortList    = 5 // of findings, in a terminal's report
)

// tellFindings returns nil if no check ran.
func tellFindings(d Document) *findingsStory {
	found := d.Run.Diagnosis
	if found == nil {
		return nil
	}
	out := &findingsStory{Answer: found.Answer, Unknown: found.Unknown, Dismissed: found.Dismissed}
	rest, _ := strings.CutPrefix(found.Answer, "What limits this bot: ")
	out.Sentence = capital(rest)
	for i := range found.Findings[:min(len(found.Findings), mostFindings)] {
		out.Findings = append(out.Findings, tellFinding(d, &found.Findings[i]))
	}
	for i := range found.Notes[:min(len(found.Notes), mostNotes)] {
		out.Notes = append(out.Notes, tellFinding(d, &found.Notes[i]))
	}
	out.More, out.MoreNotes = len(found.Findings)-len(out.Findings), len(found.Notes)-len(out.Notes)
	for _, id := range found.Clean {
		out.Clean = append(out.Clean, checkRow{id, d.Titles[id]})
	}
	return out
}

func tellFinding(d Document, f *parley.Finding) *findingRow {
	row := &findingRow{
		Finding: f, Title: cmp.Or(d.Titles[f.Check], f.Check), Where: cmp.Or(f.Wire, anatomy.LayerLabel(f.Layer)), What: fullStop(f.What),
		Costs: costRows(f), Sure: parley.ShortenFigure(parley.FormatShare(f.Confidence)), Tone: unsure,
		Seen: fmt.Sprintf("%s of %s", count(f.Affected), plural(f.Turns, "turn")),
	}
	switch f.Status {
	case parley.Confirmed:
		row.Tone = bad
	case parley.Refuted:
		row.Tone = quiet
	case parley.Suspected:
	}
	for _, m := range f.Measured {
		r := measureRow{What: m.What, Value: estimate(m.Value, m.Unit)}
		if m.Threshold != 0 {
			r.Threshold = threshold(m.Threshold, m.Unit)
		}
		row.Measures = append(row.Measures, r)
	}
	if len(f.Examples) == 0 || f.Note {
		return row
	}
	at := slices.IndexFunc(d.Proofs, func(w anatomy.Waterfall) bool { return w.Turn == f.Examples[0].Turn })
	if at >= 0 {
		row.Proof = tellProof(&d.Proofs[at], f.Examples[0].Calls)
	}
	return row
}

// mostProofRows bounds the rows of a turn that stands beside a finding.
const mostProofRows = 14

// tellProof tells a turn that shows a finding, with the calls at these places marked. Of many rows those with such calls
// are kept, then the longest.
func tellProof(w *anatomy.Waterfall, calls []int) *fallStory {
	f := newFall("a turn that shows it", "example_turn", w)
	f.Making = map[int]bool{}
	for _, i := range calls {
		f.Making[i] = true
	}
	for i := range f.Rows {
		r := &f.Rows[i]
		for k := range r.Calls {
			r.Marked += one(f.Making[r.First+k])
		}
		if r.Marked > 0 {
			r.Note = strings.Join(nonEmpty("makes the finding", r.Note), ", ")
		}
	}
	more := len(f.Rows) - mostProofRows
	if more <= 0 {
		return f
	}
	first := slices.Clone(f.Rows)
	slices.SortStableFunc(first, func(a, b fallRow) int {
		return cmp.Or(cmp.Compare(one(b.Marked > 0), one(a.Marked > 0)), cmp.Compare(b.Took, a.Took))
	})
	f.Rows = first[:mostProofRows]
	slices.SortStableFunc(f.Rows, func(a, b fallRow) int { return cmp.Compare(a.First, b.First) })
	f.Notes = append(f.Notes, plural(more, "row")+" of other calls left out; parley analyze --turn "+fmt.Sprint(w.Turn)+" shows all.")
	return f
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// costRows are what a finding costs: time first.
func costRows(f *parley.Finding) (rows []costRow) {
	timed := func(name string, saved *parley.Estimate, share float64) {
		if saved == nil {
			return
		}
		row := costRow{Name: name, Key: "finding_saved", Saved: estimate(*saved, parley.Seconds), Estimate: *saved}
		if share > 0 && saved.Value > 0 && finite(saved.Value/share) {
			row.Of = saved.Value / share
			row.Share = parley.ShortenFigure(quantity(min(1, share), parley.Ratio))
		}
		rows = append(rows, row)
	}
	timed("p95 reply", f.SavedP95, f.ShareP95)
	timed("mean reply", f.Saved, f.Share)
	if f.Dollars != nil {
		rows = append(rows, costRow{Name: "per 1,000 conversations", Key: "finding_money", Saved: estimate(scaled(*f.Dollars, thousand), parley.Dollars)})
	}
	if f.Lost > 0 {
		rows = append(rows, costRow{Name: "turns without their answer", Key: "finding_lost", Saved: figure{Value: count(f.Lost)}})
	}
	return rows
}

// words are what a finding costs in one line, with intervals if they are wanted; empty if it is nothing that was measured.
func (f *findingRow) words(intervals bool) string {
	var parts []string
	for _, c := range f.Costs {
		value := c.Saved.Value
		if intervals {
			value = c.Saved.Both()
		}
		switch c.Key {
		case "finding_lost":
			parts = append(parts, plural(f.Lost, "turn")+" lost their answer")
		case "finding_money":
			parts = append(parts, value+" less "+c.Name)
		default:
			parts = append(parts, c.Name+" "+value+" less")
		}
	}
	return strings.Join(parts, ", ")
}

// measured are the figures that a finding rests on, in one line.
func (f *findingRow) measured() string {
	var parts []string
	for _, m := range f.Measures {
		text := m.What + " " + m.Value.Both()
		if m.Threshold != "" {
			text += ", threshold " + m.Threshold
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// title is the finding by its check and its place, with what was seen if the answer does not say it already.
func (f *findingRow) title(s *findingsStory) string {
	text := f.Check + ", " + f.Where + ": "
	if s.says(f) {
		return text + f.Title
	}
	return text + f.What
}

// says reports whether the answer, which stands above the findings, has the sentence of one.
func (s *findingsStory) says(f *findingRow) bool {
	return f.Title != f.What && strings.Contains(strings.ToLower(s.Answer), strings.ToLower(strings.TrimSuffix(f.What, ".")))
}

// rest says what a short report leaves out; empty if nothing.
func (s *findingsStory) rest(shown int) string {
	more := len(s.Findings) - shown + s.More
	var parts []string
	if more > 0 {
		parts = append(parts, plural(more, "more finding"))
	}
	if n := len(s.Notes) + s.MoreNotes; n > 0 {
		parts = append(parts, plural(n, "note"))
	}
	if n := len(s.Unknown); n > 0 {
		parts = append(parts, plural(n, "check")+" that could not tell")
	}
	return strings.Join(parts, ", ")
}

// looked names the checks that found nothing; empty if there is none.
func (s *findingsStory) looked() string {
	ids := make([]string, 0, len(s.Clean))
	for _, c := range s.Clean {
		ids = append(ids, c.ID)
	}
	return strings.Join(ids, ", ")
}

// fullStop ends a sentence.
func fullStop(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
