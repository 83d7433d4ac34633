package report

import (
	"parley"
	"parley/internal/anatomy"
)

// found is a run of a bot of which two things are known that make it slow or lossy, and one that could be better.
func found() Document {
	d := withAnatomy(judgedRun("chat-bot", wait{n: 620, median: 2.4, spread: .5, patience: 30}), 60)
	return withFindings(d)
}

// withFindings adds a diagnosis. Its findings point to the slow turn of the anatomy, if there is one.
func withFindings(d Document) Document {
	turn := int64(41)
	var statements []int
	if b := d.Summary.Anatomy; b != nil && b.Slow != nil {
		turn, d.Proofs = b.Slow.Turn, []anatomy.Waterfall{*b.Slow}
		for i, c := range b.Slow.Calls {
			if c.Layer == "postgres" {
				statements = append(statements, i)
			}
		}
	}
	d.Titles = map[string]string{"n-plus-one": "the same statement again and again", "duplicate-replies": "answers twice, late or out of order", "growing-prompt": "prompts that grow without bound"}
	estimate := func(v, low, high float64) *parley.Estimate {
		return &parley.Estimate{Value: v, Low: low, High: high, N: 620}
	}
	again := parley.Finding{
		Check: "n-plus-one", Status: parley.Suspected, Layer: "postgres", Wire: "postgres",
		Operation: "SELECT * FROM appointments WHERE patient_id = $1 AND starts_at > now() ORDER BY starts_at",
		What:      "The statement SELECT * FROM appointments WHERE patient_id = $1 AND starts_at > now() ORDER BY starts_at is sent 14.1 times in a turn, one after the other",
		Why:       "each waits for a round trip of its own, and the person for all of them",
		Change:    "fetch all rows with one statement (a join, or WHERE id = ANY($1) with the list), or send the statements in one pipeline",
		Verify:    "run parley review again with the same plan, and compare reply.p95 and the check n-plus-one",
		Measured: []parley.Measure{
			{What: "round trips with this statement, in a turn that shows it", Value: *estimate(14.1, 13.8, 14.4), Unit: parley.Count, Threshold: 5},
			{What: "turns that show it", Value: parley.Estimate{Value: .94, Low: .94, High: .94, N: 620, Exact: true}, Unit: parley.Ratio, Threshold: .1},
		},
		Saved: estimate(.62, .55, .7), SavedP95: estimate(1.31, .98, 1.7), Share: .23, ShareP95: .238, Dollars: estimate(.0004, .0003, .0005), Affected: 583, Turns: 620,
		Examples:   []parley.Example{{Turn: turn, Calls: statements, Saved: .61}, {Turn: 53, Saved: 1.9}},
		Confidence: .93, Doubt: "the statement may be one of several kinds that look alike",
	}
	twice := parley.Finding{
		Check: "duplicate-replies", Status: parley.Confirmed, Layer: "platform",
		What: "4 turns were answered twice, and all of them after a repeated webhook", Why: "the person reads the same answer twice",
		Change:   "remember the ids of messages that were taken in, and acknowledge a repetition without work",
		Measured: []parley.Measure{{What: "replies beyond the answer", Value: *exact(4), Unit: parley.Count}},
		Lost:     3, Affected: 4, Turns: 620, Examples: []parley.Example{{Turn: 77}}, Confidence: 1,
	}
	prompt := parley.Finding{
		Check: "growing-prompt", Note: true, Status: parley.Suspected, Layer: "llm", Wire: "openai",
		What: "A prompt grows by 310 tokens with each turn of its conversation", Change: "keep the last turns and a summary",
		Saved: estimate(.02, .01, .03), SavedP95: estimate(.05, .01, .09), Affected: 300, Turns: 620, Confidence: .8,
	}
	d.Run.Diagnosis = &parley.Diagnosis{
		Answer:   "What limits this bot: " + again.What + ". Without it the p95 reply of 5.51 s would take 1.31 s less (980 ms to 1.70 s), 24 % of it; 583 of 620 turns show it, confidence 93 %.",
		Findings: []parley.Finding{again, twice}, Notes: []parley.Finding{prompt},
		Unknown:   []parley.Unknown{{Check: "pool-limit", Needs: "needs more than one level of load"}},
		Clean:     []string{"retries", "own-time"},
		Dismissed: []parley.Dismissal{{Check: "delay-given-away", Reason: "the typing pause is wanted"}},
	}
	return d
}

// withoutFindings adds a diagnosis in which nothing was found.
func withoutFindings(d Document) Document {
	d.Titles = map[string]string{"n-plus-one": "the same statement again and again", "retries": "requests sent again"}
	d.Run.Diagnosis = &parley.Diagnosis{
		Answer:   "No cause was found that is this bot's own; 1 check could not tell. Replies take 3.21 s at p95, and most of a reply, 61 %, is openai, whose latency is assumed by the plan.",
		Findings: []parley.Finding{}, Clean: []string{"n-plus-one", "retries"},
		Unknown: []parley.Unknown{{Check: "pool-limit", Needs: "needs more than one level of load"}},
	}
	return d
}

// nameFindings puts a text into all words of a diagnosis that come from the bot or the plan.
func nameFindings(d Document, text string) {
	for _, list := range [][]parley.Finding{d.Run.Diagnosis.Findings, d.Run.Diagnosis.Notes} {
		for i := range list {
			f := &list[i]
			f.Wire, f.Operation, f.What, f.Why, f.Change, f.Verify, f.Doubt = text, text, text, text, text, text, text
			for k := range f.Measured {
				f.Measured[k].What = text
			}
		}
	}
	d.Run.Diagnosis.Answer = text
	d.Run.Diagnosis.Unknown[0].Needs, d.Run.Diagnosis.Dismissed[0].Reason = text, text
}
