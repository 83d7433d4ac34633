package parley

import (
	"encoding/json"
	"time"
)

// RecordVersion is the version of the record's format. Readers accept any
// version up to their own: columns and fields are only ever added.
const RecordVersion = 1

// State says how far a run got.
type State string

const (
	Running     State = "running"     // still going on, or its recorder was killed
	Complete    State = "complete"    // it ran to its planned end
	Interrupted State = "interrupted" // a person stopped it
	Broken      State = "broken"      // it could not go on; Run.Problems says why
)

// Run is everything about one run that is not a row of a table. It is run.json.
type Run struct {
	Version int       `json:"version"`
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Verb    string    `json:"verb"`
	State   State     `json:"state"`
	Started time.Time `json:"started"`
	// Elapsed is the time from Started to the last thing recorded.
	Elapsed time.Duration `json:"elapsed_ns"`
	Seed    uint64        `json:"seed"`
	// Plan is the plan as resolved, without secrets.
	Plan   json.RawMessage `json:"plan,omitempty"`
	Phases []Phase         `json:"phases"`
	// Assumed lists, wire by wire, the latency models that stood in for real services.
	Assumed []Assumption `json:"assumed,omitempty"`
	// Goals are the scenarios' goals in the plan's order, those that have one.
	Goals []Goal `json:"goals,omitempty"`
	// Satisfied is the reply time up to which a user is satisfied, for the Apdex; 0: not asked for.
	Satisfied time.Duration `json:"satisfied_ns,omitempty"`
	// Money holds the prices that the run's cost is reckoned with; nil: not reckoned.
	Money       *Money      `json:"money,omitempty"`
	Messages    Messages    `json:"messages"`
	Environment Environment `json:"environment"`
	Generator   Generator   `json:"generator"`
	Budgets     []Budget    `json:"budgets,omitempty"`
	Verdict     *Verdict    `json:"verdict,omitempty"`
	// Diagnosis is what the checks found; nil if none ran.
	Diagnosis *Diagnosis `json:"diagnosis,omitempty"`
	// Headline repeats the few figures by which runs are told apart, so that a list of runs need not read
	// their tables. It is derived: nil in a run that was never reported on.
	Headline *Headline `json:"headline,omitempty"`
	// Problems stopped the run or make it invalid; Warnings qualify its figures.
	Problems []Problem `json:"problems,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
}

// Headline holds figures of the judged turns and conversations, nil where there is none.
type Headline struct {
	ReplyP95 *Estimate `json:"reply_p95,omitempty"` // s
	// PerHour is messages answered per hour.
	PerHour             float64   `json:"messages_answered_per_hour"`
	Success             *Estimate `json:"success,omitempty"`              // share of conversations
	CostPerConversation *Estimate `json:"usd_per_conversation,omitempty"` // US dollars
}

// Phase is a stretch of a run under one arrival process.
type Phase struct {
	Name string    `json:"name"`
	Kind PhaseKind `json:"kind"`
	// Start and End are offsets from the start of the run; End is None while it lasts.
	Start time.Duration `json:"start_ns"`
	End   time.Duration `json:"end_ns"`
	// Rate is the arrival rate of conversations per hour at the start of the
	// phase; in a ramp, Steps hold the others.
	Rate  float64 `json:"conversations_per_hour"`
	Steps []Step  `json:"steps,omitempty"`
	// Stopped says why the phase ended before its time, empty if it did not.
	Stopped string `json:"stopped,omitempty"`
}

// PhaseKind is the purpose of a phase.
type PhaseKind string

const (
	Canary PhaseKind = "canary" // one turn which proves that the wires end in parley
	Solo   PhaseKind = "solo"   // one user at a time
	WarmUp PhaseKind = "warmup" // load whose turns are not judged
	Steady PhaseKind = "steady" // load whose turns the budgets judge
	Ramp   PhaseKind = "ramp"   // growing load, until a stop rule says saturated
	Drain  PhaseKind = "drain"  // no arrivals; waiting turns end
)

// Step is one level of load within a ramp. Steps count from 1.
type Step struct {
	Start time.Duration `json:"start_ns"`
	End   time.Duration `json:"end_ns"`
	Rate  float64       `json:"conversations_per_hour"`
}

// Assumption is a latency model that stood in for a real service.
type Assumption struct {
	Wire  string `json:"wire"`
	Model string `json:"model"` // in the plan's own words
	// Source says where the model comes from ("plan", "default", "fitted from 1,200 calls on 2026-11-01").
	Source string `json:"source"`
}

// Goal is what a kind of conversation is for.
type Goal struct {
	Scenario string `json:"scenario"`
	What     string `json:"what"` // for people: "calendar events.insert"
	// Wire is the dependency a call to which reaches the goal, empty if a reply does.
	Wire      string `json:"wire,omitempty"`
	Operation string `json:"operation,omitempty"`
}

// Money is what things cost, in US dollars.
type Money struct {
	InfrastructurePerHour float64 `json:"infrastructure_usd_per_hour"`
	PerMessage            float64 `json:"usd_per_message"` // of the bot
	// Source is the price list, Dated the day it holds for ("2026-07-24", empty if the list does not say).
	Source string `json:"source"`
	Dated  string `json:"dated,omitempty"`
	// Models are the prices of the models the bot called, as they were seen.
	Models []ModelPrice `json:"models,omitempty"`
}

// ModelPrice is what a language model service charges, in US dollars. Prompt tokens read from its
// cache cost Cached, those written to it CacheWrite, the others Input.
type ModelPrice struct {
	Model string `json:"model"` // as the bot asks for it
	// Known: the list has the model. If not, the prices are 0 and mean nothing.
	Known       bool    `json:"known"`
	Input       float64 `json:"usd_per_input_token"`
	Cached      float64 `json:"usd_per_cached_token"`
	CacheWrite  float64 `json:"usd_per_cache_written_token"`
	Output      float64 `json:"usd_per_output_token"`
	AudioSecond float64 `json:"usd_per_audio_second,omitempty"`
}

// Of returns what a call to the model costs, in US dollars.
func (p *ModelPrice) Of(c *Call) float64 {
	plain := max(0, c.PromptTokens-c.CachedTokens-c.CacheWrittenTokens)
	return float64(plain)*p.Input + float64(c.CachedTokens)*p.Cached + float64(c.CacheWrittenTokens)*p.CacheWrite +
		float64(c.CompletionTokens)*p.Output + c.AudioSeconds*p.AudioSecond
}

// Messages sets what was planned beside what happened, over all phases but the canary.
type Messages struct {
	Planned  int64 `json:"planned"`  // messages of all conversations that were due
	Sent     int64 `json:"sent"`     // said by parley
	Acked    int64 `json:"acked"`    // acknowledged by the bot
	Answered int64 `json:"answered"` // of turns that were answered
}

// Environment is the fingerprint of the machine and of the target.
type Environment struct {
	Parley   string `json:"parley"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	Kernel   string `json:"kernel,omitempty"`
	CPU      string `json:"cpu,omitempty"`
	Cores    int    `json:"cores"`
	MemoryMB int64  `json:"memory_mb,omitempty"`
	// Target holds what is known of the bot: command, git revision, versions of its services.
	Target map[string]string `json:"target,omitempty"`
}

// Generator is the health of parley itself during the run. Lag is how late the
// first webhook of a turn was written after its due moment.
type Generator struct {
	LagP50 time.Duration `json:"lag_p50_ns"`
	LagP99 time.Duration `json:"lag_p99_ns"`
	LagMax time.Duration `json:"lag_max_ns"`
	// LagLimit is the LagP99 beyond which the run is not valid.
	LagLimit time.Duration `json:"lag_limit_ns"`
	// CPU is the highest share of its cores parley used over five seconds.
	CPU     float64 `json:"cpu_share"`
	RSSMB   float64 `json:"rss_mb"`
	Sockets int     `json:"sockets"`
	// HeldBack counts turns parley did not say because of a ceiling.
	HeldBack int64 `json:"held_back"`
	Dropped  int64 `json:"dropped_records"`
	// Invalid lists the limits that were passed, empty for a valid run.
	Invalid []string `json:"invalid,omitempty"`
}

// Codes of problems.
const (
	ProblemEscape      = "escape"      // a wire of the bot does not end in parley
	ProblemUnreachable = "unreachable" // the bot could not be started or reached
	ProblemTargetDied  = "target-died" // the bot ended during the run
	ProblemSetup       = "setup"       // parley lacks something to run with
	ProblemRecord      = "record"      // the record is not whole
	ProblemCeiling     = "ceiling"     // a safety ceiling of the plan ended the run
)

// Problem is something that went wrong, for a person to act on.
type Problem struct {
	At   time.Duration `json:"at_ns"`
	Code string        `json:"code"`
	What string        `json:"what"`
	Hint string        `json:"hint,omitempty"`
}
