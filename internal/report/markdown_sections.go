package report

import (
	"fmt"
	"strings"
)

func markdownVerdict(m *markdown, s story) {
	m.line("# %s %s: %s", s.Tone.mark(), escapeMarkdown(s.Badge), escapeMarkdown(s.Sentence))
	m.line("")
	facts := make([]string, 0, len(s.Facts))
	for _, f := range s.Facts {
		facts = append(facts, "**"+escapeMarkdown(f.Name)+"** "+escapeMarkdown(f.Value))
	}
	m.line("%s", strings.Join(facts, " · "))
	if len(s.Problems) > 0 {
		m.line("\n## Problems")
		var texts []string
		for _, p := range s.Problems {
			text := fmt.Sprintf("%s (%s, at %s)", p.What, p.Code, clock(p.At))
			if p.Hint != "" {
				text += ": " + p.Hint
			}
			texts = append(texts, text)
		}
		m.list(texts...)
	}
	if len(s.Missing) > 0 {
		m.line("\n## Missing from the record")
		m.list(s.Missing...)
	}
}

func markdownBudgets(m *markdown, s story) {
	if len(s.Budgets) == 0 {
		return
	}
	m.line("\n## Budgets")
	var rows [][]string
	var notes []string
	for _, b := range s.Budgets {
		rows = append(rows, []string{b.Tone.mark() + " " + string(b.Result), b.Name, b.Measured.Value, b.Measured.Interval, b.Promise, b.Margin})
		if why := strings.Join(nonEmpty(b.Why, b.Need), "; "); why != "" {
			notes = append(notes, b.Name+": "+why)
		}
	}
	m.table([]string{"result", "budget", ">measured", "95 % interval", "limit", "margin"}, rows)
	m.list(notes...)
}

func markdownWaits(m *markdown, s story) {
	if len(s.Keys) > 0 {
		m.line("\n## Figures")
		var rows [][]string
		for _, k := range s.Keys {
			rows = append(rows, []string{k.Name, k.Value, k.Note})
		}
		m.table([]string{"figure", ">value", "95 % interval or unit"}, rows)
	}
	m.line("\n## How long users wait")
	if len(s.Waits) == 0 {
		m.line("\nNo turn was recorded, so no wait was measured.")
		return
	}
	m.line("\n%s", escapeMarkdown(capital(s.Judged))+".")
	var rows [][]string
	for _, w := range s.Waits {
		rows = append(rows, []string{
			w.Name, count(w.N), count(w.Censored), w.Cells[0].Value, w.Cells[0].Interval, w.Cells[3].Value, w.Cells[3].Interval, w.Cells[4].Value, w.Max,
		})
	}
	m.table([]string{"wait", ">n", ">cut off", ">p50", "95 % interval", ">p95", "95 % interval", ">p99", ">max"}, rows)
}

func markdownSplit(m *markdown, s story) {
	if len(s.Split) > 0 {
		m.line("\n## Where the time of a reply goes")
		var rows [][]string
		for _, p := range s.Split {
			rows = append(rows, []string{p.Label, p.Time, p.Percent, assumedWord(p.Assumed)})
		}
		m.table([]string{"part", ">mean of answered turns", ">share", ""}, rows)
	}
	if len(s.Upstreams) > 0 {
		m.line("\n## Upstreams")
		var rows [][]string
		for _, u := range s.Upstreams {
			rows = append(rows, []string{u.Wire + " " + u.Operation, count(u.Calls), u.Each, u.P50.Value, u.P95.Value, count(u.Failed), u.Tokens, assumedWord(u.Assumed)})
		}
		m.table([]string{"operation", ">calls", ">per turn", ">p50", ">p95", ">failed", "tokens of a call", ""}, rows)
		m.list(nonEmpty(s.More)...)
	}
}

func assumedWord(assumed bool) string {
	if assumed {
		return "assumed"
	}
	return ""
}

func markdownVisits(m *markdown, s story) {
	v := s.Visits
	if v == nil {
		return
	}
	m.line("\n## Conversations")
	var rows [][]string
	for _, r := range v.Counts {
		rows = append(rows, []string{r.Name, r.Value, r.Share, ""})
	}
	for _, r := range v.Shares {
		rows = append(rows, []string{r.Name, r.Figure.Value, r.Figure.Interval, r.Note})
	}
	m.table([]string{"conversations", ">", "share or 95 % interval", "of"}, rows)
	m.list(v.Notes...)
	if len(v.Rows) == 0 {
		return
	}
	m.line("\n### By scenario")
	rows = nil
	for _, r := range v.Rows {
		rows = append(rows, []string{
			r.Name, r.Goal, r.Conversations, count(r.Turns), r.P50.Value, r.P95.Both(),
			only(v.HasShares, r.Success.Both()), only(v.HasShares, r.Abandonment.Both()), only(v.HasApdex, r.Apdex.Both()), only(v.HasCost, r.Cost.Both()),
		})
	}
	m.table([]string{
		"scenario", "goal", ">conversations", ">turns", ">reply p50", ">reply p95", ">success", ">abandonment", ">Apdex", ">cost per 1,000",
	}, rows)
}

// only is the cell of a column that is left out if nothing has it.
func only(has bool, text string) string {
	if !has {
		return ""
	}
	return text
}

func markdownMoney(m *markdown, s story) {
	c := s.Money
	if c == nil {
		return
	}
	m.line("\n## Cost")
	m.line("\nUS dollars per 1,000 conversations, by the price list %s.", escapeMarkdown(c.Prices))
	rows := [][]string{{"all", c.Per1000.Value, c.Per1000.Interval}}
	for _, p := range c.Parts {
		rows = append(rows, []string{p.Name, p.Cost, p.Percent})
	}
	if c.Saved != "" {
		rows = append(rows, []string{"saved by the cache", c.Saved, ""})
	}
	rows = append(rows, []string{"one success", c.PerSuccess.Value, c.PerSuccess.Interval})
	m.table([]string{"part", ">cost", "95 % interval or share"}, rows)
	rows = nil
	for _, r := range c.Models {
		row := []string{r.Model, count(r.Calls), count(r.Plain()), r.Input}
		row = append(row, only(c.HasCached, count(r.CachedTokens)), only(c.HasCached, r.Cached), only(c.HasWritten, count(r.CacheWrittenTokens)), only(c.HasWritten, r.Written))
		rows = append(rows, append(row, count(r.CompletionTokens), r.Output, only(c.HasAudio, audioWords(r.AudioSeconds)), r.Cost))
	}
	m.table([]string{
		"model", ">calls", ">prompt tokens", ">per million", ">cached", ">per million", ">written to the cache", ">per million",
		">completion", ">per million", ">audio", ">per 1,000 conversations",
	}, rows)
	if len(c.Unpriced) > 0 {
		m.list(unpricedSentence(c.Unpriced))
	}
	m.list(c.Notes...)
}

func markdownRamp(m *markdown, s story) {
	if s.Ramp == nil {
		return
	}
	m.line("\n## Ramp")
	m.line("\n%s", escapeMarkdown(s.Ramp.Sentence))
	var rows [][]string
	for _, r := range s.Ramp.Rows {
		note := ""
		if r.LastGood {
			note = "last kept up with"
		}
		rows = append(rows, []string{fmt.Sprint(r.Step), r.Offered, r.Answered, r.InFlight, r.P50.Value, r.P95.Value, r.Failed, note})
	}
	m.table([]string{">step", ">offered /h", ">answered /h", ">in flight", ">p50", ">p95", ">failed", ""}, rows)
}

func markdownCounts(m *markdown, s story) {
	if len(s.Messages) == 0 && len(s.Counts) == 0 {
		return
	}
	m.line("\n## Counts")
	var rows [][]string
	for _, r := range s.Messages {
		rows = append(rows, []string{"messages " + r.Name, r.Value, r.Share})
	}
	for _, r := range s.Counts {
		rows = append(rows, []string{r.Name, r.Value, ""})
	}
	for _, f := range s.Failures {
		rows = append(rows, []string{"turns failed: " + f.Name, count(f.Count), ""})
	}
	m.table([]string{"count", ">", ">share of planned"}, rows)
}

func markdownTrust(m *markdown, s story) {
	m.line("\n## How far to trust this")
	m.line("\n%s %s", s.ValidTone.mark(), escapeMarkdown(s.Validity))
	m.list(s.Invalid...)
	var rows [][]string
	for _, h := range s.Health {
		rows = append(rows, []string{h.Name, h.Value, h.Limit})
	}
	m.table([]string{"health of parley", ">measured", "limit"}, rows)
	rows = nil
	for _, a := range s.Assumed {
		rows = append(rows, []string{a.Wire, a.Model, a.Source})
	}
	m.table([]string{"assumed latency of", "model", "source"}, rows)
	m.list(s.Warnings...)
}
