package report

import (
	"math"
	"math/rand/v2"
	"time"

	"parley"
	"parley/internal/anatomy"
)

// withVisits adds what the conversations of a judged run came to.
func withVisits(d Document) Document {
	c := d.Summary.Judged
	gone := c.Abandoned / 2
	v := visitCount(c.Conversations, gone, 3)
	d.Summary.Visits = anatomy.Visits{VisitCount: v, Untied: 2, Target: 2, Scenarios: []anatomy.ScenarioVisit{
		{Name: "book a viewing", Goal: "calendar events.insert", VisitCount: visitCount(c.Conversations/2, gone*2/3, 2), PerConversation: usd(.0046)},
		{Name: "opening hours", VisitCount: visitCount(c.Conversations/3, gone/3, 1), PerConversation: usd(.0021)},
		{Name: "cancel", Goal: `a reply like "cancelled"`, VisitCount: visitCount(c.Conversations/6, 0, 0), PerConversation: usd(.0033)},
	}}
	d.Summary.Heat = heat(d.Run.Elapsed, c.Reply, c.Abandoned)
	return d
}

// visitCount makes n conversations of which some were abandoned and some cut; nine in ten reach their goal.
func visitCount(n, gone, cut int) anatomy.VisitCount {
	ended := max(n-cut, 1)
	reached := max(ended-gone, 0) * 9 / 10
	score := share95(gone, ended)
	return anatomy.VisitCount{
		Begun: n, Finished: n - cut - gone, Abandoned: gone, Cut: cut, WithGoal: ended, Reached: reached, Succeeded: reached,
		Success: share95(reached, ended), Conversion: share95(reached, ended), Abandonment: share95(gone, ended),
		Satisfied: n * 2, Tolerating: n * 3 / 4, Frustrated: gone,
		Apdex: parley.Estimate{Value: .86 - score.Value, Low: .83 - score.Value, High: .88 - score.Value, N: n * 3},
	}
}

func usd(v float64) *parley.Estimate {
	return &parley.Estimate{Value: v, Low: v * .95, High: v * 1.06, N: 300}
}

// withMoney adds prices and costs.
func withMoney(d Document) Document {
	const source, dated = "LiteLLM", "2026-07-24"
	d.Run.Money = &parley.Money{InfrastructurePerHour: .35, PerMessage: .0005, Source: source, Dated: dated, Models: []parley.ModelPrice{
		{Model: "gpt-5.6-mini", Known: true, Input: .75e-6, Cached: .075e-6, CacheWrite: .94e-6, Output: 4.5e-6},
	}}
	used := anatomy.ModelMoney{Model: "gpt-5.6-mini", Known: true, Calls: 8400, PromptTokens: 10_164_000, CachedTokens: 5_376_000, CacheWrittenTokens: 420_000, CompletionTokens: 714_000}
	price := d.Run.Money.Models[0]
	used.USD = price.Of(&parley.Call{PromptTokens: used.PromptTokens, CachedTokens: used.CachedTokens, CacheWrittenTokens: used.CacheWrittenTokens, CompletionTokens: used.CompletionTokens})
	n := float64(d.Summary.Judged.Conversations)
	models, messages, machines := used.USD/n, .0005*3.1, .35*d.Summary.JudgedFor.Hours()/n
	each := usd(models + messages + machines)
	d.Summary.Money = &anatomy.Money{
		Source: source, Dated: dated, PerConversation: *each, PerSuccess: *usd(each.Value / .9),
		Models: models, Messages: messages, Infrastructure: machines,
		Saved:   float64(used.CachedTokens) * (price.Input - price.Cached) / n,
		ByModel: []anatomy.ModelMoney{used},
	}
	return d
}

// withoutPrice adds a model that has no price to what a run cost.
func withoutPrice(d Document) Document {
	d.Run.Money.Models = append(d.Run.Money.Models, parley.ModelPrice{Model: "in-house-7b"})
	m := d.Summary.Money
	m.ByModel = append(m.ByModel, anatomy.ModelMoney{Model: "in-house-7b", Calls: 40, PromptTokens: 12_000, CompletionTokens: 2_100, AudioSeconds: 75})
	m.Unpriced = []string{"in-house-7b"}
	least := func(e *parley.Estimate) { e.Value, e.High, e.Floor, e.HighBeyond = e.Low, e.Low, true, true }
	least(&m.PerConversation)
	least(&m.PerSuccess)
	for _, s := range d.Summary.Visits.Scenarios {
		least(s.PerConversation)
	}
	m.PerConversation.Warnings = []string{"3 of 430 conversations had not come to their end when the run ended, and are left out"}
	return d
}

// heat spreads a distribution over the columns of a run, slower towards its end.
func heat(total time.Duration, w anatomy.Waits, lost int) *anatomy.Heat {
	const columns = 90
	rng := rand.New(rand.NewPCG(5, 5))
	h := &anatomy.Heat{Width: total / columns, Unanswered: make([]int, columns)}
	for k := range 15 {
		h.Edges = append(h.Edges, .05*math.Pow(2, float64(k)*.75))
	}
	for range columns {
		h.Counts = append(h.Counts, make([]int, len(h.Edges)-1))
	}
	for _, b := range w.Bins {
		for range b.Count {
			wait := b.From * (1 + rng.Float64()*(b.To/b.From-1))
			column := 3 + rng.IntN(columns-5)
			row := 0
			for row < len(h.Edges)-2 && h.Edges[row+1] <= wait*(1+float64(column)/300) {
				row++
			}
			h.Counts[column][row]++
		}
	}
	for range lost {
		h.Unanswered[columns/2+rng.IntN(columns/2-2)]++
	}
	return h
}
