package verdict

import (
	"strings"
	"testing"

	"parley"
	"parley/internal/anatomy"
)

// visited gives a summary conversations and their cost.
func visited(c scene) {
	c.s.Split, c.run.Assumed = nil, nil
	c.run.Goals = []parley.Goal{{Scenario: "booking", What: "calendar events.insert", Wire: "calendar", Operation: "events.insert"}}
	share := func(value, low, high float64) parley.Estimate {
		return parley.Estimate{Value: value, Low: low, High: high, N: 300}
	}
	c.s.Visits = anatomy.Visits{
		VisitCount: anatomy.VisitCount{Begun: 310, Finished: 290, Abandoned: 10, Cut: 10, WithGoal: 200, Reached: 142, Succeeded: 236,
			Success: share(0.79, 0.74, 0.83), Conversion: share(0.71, 0.64, 0.77), Abandonment: share(0.033, 0.018, 0.06), Apdex: share(0.85, 0.81, 0.88)},
		Target: 2,
	}
	c.s.Money = &anatomy.Money{Source: "LiteLLM", Dated: "2026-07-24", Models: 0.004, PerConversation: share(0.0042, 0.0041, 0.0043), PerSuccess: share(0.00532, 0.005, 0.0057)}
	c.s.Upstreams = []anatomy.Upstream{{Wire: "openai", Kind: "openai", Assumed: true}}
}

// after changes what visited made.
func after(change func(scene)) func(scene) {
	return func(c scene) { visited(c); change(c) }
}

func TestSentencesOfVisits(t *testing.T) {
	ratio := func(metric, op string, limit float64) []parley.Budget {
		return []parley.Budget{budgetOf("", metric, "", op, limit, parley.Ratio)}
	}
	cost := func(metric string, limit float64) []parley.Budget {
		return []parley.Budget{budgetOf("", metric, "", "<", limit, parley.Dollars)}
	}
	const none = "; none of 867 messages was lost."
	for _, c := range []sentenceCase{
		{"success kept", ratio("success", ">", 0.7), good(), visited,
			"Ready for 10,400 messages an hour: 79 % of conversations were a success (74–83 %), limit 70 %" + none, 0},
		{"success missed", ratio("success", ">", 0.9), good(), visited,
			"Fails its users: 79 % of conversations were a success (74–83 %), 12 % short of the limit of 90 %.", 1},
		{"conversion missed", ratio("conversion", ">=", 0.8), good(), visited,
			"Reaches its goal too seldom: 71 % of conversations with a goal reached it (64–77 %), 11 % short of the limit of 80 %.", 1},
		{"conversion, with calls nobody could tie", ratio("conversion", ">=", 0.8), good(), after(func(c scene) { c.s.Visits.Untied, c.s.Visits.Conversion.High = 20, 0.84 }),
			"Cannot tell: 71 % of conversations with a goal reached it (64–84 %); the limit of 80 % lies within that range, though 20 calls that reach a goal could not be tied to a conversation; about 21 min of steady load could tell.", 3},
		{"abandonment", ratio("abandonment", "<", 0.01), good(), visited,
			"Drives users away: 3.30 % of conversations were given up by their user (1.80–6.00 %), 3.3 times the limit of 1 %.", 1},
		{"apdex", ratio("apdex", ">", 0.9), good(), visited,
			"Leaves users dissatisfied: the Apdex was 0.85 (0.81–0.88), 5.56 % short of the limit of 0.9.", 1},
		{"cost kept", cost("cost_per_conversation", 0.01), good(), visited,
			"Ready for 10,400 messages an hour: a conversation cost $0.0042 ($0.0041–$0.0043), limit $0.01, by the length of the simulated answers" + none, 0},
		{"cost kept, measured answers", cost("cost_per_conversation", 0.01), good(), after(func(c scene) { c.s.Upstreams[0].Assumed = false }),
			"Ready for 10,400 messages an hour: a conversation cost $0.0042 ($0.0041–$0.0043), limit $0.01" + none, 0},
		{"cost missed", cost("cost_per_success", 0.004), good(), visited,
			"Too dear: a success cost $0.00532 ($0.005–$0.0057), 33 % over the limit of $0.004, by the length of the simulated answers.", 1},
		{"no success, dear enough to know", cost("cost_per_success", 0.1), good(), after(func(c scene) { c.s.Money.PerSuccess = floor(0.36) }),
			"Too dear: a success cost $0.36 or more, more than 3.6 times the limit of $0.10, by the length of the simulated answers.", 1},
		{"no success, and cheap", cost("cost_per_success", 1), good(), after(func(c scene) { c.s.Money.PerSuccess = floor(0.36) }),
			"Cannot tell: the successes of 300 conversations are too few for a cost of each, by the length of the simulated answers.", 3},
		{"few successes", cost("cost_per_success", 1), good(), after(func(c scene) {
			c.s.Money.PerSuccess = parley.Estimate{Value: 0.4, Low: 0.1, High: 0.4, HighBeyond: true, N: 20}
		}), "Cannot tell: a success cost $0.40 ($0.10 or more), limit $1; the successes of 20 conversations are too few for a cost of each, by the length of the simulated answers; about 7 min of steady load could tell.", 3},
		{"a model without a price", cost("cost_per_conversation", 0.01), good(), after(func(c scene) { c.s.Money.Unpriced = []string{"ft:gpt-4o:mine", "llama"} }),
			"Cannot tell: no price is known for ft:gpt-4o:mine and llama; give it in money.prices.", 3},
		{"many models without a price", cost("cost_per_conversation", 0.01), good(), after(func(c scene) { c.s.Money.Unpriced = strings.Split("abcdefgh", "") }),
			"Cannot tell: no price is known for a, b, c, d, e and 3 other models; give it in money.prices.", 3},
		{"slow calendar", []parley.Budget{budgetOf("", "calendar", "p95", "<", 1, parley.Seconds)}, good(), after(func(c scene) { c.s.Calendar = waits("p95", parley.Estimate{Value: 2, Low: 1.9, High: 2.1}) }),
			"Too slow: 5 % of calls to the calendar took longer than 2.00 s (1.90–2.10 s), 2 times the limit of 1 s.", 1},
	} {
		t.Run(c.name, c.run)
	}
}

func floor(low float64) parley.Estimate {
	return parley.Estimate{Value: low, Low: low, High: low, HighBeyond: true, Floor: true, N: 300}
}

// What a run does not have neither passes nor fails.
func TestVisitsWithout(t *testing.T) {
	for _, test := range []struct {
		name   string
		budget parley.Budget
		change func(scene)
		want   parley.Judgement
		why    string
	}{
		{"no goals", budgetOf("", "conversion", "", ">", 0.5, parley.Ratio), func(c scene) { c.run.Goals, c.s.Visits = nil, anatomy.Visits{} }, parley.NotMeasured, "no scenario of the plan has a goal"},
		{"none ended", budgetOf("", "conversion", "", ">", 0.5, parley.Ratio), func(c scene) { c.s.Visits = anatomy.Visits{} }, parley.CannotTell, "no conversation with a goal came to its end"},
		{"none ended, success", budgetOf("", "success", "", ">", 0.5, parley.Ratio), func(c scene) { c.s.Visits = anatomy.Visits{} }, parley.CannotTell, "no conversation came to its end"},
		{"no T", budgetOf("", "apdex", "", ">", 0.5, parley.Ratio), func(c scene) { c.s.Visits.Target = 0 }, parley.NotMeasured, "the plan does not say what reply time satisfies a user"},
		{"no money", budgetOf("", "cost_per_success", "", "<", 1, parley.Dollars), func(c scene) { c.s.Money = nil }, parley.NotMeasured, "nothing that the bot uses has a price: the plan calls no language model and sets no prices in money"},
		{"none ended, cost", budgetOf("", "cost_per_success", "", "<", 1, parley.Dollars), func(c scene) { c.s.Money = &anatomy.Money{} }, parley.CannotTell, "no conversation came to its end"},
		{"no calendar", budgetOf("", "calendar", "p95", "<", 1, parley.Seconds), func(scene) {}, parley.NotMeasured, "no call to a calendar was seen"},
		{"a simulated calendar", budgetOf("", "calendar", "p95", "<", 1, parley.Seconds), func(c scene) {
			c.s.Calendar = waits("p95", parley.Estimate{Value: 2, Low: 1.9, High: 2.1})
			c.s.Upstreams = append(c.s.Upstreams, anatomy.Upstream{Wire: "calendar", Kind: "calendar", Assumed: true})
		}, parley.AssumedOnly, "the latency is the plan's own assumption, and proves nothing about the real service"},
		{"an invalid run", budgetOf("", "cost_per_success", "", "<", 1, parley.Dollars), func(c scene) { c.run.Generator.Invalid = []string{"late"} }, parley.CannotTell, "the run is not valid"},
	} {
		at := scene{steadyRun(), summaryOf(good())}
		visited(at)
		test.change(at)
		if r := Judge(at.run, []parley.Budget{test.budget}, at.s).Budgets[0]; r.Result != test.want || r.Why != test.why {
			t.Errorf("%s: got %s, %q, want %s, %q", test.name, r.Result, r.Why, test.want, test.why)
		}
	}
}
