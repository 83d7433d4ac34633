package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley"
)

// The elements of a JUnit report, in the order in which its schemas want them.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitTotals
		Suites []junitSuite `xml:"testsuite"`
	}
	junitTotals struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"` // s
	}
	junitSuite struct {
		Name      string `xml:"name,attr"`
		Timestamp string `xml:"timestamp,attr"` // without a zone, as the schema wants it; UTC
		Hostname  string `xml:"hostname,attr"`
		junitTotals
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
		Out        string          `xml:"system-out"`
		Err        string          `xml:"system-err"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Time    string        `xml:"time,attr"`
		Skipped *junitOutcome `xml:"skipped"`
		Error   *junitOutcome `xml:"error"`
		Failure *junitOutcome `xml:"failure"`
	}
	junitOutcome struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes the verdict for servers that read test results: a suite for the
// run, a case for each budget and one for the run itself. A budget that cannot
// be told, was not measured or rests on an assumption is skipped; a run that did
// not complete or is not valid is an error. Properties hold the figures.
func JUnit(w io.Writer, d Document) error {
	if d.Run == nil {
		return errNoRun
	}
	suite := junitOf(d)
	suites := junitSuites{Name: "parley", junitTotals: suite.junitTotals, Suites: []junitSuite{suite}}
	text, err := xml.MarshalIndent(suites, "", "  ")
	if err != nil {
		return fmt.Errorf("report: make JUnit: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s%s\n", xml.Header, text); err != nil {
		return fmt.Errorf("report: write JUnit: %w", err)
	}
	return nil
}

func junitOf(d Document) junitSuite {
	run, s := d.Run, tell(d)
	class := "parley." + cmp.Or(run.Name, run.ID)
	suite := junitSuite{
		Name: class, Hostname: "localhost", Timestamp: run.Started.UTC().Format("2006-01-02T15:04:05"),
		Properties: junitProperties(d),
		Out:        plainText(strings.Join(append([]string{s.Sentence}, junitFindings(s.Found)...), "\n")),
		Err:        plainText(strings.Join(append(problemTexts(run.Problems), append(d.Missing, run.Warnings...)...), "\n")),
	}
	suite.add(junitCase{Name: "run completed", Class: class, Time: inSeconds(run.Elapsed), Error: junitRunError(run)})
	for _, b := range s.Budgets {
		suite.add(junitBudget(class, b))
	}
	suite.Time = inSeconds(run.Elapsed)
	return suite
}

// junitFindings are a line for the answer and for each finding. A finding breaks no promise, so it is no failure.
func junitFindings(s *findingsStory) (lines []string) {
	if s == nil {
		return nil
	}
	lines = append(lines, s.Answer)
	for _, f := range s.Findings {
		lines = append(lines, "finding "+f.Check+": "+strings.Join(nonEmpty(f.What, f.words(true), "("+f.Change+")"), " "))
	}
	return lines
}

// add counts a case in.
func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Error != nil:
		s.Errors++
	case c.Failure != nil:
		s.Failures++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// junitBudget takes no time of its own: the run's stands at its case.
func junitBudget(class string, b budgetRow) junitCase {
	c := junitCase{Name: cmp.Or(b.Budget.Text, b.Name+" "+b.Promise), Class: class + ".budgets", Time: "0.000"}
	message := string(b.Result)
	if b.BudgetResult.Measured != nil {
		message += ": measured " + b.Measured.Both() + ", limit " + b.Promise
	}
	detail := strings.Join(nonEmpty(b.Why, b.Need), "; ")
	outcome := &junitOutcome{Message: message, Text: detail}
	switch b.Result {
	case parley.Pass:
	case parley.Fail:
		outcome.Type = "budget"
		c.Failure = outcome
	case parley.CannotTell, parley.NotMeasured, parley.AssumedOnly:
		outcome.Message = strings.Join(nonEmpty(message, detail), "; ") // readers show the message of a skipped case alone
		outcome.Text = ""
		c.Skipped = outcome
	}
	return c
}

// junitRunError is nil for a run that came to its end and can be believed.
func junitRunError(run *parley.Run) *junitOutcome {
	problems := strings.Join(problemTexts(run.Problems), "\n")
	switch {
	case run.State != parley.Complete:
		return &junitOutcome{Message: "the run " + endWords(run.State), Type: "run", Text: problems}
	case len(run.Generator.Invalid) > 0:
		return &junitOutcome{Message: "the run is not valid: " + strings.Join(run.Generator.Invalid, "; "), Type: "validity", Text: problems}
	}
	lost := slices.IndexFunc(run.Problems, func(p parley.Problem) bool { return p.Code == parley.ProblemRecord })
	if lost >= 0 {
		return &junitOutcome{Message: run.Problems[lost].What, Type: parley.ProblemRecord, Text: problems}
	}
	return nil
}

// endWords says how a run ended.
func endWords(s parley.State) string {
	switch s {
	case parley.Interrupted:
		return "was interrupted"
	case parley.Broken:
		return "broke off"
	case parley.Running:
		return "has no recorded end"
	case parley.Complete:
		return "is complete"
	default:
		return string(s)
	}
}

// problemTexts are problems with what to do about them.
func problemTexts(problems []parley.Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, strings.Join(nonEmpty(fmt.Sprintf("%s (%s, at %s)", p.What, p.Code, clock(p.At)), p.Hint), ": "))
	}
	return out
}

// junitProperties are plain numbers in base units, for servers that draw them.
func junitProperties(d Document) []junitProperty {
	sum := d.summary()
	out := []junitProperty{
		{"run.id", d.Run.ID}, {"run.verb", d.Run.Verb}, {"run.state", string(d.Run.State)},
		{"parley.version", d.Run.Environment.Parley}, {"run.seed", strconv.FormatUint(d.Run.Seed, 10)},
	}
	if d.Run.Verdict != nil {
		out = append(out, junitProperty{"verdict", string(d.Run.Verdict.Result)})
	}
	add := func(name string, e parley.Estimate) {
		if e.N == 0 && !e.Exact || !finite(e.Value) || !finite(e.Low) || !finite(e.High) {
			return
		}
		// What lies beyond the longest wait seen has no number, and a floor is a lower bound alone.
		if !e.ValueBeyond && !e.Floor {
			out = append(out, junitProperty{name, plainNumber(e.Value)})
		}
		if e.Exact || e.Low == 0 && e.High == 0 {
			return
		}
		out = append(out, junitProperty{name + ".low", plainNumber(e.Low)})
		if !e.HighBeyond {
			out = append(out, junitProperty{name + ".high", plainNumber(e.High)})
		}
	}
	for _, name := range []string{"p50", "p95", "p99"} {
		if q, ok := quantileOf(sum.Judged.Reply, name); ok {
			add("reply_seconds."+name, q.Estimate)
		}
	}
	if q, ok := quantileOf(sum.Judged.Ack, "p95"); ok {
		add("ack_seconds.p95", q.Estimate)
	}
	if sum.Judged.Turns > 0 {
		out = append(out, junitProperty{"turns_total", strconv.Itoa(sum.Judged.Turns)}, junitProperty{"messages_answered_per_hour", plainNumber(sum.Judged.PerHour)})
	}
	add("error_ratio", sum.Judged.Errors)
	add("success_ratio", sum.Visits.Success)
	add("abandonment_ratio", sum.Visits.Abandonment)
	if sum.Visits.Target > 0 {
		add("apdex_ratio", sum.Visits.Apdex)
	}
	if sum.Money != nil {
		add("cost_usd_per_conversation", sum.Money.PerConversation)
	}
	return out
}

func plainNumber(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// inSeconds writes a length of time as JUnit does.
func inSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// plainText takes out what could move a terminal's cursor or is no character of XML; lines stay.
func plainText(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}
