package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
)

// moneyStory is what conversations cost; nil without prices.
type moneyStory struct {
	Per1000, PerSuccess figure
	Parts               []costPart
	Models              []modelRow
	HasCached           bool
	HasWritten          bool
	HasAudio            bool
	Saved               string // per 1,000 conversations, empty if the cache saved nothing
	Prices              string // "LiteLLM, 2026-07-24"
	Unpriced            []string
	Notes               []string
}

// costPart is one thing the money goes for, per 1,000 conversations.
type costPart struct {
	Name, Class   string
	Dollars       float64
	Cost, Percent string
}

// modelRow is one model: what it was used for, its prices per million tokens and its cost per 1,000 conversations.
type modelRow struct {
	anatomy.ModelMoney
	Input, Cached, Written, Output string // prices
	Cost                           string
}

func tellMoney(run *parley.Run, sum *anatomy.Summary) *moneyStory {
	m := sum.Money
	if m == nil {
		return nil
	}
	out := &moneyStory{
		Per1000:    estimate(scaled(m.PerConversation, thousand), parley.Dollars),
		PerSuccess: estimate(m.PerSuccess, parley.Dollars),
		Parts:      costParts(m, prices(run)),
		Models:     modelRows(m, prices(run)),
		Prices:     strings.Join(nonEmpty(m.Source, m.Dated), ", "),
		Unpriced:   m.Unpriced,
	}
	if out.Per1000.Value == nothing && len(out.Models) == 0 {
		return nil // no conversation was held
	}
	if m.Saved > 0 {
		out.Saved = dollars(m.Saved * thousand)
	}
	for _, model := range m.ByModel {
		out.HasCached = out.HasCached || model.CachedTokens > 0
		out.HasWritten = out.HasWritten || model.CacheWrittenTokens > 0
		out.HasAudio = out.HasAudio || model.AudioSeconds > 0
	}
	simulated := slices.ContainsFunc(sum.Upstreams, func(u anatomy.Upstream) bool { return u.Assumed && u.CompletionTokens > 0 })
	if simulated {
		out.Notes = append(out.Notes, "The language model was simulated: prompts are the bot's own, the length of the answers is that of the plan's script.")
	}
	for _, warning := range m.PerConversation.Warnings {
		out.Notes = append(out.Notes, capital(warning)+".")
	}
	return out
}

func prices(run *parley.Run) []parley.ModelPrice {
	if run.Money == nil {
		return nil
	}
	return run.Money.Models
}

func dollars(v float64) string { return quantity(v, parley.Dollars) }

// costParts divides the mean cost of a conversation. What models cost is divided
// among kinds of tokens as their prices are; without prices it stays whole.
func costParts(m *anatomy.Money, list []parley.ModelPrice) []costPart {
	var prompt, cached, written, completion, audio float64
	for i := range m.ByModel {
		u := &m.ByModel[i]
		at := slices.IndexFunc(list, func(p parley.ModelPrice) bool { return p.Model == u.Model && p.Known })
		if at < 0 {
			continue
		}
		p := list[at]
		prompt += float64(max(0, u.PromptTokens-u.CachedTokens-u.CacheWrittenTokens)) * p.Input
		cached += float64(u.CachedTokens) * p.Cached
		written += float64(u.CacheWrittenTokens) * p.CacheWrite
		completion += float64(u.CompletionTokens) * p.Output
		audio += u.AudioSeconds * p.AudioSecond
	}
	parts := []costPart{
		{Name: "prompt", Class: "part-0", Dollars: prompt}, {Name: "cached prompt", Class: "part-3", Dollars: cached},
		{Name: "written to the cache", Class: "part-2", Dollars: written},
		{Name: "completion", Class: "part-1", Dollars: completion}, {Name: "audio", Class: "part-4", Dollars: audio},
	}
	if sum := prompt + cached + written + completion + audio; sum > 0 {
		for i := range parts {
			parts[i].Dollars *= m.Models / sum
		}
	} else {
		parts = []costPart{{Name: "language models", Class: "part-0", Dollars: m.Models}}
	}
	parts = append(parts,
		costPart{Name: "messages", Class: "part-retry", Dollars: m.Messages},
		costPart{Name: "infrastructure", Class: "part-bot", Dollars: m.Infrastructure})
	return finishParts(parts)
}

// finishParts words the parts that cost something, per 1,000 conversations.
func finishParts(parts []costPart) []costPart {
	parts = slices.DeleteFunc(parts, func(p costPart) bool { return !finite(p.Dollars) || p.Dollars <= 0 })
	total := 0.0
	for _, p := range parts {
		total += p.Dollars
	}
	for i := range parts {
		p := &parts[i]
		p.Percent = parley.ShortenFigure(parley.FormatShare(p.Dollars / total))
		p.Dollars *= thousand
		p.Cost = dollars(p.Dollars)
	}
	return parts
}

func modelRows(m *anatomy.Money, list []parley.ModelPrice) []modelRow {
	total := 0.0
	for _, u := range m.ByModel {
		total += u.USD
	}
	rows := make([]modelRow, 0, len(m.ByModel))
	for _, u := range m.ByModel {
		row := modelRow{ModelMoney: u, Input: nothing, Cached: nothing, Written: nothing, Output: nothing, Cost: nothing}
		row.Model = cmp.Or(u.Model, "no model named")
		if u.Known && total > 0 {
			row.Cost = dollars(u.USD / total * m.Models * thousand)
		}
		at := slices.IndexFunc(list, func(p parley.ModelPrice) bool { return p.Model == u.Model && p.Known })
		if at >= 0 {
			p := list[at]
			row.Input, row.Cached, row.Written, row.Output = perMillion(p.Input), perMillion(p.Cached), perMillion(p.CacheWrite), perMillion(p.Output)
		}
		rows = append(rows, row)
	}
	return rows
}

// perMillion writes a price per token as price lists do.
func perMillion(perToken float64) string { return dollars(perToken * 1e6) }

// Plain is the number of prompt tokens that cost the full price.
func (r modelRow) Plain() int64 {
	return max(0, r.PromptTokens-r.CachedTokens-r.CacheWrittenTokens)
}

// audioWords writes a length of audio, nothing for none.
func audioWords(secs float64) string {
	if secs <= 0 {
		return nothing
	}
	return span(time.Duration(secs * float64(time.Second)))
}

// unpricedSentence names the models that cost nothing here because nobody knows their price.
func unpricedSentence(models []string) string {
	return "No price is known for " + strings.Join(models, ", ") + ": what they cost is missing from these figures. " +
		"The plan's money section takes a price list of your own."
}
