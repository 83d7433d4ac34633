package price

import (
	"bytes"
	_ "embed" // the list below
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley"
)

// The list in parley is a part of LiteLLM's model_prices_and_context_window.json: the models that chat bots use, and
// of each what [Table] reads. It is made by TestList with -update. LiteLLM is Copyright (c) 2023 Berri AI, under
// the MIT licence; see prices.LICENSE.
const (
	listSource = "LiteLLM"
	listDated  = "2026-07-24"
)

//go:embed prices.json
var list []byte

// Table is a list of what language models cost. It does not change, and is safe for concurrent use.
type Table struct {
	// Source names the list, Dated the day it holds for (empty if nobody says).
	Source, Dated string

	models map[string]parley.ModelPrice
	newest map[string]string // by name without a date: the newest dated one, of names listed with a date only
}

// Embedded returns the list in parley.
func Embedded() *Table {
	t, err := parse(list)
	if err != nil {
		panic("BUG: the embedded price list: " + err.Error())
	}
	t.Source, t.Dated = listSource, listDated
	return t
}

// listLimit bounds the size of a price list; LiteLLM's own has two megabytes.
const listLimit = 32 << 20

// Read reads a price list in the format of LiteLLM's model_prices_and_context_window.json. Errors name
// the file, and the line and column if something in it is wrong. Models without a price for all that they do are left out.
func Read(path string) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("price list: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, listLimit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("price list: %w", err)
	case len(text) > listLimit:
		return nil, fmt.Errorf("price list %s: is longer than %d MiB", path, listLimit>>20)
	}
	t, err := parse(text)
	if at, ok := errors.AsType[*flaw](err); ok {
		line, column := at.place(text)
		return nil, fmt.Errorf("price list %s:%d:%d: %w", path, line, column, err)
	}
	if err != nil {
		return nil, fmt.Errorf("price list %s: %w", path, err)
	}
	t.Source = filepath.Base(path)
	return t, nil
}

// flaw is what is wrong at a place of a list.
type flaw struct {
	offset int64
	what   string
}

func (f *flaw) Error() string { return f.what }

// place is the line and column of the flaw, from 1.
func (f *flaw) place(text []byte) (line, column int) {
	before := text[:min(max(f.offset, 0), int64(len(text)))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}

// entry is what a list says of one model, in US dollars. Tiers beyond a length of the prompt, priorities, batches and
// searches are not read.
type entry struct {
	Mode        string   `json:"mode,omitempty"`
	Input       *float64 `json:"input_cost_per_token,omitempty"`
	Output      *float64 `json:"output_cost_per_token,omitempty"`
	Cached      *float64 `json:"cache_read_input_token_cost,omitempty"`
	CacheWrite  *float64 `json:"cache_creation_input_token_cost,omitempty"`
	AudioToken  *float64 `json:"input_cost_per_audio_token,omitempty"`
	AudioSecond *float64 `json:"input_cost_per_second,omitempty"`
}

// parse reads a list.
func parse(text []byte) (*Table, error) {
	var whole json.RawMessage
	if err := json.Unmarshal(text, &whole); err != nil {
		if s, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, &flaw{s.Offset - 1, s.Error()}
		}
		return nil, &flaw{0, err.Error()}
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, &flaw{0, "is not an object of models, as LiteLLM's model_prices_and_context_window.json is"}
	}
	t := &Table{models: map[string]parley.ModelPrice{}}
	for d.More() {
		name, p, err := next(d)
		if err != nil {
			return nil, err
		}
		if p.Known {
			t.models[name] = p
		}
	}
	t.index()
	return t, nil
}

// next reads a model and its price, which is not known if the list does not say.
func next(d *json.Decoder) (name string, p parley.ModelPrice, err error) {
	key, err := d.Token()
	if err != nil {
		return "", p, &flaw{d.InputOffset(), err.Error()}
	}
	name, _ = key.(string) // a key is always text
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return "", p, &flaw{d.InputOffset(), err.Error()}
	}
	if name == "sample_spec" {
		return name, p, nil // LiteLLM's explanation of the format
	}
	at := d.InputOffset() - int64(len(raw))
	var e entry
	if err := json.Unmarshal(raw, &e); err != nil {
		if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return "", p, &flaw{at, mistyped(name, kind)}
		}
		return "", p, &flaw{at, name + ": " + err.Error()}
	}
	if what := e.flaw(); what != "" {
		return "", p, &flaw{at, name + ": " + what}
	}
	return name, e.price(name), nil
}

func mistyped(name string, e *json.UnmarshalTypeError) string {
	if e.Field == "" {
		return name + ": must be an object of prices, not a " + e.Value
	}
	if e.Field == "mode" {
		return name + ": mode must be text, not a " + e.Value
	}
	return fmt.Sprintf("%s: %s must be a number of US dollars, not a %s", name, e.Field, e.Value)
}

// flaw says which price is impossible, empty if none is.
func (e *entry) flaw() string {
	const most = 1000 // US dollars, far beyond what a token or a second of audio ever cost
	for _, p := range []*float64{e.Input, e.Output, e.Cached, e.CacheWrite, e.AudioToken, e.AudioSecond} {
		if p != nil && (*p < 0 || *p > most) {
			return fmt.Sprintf("%v is no price of a token or a second, in US dollars", *p)
		}
	}
	return ""
}

// price is what the model costs, not known if the list does not say all of it: of a model that answers, both what is
// asked and what is answered. A price that is missing is not 0.
func (e *entry) price(name string) parley.ModelPrice {
	answers := slices.Contains([]string{"", "chat", "completion", "responses"}, e.Mode)
	if e.AudioSecond == nil && (e.Input == nil || answers && e.Output == nil) {
		return parley.ModelPrice{}
	}
	p := parley.ModelPrice{Model: name, Known: true, Input: value(e.Input), Output: value(e.Output), AudioSecond: value(e.AudioSecond)}
	if e.Mode == "audio_transcription" && e.AudioToken != nil {
		p.Input = *e.AudioToken // what is transcribed is audio
	}
	// A service that has no price for a cache charges its tokens like others.
	p.Cached, p.CacheWrite = p.Input, p.Input
	if cached := value(e.Cached); cached > 0 {
		p.Cached = cached
	}
	if write := value(e.CacheWrite); write > 0 {
		p.CacheWrite = write
	}
	return p
}

func value(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}

// index finds the models that are listed under dated names only.
func (t *Table) index() {
	t.newest = map[string]string{}
	for name := range t.models {
		base, date := cutDate(name)
		if _, listed := t.models[base]; date == "" || listed {
			continue
		}
		_, best := cutDate(t.newest[base])
		if date = strings.ReplaceAll(date, "-", ""); date > strings.ReplaceAll(best, "-", "") {
			t.newest[base] = name
		}
	}
}
