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
	Money        Money           `json:"money"`
	Load         Load            `json:"load"`
	Budgets      []parley.Budget `json:"budgets"`
	Safety       Safety          `json:"safety"`
	// Checks are those of the diagnosis that the plan says something of, by id.
	Checks map[string]Check `json:"checks,omitempty"`

	env    *environment // what to hide in Resolved
	origin origin       // of the checks and their thresholds
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
	Proxy     Proxy     `json:"proxy"`
	Probe     Probe     `json:"probe"`
	Evolution Evolution `json:"evolution"`
}

// Proxy is the forward proxy for a bot whose clients ignore base URLs: what they send to the hosts of the plan ends in
// parley, and what they send to others is refused.
type Proxy struct {
	On     bool   `json:"on"`
	Listen string `json:"listen,omitempty"`
}

// Evolution configures the Evolution API platform.
type Evolution struct {
	// Version of the gateway whose shapes are spoken: "v2" or "v1". Lenient: requests in the
	// other version's shape are accepted as well.
	Version string `json:"version"`
	Lenient bool   `json:"lenient,omitempty"`
	// JWTKey signs the webhooks' Authorization header as the gateway does when a header jwt_key is configured; empty: none.
	JWTKey Secret `json:"jwt_key,omitempty"`
	// Media says how the bot gets at media: "api" (it asks the gateway), "base64" (in the webhook), "url" (a link in the webhook).
	Media    string            `json:"media"`
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
	// Hosts are the names by which the bot calls the gateway whatever the variables say, in small letters; the proxy answers them.
	Hosts []string `json:"hosts,omitempty"`
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
	Kind string `json:"kind"` // openai, calendar, http, postgres, redis
	// Exactly one of these: Simulate (parley stands in for it), Relay (parley passes calls on to the
	// real service and records them), Private (parley starts a real one of its own), or Address (the
	// user's own; a URL that may hold a password).
	Simulate bool     `json:"simulate,omitempty"`
	Relay    *Relay   `json:"relay,omitempty"`
	Private  bool     `json:"private,omitempty"`
	Address  Secret   `json:"address,omitempty"`
	Env      []string `json:"env"`              // variables that carry its URL to the bot
	Listen   string   `json:"listen,omitempty"` // where parley stands in for it, or listens on its wire; default a free loopback port
	// Hosts are the names by which the bot calls the service whatever the variables say, in small letters; the proxy answers them.
	Hosts []string `json:"hosts,omitempty"`
	// Faults of the wire to a real server: delays, cuts and resets.
	Faults []fault.Rule `json:"faults,omitempty"`
	// Optional: the canary turn need not touch it.
	Optional bool `json:"optional,omitempty"`
	// Of a simulated service, that of its kind.
	OpenAI   OpenAI   `json:"openai,omitzero"`
	Calendar Calendar `json:"calendar,omitzero"`
	HTTP     HTTP     `json:"http,omitzero"`
}

// StandsIn reports whether parley itself answers on the dependency's wire, or relays its calls; otherwise it listens on
// the wire to a real server.
func (d *Dependency) StandsIn() bool { return d.Simulate || d.Relay != nil }

// Relay says how calls are passed on to a real service.
type Relay struct {
	To string `json:"to"` // base URL
	// Spend is the most the run may cost there, in US dollars; Calls the most calls it may make. 0: no such ceiling.
	// A language model has a ceiling on money, other services one on calls.
	Spend float64 `json:"spend_usd,omitempty"`
	Calls int     `json:"calls,omitempty"`
	// AllowWrites lets calls pass that may change something there. Asking a language model changes nothing.
	AllowWrites bool `json:"allow_writes,omitempty"`
	// Key replaces the bot's own credentials on the way to the service; empty: they pass.
	Key Secret `json:"key,omitempty"`
	// Keep stores the exchanges, contents included, in the run's folder, so that they can be replayed.
	Keep   bool         `json:"keep,omitempty"`
	Faults []fault.Rule `json:"faults,omitempty"` // on top of what goes wrong there by itself
}

// Calendar is the model of a simulated Google Calendar.
type Calendar struct {
	Latency      fault.Dist `json:"latency"`       // of reads
	WriteLatency fault.Dist `json:"write_latency"` // of insert, patch, update, delete
	// Calendars are the ids that exist; empty: any id does.
	Calendars []string `json:"calendars,omitempty"`
	// TimeZone is that of the calendars, and of their working hours, by its IANA name.
	TimeZone string `json:"time_zone"`
	// Busy is the share of working hours taken by events that are there from the start.
	Busy float64 `json:"busy"`
	// Quotas of the project and of each user of it (a service account is one user), over sliding minutes.
	RequestsPerMinute     int          `json:"requests_per_minute"`
	UserRequestsPerMinute int          `json:"user_requests_per_minute"`
	Faults                []fault.Rule `json:"faults,omitempty"`
	// CredentialsEnv are the variables that carry the path of a service account's key file to the bot,
	// made for the run, whose token_uri ends in parley.
	CredentialsEnv []string `json:"credentials_env,omitempty"`
	// Source says where the latencies come from: "default", "plan" or "fitted ...".
	Source string `json:"source"`
}

// HTTP is a simulated service of any kind, described route by route or by a recording.
type HTTP struct {
	Latency fault.Dist   `json:"latency"`
	Routes  []Route      `json:"routes,omitempty"`
	Faults  []fault.Rule `json:"faults,omitempty"`
	// Replay is the recording (of a run that kept its exchanges) that answers; absolute after resolution.
	Replay string `json:"replay,omitempty"`
	Source string `json:"source"`
}

// Route is one answer of a simulated service.
type Route struct {
	Method string `json:"method"` // GET, POST, ...; "*" for any
	// Path may hold * for one segment, and end in ** for all that follow.
	Path    string            `json:"path"`
	Status  int               `json:"status"`
	Header  map[string]string `json:"header,omitempty"`
	Body    string            `json:"body,omitempty"` // as sent; JSON of the plan is encoded
	Latency *fault.Dist       `json:"latency,omitempty"`
}

// Money is what things cost, in US dollars.
type Money struct {
	// Prices is the path of a price list of the user's own, absolute after resolution; empty: the one in parley.
	Prices                string  `json:"prices,omitempty"`
	InfrastructurePerHour float64 `json:"infrastructure_usd_per_hour"`
	PerMessage            float64 `json:"usd_per_message"`
}

// OpenAI is the model of a simulated language model service.
type OpenAI struct {
	APIKey         Secret        `json:"api_key,omitempty"` // given to the bot and required of it
	FirstToken     fault.Dist    `json:"first_token"`       // time to first token
	PerToken       fault.Dist    `json:"per_token"`         // time per further token
	PerPromptToken time.Duration `json:"per_prompt_token_ns"`
	// PerCallInFlight adds this share of the latency for each other call in flight (load of the service).
	PerCallInFlight   float64 `json:"per_call_in_flight"`
	RequestsPerMinute int     `json:"requests_per_minute,omitempty"`
	TokensPerMinute   int     `json:"tokens_per_minute,omitempty"`
	// Embedding and Transcription are the times of those calls, PerAudioSecond is added to the latter.
	Embedding      fault.Dist    `json:"embedding"`
	Transcription  fault.Dist    `json:"transcription"`
	PerAudioSecond time.Duration `json:"per_audio_second_ns"`
	Faults         []fault.Rule  `json:"faults,omitempty"`
	Script         []Line        `json:"script,omitempty"`
	// Replay is a recording that answers where it can; absolute after resolution.
	Replay string `json:"replay,omitempty"`
	// Source says where the latency model comes from: "default", "plan" or "fitted ...".
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
	// Satisfied is the T of the Apdex: replies up to it satisfy, up to four times it are tolerated.
	Satisfied time.Duration `json:"satisfied_ns"`
}

// Scenario is one kind of conversation.
type Scenario struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight"`
	Turns  []Turn  `json:"turns"`
	// Goal is what the conversation is for, nil: to be answered.
	Goal *Goal `json:"goal,omitempty"`
}

// Goal is reached by a successful call of the bot (Wire and Operation), or by a reply that matches.
type Goal struct {
	Wire      string         `json:"wire,omitempty"`      // a dependency's name
	Operation string         `json:"operation,omitempty"` // as its calls are named: "events.insert"
	Reply     *regexp.Regexp `json:"reply,omitempty"`
}

// String is the goal in the plan's own words.
func (g *Goal) String() string {
	if g.Reply != nil {
		return "reply matches " + g.Reply.String()
	}
	return g.Wire + " " + g.Operation
}

// Turn is what the user does in one turn.
type Turn struct {
	// Say lists alternatives; each is a burst of one or more messages. Words
	// may hold {name}, {day}, {time}, {email}, {number}: see docs/plan.md.
	Say [][]string `json:"say"`
	// Voice: the alternatives are spoken, and reach the bot as voice notes.
	Voice    bool          `json:"voice,omitempty"`
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
