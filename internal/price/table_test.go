package price

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley"
)

var (
	update = flag.Bool("update", false, "rewrite prices.json")
	from   = flag.String("from", "prices.json", "LiteLLM's list that prices.json is made of")
)

// filtered is the part of a list that parley holds: models that answer, embed or transcribe, and have a price
// that is not 0, with the fields that are read, one model a line.
func filtered(text []byte) ([]byte, error) {
	var all map[string]entry
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	modes := []string{"chat", "responses", "embedding", "audio_transcription"}
	var lines [][]byte
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e := all[name]
		if !slices.Contains(modes, e.Mode) || value(e.Input)+value(e.Output)+value(e.AudioSecond) == 0 {
			continue
		}
		if e.Mode != "audio_transcription" {
			e.Mode, e.AudioToken = "", nil
		}
		line, err := json.Marshal(map[string]entry{name: e})
		if err != nil {
			return nil, err
		}
		lines = append(lines, line[1:len(line)-1])
	}
	return slices.Concat([]byte("{\n"), bytes.Join(lines, []byte(",\n")), []byte("\n}\n")), nil
}

// To take over a newer list: go test ./internal/price -run TestList -update -from model_prices_and_context_window.json,
// and set listDated.
func TestList(t *testing.T) {
	text, err := os.ReadFile(*from)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if text, err = filtered(text); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("prices.json", text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	table, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range table.models {
		if p.Input+p.AudioSecond == 0 || p.Cached <= 0 && p.Input > 0 || p.Cached > p.Input || p.CacheWrite <= 0 && p.Input > 0 || p.Input > 0.001 {
			t.Errorf("%s costs %+v", name, p)
		}
	}
	if n := len(table.models); n < 150 || len(text) > 60_000 {
		t.Errorf("%d models in %d bytes, want 150 or more in 60,000 at most", n, len(text))
	}
}

// Prices as their makers published them.
func TestPrices(t *testing.T) {
	const million = 1e6
	table := Embedded()
	if table.Source != "LiteLLM" || table.Dated != "2026-07-24" {
		t.Errorf("the list is %s's of %q", table.Source, table.Dated)
	}
	for _, want := range []parley.ModelPrice{
		{Model: "gpt-4o-mini", Input: 0.15, Cached: 0.075, CacheWrite: 0.15, Output: 0.60},
		{Model: "gpt-4o", Input: 2.5, Cached: 1.25, CacheWrite: 2.5, Output: 10},
		{Model: "gpt-4o-2024-05-13", Input: 5, Cached: 5, CacheWrite: 5, Output: 15}, // has no cache
		{Model: "claude-haiku-4-5", Input: 1, Cached: 0.1, CacheWrite: 1.25, Output: 5},
		{Model: "gemini-2.5-flash", Input: 0.3, Cached: 0.03, CacheWrite: 0.3, Output: 2.5},
		{Model: "gpt-4o-mini-transcribe", Input: 1.25, Cached: 1.25, CacheWrite: 1.25, Output: 5},
		{Model: "gemini-embedding-001", Input: 0.15, Cached: 0.15, CacheWrite: 0.15},
	} {
		got, ok := table.Lookup(want.Model)
		near := func(a, b float64) bool { return math.Abs(a*million-b) < 1e-9 }
		if !ok || !got.Known || !near(got.Input, want.Input) || !near(got.Cached, want.Cached) || !near(got.CacheWrite, want.CacheWrite) || !near(got.Output, want.Output) {
			t.Errorf("%s: got %+v, want per million %+v", want.Model, got, want)
		}
	}
	if p, ok := table.Lookup("gpt-realtime-whisper"); !ok || p.AudioSecond == 0 || p.Input != 0 {
		t.Errorf("a price by the second: %+v", p)
	}
}

func TestLookup(t *testing.T) {
	table, err := parse([]byte(`{
		"gpt-4o-mini": {"input_cost_per_token": 1, "output_cost_per_token": 1},
		"gpt-4o": {"input_cost_per_token": 2, "output_cost_per_token": 1},
		"gpt-4o-2024-05-13": {"input_cost_per_token": 3, "output_cost_per_token": 1},
		"o1-2024-12-17": {"input_cost_per_token": 4, "output_cost_per_token": 1},
		"o1-2025-01-02": {"input_cost_per_token": 5, "output_cost_per_token": 1},
		"claude-3-haiku-20240307": {"input_cost_per_token": 6, "output_cost_per_token": 1},
		"gpt-3.5-turbo": {"input_cost_per_token": 7, "output_cost_per_token": 1},
		"azure/gpt-4o": {"input_cost_per_token": 8, "output_cost_per_token": 1},
		"ft:gpt-4o:mine": {"input_cost_per_token": 9, "output_cost_per_token": 1},
		"free": {"input_cost_per_token": 0, "output_cost_per_token": 0},
		"silent": {"mode": "chat", "max_tokens": 4096},
		"empty": {"input_cost_per_token": null},
		"asked": {"mode": "chat", "input_cost_per_token": 1},
		"answered": {"output_cost_per_token": 1},
		"embedding": {"mode": "embedding", "input_cost_per_token": 1}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	for model, want := range map[string]float64{
		"gpt-4o-mini": 1, "gpt-4o-mini-2024-07-18": 1, "openai/gpt-4o-mini": 1, "azure/gpt-4o-mini-20240718": 1,
		"openrouter/openai/gpt-4o-mini": 1, "gpt-4o-mini-latest": 1, "models/gpt-4o-mini": 1,
		"gpt-4o": 2, "gpt-4o-2024-11-20": 2, "openai/gpt-4o": 2,
		"gpt-4o-2024-05-13": 3,
		"o1":                5, "o1-2024-12-17": 4, "openai/o1": 5, "o1-2026-01-01": 5,
		"claude-3-haiku": 6, "anthropic/claude-3-haiku-20240307": 6,
		"gpt-35-turbo": 7, "azure/gpt-35-turbo": 7,
		"azure/gpt-4o": 8, "azure/gpt-4o-2024-05-13": 8, // as the provider charges for it
		"ft:gpt-4o:mine": 9,
		"free":           0,
		"embedding":      1,
		// unknown
		"": -1, "gpt-4": -1, "gpt-4o-": -1, "ft:gpt-4o-mini:acme::1": -1, "openai/ft:gpt-4o:other": -1, "groq/gpt-4o": -1,
		"gpt-4o-mini-audio": -1, "silent": -1, "empty": -1, "asked": -1, "answered": -1, "openai/": -1, "/": -1, strings.Repeat("openai/", 40) + "gpt-4o": -1, "GPT-4o": -1,
	} {
		got, ok := table.Lookup(model)
		if ok != (want >= 0) || ok && got.Input != want || got.Model != model || got.Known != ok {
			t.Errorf("%q costs %v (known: %v) as %q, want %v", model, got.Input, ok, got.Model, want)
		}
	}
}

func TestRead(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`{"gpt-4o": {"input_cost_per_token": 1e-6}}`, ""},
		{`{"sample_spec": {"input_cost_per_token": "dollars"}, "gpt-4o": {"input_cost_per_token": 1e-6}}`, ""},
		{`{}`, ""},
		{``, "prices.json:1:1: unexpected end of JSON input"},
		{`[]`, "prices.json:1:1: is not an object of models"},
		{"{\n \"a\": 3\n}", "prices.json:2:7: a: must be an object of prices, not a number"},
		{"{\n \"a\": {\"input_cost_per_token\": \"1e-6\"}\n}", "prices.json:2:7: a: input_cost_per_token must be a number of US dollars, not a string"},
		{"{\n \"a\": {\"input_cost_per_token\": -1}\n}", "prices.json:2:7: a: -1 is no price of a token or a second, in US dollars"},
		{"{\n \"a\": {\"input_cost_per_token\": 0.15, \"output_cost_per_token\": 60000}\n}", "prices.json:2:7: a: 60000 is no price"},
		{"{\n \"a\": {},\n}", "prices.json:3:1: invalid character"},
		{"{\"a\": {}", "prices.json:1:8: unexpected end of JSON input"},
		{"{\"a\": {}} {}", "prices.json:1:11: invalid character '{' after top-level value"},
	} {
		path := filepath.Join(t.TempDir(), "prices.json")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := Read(path)
		switch {
		case test.want == "" && (err != nil || table.Source != "prices.json" || table.Dated != ""):
			t.Errorf("%s: %+v, %v", test.text, table, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "price list ")):
			t.Errorf("%s:\ngot  %v\nwant %s", test.text, err, test.want)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.json")); err == nil || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("a list that is not there: %v", err)
	}
}

// Whatever a list holds, its prices are finite and not negative, and a flaw has a place in it.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"gpt-4o": {"mode": "chat", "input_cost_per_token": 1e-6, "cache_read_input_token_cost": 0}}`))
	f.Add([]byte(`{"a-2024-01-01": {"output_cost_per_token": 1e-6}, "b": {"input_cost_per_second": "x"}}`))
	f.Add([]byte("{\n\"a\": {\"mode\": 3}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		table, err := parse(text)
		if err != nil {
			at, ok := errors.AsType[*flaw](err)
			if !ok || at.what == "" {
				t.Fatalf("no flaw: %v", err)
			}
			if line, column := at.place(text); line < 1 || column < 1 {
				t.Fatalf("at %d:%d", line, column)
			}
			return
		}
		for name, p := range table.models {
			for _, v := range []float64{p.Input, p.Cached, p.CacheWrite, p.Output, p.AudioSecond} {
				if !(v >= 0 && v <= 1000) {
					t.Fatalf("%s costs %+v", name, p)
				}
			}
			if got, ok := table.Lookup(name); len(name) <= nameLimit && (!ok || got != p) {
				t.Fatalf("%q is not found: %+v", name, got)
			}
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	table := Embedded()
	for b.Loop() {
		table.Lookup("openai/gpt-4o-mini-2024-09-09")
	}
}
