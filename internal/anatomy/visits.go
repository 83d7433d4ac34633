package anatomy

import (
	"time"

	"parley"
)

// Visits is what conversations came to.
type Visits struct {
	VisitCount
	// Untied counts successful calls that reach a goal and could not be tied to a turn: that many more
	// conversations may have reached theirs.
	Untied int `json:"untied"`
	// Target is the T of the Apdex in seconds, 0 if the plan asks for none.
	Target    float64         `json:"apdex_target"`
	Scenarios []ScenarioVisit `json:"scenarios,omitempty"`
}

// ScenarioVisit is what the conversations of one scenario came to.
type ScenarioVisit struct {
	Name string `json:"name"`
	Goal string `json:"goal,omitempty"` // for people, empty if it has none
	VisitCount
	// PerConversation is the money of one that was finished or abandoned, in US dollars: its own calls to language
	// models and messages, without what is shared among all; nil without prices.
	PerConversation *parley.Estimate `json:"usd_per_conversation,omitempty"`
}

// VisitCount counts conversations.
type VisitCount struct {
	// Begun are all; each of them was Finished (its last turn answered), Abandoned (its user gave up) or
	// Cut (the run ended first), or is Open (its end was not recorded).
	Begun     int `json:"begun"`
	Finished  int `json:"finished"`
	Abandoned int `json:"abandoned"`
	Cut       int `json:"cut"`
	Open      int `json:"open"`
	// WithGoal are those finished or abandoned whose scenario has a goal, Reached those of them that reached it, and
	// Succeeded those that reached it or, without a goal, finished.
	WithGoal  int `json:"with_goal"`
	Reached   int `json:"reached"`
	Succeeded int `json:"succeeded"`
	// Success, Conversion and Abandonment are shares of conversations that were finished or abandoned. The upper
	// bound of the first two takes the untied calls into account.
	Success     parley.Estimate `json:"success"`
	Conversion  parley.Estimate `json:"conversion"`
	Abandonment parley.Estimate `json:"abandonment"`
	// Satisfied, Tolerating and Frustrated count the turns of the judged phases by their reply: within T, within 4 T,
	// later or never. Turns cut off before 4 T are left out: nothing is known of them.
	Satisfied  int             `json:"satisfied"`
	Tolerating int             `json:"tolerating"`
	Frustrated int             `json:"frustrated"`
	Apdex      parley.Estimate `json:"apdex"`
}

// Money is what the judged conversations cost, in US dollars.
type Money struct {
	// Source and Dated are those of the price list.
	Source string `json:"source"`
	Dated  string `json:"dated,omitempty"`
	// PerConversation and PerSuccess are the total cost of the conversations that were finished or abandoned, over
	// their number and over that of their successes. Without a success the latter is a floor; if a model has no price both
	// are, and so is the cost of each scenario. Warnings say what is left out, and what is shared because it could be
	// tied to no turn.
	PerConversation parley.Estimate `json:"usd_per_conversation"`
	PerSuccess      parley.Estimate `json:"usd_per_success"`
	// Models, Messages and Infrastructure are the parts of the mean PerConversation.
	Models         float64 `json:"models_usd_per_conversation"`
	Messages       float64 `json:"messages_usd_per_conversation"`
	Infrastructure float64 `json:"infrastructure_usd_per_conversation"`
	// Saved is what cached prompt tokens saved against their full price.
	Saved float64 `json:"saved_usd_per_conversation"`
	// ByModel are the models called in the judged phases, by whichever conversation, costliest first; those of Unpriced cost nothing here because no price is known.
	ByModel  []ModelMoney `json:"by_model"`
	Unpriced []string     `json:"unpriced,omitempty"`
}

// ModelMoney is what one model was used for and cost, in the judged phases.
type ModelMoney struct {
	Model              string  `json:"model"`
	Known              bool    `json:"known"` // has a price
	Calls              int     `json:"calls"`
	PromptTokens       int64   `json:"prompt_tokens"`
	CachedTokens       int64   `json:"cached_tokens"`
	CacheWrittenTokens int64   `json:"cache_written_tokens"`
	CompletionTokens   int64   `json:"completion_tokens"`
	AudioSeconds       float64 `json:"audio_seconds"`
	USD                float64 `json:"usd"`
}

// Heat counts turns by when they were spoken and how long they waited for the reply.
type Heat struct {
	Width time.Duration `json:"width_ns"` // of a column; the first begins at 0
	// Edges are the bounds of the rows in seconds, one more than there are rows. The last row holds all that is longer.
	Edges []float64 `json:"edges"`
	// Counts[column][row] are turns answered; Unanswered[column] those that were not.
	Counts     [][]int `json:"counts"`
	Unanswered []int   `json:"unanswered"`
}
