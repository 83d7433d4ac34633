package report

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"parley"
	"parley/internal/anatomy"
)

// fixtures are documents of every kind of run, made from seeded draws.
func fixtures() map[string]Document {
	return map[string]Document{
		"healthy":     healthy(),
		"slow":        slow(),
		"unsure":      cannotTell(),
		"interrupted": interrupted(),
		"broken":      broken(),
		"ramp":        ramp(),
		"load":        unjudged(),
		"found":       found(),
	}
}

// wait describes the distribution that draws makes.
type wait struct {
	n              int
	median, spread float64 // s; of the logarithm
	patience       float64 // s; longer waits are censored there, 0 for none
	random         uint64
}

// draws makes a distribution of lognormal waits with crude order-statistic intervals.
func draws(w wait) anatomy.Waits {
	rng := rand.New(rand.NewPCG(7, w.random))
	values := make([]float64, w.n)
	out := anatomy.Waits{N: w.n}
	if w.n == 0 {
		return out
	}
	for i := range values {
		values[i] = w.median * math.Exp(w.spread*rng.NormFloat64())
		if w.patience > 0 && values[i] > w.patience {
			values[i] = w.patience
			out.Censored++
		}
	}
	slices.Sort(values)
	beyond := func(v float64) bool { return w.patience > 0 && v >= w.patience }
	at := func(q float64) float64 {
		return values[min(max(int(q*float64(w.n)), 0), w.n-1)]
	}
	for _, q := range []struct {
		name string
		q    float64
	}{{"p50", .5}, {"p75", .75}, {"p90", .9}, {"p95", .95}, {"p99", .99}, {"p99.9", .999}} {
		if float64(w.n)*(1-q.q) < 3 {
			low := parley.Estimate{Low: at(q.q - .1), N: w.n}
			out.Floors = append(out.Floors, anatomy.Quantile{Name: q.name, Q: q.q, Estimate: low})
			continue
		}
		half := 1.96 * math.Sqrt(q.q*(1-q.q)/float64(w.n))
		e := parley.Estimate{Value: at(q.q), Low: at(q.q - half), High: at(q.q + half), N: w.n, Censored: out.Censored}
		e.ValueBeyond, e.LowBeyond, e.HighBeyond = beyond(e.Value), beyond(e.Low), beyond(e.High)
		out.Quantiles = append(out.Quantiles, anatomy.Quantile{Name: q.name, Q: q.q, Estimate: e})
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	mean := sum / float64(w.n)
	out.Mean = parley.Estimate{Value: mean, Low: mean * .96, High: mean * 1.04, N: w.n}
	out.Max, out.MaxBeyond = values[w.n-1], beyond(values[w.n-1])
	out.Bins = bins(values, beyond)
	return out
}

func bins(values []float64, beyond func(float64) bool) []anatomy.Bin {
	const perDecade = 12
	var out []anatomy.Bin
	edge := func(k int) float64 { return math.Pow(10, float64(k)/perDecade) }
	for _, v := range values {
		k := int(math.Floor(math.Log10(v) * perDecade))
		if len(out) == 0 || out[len(out)-1].From < edge(k) {
			out = append(out, anatomy.Bin{From: edge(k), To: edge(k + 1)})
		}
		if beyond(v) {
			out[len(out)-1].Censored++
		} else {
			out[len(out)-1].Count++
		}
	}
	return out
}

// crowd is a set of turns whose replies are distributed as w says.
func crowd(w wait) anatomy.Crowd {
	reply := draws(w)
	open, later, first, ack := w, w, w, w
	open.n, open.random = w.n/3, 2
	later.n, later.random, later.median = w.n-open.n, 3, w.median*.97
	first.random, first.median = 4, w.median*.92
	ack.random, ack.median, ack.spread, ack.patience = 5, .042, .4, 0
	answered := reply.N - reply.Censored
	failed := share95(reply.Censored, reply.N)
	c := anatomy.Crowd{
		Turns: w.n, Conversations: w.n / 3, Answered: answered,
		Abandoned: reply.Censored, Lost: reply.Censored / 3, Failed: reply.Censored,
		Returning: w.n / 5, Alike: w.n / 8,
		Messages: w.n * 11 / 10, MessagesAnswered: answered * 11 / 10, PerHour: float64(answered) * 6.6,
		Concurrency: 104.6, PeakConcurrency: 131,
		Reply: reply, ReplyOpen: draws(open), ReplyLater: draws(later), FirstReply: draws(first), Ack: draws(ack),
		Errors: failed,
		AnsweredOf: parley.Estimate{
			Value: 1 - failed.Value, Low: 1 - failed.High, High: 1 - failed.Low, N: reply.N,
		},
	}
	for i, name := range []string{"book a viewing", "opening hours", "cancel"} {
		part := w
		part.n, part.random, part.median = w.n/(2+i), uint64(10+i), w.median*(1.2-.3*float64(i))
		waits := draws(part)
		c.Scenarios = append(c.Scenarios, anatomy.ScenarioCrowd{
			Name: name, Turns: part.n, Answered: part.n - waits.Censored, Reply: waits,
		})
	}
	return c
}

func share95(k, n int) parley.Estimate {
	p := float64(k) / float64(n)
	half := 1.96 * math.Sqrt((p*(1-p)+1/float64(n))/float64(n))
	return parley.Estimate{Value: p, Low: max(0, p-half), High: min(1, p+half), N: n}
}

// rates makes a series over a run: warm-up, steady, drain.
func rates(total, width time.Duration, level, median float64) []anatomy.RatePoint {
	rng := rand.New(rand.NewPCG(3, 9))
	var out []anatomy.RatePoint
	for at := time.Duration(0); at < total; at += width {
		offered := level * (1 + .18*rng.NormFloat64())
		switch progress := float64(at) / float64(total); {
		case progress < .03:
			offered = level * .05
		case progress < .12:
			offered *= (progress - .03) / .09
		case progress > .95:
			offered = 0
		}
		offered = max(0, offered)
		p := anatomy.RatePoint{
			At: at, Width: width, Offered: offered, Sent: offered, Acked: offered,
			Answered: max(0, offered*(.97+.05*rng.NormFloat64())), InFlight: offered * median * 1.2,
			N: int(offered * width.Seconds()),
		}
		if p.N > 0 {
			p.ReplyP50 = median * (1 + .06*rng.NormFloat64())
			p.ReplyP95 = p.ReplyP50 * (2.1 + .2*rng.NormFloat64())
		}
		out = append(out, p)
	}
	return out
}

func baseRun(name string) *parley.Run {
	const minute = time.Minute
	return &parley.Run{
		Version: parley.RecordVersion, ID: "20261122-072300-" + name, Name: name, Verb: "review",
		State:   parley.Complete,
		Started: time.Date(2026, 11, 22, 7, 23, 0, 0, time.UTC),
		Elapsed: 15*minute + 31*time.Second, Seed: 42,
		Plan: json.RawMessage(`{"name":"` + name + `"}`),
		Phases: []parley.Phase{
			{Name: "canary", Kind: parley.Canary, Start: 0, End: 2 * time.Second},
			{Name: "solo", Kind: parley.Solo, Start: 2 * time.Second, End: 32 * time.Second},
			{Name: "warmup", Kind: parley.WarmUp, Start: 32 * time.Second, End: 2 * minute, Rate: 1700},
			{Name: "steady", Kind: parley.Steady, Start: 2 * minute, End: 15 * minute, Rate: 1700},
			{Name: "drain", Kind: parley.Drain, Start: 15 * minute, End: 15*minute + 31*time.Second},
		},
		Assumed: []parley.Assumption{
			{Wire: "openai", Model: "first token lognormal(p50 520 ms, p95 1.4 s), then 14 ms a token", Source: "default"},
			{Wire: "evolution", Model: "send lognormal(p50 180 ms, p95 450 ms)", Source: "plan"},
		},
		Messages: parley.Messages{Planned: 5210, Sent: 5180, Acked: 5180, Answered: 5171},
		Environment: parley.Environment{
			Parley: "0.1.0", Go: "go1.26.0", OS: "linux", Arch: "amd64", Kernel: "6.1.0", CPU: "Example Processor 2.4 GHz",
			Cores: 2, MemoryMB: 7950,
			Target: map[string]string{"command": "uvicorn app:app --workers 2", "revision": "3f2c9aa"},
		},
		Generator: parley.Generator{
			LagP50: 180 * time.Microsecond, LagP99: 2100 * time.Microsecond, LagMax: 8700 * time.Microsecond,
			CPU: .21, RSSMB: 84.2, Sockets: 133,
		},
	}
}

func budget(text, metric, stat, op string, limit float64, u parley.Unit, j parley.Judgement, m *parley.Estimate) parley.BudgetResult {
	return parley.BudgetResult{
		Budget: parley.Budget{Text: text, Metric: metric, Stat: stat, Op: op, Limit: limit, Unit: u},
		Result: j, Measured: m,
	}
}

func exact(v float64) *parley.Estimate {
	return &parley.Estimate{Value: v, Low: v, High: v, N: int(v), Exact: true}
}

func quantileEstimate(w anatomy.Waits, name string) *parley.Estimate {
	q, _ := quantileOf(w, name)
	return &q.Estimate
}

func upstreams(scale float64) []anatomy.Upstream {
	n := 4200
	return []anatomy.Upstream{
		{Wire: "openai", Operation: "POST /v1/chat/completions", Calls: n * 2, PerTurn: 1.94, Retries: 12, PeakInFlight: 21, Assumed: true,
			Latency: draws(wait{n: n, median: .82 * scale, spread: .45, random: 21}), PromptTokens: 1210, CachedTokens: 640, CompletionTokens: 85},
		{Wire: "postgres", Operation: "SELECT ... FROM appointments WHERE patient_id = $1", Calls: n * 14, PerTurn: 14.1, PeakInFlight: 5,
			Latency: draws(wait{n: n, median: .0042 * scale, spread: .7, random: 22})},
		{Wire: "evolution", Operation: "POST /message/sendText", Calls: n, PerTurn: 1.02, Failed: 3, PeakInFlight: 6, Assumed: true,
			Latency: draws(wait{n: n, median: .18, spread: .35, random: 23})},
	}
}

func split(mean float64) []anatomy.Part {
	parts := []anatomy.Part{
		{Name: "openai", Label: "openai", Share: .61, Assumed: true},
		{Name: "bot", Label: "the bot itself", Share: .21},
		{Name: "evolution", Label: "evolution", Share: .11, Assumed: true},
		{Name: "postgres", Label: "postgres", Share: .055},
		{Name: "retry", Label: "waiting for a webhook retry", Share: .015},
	}
	for i := range parts {
		parts[i].Seconds = parts[i].Share * mean
	}
	return parts
}

// judgedRun assembles a judged steady run.
func judgedRun(name string, w wait) Document {
	const bucket = 30 * time.Second
	run := baseRun(name)
	c := crowd(w)
	sum := &anatomy.Summary{
		Judged: c, JudgedPhase: "steady", JudgedFor: 13 * time.Minute,
		Solo:  anatomy.Crowd{Turns: 12, Conversations: 4, Answered: 12, Reply: draws(wait{n: 12, median: w.median * .7, spread: .2, random: 31})},
		Rates: rates(run.Elapsed, bucket, 1.42, w.median), Upstreams: upstreams(w.median / 1.6),
		LLMPerTurn: draws(wait{n: w.n, median: w.median, spread: .45, random: 41}),
		Split:      split(c.Reply.Mean.Value), Attributed: .987, Calls: 61_030,
	}
	return Document{Run: run, Summary: sum}
}

func healthy() Document {
	d := withoutFindings(withAnatomy(withMoney(withVisits(judgedRun("clinic-bot", wait{n: 1240, median: 1.6, spread: .42, patience: 30}))), 60))
	c := d.Summary.Judged
	d.Run.Verdict = &parley.Verdict{
		Result: parley.Pass, ExitCode: parley.ExitPass,
		Sentence: "The bot keeps all its promises: 95 % of replies arrive within 3.21 s while 105 conversations are open at once.",
		Budgets: []parley.BudgetResult{
			budget("reply.p95 < 5s", "reply", "p95", "<", 5, parley.Seconds, parley.Pass, quantileEstimate(c.Reply, "p95")),
			budget("ack.p95 < 200ms", "ack", "p95", "<", .2, parley.Seconds, parley.Pass, quantileEstimate(c.Ack, "p95")),
			budget("db.p95 < 1s", "db", "p95", "<", 1, parley.Seconds, parley.Pass, quantileEstimate(d.Summary.Upstreams[1].Latency, "p95")),
			{Budget: parley.Budget{Text: "llm.p95 < 3s", Metric: "llm", Stat: "p95", Op: "<", Limit: 3, Unit: parley.Seconds},
				Result: parley.AssumedOnly, Measured: quantileEstimate(d.Summary.Upstreams[0].Latency, "p95"), Why: "the model's latency is simulated, so it proves nothing about the real service"},
			budget("errors < 1%", "errors", "", "<", .01, parley.Ratio, parley.Pass, &c.Errors),
			budget("lost = 0", "lost", "", "=", 0, parley.Count, parley.Pass, exact(0)),
			budget("messages >= 1000", "messages", "", ">=", 1000, parley.PerHour, parley.Pass, &parley.Estimate{Value: 5112, Low: 4980, High: 5240, N: 1240}),
			budget("success > 85%", "success", "", ">", .85, parley.Ratio, parley.Pass, &d.Summary.Visits.Success),
			budget("apdex > 0.8", "apdex", "", ">", .8, parley.Ratio, parley.Pass, &d.Summary.Visits.Apdex),
			budget("cost_per_conversation < $0.05", "cost_per_conversation", "", "<", .05, parley.Dollars, parley.Pass, &d.Summary.Money.PerConversation),
			budget("concurrency >= 100", "concurrency", "", ">=", 100, parley.Count, parley.Pass, &parley.Estimate{Value: 104.6, Low: 102.2, High: 107.1, N: 1240}),
		},
	}
	d.Run.Budgets = budgetsOf(d.Run.Verdict)
	return d
}

func budgetsOf(v *parley.Verdict) []parley.Budget {
	var out []parley.Budget
	for _, r := range v.Budgets {
		out = append(out, r.Budget)
	}
	return out
}

func slow() Document {
	d := withoutPrice(withMoney(withVisits(judgedRun("estate-bot", wait{n: 1240, median: 7.4, spread: .85, patience: 30}))))
	c := &d.Summary.Judged
	c.Failures = []anatomy.Tally{{Name: "no reply", Count: c.Abandoned}, {Name: "webhook: status 503", Count: 6}}
	c.Duplicates, c.Late, c.Disordered = 4, 17, 2
	d.Run.Messages = parley.Messages{Planned: 5210, Sent: 4712, Acked: 4690, Answered: 4385}
	for i := range d.Summary.Rates {
		p := &d.Summary.Rates[i]
		p.Answered *= .82
		p.Acked *= .97
		if i%9 == 4 && p.N > 0 {
			p.Failed = 1 + i%3
		}
	}
	d.Run.Warnings = []string{"98.7 % of calls could be tied to a turn; the rest are counted by wire only."}
	d.Run.Verdict = &parley.Verdict{
		Result: parley.Fail, ExitCode: parley.ExitFail,
		Sentence: "The bot is too slow: one reply in twenty takes longer than 29 s, where 5 s was promised, and 5.1 % of users leave unanswered.",
		Budgets: []parley.BudgetResult{
			withWhy(budget("reply.p95 < 5s", "reply", "p95", "<", 5, parley.Seconds, parley.Fail, quantileEstimate(c.Reply, "p95")), "five times the limit; the tail ends where the users' patience does", 0),
			budget("ack.p95 < 200ms", "ack", "p95", "<", .2, parley.Seconds, parley.Pass, quantileEstimate(c.Ack, "p95")),
			withWhy(budget("errors < 1%", "errors", "", "<", .01, parley.Ratio, parley.Fail, &c.Errors), "users left after 30 s", 0),
			withWhy(budget("lost = 0", "lost", "", "=", 0, parley.Count, parley.Fail, exact(float64(c.Lost))), "", 0),
			withWhy(budget("db.p95 < 1s", "db", "p95", "<", 1, parley.Seconds, parley.NotMeasured, nil), "no database is listened to", 0),
			withWhy(budget("messages >= 4500", "messages", "", ">=", 4500, parley.PerHour, parley.CannotTell, &parley.Estimate{Value: 4612, Low: 4380, High: 4830, N: 1240}), "the interval contains the limit", 42*time.Minute),
		},
	}
	d.Run.Budgets = budgetsOf(d.Run.Verdict)
	return d
}

func withWhy(r parley.BudgetResult, why string, need time.Duration) parley.BudgetResult {
	r.Why, r.Need = why, need
	return r
}

func cannotTell() Document {
	d := judgedRun("salon-bot", wait{n: 64, median: 2.4, spread: .5, patience: 30})
	c := d.Summary.Judged
	d.Run.Generator.LagP99 = 38 * time.Millisecond
	d.Run.Generator.CPU = .86
	d.Run.Generator.Invalid = []string{"processor: 86 % of its cores, the limit is 80 %", "lag p99: 38.0 ms, the limit is 24.0 ms"}
	d.Run.Problems = []parley.Problem{{Code: "generator", At: 4 * time.Minute, What: "parley itself fell behind its schedule", Hint: "give it more cores or lower the load"}}
	d.Run.Verdict = &parley.Verdict{
		Result: parley.CannotTell, ExitCode: parley.ExitCannotTell,
		Sentence: "Cannot tell whether the bot answers within 5 s: 64 turns are too few, and parley itself fell behind.",
		Budgets: []parley.BudgetResult{
			withWhy(budget("reply.p95 < 5s", "reply", "p95", "<", 5, parley.Seconds, parley.CannotTell, &parley.Estimate{Value: 4.6, Low: 3.9, High: 7.2, N: 64}), "the interval contains the limit", 38*time.Minute),
			withWhy(budget("errors < 1%", "errors", "", "<", .01, parley.Ratio, parley.CannotTell, &c.Errors), "too few turns", 22*time.Minute),
		},
	}
	return d
}

func interrupted() Document {
	d := judgedRun("clinic-bot", wait{n: 30, median: 40, spread: .1, patience: 12})
	d.Run.State = parley.Interrupted
	d.Run.Elapsed = 3*time.Minute + 12*time.Second
	d.Run.Phases = d.Run.Phases[:4]
	d.Run.Phases[3].End = parley.None
	d.Missing = []string{"the last second of turns.parquet could not be read", "no calls were recorded"}
	d.Summary.Rates = rates(d.Run.Elapsed, 5*time.Second, .2, 3)
	d.Summary.Upstreams, d.Summary.Split, d.Summary.Attributed, d.Summary.Calls = nil, nil, 0, 0
	d.Summary.Judged.Cut, d.Summary.Judged.Abandoned, d.Summary.Judged.Lost = 30, 0, 0
	return d
}

func broken() Document {
	run := baseRun(`bad <script>alert("x")</script> & co`)
	run.State = parley.Broken
	run.Plan = nil
	run.Elapsed = 4 * time.Second
	run.Phases = run.Phases[:1]
	run.Messages = parley.Messages{}
	run.Generator = parley.Generator{}
	run.Problems = []parley.Problem{
		{Code: "escape", At: 3 * time.Second, What: `a reply went past parley: "</script><img src=x onerror=alert(1)>" was not delivered here`, Hint: "point EVOLUTION_BASE_URL at parley"},
		{Code: "target-died", At: 4 * time.Second, What: "the bot ended with status 1\x1b[31m", Hint: "see its output"},
	}
	return Document{Run: run, Missing: []string{"no turns were recorded", "no calls were recorded"}}
}

func ramp() Document {
	d := judgedRun("tour-bot", wait{n: 1240, median: 2.1, spread: .5, patience: 30})
	d.Run.Verb = "scale"
	end := d.Run.Phases[3].End
	d.Run.Phases[3].Name, d.Run.Phases[3].Kind = "ramp", parley.Ramp
	d.Run.Phases[3].Stopped = "replies fell behind for two steps"
	r := &anatomy.Ramp{Stopped: "replies fell behind for two steps"}
	length := (end - 2*time.Minute) / 8
	for i := range 8 {
		from := 2*time.Minute + time.Duration(i)*length
		offered := 1000 * math.Pow(1.35, float64(i))
		kept := offered * (1 - .004*float64(i))
		median, failed := 1.6+.04*float64(i), 0.0
		if i > 5 {
			kept, median, failed = 4480-90*float64(i-5), 5.5*float64(i-5), .04*float64(i-5)
		}
		d.Run.Phases[3].Steps = append(d.Run.Phases[3].Steps, parley.Step{Start: from, End: from + length, Rate: offered / 3})
		r.Steps = append(r.Steps, anatomy.RampStep{
			Step: i + 1, From: from, To: from + length, Offered: offered, Answered: kept, InFlight: kept * median / 3600,
			Reply: draws(wait{n: 120 + 20*i, median: median, spread: .45, patience: 30, random: uint64(50 + i)}), Failed: failed,
		})
	}
	r.Knee = &anatomy.Knee{Capacity: parley.Estimate{Value: 4430, Low: 4210, High: 4690, N: 8}, LastGood: 6, Why: "at step 7 only 73 % of what was offered came back answered"}
	d.Summary.Ramp = r
	d = withAnatomy(d, 20)
	for i := range d.Summary.Rates {
		p := &d.Summary.Rates[i]
		for j, st := range r.Steps {
			if p.At >= st.From && p.At < st.To {
				p.Offered = st.Offered / 3600 * (1 + .05*math.Sin(float64(i)))
				p.Acked, p.Sent = p.Offered, p.Offered
				p.Answered = st.Answered / 3600 * (1 + .04*math.Cos(float64(i)))
				p.InFlight = st.InFlight
				p.ReplyP50 = 1.6 + max(0, float64(j-5))*5.5
				p.ReplyP95 = p.ReplyP50 * 2.2
			}
		}
	}
	return d
}

// unjudged is a plain load without budgets and without any call recorded.
func unjudged() Document {
	d := judgedRun("load", wait{n: 400, median: .9, spread: .4, patience: 30})
	d.Run.Verb = "load"
	d.Run.Assumed = nil
	d.Summary.Upstreams = nil
	d.Summary.Split = nil
	d.Summary.Judged.Scenarios = d.Summary.Judged.Scenarios[:1]
	return d
}
