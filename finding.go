package parley

// Finding is something that a check found in a run: what costs the people who wait, loses messages or wastes money.
type Finding struct {
	// Check is the id of the check ("n-plus-one"), which has a page of that name in docs/checks.
	Check string `json:"check"`
	// Note: it could merely be better; it explains nothing of this run's replies, cost or losses.
	Note   bool          `json:"note,omitempty"`
	Status FindingStatus `json:"status"`
	// Layer is where it is ("postgres", "redis", "llm", "bot", "platform", ...), Wire and Operation what it is about, if it is about one.
	Layer     string `json:"layer"`
	Wire      string `json:"wire,omitempty"`
	Operation string `json:"operation,omitempty"`
	// What says in one sentence what was seen, in the words of the bot's own wires; Why what that does to the person waiting.
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
	// Change is what to change, Verify how to see that it helped. Both speak to the bot's developer.
	Change string `json:"change"`
	Verify string `json:"verify,omitempty"`
	// Measured are the figures that it rests on, the decisive one first.
	Measured []Measure `json:"measured"`
	// Saved is how much of the mean reply would go if this were gone, SavedP95 of the 95th percentile, in seconds: recorded turns
	// replayed without it. Share is Saved as a part of the mean reply, ShareP95 SavedP95 of the percentile. Nil or 0 if it costs
	// something other than time.
	Saved    *Estimate `json:"saved_mean,omitempty"`
	SavedP95 *Estimate `json:"saved_p95,omitempty"`
	Share    float64   `json:"share,omitempty"`
	ShareP95 float64   `json:"share_p95,omitempty"`
	// Dollars is what it costs in money for each conversation, nil if nothing or unknown.
	Dollars *Estimate `json:"usd_per_conversation,omitempty"`
	// Lost is the number of turns that it cost their answer.
	Lost int `json:"lost_turns,omitempty"`
	// Affected are the turns that show it, of Turns that were looked at.
	Affected int `json:"affected_turns"`
	Turns    int `json:"turns"`
	// Examples are turns in which it can be seen, the most typical first.
	Examples []Example `json:"examples,omitempty"`
	// Confidence is between 0 and 1: how sure it is that this is there and costs what is said. Doubt says what speaks against it.
	Confidence float64 `json:"confidence"`
	Doubt      string  `json:"doubt,omitempty"`
}

// FindingStatus says how far a finding is proven.
type FindingStatus string

const (
	Suspected FindingStatus = "suspected" // the record shows it
	Confirmed FindingStatus = "confirmed" // an experiment showed it, too
	Refuted   FindingStatus = "refuted"   // an experiment spoke against it
)

// Measure is one figure beside the threshold that makes it a finding.
type Measure struct {
	What      string   `json:"what"` // "statements alike, each turn"
	Value     Estimate `json:"value"`
	Unit      Unit     `json:"unit"`
	Threshold float64  `json:"threshold,omitempty"` // 0: it has none
}

// Example is a turn that shows a finding.
type Example struct {
	Turn int64 `json:"turn_id"`
	// Calls are the places, in the turn's waterfall, of the calls that make the finding.
	Calls []int `json:"calls,omitempty"`
	// Saved is what this turn would have saved, in seconds.
	Saved float64 `json:"saved"`
}

// Unknown is a check that could not tell.
type Unknown struct {
	Check string `json:"check"`
	// Needs says what it would take ("needs the bot's Redis on a tap").
	Needs string `json:"needs"`
}

// Diagnosis is what the checks made of a run.
type Diagnosis struct {
	// Answer is one sentence: what limits this bot, by how much, how sure.
	Answer string `json:"answer"`
	// Findings come in the order of what they cost the person waiting; Notes after them, apart.
	Findings []Finding `json:"findings"`
	Notes    []Finding `json:"notes,omitempty"`
	Unknown  []Unknown `json:"unknown,omitempty"`
	// Clean are the ids of the checks that looked and found nothing; Dismissed those that the plan says not to report.
	Clean     []string    `json:"clean,omitempty"`
	Dismissed []Dismissal `json:"dismissed,omitempty"`
}

// Dismissal is a check that the plan silences, with the reason it gives.
type Dismissal struct {
	Check  string `json:"check"`
	Reason string `json:"reason"`
}
