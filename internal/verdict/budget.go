package verdict

import (
	"fmt"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/stats"
)

// figure is what a run says of one metric.
type figure struct {
	estimate parley.Estimate
	// none says why there is no figure; unmeasured, that no wire carries it.
	none       string
	unmeasured bool
	assumed    string // why the figure says nothing of the real service, empty if it does
	// floor: too few observations for the statistic; only the lower bound means anything.
	floor bool
	// within is the share of waits within the limit of a quantile's budget, nil if it was not counted.
	within *parley.Estimate
	// unloaded says why falling short is not the bot's fault, empty if it is.
	unloaded string
	// by says what the figure rests on that was not measured, empty for nothing.
	by string
}

// budget judges one budget.
func (j *judge) budget(b parley.Budget) parley.BudgetResult {
	f := j.figure(b)
	r := parley.BudgetResult{Budget: b}
	switch {
	case f.unmeasured:
		r.Result, r.Why = parley.NotMeasured, f.none
		return r
	case f.none != "":
		r.Result, r.Why = parley.CannotTell, f.none
		return r
	}
	e := f.estimate
	r.Measured = f.shown()
	var byShare bool
	r.Result, byShare = f.against(b)
	switch {
	case f.assumed != "":
		r.Result, r.Why = parley.AssumedOnly, f.assumed
	case j.untrusted() != "":
		r.Result, r.Why = parley.CannotTell, j.untrusted()
	case f.unloaded != "" && r.Result == parley.Fail:
		r.Result, r.Why = parley.CannotTell, f.unloaded
	case byShare:
		r.Why = shareWords(*f.within, r.Result, b)
	case r.Result == parley.Fail:
		r.Why = excess(b, e, f.floor)
	case r.Result == parley.CannotTell:
		r.Need = j.need(b, e)
		r.Why = doubt(b, e, f.floor)
	}
	if r.Result == parley.Pass && b.Metric == "lost" {
		r.Why = j.stillWaiting()
	}
	if f.by != "" && j.untrusted() == "" {
		r.Why = strings.TrimPrefix(r.Why+", "+f.by, ", ")
	}
	return r
}

// shown is the estimate as a result states it: of a statistic that too few observations carry, its lower bound.
func (f figure) shown() *parley.Estimate {
	e := f.estimate
	if f.floor {
		e.Value, e.Floor, e.ValueBeyond, e.HighBeyond = e.Low, true, false, true
	}
	return &e
}

// against holds the figure against the limit, by its own interval and, where that cannot tell about a quantile, by
// the share of waits within the limit: the quantile p keeps a limit if and only if a share of p or more of the waits do.
func (f figure) against(b parley.Budget) (result parley.Judgement, byShare bool) {
	result = compare(b, f.estimate)
	p := quantile(b.Stat)
	switch {
	case f.floor && result == parley.Pass:
		return parley.CannotTell, false
	case result != parley.CannotTell || f.floor || f.within == nil:
		return result, false
	case f.within.Low > p:
		return parley.Pass, true
	case f.within.High < p:
		return parley.Fail, true
	default:
		return parley.CannotTell, false
	}
}

// compare holds an estimate against the limit: pass if its whole interval keeps it, fail if none of it does.
func compare(b parley.Budget, e parley.Estimate) parley.Judgement {
	var keeps, breaks bool
	switch b.Op {
	case "<":
		keeps, breaks = e.High < b.Limit && !e.HighBeyond, e.Low >= b.Limit
	case "<=":
		keeps, breaks = e.High <= b.Limit && !e.HighBeyond, e.Low > b.Limit || e.LowBeyond && e.Low == b.Limit
	case ">":
		keeps, breaks = e.Low > b.Limit || e.LowBeyond && e.Low == b.Limit, e.High <= b.Limit && !e.HighBeyond
	case ">=":
		keeps, breaks = e.Low >= b.Limit, e.High < b.Limit && !e.HighBeyond
	case "=":
		keeps = e.Low == b.Limit && e.High == b.Limit && !e.HighBeyond
		breaks = e.Low > b.Limit || e.High < b.Limit && !e.HighBeyond
	}
	switch {
	case keeps:
		return parley.Pass
	case breaks:
		return parley.Fail
	default:
		return parley.CannotTell
	}
}

// figure finds what the budget is about.
func (j *judge) figure(b parley.Budget) figure {
	c := &j.s.Judged
	count := func(n int) figure { return exactly(float64(n), c.Turns) }
	switch b.Metric {
	case "reply":
		return distribution(&c.Reply, b, "no reply was waited for")
	case "first_reply":
		return distribution(&c.FirstReply, b, "no reply was waited for")
	case "ack":
		return distribution(&c.Ack, b, "no webhook was sent")
	case "llm":
		return j.model(&j.s.LLM, b)
	case "llm_per_turn":
		return j.model(&j.s.LLMPerTurn, b)
	case "send":
		return j.send(b)
	case "calendar":
		return j.calendar(b)
	case "db":
		return j.database(&j.s.DB, b)
	case "db_per_turn":
		return j.database(&j.s.DBPerTurn, b)
	case "errors":
		return proportion(c.Errors, "no turn ran to its end")
	case "answered":
		return proportion(c.AnsweredOf, "no turn ran to its end")
	case "lost":
		return count(c.Lost)
	case "abandoned":
		return count(c.Abandoned)
	case "duplicates":
		return count(c.Duplicates)
	case "late":
		return count(c.Late)
	case "out_of_order":
		return count(c.Disordered)
	case "strangers":
		return count(j.s.Strangers)
	case "messages":
		return j.messages(b)
	case "concurrency":
		return j.concurrency(b)
	case "success", "conversion", "abandonment", "apdex":
		return j.visits(b)
	case "cost_per_conversation", "cost_per_success":
		return j.cost(b)
	default:
		return figure{none: fmt.Sprintf("there is no metric %q", b.Metric), unmeasured: true}
	}
}

// exactly is a complete count of the run.
func exactly(v float64, n int) figure {
	f := figure{estimate: parley.Estimate{Value: v, Low: v, High: v, N: n, Exact: true}}
	if n == 0 {
		f.none = "no message was said"
	}
	return f
}

func proportion(e parley.Estimate, none string) figure {
	if e.N == 0 {
		return figure{none: none}
	}
	return figure{estimate: e}
}

// distribution is a statistic of waits.
func distribution(w *anatomy.Waits, b parley.Budget, none string) figure {
	stat := b.Stat
	switch {
	case w.N == 0:
		return figure{none: none}
	case stat == "mean":
		return figure{estimate: w.Mean}
	case stat == "max":
		f := exactly(w.Max, w.N)
		f.estimate.Censored = w.Censored
		if w.MaxBeyond {
			f.estimate.Exact = false
			f.estimate.ValueBeyond, f.estimate.LowBeyond, f.estimate.HighBeyond = true, true, true
		}
		return f
	}
	e, carried := w.Quantile(stat)
	if e.N == 0 {
		return figure{none: fmt.Sprintf("there is no statistic %q", stat)}
	}
	f := figure{estimate: e, floor: !carried}
	if within, counted := w.WithinLimit(b); counted {
		f.within = &within
	}
	return f
}

// model is a statistic of the waits for language models.
func (j *judge) model(w *anatomy.Waits, b parley.Budget) figure {
	f := distribution(w, b, "no call to a language model was seen")
	f.unmeasured = w.N == 0
	f.assumed = j.assumption(func(kind string) bool { return anatomy.LanguageModel(kind) || kind == "" })
	return f
}

// send is a statistic of the waits for the platform's send API.
func (j *judge) send(b parley.Budget) figure {
	f := distribution(&j.s.Send, b, "no call to the platform's send API was seen")
	f.unmeasured = j.s.Send.N == 0
	f.assumed = j.assumption(func(kind string) bool { return kind == anatomy.PlatformKind })
	return f
}

// concurrency is how many conversations were open at once. There cannot be more than the load brought.
func (j *judge) concurrency(b parley.Budget) figure {
	c := &j.s.Judged
	f := exactly(c.Concurrency, c.Conversations)
	if b.Op != "<" && b.Op != "<=" {
		f.unloaded = fmt.Sprintf("the load kept only %s conversations open at once; raise its rate to find out", parley.FormatNumber(c.Concurrency))
	}
	return f
}

// messages is the rate of answered messages. A bot cannot answer more than it was asked.
func (j *judge) messages(b parley.Budget) figure {
	c := &j.s.Judged
	f := exactly(c.PerHour, c.Messages)
	hours := j.s.JudgedFor.Hours()
	if hours <= 0 {
		return figure{none: "the load did not last"}
	}
	offered := float64(c.Messages) / hours
	if (b.Op == ">" || b.Op == ">=") && offered < b.Limit {
		f.unloaded = fmt.Sprintf("only %s messages an hour were said; raise the rate to find out", parley.FormatNumber(offered))
	}
	return f
}

// stillWaiting warns that turns which were not seen to their end might be lost, too.
func (j *judge) stillWaiting() string {
	switch n := j.s.Judged.Cut + j.s.Judged.Open; n {
	case 0:
		return ""
	case 1:
		return "1 user was still waiting when the run ended"
	default:
		return parley.FormatNumber(float64(n)) + " users were still waiting when the run ended"
	}
}

// enough is how many times wider than necessary a run is made that shall tell: at
// twice the length at which the interval would just reach the limit, four runs in five tell.
const enough = 2

// longest is the longest load worth proposing.
const longest = 30 * 24 * time.Hour

// need is the length of steady load that could tell, 0 if none could or it is unknown, as it is of a run that
// had no steady load. Intervals narrow with the square root of what they rest on, and that grows as it did in this run.
func (j *judge) need(b parley.Budget, e parley.Estimate) time.Duration {
	if !j.steady() || j.s.JudgedFor <= 0 || e.N == 0 || e.ValueBeyond || e.Exact || e.Floor {
		return 0
	}
	half, gap := e.High-e.Value, b.Limit-e.Value
	if gap < 0 {
		half, gap = e.Value-e.Low, -gap
	}
	var factor float64
	q := quantile(b.Stat)
	switch {
	case gap == 0:
		return 0
	case b.Unit == parley.Ratio && (e.Value == 0 || e.Value == 1):
		factor = half / gap // the interval of none at all narrows with n itself
	case e.HighBeyond && e.Value < b.Limit:
		half = e.Value - e.Low
		factor = enough * half * half / (gap * gap)
	default:
		factor = enough * half * half / (gap * gap)
	}
	if q > 0 {
		factor = max(factor, enough*float64(stats.Needed(q))/float64(e.N))
	}
	length := max(factor, 1.2) * j.s.JudgedFor.Minutes()
	if length > longest.Minutes() {
		return 0
	}
	return (time.Duration(length) + 1) * time.Minute
}
