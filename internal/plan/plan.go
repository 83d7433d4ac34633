package plan

import (
	"regexp"
	"time"

	"parley"
	"parley/internal/fault"
)

// Plan is a resolved plan: defaults filled in, names checked.
type Plan struct {
	Path string `json:"-"` // the file it came from
	Dir  string `json:"-"` // its folder; relative paths start there

	Name         string          `json:"name"`
	Seed         uint64          `json:"seed"`
	Target       Target          `json:"target"`
	Dependencies []Dependency    `json:"dependencies"` // in the file's order
	Users        Users           `json:"users"`
	Scenarios    []Scenario      `json:"scenarios"`
	Load         Load            `json:"load"`
	Budgets      []parley.Budget `json:"budgets"`
	Safety       Safety          `json:"safety"`

	env *environment // what to hide in Resolved
}

// Target is the bot under test.
type Target struct {
	Platform string `json:"platform"` // "evolution"
	// Webhook is where the platform sends messages. "${PORT}" stands for a free
	// port that parley picks and also gives to Command's environment as PORT.
	Webhook string `json:"webhook"`
	// Ready is polled until it answers 2xx; empty: until the webhook's port accepts a connection.
	Ready        string            `json:"ready,omitempty"`
	StartTimeout time.Duration     `json:"start_timeout_ns"`
	Command      []string          `json:"command,omitempty"` // starts the bot; empty: it runs already
	Setup        []string          `json:"setup,omitempty"`   // run to its end before Command (migrations)
	Dir          string            `json:"dir,omitempty"`     // working directory, absolute after resolution
	Env          map[string]string `json:"-"`                 // may hold secrets
	AllowRemote  bool              `json:"allow_remote"`
	// Data says that what the bot stores may be written to: "disposable" is
	// needed for databases parley did not start.
	Data      string    `json:"data,omitempty"`
	Evolution Evolution `json:"evolution"`
}

// Evolution configures the Evolution API v2 platform.
type Evolution struct {
	Instance string            `json:"instance"`
	APIKey   Secret            `json:"api_key"`
	Number   string            `json:"number"`            // the bot's own number, digits
	ByEvents bool              `json:"by_events"`         // append /messages-upsert to the webhook URL
	Headers  map[string]Secret `json:"headers,omitempty"` // configured webhook headers
	Echo     bool              `json:"echo"`              // fromMe webhooks of the bot's own messages
	Statuses bool              `json:"statuses"`          // messages.update webhooks
	Retry    Retry             `json:"retry"`
	Listen   string            `json:"listen"` // address of the simulated send API
	Env      []string          `json:"env"`    // variables that carry its base URL to the bot
	// SendLatency is what the real gateway and WhatsApp take to accept a message.
	SendLatency fault.Dist   `json:"send_latency"`
	Faults      []fault.Rule `json:"faults,omitempty"`
	// Source says where SendLatency comes from: "default" or "plan".
	Source string `json:"source"`
}

// Retry is the webhook retry policy of Evolution 2.2.1 and later.
type Retry struct {
	Attempts     int           `json:"attempts"`
	InitialDelay time.Duration `json:"initial_delay_ns"`
	MaxDelay     time.Duration `json:"max_delay_ns"`
	Timeout      time.Duration `json:"timeout_ns"`
}

// Secret is text that must never be printed or stored.
type Secret string

// String hides the secret.
func (Secret) String() string { return "<secret>" }

// MarshalJSON hides the secret.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"<secret>"`), nil }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// Dependency is one service the bot calls.
type Dependency struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // openai, postgres, redis
	// Exactly one of these: Simulate (parley stands in for it), Private (parley
	// starts a real one of its own), or Address (the user's own; a URL that may hold a password).
	Simulate bool     `json:"simulate,omitempty"`
	Private  bool     `json:"private,omitempty"`
	Address  Secret   `json:"address,omitempty"`
	Env      []string `json:"env"`              // variables that carry its URL to the bot
	Listen   string   `json:"listen,omitempty"` // of a simulator; default a free loopback port
	// Optional: the canary turn need not touch it.
	Optional bool   `json:"optional,omitempty"`
	OpenAI   OpenAI `json:"openai,omitzero"`
}

// OpenAI is the model of a simulated language model service.
type OpenAI struct {
	APIKey         Secret        `json:"api_key,omitempty"` // given to the bot and required of it
	FirstToken     fault.Dist    `json:"first_token"`       // time to first token
	PerToken       fault.Dist    `json:"per_token"`         // time per further token
	PerPromptToken time.Duration `json:"per_prompt_token_ns"`
	// PerCallInFlight adds this share of the latency for each other call in flight (load of the service).
	PerCallInFlight   float64      `json:"per_call_in_flight"`
	RequestsPerMinute int          `json:"requests_per_minute,omitempty"`
	TokensPerMinute   int          `json:"tokens_per_minute,omitempty"`
	Faults            []fault.Rule `json:"faults,omitempty"`
	Script            []Line       `json:"script,omitempty"`
	// Source says where the latency model comes from: "default" or "plan".
	Source string `json:"source"`
}

// Line is one line of the simulated model's script: the first whose pattern
// matches the user's last message (and, for a call, whose tool the request offers) speaks.
type Line struct {
	When *regexp.Regexp `json:"when"`
	Say  string         `json:"say,omitempty"` // text; $1 ... stand for the pattern's groups
	Call string         `json:"call,omitempty"`
	// Arguments of the call; missing required ones are made up from the tool's schema.
	Arguments map[string]any `json:"arguments,omitempty"`
}

// Users shapes the crowd.
type Users struct {
	// Returning is the share of conversations held by users with stored history,
	// Alike the share of messages asked in the same words by many.
	Returning float64 `json:"returning"`
	Alike     float64 `json:"alike"`
	// Prefix starts every user's number; it must be one that cannot be assigned to a person.
	Prefix string `json:"number_prefix"`
}

// Scenario is one kind of conversation.
type Scenario struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight"`
	Turns  []Turn  `json:"turns"`
}

// Turn is what the user does in one turn.
type Turn struct {
	// Say lists alternatives; each is a burst of one or more messages. Words
	// may hold {name}, {day}, {time}, {email}, {number}: see docs/plan.md.
	Say      [][]string    `json:"say"`
	Gap      fault.Dist    `json:"gap"`   // between the messages of a burst
	Think    fault.Dist    `json:"think"` // before the turn, after the answer to the one before
	Patience time.Duration `json:"patience_ns"`
	Answered AnswerRule    `json:"answered"`
}

// AnswerRule says which reply is the answer.
type AnswerRule struct {
	// Mode: "first" reply, first reply that matches "pattern", or the last reply before "quiet".
	Mode    string         `json:"mode"`
	Pattern *regexp.Regexp `json:"pattern,omitempty"`
	Quiet   time.Duration  `json:"quiet_ns,omitempty"`
}

// Load is the arrival process, phase by phase.
type Load struct {
	ConversationsPerHour float64 `json:"conversations_per_hour"`
	// Concurrency is the most conversations open at once; arrivals beyond it are not said and make the run's figures partial.
	Concurrency int     `json:"concurrency"`
	Arrivals    string  `json:"arrivals"` // poisson, even
	Phases      []Phase `json:"phases"`
}

// Phase is one phase of the load.
type Phase struct {
	Kind     parley.PhaseKind `json:"kind"`
	Duration time.Duration    `json:"duration_ns"` // the longest it may last
	// Rate multiplies Load.ConversationsPerHour (1 for all but ramps unless the plan says so).
	Rate float64 `json:"rate"`
	// Of a ramp: the factor grows geometrically from Rate by Growth each Step, to To at most.
	To     float64       `json:"to,omitempty"`
	Growth float64       `json:"growth,omitempty"`
	Step   time.Duration `json:"step_ns,omitempty"`
}

// Safety are ceilings no run may pass.
type Safety struct {
	MessagesPerHour float64       `json:"messages_per_hour"`
	Users           int           `json:"users"` // open conversations
	Duration        time.Duration `json:"duration_ns"`
}
