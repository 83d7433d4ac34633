package verdict

import (
	"fmt"
	"slices"

	"parley"
	"parley/internal/anatomy"
)

// calendar is a statistic of the waits for calendars.
func (j *judge) calendar(b parley.Budget) figure {
	f := distribution(&j.s.Calendar, b, "no call to a calendar was seen")
	f.unmeasured = j.s.Calendar.N == 0
	f.assumed = j.assumption(func(kind string) bool { return kind == "calendar" })
	return f
}

// database is a statistic of the waits for databases. A database is never simulated.
func (j *judge) database(w *anatomy.Waits, b parley.Budget) figure {
	f := distribution(w, b, "no statement to a database was seen")
	f.unmeasured = w.N == 0
	return f
}

// visits is a share of conversations, or the Apdex.
func (j *judge) visits(b parley.Budget) figure {
	v := &j.s.Visits
	const none = "no conversation came to its end"
	var f figure
	switch b.Metric {
	case "success":
		f = proportion(v.Success, none)
	case "conversion":
		if len(j.run.Goals) == 0 && v.WithGoal == 0 {
			return figure{none: "no scenario of the plan has a goal", unmeasured: true}
		}
		f = proportion(v.Conversion, "no conversation with a goal came to its end")
	case "abandonment":
		return proportion(v.Abandonment, none)
	default:
		if v.Target == 0 {
			return figure{none: "the plan does not say what reply time satisfies a user", unmeasured: true}
		}
		return proportion(v.Apdex, "no turn ran to its end")
	}
	switch {
	case v.Untied == 1:
		f.by = "though 1 call that reaches a goal could not be tied to a conversation"
	case v.Untied > 1:
		f.by = fmt.Sprintf("though %s calls that reach a goal could not be tied to a conversation", parley.FormatNumber(float64(v.Untied)))
	}
	return f
}

// cost is what a conversation or a success cost.
func (j *judge) cost(b parley.Budget) figure {
	m := j.s.Money
	if m == nil {
		return figure{none: "nothing that the bot uses has a price: the plan calls no language model and sets no prices in money", unmeasured: true}
	}
	if len(m.Unpriced) > 0 {
		return figure{none: "no price is known for " + list(first(m.Unpriced, 5)) + "; give it in money.prices"}
	}
	e := m.PerConversation
	if b.Metric == "cost_per_success" {
		e = m.PerSuccess
	}
	f := figure{estimate: e, floor: e.Floor}
	if e.N == 0 {
		f.none = "no conversation came to its end"
	}
	if m.Models > 0 && j.simulated(anatomy.LanguageModel) {
		f.by = "by the length of the simulated answers"
	}
	return f
}

// first are the first n names, and how many more there are.
func first(names []string, n int) []string {
	if len(names) <= n {
		return names
	}
	return append(slices.Clone(names[:n]), fmt.Sprintf("%d other models", len(names)-n))
}
