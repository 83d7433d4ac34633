package anatomy

import (
	"time"

	"parley"
)

// Summary is what the turns and calls of a run add up to.
type Summary struct {
	// Judged covers the turns the budgets judge: those of the steady phases; in a run without
	// one those of its ramps, else of its warm-up, else of its solo phase, else all but the canary's.
	// JudgedPhase names the phases, JudgedFor is their length.
	Judged      Crowd         `json:"judged"`
	JudgedPhase string        `json:"judged_phase"`
	JudgedFor   time.Duration `json:"judged_for_ns"`
	// Solo is the crowd of the solo phase, zero if there was none.
	Solo Crowd `json:"solo"`

	Rates     []RatePoint `json:"rates"`
	Upstreams []Upstream  `json:"upstreams"` // over the judged turns, costliest first
	// LLM is the wait for any call to a language model, LLMPerTurn the time of a turn during which at least one was
	// going on (of the turns that had one), Send the wait for any call to the platform's send API,
	// Calendar that for any call to a calendar.
	LLM        Waits `json:"llm"`
	LLMPerTurn Waits `json:"llm_per_turn"`
	Send       Waits `json:"send"`
	Calendar   Waits `json:"calendar"`
	// DB is the wait for any statement to a database, DBPerTurn the time of a turn during which at least one was going on.
	DB        Waits `json:"db"`
	DBPerTurn Waits `json:"db_per_turn"`
	// Split is where the time of a judged and answered reply goes, largest part
	// first; the parts sum to the mean reply time of the answered turns.
	Split []Part `json:"split"`
	Ramp  *Ramp  `json:"ramp,omitempty"`
	// Visits are what the conversations that began in the judged phases came to, Money is what they cost (nil: no prices).
	Visits Visits `json:"visits"`
	Money  *Money `json:"money,omitempty"`
	// Heat is the reply wait over the time of the whole run; nil without turns.
	Heat *Heat `json:"heat,omitempty"`
	// Anatomy is how turns are put together; nil if no call was recorded.
	Anatomy *Body `json:"anatomy,omitempty"`
	// Attributed is the share of calls in judged phases that could be tied to a turn.
	Attributed float64 `json:"attributed"`
	Calls      int     `json:"calls"`     // in judged phases
	Strangers  int     `json:"strangers"` // replies to numbers parley did not play
}

// Crowd is a set of turns.
type Crowd struct {
	// Turns were said: answered, abandoned, cut and open ones, but not the unsent.
	Turns         int `json:"turns"`
	Conversations int `json:"conversations"`
	// Counts by outcome and by misbehaviour.
	Answered   int `json:"answered"`
	Abandoned  int `json:"abandoned"`
	Lost       int `json:"lost"`
	Cut        int `json:"cut"`
	Unsent     int `json:"unsent"`
	Open       int `json:"open"` // of which the end was not recorded
	Failed     int `json:"failed"`
	Duplicates int `json:"duplicates"`
	Late       int `json:"late"`
	Disordered int `json:"disordered"`
	Returning  int `json:"returning"`
	Alike      int `json:"alike"`

	Messages         int     `json:"messages"` // said
	MessagesAnswered int     `json:"messages_answered"`
	PerHour          float64 `json:"messages_answered_per_hour"`
	// Concurrency is the mean, PeakConcurrency the largest number of conversations open at once;
	// a conversation is open from its first turn's due moment to its last turn's end, think times included.
	Concurrency     float64 `json:"concurrency"`
	PeakConcurrency int     `json:"peak_concurrency"`

	Reply      Waits           `json:"reply"`
	ReplyOpen  Waits           `json:"reply_open"`        // openings: moment set by the schedule
	ReplyLater Waits           `json:"reply_conditional"` // later turns: moment set by the bot's own reply
	FirstReply Waits           `json:"first_reply"`
	Ack        Waits           `json:"ack"`
	Errors     parley.Estimate `json:"errors"`
	AnsweredOf parley.Estimate `json:"answered_share"`
	// Failures counts turns by Turn.Failure, most frequent first.
	Failures  []Tally         `json:"failures,omitempty"`
	Scenarios []ScenarioCrowd `json:"scenarios,omitempty"`
}

// ScenarioCrowd is the reply wait of one scenario.
type ScenarioCrowd struct {
	Name     string `json:"name"`
	Turns    int    `json:"turns"`
	Answered int    `json:"answered"`
	Reply    Waits  `json:"reply"`
}

// Tally is a count of something named.
type Tally struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Waits is the distribution of one wait, in seconds, censored waits included.
type Waits struct {
	N         int        `json:"n"`
	Censored  int        `json:"censored"`
	Quantiles []Quantile `json:"quantiles"` // p50 p75 p90 p95 p99 p99.9, those the sample can carry
	// Floors are the quantiles the sample is too small to carry: only their lower bounds mean anything.
	Floors []Quantile `json:"floors,omitempty"`
	// Within are the shares of waits within the limits of the run's budgets on quantiles, of the waits that budgets judge.
	Within    []Within        `json:"within,omitempty"`
	Mean      parley.Estimate `json:"mean"` // restricted to the longest wait observed
	Max       float64         `json:"max"`
	MaxBeyond bool            `json:"max_beyond"` // the longest wait was censored
	Bins      []Bin           `json:"bins"`
}

// Quantile is one quantile with its interval.
type Quantile struct {
	Name string  `json:"name"` // "p95"
	Q    float64 `json:"q"`
	parley.Estimate
}

// Within is the share of waits within the limit of a budget. A quantile keeps the limit if and only if
// at least its share of the waits do. The value and the lower bound count a wait censored before the limit as beyond
// it, the upper bound as within it.
type Within struct {
	Name  string  `json:"name"`  // the quantile: "p95"
	Op    string  `json:"op"`    // "<" or "<="
	Limit float64 `json:"limit"` // s
	parley.Estimate
}

// Bin is one bar of a histogram with logarithmic edges, in seconds.
type Bin struct {
	From     float64 `json:"from"`
	To       float64 `json:"to"`
	Count    int     `json:"count"`    // waits that ended here
	Censored int     `json:"censored"` // waits that were cut off here
}

// RatePoint is one bucket of time. Rates are messages per second.
type RatePoint struct {
	At       time.Duration `json:"at_ns"` // start of the bucket
	Width    time.Duration `json:"width_ns"`
	Offered  float64       `json:"offered"` // messages due
	Sent     float64       `json:"sent"`
	Acked    float64       `json:"acked"`
	Answered float64       `json:"answered"`  // messages of turns answered in this bucket
	InFlight float64       `json:"in_flight"` // turns waiting, mean
	ReplyP50 float64       `json:"reply_p50"` // s, of turns spoken in this bucket; NaN is never used: 0 and N 0 if none
	ReplyP95 float64       `json:"reply_p95"`
	N        int           `json:"n"`
	Failed   int           `json:"failed"`
}

// Upstream is one operation on one wire.
type Upstream struct {
	Wire string `json:"wire"`
	// Kind is what the plan says the wire is ("openai", "postgres"), or [PlatformKind]; empty if it does not say.
	Kind         string  `json:"kind,omitempty"`
	Operation    string  `json:"operation"`
	Calls        int     `json:"calls"`
	PerTurn      float64 `json:"per_turn"` // attributed calls per judged turn
	Failed       int     `json:"failed"`
	Retries      int     `json:"retries"`
	Latency      Waits   `json:"latency"`
	PeakInFlight int     `json:"peak_in_flight"`
	// Assumed: the latency is parley's own model, not a measurement of the service.
	Assumed          bool    `json:"assumed"`
	PromptTokens     float64 `json:"prompt_tokens"` // mean per call
	CachedTokens     float64 `json:"cached_tokens"`
	CompletionTokens float64 `json:"completion_tokens"`
}

// Part is a share of the mean reply time. Seconds during which several wires were busy count
// once, with the wire whose call began first.
type Part struct {
	// Name: a wire ("openai"), "bot" (no wire was busy: its own time,
	// queueing inside it, delivery of the webhook), "retry" (waiting for the platform to repeat a webhook).
	Name string `json:"name"`
	// Label is what people call it. The bot's names the real dependencies whose wires were not listened to, and
	// whose time is part of it: "the bot, with postgres and redis".
	Label   string  `json:"label"`
	Seconds float64 `json:"seconds"` // mean per answered turn
	Share   float64 `json:"share"`
	// Assumed: a latency model of parley's, not a measurement of the service.
	Assumed bool `json:"assumed"`
}

// Ramp is the growing-load phase, step by step.
type Ramp struct {
	Steps []RampStep `json:"steps"`
	// Knee is where answered messages stop following offered ones, nil if none was reached.
	Knee *Knee `json:"knee,omitempty"`
	// Why says in a few words why there is a knee or none.
	Why     string `json:"why,omitempty"`
	Stopped string `json:"stopped"`
}

// RampStep is one level of load. Rates are messages per hour.
type RampStep struct {
	Step     int           `json:"step"`
	From     time.Duration `json:"from_ns"`
	To       time.Duration `json:"to_ns"`
	Offered  float64       `json:"offered"`
	Answered float64       `json:"answered"`
	InFlight float64       `json:"in_flight"`
	Reply    Waits         `json:"reply"`
	Failed   float64       `json:"failed_share"`
}

// Knee is the largest load the bot kept up with, messages per hour.
type Knee struct {
	Capacity parley.Estimate `json:"capacity"`
	LastGood int             `json:"last_good_step"`
	Why      string          `json:"why"`
}
