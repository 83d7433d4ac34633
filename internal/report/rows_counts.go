package report

import (
	"parley"
	"parley/internal/anatomy"
)

// countRow is a count with what it means; Of is the bar's length from 0 to 1.
type countRow struct {
	Name, Value, Key string
	Share            string
	Of               float64
	Bad              bool // it should be zero and is not
}

// messageRows sets what was planned beside what happened.
func messageRows(m parley.Messages) []countRow {
	largest := max(m.Planned, m.Sent, m.Acked, m.Answered)
	if largest == 0 {
		return nil
	}
	row := func(name string, n int64, key string) countRow {
		return countRow{Name: name, Value: count(n), Key: key, Share: share(n, m.Planned), Of: float64(n) / float64(largest)}
	}
	return []countRow{
		row("planned", m.Planned, "planned"),
		row("sent", m.Sent, "sent"),
		row("acknowledged", m.Acked, "acknowledged"),
		row("answered", m.Answered, "messages_answered"),
	}
}

// countRows lists what must not happen, and how often it did.
func countRows(sum *anatomy.Summary) []countRow {
	c := sum.Judged
	if c.Turns == 0 {
		return nil
	}
	row := func(name string, n int, key string) countRow {
		return countRow{Name: name, Value: count(n), Key: key, Bad: n > 0}
	}
	rows := []countRow{
		row("abandoned", c.Abandoned, "abandoned"),
		row("lost", c.Lost, "lost"),
		row("duplicates", c.Duplicates, "duplicates"),
		row("late", c.Late, "late"),
		row("out of order", c.Disordered, "out_of_order"),
		row("strangers", sum.Strangers, "strangers"),
	}
	optional := []countRow{
		row("cut", c.Cut, "cut"),
		row("unsent", c.Unsent, "unsent"),
		row("no recorded end", c.Open, "no_end"),
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
	Name, Value, Limit, Key string
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
		{"lag p50", parley.FormatDuration(g.LagP50), nothing, "lag_p50"},
		{"lag p99", parley.FormatDuration(g.LagP99), lagLimit(g), "lag_p99"},
		{"lag max", parley.FormatDuration(g.LagMax), nothing, "lag_max"},
		{"processor", processor, "80 % of its cores", "processor"},
		{"memory", number(g.RSSMB) + " MB", nothing, "memory"},
		{"sockets", count(g.Sockets), nothing, "sockets"},
		{"turns held back", count(g.HeldBack), nothing, "held_back"},
		{"records dropped", count(g.Dropped), "0", "dropped"},
	}
}
