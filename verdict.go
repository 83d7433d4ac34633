package parley

import "time"

// Budget is one promise about the bot: a metric, a limit and the sense of
// the comparison. Durations are in seconds, shares are ratios.
type Budget struct {
	Text   string  `json:"text"`           // as the plan has it: "reply.p95 < 5s"
	Metric string  `json:"metric"`         // "reply", "lost", ...
	Stat   string  `json:"stat,omitempty"` // "p95", "max", "mean"; empty for counts and shares
	Op     string  `json:"op"`             // < <= > >= =
	Limit  float64 `json:"limit"`
	Unit   Unit    `json:"unit"`
}

// Unit is the unit of a metric.
type Unit string

const (
	Seconds Unit = "s"
	Ratio   Unit = "ratio"
	Count   Unit = "count"
	PerHour Unit = "per hour"
	Dollars Unit = "USD"
)

// Judgement is the result of holding a budget against a run.
type Judgement string

const (
	Pass        Judgement = "pass"
	Fail        Judgement = "fail"
	CannotTell  Judgement = "cannot tell"  // the interval contains the limit, or there are too few turns
	NotMeasured Judgement = "not measured" // no wire carries the metric in this run
	AssumedOnly Judgement = "assumed"      // the figure is the plan author's own latency model
)

// Estimate is a measured figure with its 95 % interval. A bound beyond what
// could be observed is marked as such, never invented.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	// ValueBeyond, LowBeyond and HighBeyond: the true figure is larger than the number, which is the
	// longest wait observed (patience ended, the run was cut).
	ValueBeyond bool `json:"value_beyond,omitempty"`
	LowBeyond   bool `json:"low_beyond,omitempty"`
	HighBeyond  bool `json:"high_beyond,omitempty"`
	N           int  `json:"n"`        // observations
	Censored    int  `json:"censored"` // of them censored
	// Exact: a complete count of this run, so that Low = Value = High.
	Exact bool `json:"exact,omitempty"`
	// Floor: there are too few observations for the statistic, and nothing but Low means anything; Value repeats it.
	Floor bool `json:"floor,omitempty"`
	// Warnings say what the interval does not cover.
	Warnings []string `json:"warnings,omitempty"`
}

// BudgetResult is a budget with what was measured.
type BudgetResult struct {
	Budget   Budget    `json:"budget"`
	Result   Judgement `json:"result"`
	Measured *Estimate `json:"measured,omitempty"`
	// Why explains a result that is neither pass nor fail, and a failure in a few words.
	Why string `json:"why,omitempty"`
	// Need is the length of steady load that could tell, 0 if unknown.
	Need time.Duration `json:"need_ns,omitempty"`
}

// Verdict is the answer of a run.
type Verdict struct {
	Result   Judgement      `json:"result"` // Pass, Fail or CannotTell
	ExitCode int            `json:"exit_code"`
	Sentence string         `json:"sentence"` // for a manager
	Budgets  []BudgetResult `json:"budgets"`
}

// Exit codes of the command.
const (
	ExitPass        = 0
	ExitFail        = 1 // a budget failed, or a regression was found
	ExitUsage       = 2 // usage or plan error, or a wire that escapes
	ExitCannotTell  = 3 // not enough evidence, or an invalid run
	ExitUnreachable = 4 // the target cannot be reached or died
	ExitInterrupted = 130
)
