package verdict

import (
	"fmt"
	"slices"
	"strings"

	"parley"
)

// wording is how a metric is spoken of.
type wording struct {
	lead   string // of a sentence about its failure
	things string // "replies", of a distribution
	within string // "came within", of a distribution: what p95 of them did
	count  string // what a count is of, one %s for the number
}

// wordings are those of all metrics.
func wordings(metric string) wording {
	return map[string]wording{
		"reply":        {lead: "Too slow", things: "replies", within: "came within"},
		"first_reply":  {lead: "Too slow", things: "first replies", within: "came within"},
		"ack":          {lead: "Too slow", things: "webhook acknowledgements", within: "came within"},
		"llm":          {lead: "Too slow", things: "calls to the language model", within: "ended within"},
		"llm_per_turn": {lead: "Too slow", things: "turns' waits for the language model", within: "ended within"},
		"db":           {lead: "Too slow", things: "database statements", within: "ended within"},
		"db_per_turn":  {lead: "Too slow", things: "turns' waits for the database", within: "ended within"},
		"send":         {lead: "Too slow", things: "calls to the platform's send API", within: "ended within"},
		"calendar":     {lead: "Too slow", things: "calls to the calendar", within: "ended within"},
		"errors":       {lead: "Fails too often", count: "%s of turns were left unanswered or had their webhook refused"},
		"answered":     {lead: "Leaves users unanswered", count: "%s of turns were answered in time"},
		"lost":         {lead: "Loses messages", count: "%s of turns never got any reply"},
		"abandoned":    {lead: "Leaves users waiting", count: "%s users gave up before the answer came"},
		"duplicates":   {lead: "Repeats itself", count: "%s replies repeated another word for word"},
		"late":         {lead: "Answers too late", count: "%s replies came after the user had gone"},
		"out_of_order": {lead: "Answers out of order", count: "%s replies answered an older message than the reply before"},
		"strangers":    {lead: "Writes to strangers", count: "%s replies went to numbers nobody had written from"},
		"messages":     {lead: "Cannot keep up", count: "%s messages an hour were answered"},
		"concurrency":  {lead: "Too many at once", count: "%s conversations were open at once"},
		"success":      {lead: "Fails its users", count: "%s of conversations were a success"},
		"conversion":   {lead: "Reaches its goal too seldom", count: "%s of conversations with a goal reached it"},
		"abandonment":  {lead: "Drives users away", count: "%s of conversations were given up by their user"},
		"apdex":        {lead: "Leaves users dissatisfied", count: "the Apdex was %s"},

		"cost_per_conversation": {lead: "Too dear", count: "a conversation cost %s"},
		"cost_per_success":      {lead: "Too dear", count: "a success cost %s"},
	}[metric]
}

// measured says what was measured, within a sentence.
func (j *judge) measured(r *parley.BudgetResult) string {
	b, e, w := r.Budget, *r.Measured, wordings(r.Budget.Metric)
	value := quantity(e.Value, unit(b))
	if e.ValueBeyond {
		value = parley.ShortenFigure(value) // the end of somebody's patience
	}
	if w.things == "" {
		if b.Metric == "lost" {
			return fmt.Sprintf("%s of %s turns never got any reply", value, parley.FormatNumber(float64(j.s.Judged.Turns)))
		}
		if text, ok := single(b.Metric); ok && e.Value == 1 {
			return text
		}
		if e.Floor {
			return fmt.Sprintf(w.count, value+" or more")
		}
		return fmt.Sprintf(w.count, value) + interval(e, unit(b))
	}
	share, rest := percent(quantile(b.Stat)), percent(1-quantile(b.Stat))
	switch {
	case b.Stat == "mean" && e.ValueBeyond:
		return fmt.Sprintf("%s took longer than %s on average", w.things, value)
	case b.Stat == "mean":
		return fmt.Sprintf("%s took %s%s on average", w.things, value, interval(e, unit(b)))
	case b.Stat == "max" && e.ValueBeyond:
		return fmt.Sprintf("the slowest of the %s took longer than %s", w.things, value)
	case b.Stat == "max":
		return fmt.Sprintf("the slowest of the %s took %s", w.things, value)
	case e.ValueBeyond:
		return fmt.Sprintf("more than %s of %s took longer than %s", rest, w.things, value)
	case r.Result == parley.Fail && j.figure(b).floor:
		return fmt.Sprintf("%s or more of %s took longer than %s", rest, w.things, quantity(e.Low, unit(b)))
	case r.Result == parley.Fail:
		return fmt.Sprintf("%s of %s took longer than %s%s", rest, w.things, value, interval(e, unit(b)))
	default:
		return fmt.Sprintf("%s of %s %s %s%s", share, w.things, w.within, value, interval(e, unit(b)))
	}
}

// single is the wording of a count of one.
func single(metric string) (string, bool) {
	text, ok := map[string]string{
		"abandoned":    "1 user gave up before the answer came",
		"duplicates":   "1 reply repeated another word for word",
		"late":         "1 reply came after the user had gone",
		"out_of_order": "1 reply answered an older message than the reply before",
		"strangers":    "1 reply went to a number nobody had written from",
	}[metric]
	return text, ok
}

// percent writes a share such as 0.95 or 0.999 with the digits it has.
func percent(q float64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.2f", 100*q), "0"), ".") + " %"
}

// success is the sentence of a run that passed.
func (j *judge) success(passed []parley.BudgetResult) string {
	c := &j.s.Judged
	var parts []string
	// The reply's budget leads, or else the first.
	main := max(0, slices.IndexFunc(passed, func(r parley.BudgetResult) bool { return r.Budget.Metric == "reply" }))
	if len(passed) > 0 {
		within := "limit " + limit(passed[main].Budget)
		if strings.Contains(passed[main].Why, "limit") {
			within = passed[main].Why // the share within it decided
		} else if passed[main].Budget.Unit == parley.Dollars && passed[main].Why != "" {
			within += ", " + passed[main].Why
		}
		parts = append(parts, j.measured(&passed[main])+", "+within)
	}
	if !(len(passed) > 0 && passed[main].Budget.Metric == "lost") {
		parts = append(parts, j.losses())
	}
	lead := "Within its budgets"
	switch {
	case len(passed) == 0:
		lead = "No budget was set"
	case j.steady() && c.PerHour > 0:
		lead = fmt.Sprintf("Ready for %s messages an hour", rate(c.PerHour))
	case j.s.JudgedPhase == string(parley.Solo):
		lead = "Within its budgets for one user at a time"
	}
	return lead + ": " + strings.Join(parts, "; ") + j.assuming() + "."
}

// losses says whether messages were lost.
func (j *judge) losses() string {
	c := &j.s.Judged
	waiting := j.stillWaiting()
	switch {
	case c.Lost > 0:
		return fmt.Sprintf("%s of %s turns never got any reply", parley.FormatNumber(float64(c.Lost)), parley.FormatNumber(float64(c.Turns)))
	case waiting != "":
		return "no message was lost, but " + waiting
	case c.Messages == 1:
		return "the one message was not lost"
	default:
		return fmt.Sprintf("none of %s messages was lost", parley.FormatNumber(float64(c.Messages)))
	}
}

// failure is the sentence of a run that failed: its first failed budget.
func (j *judge) failure(failed []parley.BudgetResult) string {
	first := &failed[0]
	text := wordings(first.Budget.Metric).lead + ": " + j.measured(first) + ", " + first.Why
	switch n := len(failed) - 1; n {
	case 0:
	case 1:
		text += "; 1 more budget failed"
	default:
		text += fmt.Sprintf("; %d more budgets failed", n)
	}
	return text + j.assuming() + "."
}

// unclear is the sentence of a run which left a budget open.
func (j *judge) unclear(r parley.BudgetResult, passed int) string {
	text := "Cannot tell: "
	if r.Measured != nil && !j.figure(r.Budget).floor {
		text += j.measured(&r)
		if !strings.Contains(r.Why, "limit") {
			text += ", limit " + limit(r.Budget)
		}
		text += "; "
	}
	text += r.Why
	if r.Need > 0 {
		text += fmt.Sprintf("; about %s of steady load could tell", span(r.Need))
	}
	switch passed {
	case 0:
	case 1:
		text += "; 1 other budget was kept"
	default:
		text += fmt.Sprintf("; %d other budgets were kept", passed)
	}
	return text + j.assuming() + "."
}

// interrupted is the sentence of a run somebody stopped.
func (j *judge) interrupted() string {
	c := &j.s.Judged
	text := "Interrupted after " + span(j.run.Elapsed)
	if e, carried := c.Reply.Quantile("p95"); carried && !e.ValueBeyond {
		return fmt.Sprintf("%s: until then 95 %% of replies came within %s%s.", text, quantity(e.Value, parley.Seconds), interval(e, parley.Seconds))
	}
	if c.Turns == 0 {
		return text + ", before there was anything to judge."
	}
	return fmt.Sprintf("%s, too early to tell: %s of %s turns were answered.", text, parley.FormatNumber(float64(c.Answered)), parley.FormatNumber(float64(c.Turns)))
}

// material is the share of the reply time from which on an assumption is named.
const material = 0.05

// steady reports whether the budgets judged steady load.
func (j *judge) steady() bool {
	return slices.ContainsFunc(j.run.Phases, func(p parley.Phase) bool { return p.Kind == parley.Steady })
}
