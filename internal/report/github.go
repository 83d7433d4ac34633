package report

import (
	"fmt"
	"io"
	"strings"

	"parley"
)

// mostAnnotations is how many annotations of each kind GitHub shows of one step; further ones vanish without a word.
const mostAnnotations = 10

// annotation is one workflow command of GitHub Actions.
type annotation struct{ kind, title, text string }

// Annotations writes the verdict as workflow commands of GitHub Actions, one a
// line: an error for each problem and each failed budget, a warning for each finding and whatever
// qualifies the figures or cannot be told, a notice for the verdict itself. No
// kind has more than GitHub shows; the last one says how many there are beside.
func Annotations(w io.Writer, d Document) error {
	if d.Run == nil {
		return errNoRun
	}
	var text strings.Builder
	for _, a := range annotations(d) {
		_, _ = fmt.Fprintf(&text, "::%s title=%s::%s\n", a.kind, escapeProperty(a.title), escapeData(a.text)) // a builder does not fail
	}
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("report: write annotations: %w", err)
	}
	return nil
}

func annotations(d Document) []annotation {
	s := tell(d)
	verdict := []annotation{{"notice", "parley: " + s.Badge, s.Sentence}}
	var errs, warnings []annotation
	for _, p := range s.Problems {
		errs = append(errs, annotation{"error", "parley: " + p.Code, strings.Join(nonEmpty(p.What, p.Hint), ": ")})
	}
	for _, limit := range s.Invalid {
		errs = append(errs, annotation{"error", "parley: the run is not valid", limit})
	}
	for _, b := range s.Budgets {
		a := annotation{title: b.Name + " " + b.Promise, text: strings.Join(nonEmpty(string(b.Result)+": measured "+b.Measured.Both(), b.Why, b.Need), "; ")}
		switch b.Result {
		case parley.Fail:
			a.kind = "error"
			errs = append(errs, a)
		case parley.CannotTell:
			a.kind = "warning"
			warnings = append(warnings, a)
		case parley.Pass, parley.NotMeasured, parley.AssumedOnly: // the summary has them
		}
	}
	if s.Found != nil {
		for _, f := range s.Found.Findings {
			warnings = append(warnings, annotation{"warning", "parley: " + f.Check, strings.Join(nonEmpty(f.What, f.words(false)), " ")})
		}
	}
	for _, m := range s.Missing {
		warnings = append(warnings, annotation{"warning", "parley: missing from the record", m})
	}
	for _, text := range s.Warnings {
		warnings = append(warnings, annotation{"warning", "parley", text})
	}
	return append(append(verdict, capped(errs)...), capped(warnings)...)
}

// capped keeps as many annotations as are shown, and says with the last how many are not.
func capped(all []annotation) []annotation {
	if len(all) <= mostAnnotations {
		return all
	}
	rest := len(all) - mostAnnotations + 1
	return append(all[:mostAnnotations-1:mostAnnotations-1], annotation{all[0].kind, "parley: more", fmt.Sprintf("%s more of this kind: see the summary of the job.", count(rest))})
}

// escapeData writes text as the message of a workflow command.
func escapeData(text string) string {
	var lines []string
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		lines = append(lines, clean(line))
	}
	text = strings.ReplaceAll(strings.Join(lines, "\n"), "%", "%25")
	return strings.ReplaceAll(text, "\n", "%0A")
}

// escapeProperty writes text as a property of a workflow command, which : and , would end.
func escapeProperty(text string) string {
	return strings.NewReplacer("%", "%25", ":", "%3A", ",", "%2C").Replace(clean(text))
}
