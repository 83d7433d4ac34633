package report

import (
	"cmp"
	"strconv"
	"strings"

	"parley"
	"parley/internal/anatomy"
)

// budgetRow is one promise and how it was kept.
type budgetRow struct {
	parley.BudgetResult
	Tone     tone
	Name     string // "reply p95"
	Promise  string // "< 5 s"
	Margin   string // "36 % to spare", "22 % over"; empty if it has none
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
		unit := unitOf(r.Budget)
		row := budgetRow{
			BudgetResult: r,
			Tone:         toneOf(r.Result),
			Name:         r.Budget.Metric,
			Promise:      r.Budget.Op + " " + parley.ShortenFigure(quantity(r.Budget.Limit, unit)),
			Margin:       margin(r),
			Measured:     figure{Value: nothing},
		}
		if r.Budget.Stat != "" {
			row.Name += " " + r.Budget.Stat
		}
		if r.Measured != nil {
			row.Measured = estimate(*r.Measured, unit)
		}
		if r.Need > 0 {
			row.Need = "needs " + span(r.Need) + " of steady load"
		}
		rows = append(rows, row)
	}
	return rows
}

// unitOf is the unit a budget's figures are written in: the Apdex is a share that nobody writes in per cent.
func unitOf(b parley.Budget) parley.Unit {
	if b.Metric == "apdex" {
		return apdex
	}
	return b.Unit
}

// margin says how far a figure is from its limit on which side, as a share of
// the limit. Counts, limits of 0, assumptions and figures that lie beyond what was seen have none.
func margin(r parley.BudgetResult) string {
	b, e := r.Budget, r.Measured
	if e == nil || r.Result == parley.AssumedOnly || b.Limit <= 0 || b.Op == "=" || e.ValueBeyond || e.Floor || !finite(e.Value) {
		return ""
	}
	spare := (b.Limit - e.Value) / b.Limit
	if strings.HasPrefix(b.Op, ">") {
		spare = -spare
	}
	side, short := "to spare", "over"
	if strings.HasPrefix(b.Op, ">") {
		short = "short"
	}
	if spare < 0 {
		spare, side = -spare, short
	}
	if e.Value >= 2*b.Limit { // "411 % to spare" says nothing
		return number(e.Value/b.Limit) + " times the limit"
	}
	return parley.ShortenFigure(parley.FormatShare(spare)) + " " + side
}

// waitRow is the distribution of one wait.
type waitRow struct {
	Name, Key   string
	N, Censored int
	Cells       []figure // in the order of quantileNames
	Max         string
}

// quantileNames returns the columns of the table of waits.
func quantileNames() []string { return []string{"p50", "p75", "p90", "p95", "p99", "p99.9"} }

// waitRows lists the waits of the judged turns and, for comparison, of one user alone.
func waitRows(sum *anatomy.Summary) []waitRow {
	all := []struct {
		name, key string
		waits     anatomy.Waits
	}{
		{"reply", "reply", sum.Judged.Reply},
		{"reply, opening", "reply_opening", sum.Judged.ReplyOpen},
		{"reply, later", "reply_later", sum.Judged.ReplyLater},
		{"first reply", "first_reply", sum.Judged.FirstReply},
		{"acknowledged", "ack", sum.Judged.Ack},
		{"llm per turn", "llm_per_turn", sum.LLMPerTurn},
		{"db per turn", "db_per_turn", sum.DBPerTurn},
		{"reply, alone", "reply_alone", sum.Solo.Reply},
	}
	var rows []waitRow
	for _, w := range all {
		if w.waits.N == 0 {
			continue
		}
		rows = append(rows, waitRow{
			Name: w.name, Key: w.key, N: w.waits.N, Censored: w.waits.Censored,
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
