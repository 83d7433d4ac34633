package price

import (
	"regexp"
	"slices"
	"strings"

	"parley"
)

// providers are the prefixes by which clients and gateways name who serves a model at its maker's price.
// With other prefixes somebody else hosts it, and charges what he likes.
func providers() []string {
	return []string{"openai", "azure", "anthropic", "gemini", "google", "vertex_ai", "models", "deepseek", "mistral", "mistralai", "xai", "x-ai", "moonshot", "moonshotai", "openrouter"}
}

// nameLimit is the length from which a name is no model's.
const nameLimit = 256

// Lookup returns the price of a model as a bot names it, under that name. It tries, first to last,
//
//  1. the name itself;
//  2. without the prefix of its provider ("openai/", "azure/", "openrouter/anthropic/");
//  3. without its date or "-latest" ("gpt-4o-mini-2024-07-18"): a snapshot not listed costs what the model does;
//  4. the newest snapshot of it, if only snapshots are listed ("o1").
//
// Azure's "gpt-35-turbo" is "gpt-3.5-turbo". A fine-tuned model ("ft:gpt-4o-mini:...") has another price than its
// base, which no list holds: it is known only if the list has that very name.
func (t *Table) Lookup(model string) (parley.ModelPrice, bool) {
	p, ok := t.find(model)
	if !ok {
		return parley.ModelPrice{Model: model}, false
	}
	p.Model = model
	return p, true
}

func (t *Table) find(model string) (parley.ModelPrice, bool) {
	if len(model) > nameLimit {
		return parley.ModelPrice{}, false
	}
	for {
		if p, ok := t.named(model); ok {
			return p, true
		}
		provider, rest, found := strings.Cut(model, "/")
		if !found || !slices.Contains(providers(), provider) {
			return parley.ModelPrice{}, false
		}
		model = rest
	}
}

// named looks a model up whose name has no more prefix to lose.
func (t *Table) named(model string) (parley.ModelPrice, bool) {
	if p, ok := t.models[model]; ok || strings.HasPrefix(model, "ft:") {
		return p, ok
	}
	if rest, ok := strings.CutPrefix(model, "gpt-35-"); ok {
		return t.named("gpt-3.5-" + rest)
	}
	base, _ := cutDate(model)
	base = strings.TrimSuffix(base, "-latest")
	if p, ok := t.models[base]; ok {
		return p, true
	}
	p, ok := t.models[t.newest[base]]
	return p, ok
}

// dated is a name that ends in the date of a snapshot.
var dated = regexp.MustCompile(`^(.+)-(20[0-9]{2}-?[01][0-9]-?[0-3][0-9])$`)

// cutDate takes the date of a snapshot off a name; date is empty if there is none.
func cutDate(name string) (base, date string) {
	m := dated.FindStringSubmatch(name)
	if m == nil {
		return name, ""
	}
	return m[1], m[2]
}
