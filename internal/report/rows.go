package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"parley"
	"parley/internal/anatomy"
)

// budgetRow is one promise and how it was kept.
type budgetRow struct {
	parley.BudgetResult
	Tone     tone
	Name     string // "reply p95"
	Promise  string // "< 5 s"
	Means    string
	Measured figure
	Need     string // "needs 42 min of steady load", empty if unknown
}

// budgetRows words the verdict's budgets, or, without a verdict, the plan's as not judged.
func budgetRows(run *parley.Run) []budgetRow {
	var results []parley.BudgetResult
	if run.Verdict != nil {
		results = run.Verdict.Budgets
	}
	rows := make([]budgetRow, 0, len(results))
	for _, r := range results {
		row := budgetRow{
			BudgetResult: r,
			Tone:         toneOf(r.Result),
			Name:         r.Budget.Metric,
			Promise:      r.Budget.Op + " " + parley.ShortenFigure(quantity(r.Budget.Limit, r.Budget.Unit)),
			Means:        means(r.Budget.Metric),
			Measured:     figure{Value: nothing},
		}
		if r.Budget.Stat != "" {
			row.Name += " " + r.Budget.Stat
		}
		if r.Measured != nil {
			row.Measured = estimate(*r.Measured, r.Budget.Unit)
		}
		if r.Need > 0 {
			row.Need = "needs " + span(r.Need) + " of steady load"
		}
		rows = append(rows, row)
	}
	return rows
}

// means is the definition of a metric, empty for one that is not in the catalogue.
func means(name string) string {
	m, _ := parley.MetricByName(name)
	return m.Means
}

// waitRow is the distribution of one wait.
type waitRow struct {
	Name, Means string
	N, Censored int
	Cells       []figure // in the order of quantileNames
	Max         string
}

// quantileNames returns the columns of the table of waits.
func quantileNames() []string { return []string{"p50", "p75", "p90", "p95", "p99", "p99.9"} }

// waitRows lists the waits of the judged turns and, for comparison, of one user alone.
func waitRows(sum *anatomy.Summary) []waitRow {
	const (
		open  = "replies to first messages, whose moment the schedule set: a slow bot cannot thin them out"
		later = "replies to later messages, said only after the reply before: a slow bot is asked less"
		solo  = "reply with no other user present: the bot's best"
	)
	all := []struct {
		name, means string
		waits       anatomy.Waits
	}{
		{"reply", means("reply"), sum.Judged.Reply},
		{"reply, opening", open, sum.Judged.ReplyOpen},
		{"reply, later", later, sum.Judged.ReplyLater},
		{"first reply", means("first_reply"), sum.Judged.FirstReply},
		{"acknowledged", means("ack"), sum.Judged.Ack},
		{"llm per turn", means("llm_per_turn"), sum.LLMPerTurn},
		{"reply, alone", solo, sum.Solo.Reply},
	}
	var rows []waitRow
	for _, w := range all {
		if w.waits.N == 0 {
			continue
		}
		rows = append(rows, waitRow{
			Name: w.name, Means: w.means, N: w.waits.N, Censored: w.waits.Censored,
			Cells: quantileCells(w.waits), Max: longest(w.waits),
		})
	}
	return rows
}

func quantileCells(w anatomy.Waits) []figure {
	names := quantileNames()
	cells := make([]figure, len(names))
	for i, name := range names {
		cells[i] = figure{Value: nothing}
		if q, ok := find(w.Floors, name); ok {
			cells[i] = floor(q.Low, parley.Seconds)
		}
		if q, ok := quantileOf(w, name); ok {
			cells[i] = estimate(q.Estimate, parley.Seconds)
		}
	}
	return cells
}

// longest words the longest wait.
func longest(w anatomy.Waits) string {
	if w.N == 0 {
		return nothing
	}
	return bound(w.Max, parley.Seconds, w.MaxBeyond)
}

// quantileOf is false for a quantile the sample cannot carry.
func quantileOf(w anatomy.Waits, name string) (anatomy.Quantile, bool) {
	return find(w.Quantiles, name)
}

func find(quantiles []anatomy.Quantile, name string) (anatomy.Quantile, bool) {
	for _, q := range quantiles {
		if q.Name == name {
			return q, true
		}
	}
	return anatomy.Quantile{}, false
}

// scenarioRow is the reply wait of one scenario.
type scenarioRow struct {
	Name     string
	Turns    int
	Answered string
	P50, P95 figure
	Max      string
}

func scenarioRows(c anatomy.Crowd) []scenarioRow {
	var rows []scenarioRow
	for _, sc := range c.Scenarios {
		cells := quantileCells(sc.Reply)
		rows = append(rows, scenarioRow{
			Name: sc.Name, Turns: sc.Turns, Answered: share(sc.Answered, sc.Turns),
			P50: cells[0], P95: cells[3], Max: longest(sc.Reply),
		})
	}
	return rows
}

// splitRow is one part of the mean reply time.
type splitRow struct {
	anatomy.Part
	Time, Percent string
}

// splitRows leaves out parts that took no time, largest first is the caller's order.
func splitRows(parts []anatomy.Part) []splitRow {
	var rows []splitRow
	for _, p := range parts {
		if !finite(p.Seconds) || !finite(p.Share) || p.Seconds <= 0 {
			continue
		}
		p.Label = cmp.Or(p.Label, p.Name)
		rows = append(rows, splitRow{Part: p, Time: seconds(p.Seconds), Percent: parley.ShortenFigure(parley.FormatShare(p.Share))})
	}
	return rows
}

// upstreamRow is one operation of a dependency.
type upstreamRow struct {
	anatomy.Upstream
	P50, P95 figure
	Each     string // calls per turn
	Tokens   string // "1,210 in (640 cached), 85 out", empty for what is no language model
}

func upstreamRows(ups []anatomy.Upstream) []upstreamRow {
	var rows []upstreamRow
	for _, u := range ups {
		cells := quantileCells(u.Latency)
		row := upstreamRow{Upstream: u, Each: perTurn(u.PerTurn), P50: cells[0], P95: cells[3]}
		if u.PromptTokens > 0 || u.CompletionTokens > 0 {
			cached := ""
			if u.CachedTokens > 0 {
				cached = " (" + whole(u.CachedTokens) + " cached)"
			}
			row.Tokens = whole(u.PromptTokens) + " in" + cached + ", " + whole(u.CompletionTokens) + " out"
		}
		rows = append(rows, row)
	}
	return rows
}

// perTurn writes a mean number of calls with as many digits as tell something.
func perTurn(v float64) string {
	if !finite(v) {
		return nothing
	}
	if v < 10 {
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return number(v)
}

// whole writes v as an integer.
func whole(v float64) string { return count(int64(v + 0.5)) }

// rampStory is the growing load.
type rampStory struct {
	*anatomy.Ramp
	Rows     []rampRow
	Sentence string
}

// rampRow is one step of the ramp, rates in messages per hour.
type rampRow struct {
	Step                        int
	Offered, Answered, InFlight string
	P50, P95                    figure
	Failed                      string
	LastGood                    bool
}

// tellRamp returns nil if there was no ramp.
func tellRamp(r *anatomy.Ramp) *rampStory {
	if r == nil || len(r.Steps) == 0 {
		return nil
	}
	out := &rampStory{Ramp: r, Sentence: rampSentence(r)}
	for _, st := range r.Steps {
		cells := quantileCells(st.Reply)
		out.Rows = append(out.Rows, rampRow{
			Step: st.Step, Offered: number(st.Offered), Answered: number(st.Answered), InFlight: number(st.InFlight),
			P50: cells[0], P95: cells[3], Failed: parley.ShortenFigure(quantity(st.Failed, parley.Ratio)),
			LastGood: r.Knee != nil && r.Knee.LastGood == st.Step,
		})
	}
	return out
}

func rampSentence(r *anatomy.Ramp) string {
	if r.Knee == nil {
		top := slices.MaxFunc(r.Steps, func(a, b anatomy.RampStep) int { return cmp.Compare(a.Offered, b.Offered) })
		text := fmt.Sprintf("No knee was reached: the bot kept up with the highest load offered, %s messages an hour.", number(top.Offered))
		if r.Stopped != "" {
			text = fmt.Sprintf("No knee was found up to %s messages an hour.", number(top.Offered))
		}
		if r.Why != "" {
			text = "No knee was found: " + r.Why + "."
		}
		return text + stopped(r.Stopped)
	}
	f := estimate(r.Knee.Capacity, parley.Count)
	text := "The bot keeps up with " + f.Value + " messages an hour"
	if f.Interval != "" {
		text += " (95 % interval " + f.Interval + ")"
	}
	if why := cmp.Or(r.Knee.Why, r.Why); why != "" {
		text += "; " + why
	}
	return text + "." + stopped(r.Stopped)
}

func stopped(why string) string {
	if why == "" {
		return ""
	}
	return " The ramp ended early: " + why + "."
}

// countRow is a count with what it means; Of is the bar's length from 0 to 1.
type countRow struct {
	Name, Value, Means string
	Share              string
	Of                 float64
	Bad                bool // it should be zero and is not
}

// messageRows sets what was planned beside what happened.
func messageRows(m parley.Messages) []countRow {
	largest := max(m.Planned, m.Sent, m.Acked, m.Answered)
	if largest == 0 {
		return nil
	}
	row := func(name string, n int64, means string) countRow {
		return countRow{Name: name, Value: count(n), Means: means, Share: share(n, m.Planned), Of: float64(n) / float64(largest)}
	}
	return []countRow{
		row("planned", m.Planned, "messages of all conversations that were due"),
		row("sent", m.Sent, "said by parley; later messages wait for the reply before"),
		row("acknowledged", m.Acked, "their webhook got a 2xx"),
		row("answered", m.Answered, "they belong to a turn that was answered"),
	}
}

// countRows lists what must not happen, and how often it did.
func countRows(sum *anatomy.Summary) []countRow {
	c := sum.Judged
	if c.Turns == 0 {
		return nil
	}
	row := func(name string, n int, means string) countRow {
		return countRow{Name: name, Value: count(n), Means: means, Bad: n > 0}
	}
	rows := []countRow{
		row("abandoned", c.Abandoned, means("abandoned")),
		row("lost", c.Lost, means("lost")),
		row("duplicates", c.Duplicates, means("duplicates")),
		row("late", c.Late, means("late")),
		row("out of order", c.Disordered, means("out_of_order")),
		row("strangers", sum.Strangers, means("strangers")),
	}
	optional := []countRow{
		row("cut", c.Cut, "turns that were still waiting when the run ended: their wait is censored there"),
		row("unsent", c.Unsent, "turns that were due but held back by a ceiling of the plan or by parley itself"),
		row("no recorded end", c.Open, "turns whose end was not recorded"),
	}
	for _, r := range optional {
		if r.Bad {
			r.Bad = false
			rows = append(rows, r)
		}
	}
	return rows
}

// healthRow is one figure of parley's own health and the limit it must keep.
type healthRow struct {
	Name, Value, Limit, Means string
}

// lagLimit is the limit as the run had it; the rule, if the record does not say.
func lagLimit(g parley.Generator) string {
	if g.LagLimit > 0 {
		return parley.ShortenFigure(parley.FormatDuration(g.LagLimit))
	}
	return "10 ms or 1 % of the reply p50"
}

// healthRows is empty if the health was never recorded.
func healthRows(g parley.Generator) []healthRow {
	if g.LagMax == 0 && g.CPU == 0 && g.RSSMB == 0 && g.Sockets == 0 {
		return nil
	}
	processor := nothing // the run was too short, or was all ramp
	if g.CPU > 0 {
		processor = parley.FormatShare(g.CPU)
	}
	return []healthRow{
		{"lag p50", parley.FormatDuration(g.LagP50), nothing, "how late a turn's first webhook was written after its due moment, median"},
		{"lag p99", parley.FormatDuration(g.LagP99), lagLimit(g), "the same, exceeded by one turn in a hundred"},
		{"lag max", parley.FormatDuration(g.LagMax), nothing, "the same, the latest of all"},
		{"processor", processor, "80 % of its cores", "highest share of its cores that parley used over five seconds"},
		{"memory", number(g.RSSMB) + " MB", nothing, "resident memory of parley"},
		{"sockets", count(g.Sockets), nothing, "sockets that parley held open"},
		{"turns held back", count(g.HeldBack), nothing, "turns not said because of a ceiling of the plan"},
		{"records dropped", count(g.Dropped), "0", "rows that could not be written to the record"},
	}
}
