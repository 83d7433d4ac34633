package plan

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const amendHead = "target: {webhook: 'http://127.0.0.1:8000/'} # the bot\nscenarios: [turns: [Hi]]\n"

func fitted() []Setting {
	return []Setting{
		{"", "first_token", "lognormal(p50=447ms, p95=1.11s)"}, {"", "per_token", "9ms"}, {"", "fitted", "from 1,200 calls of run r on 2026-11-01"},
	}
}

func TestAmend(t *testing.T) {
	for _, test := range []struct{ name, before, after string }{
		{"block, replaced and added", `dependencies:
  openai:   # the model
    simulate:
      # a comment of the key below
      api_key: k   # and one beside it
      first_token:   "450ms"  # measured
      per_token: '9ms'

    env: [X]
`, `dependencies:
  openai:   # the model
    simulate:
      fitted: from 1,200 calls of run r on 2026-11-01
      # a comment of the key below
      api_key: k   # and one beside it
      first_token:   "lognormal(p50=447ms, p95=1.11s)"  # measured
      per_token: '9ms'

    env: [X]
`},
		{"flow", `dependencies: {openai: {simulate: {per_token: 1ms, faults: ["1% hang"]}, env: [X]}}
`, `dependencies: {openai: {simulate: {first_token: "lognormal(p50=447ms, p95=1.11s)", fitted: "from 1,200 calls of run r on 2026-11-01", per_token: 9ms, faults: ["1% hang"]}, env: [X]}}
`},
		{"true", `dependencies:
    openai:
        simulate:  true   # assumed
        env: [X]
`, `dependencies:
    openai:
        simulate:   # assumed
          first_token: lognormal(p50=447ms, p95=1.11s)
          per_token: 9ms
          fitted: from 1,200 calls of run r on 2026-11-01
        env: [X]
`},
		{"true within braces", `dependencies: {openai: {simulate: true}}`,
			`dependencies: {openai: {simulate: {first_token: "lognormal(p50=447ms, p95=1.11s)", per_token: 9ms, fitted: "from 1,200 calls of run r on 2026-11-01"}}}`},
		{"empty", `dependencies: {openai: {simulate: {}}}`,
			`dependencies: {openai: {simulate: {first_token: "lognormal(p50=447ms, p95=1.11s)", per_token: 9ms, fitted: "from 1,200 calls of run r on 2026-11-01"}}}`},
		{"no end of line", "dependencies:\n  openai:\n    simulate: true",
			"dependencies:\n  openai:\n    simulate:\n      first_token: lognormal(p50=447ms, p95=1.11s)\n      per_token: 9ms\n      fitted: from 1,200 calls of run r on 2026-11-01"},
		{"characters of several bytes", "name: x\ndependencies: {openai: {env: [A], simulate: {api_key: \"äöü→\", per_token: 1ms}}}\n",
			"name: x\ndependencies: {openai: {env: [A], simulate: {first_token: \"lognormal(p50=447ms, p95=1.11s)\", fitted: \"from 1,200 calls of run r on 2026-11-01\", api_key: \"äöü→\", per_token: 9ms}}}\n"},
		{"relayed", `dependencies:
  openai:
    kind: openai
    relay: real            # since May
    address: http://127.0.0.1:4000/v1
    spend: $0.50
    env: [X]
    faults:
      - 1% hang
      - 1% cut
    canary: optional
`, `dependencies:
  openai:
    kind: openai
    # relay: real            # since May
    # address: http://127.0.0.1:4000/v1
    # spend: $0.50
    env: [X]
    # faults:
    #   - 1% hang
    #   - 1% cut
    simulate:
      first_token: lognormal(p50=447ms, p95=1.11s)
      per_token: 9ms
      fitted: from 1,200 calls of run r on 2026-11-01
    canary: optional
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, form := range []func(string) string{
				func(s string) string { return s },
				func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
				func(s string) string { return "\uFEFF" + s },
			} {
				before, after := form(amendHead+test.before), form(amendHead+test.after)
				if test.name == "no end of line" && strings.Contains(before, "\r") {
					continue
				}
				got, left, err := Amend([]byte(before), "openai", fitted(), true)
				if err != nil || len(left) > 0 {
					t.Fatalf("%v, left %v", err, left)
				}
				if diff := cmp.Diff(after, string(got)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				p, err := Parse("test", got, t.TempDir(), func(string) (string, bool) { return "", false })
				if err != nil {
					t.Fatal(err)
				}
				if o := p.Dependencies[0].OpenAI; o.FirstToken.String() != fitted()[0].Value || o.PerToken.String() != "9ms" || o.Source != "fitted "+fitted()[2].Value {
					t.Errorf("the plan has %+v", o)
				}
			}
		})
	}
}

func TestAmendRoutes(t *testing.T) {
	settings := []Setting{
		{"", "latency", "20ms"}, {"GET /v1/customers/*", "latency", "1ms..2ms"}, {"POST /v1/invoices", "latency", "lognormal(p50=1ms, p95=2ms)"},
		{"GET /health", "latency", "3ms"}, {"GET /nowhere", "latency", "4ms"}, {"GET /v1/customers/*/orders", "latency", "5ms"},
	}
	before := amendHead + `dependencies:
  billing:
    kind: http
    env: B
    simulate:
      routes:
        - on: GET /v1/customers/*   # gold
          json: {id: 1}
        - {on: POST /v1/invoices, latency: 200ms, status: 201}
        - on: /health
          latency:  5ms # old
          text: ok
`
	after := amendHead + `dependencies:
  billing:
    kind: http
    env: B
    simulate:
      latency: 20ms
      routes:
        - on: GET /v1/customers/*   # gold
          latency: 1ms..2ms
          json: {id: 1}
        - {on: POST /v1/invoices, latency: "lognormal(p50=1ms, p95=2ms)", status: 201}
        - on: /health
          latency:  3ms # old
          text: ok
`
	got, left, err := Amend([]byte(before), "billing", settings, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(after, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(settings[4:], left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

func TestAmendRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"dependencies: {openai: {relay: real, address: 'http://127.0.0.1:1', spend: 1}}":                        "within { }",
		"dependencies:\n  openai:\n    simulate:\n      per_token: >-\n        9ms\n":                           "cannot be changed in place",
		"dependencies:\n  openai:\n    simulate:\n      per_token: &a 9ms\n":                                    "cannot be changed in place",
		"dependencies:\n  a: {kind: openai, simulate: &m {per_token: 1ms}}\n  openai: {simulate: *m, env: X}\n": "alias",
		"dependencies: {redis: {}}": "no dependency",
		"dependencies: [":           "not YAML",
	} {
		if got, _, err := Amend([]byte(amendHead+text), "openai", fitted(), true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\n%s", text, err, got)
		}
	}
	relayed := amendHead + "dependencies:\n  openai:\n    relay: real\n    address: http://127.0.0.1:1\n    spend: 1\n"
	if _, _, err := Amend([]byte(relayed), "openai", fitted(), false); !errors.Is(err, ErrNotSimulated) {
		t.Errorf("a relayed one: %v", err)
	}
}

// Whatever the plan, what comes out of an amendment that is read again differs only in what was amended.
func FuzzAmend(f *testing.F) {
	f.Add(amendHead + "dependencies:\n  openai:\n    simulate:\n      per_token: 9ms\n    env: [X]\n")
	f.Add(amendHead + "dependencies: {openai: {simulate: {per_token: \"1ms\"}}}\n")
	f.Add("\uFEFF" + strings.ReplaceAll(amendHead, "\n", "\r\n") + "dependencies:\r\n  openai: {simulate: true}\r\n")
	getenv := func(string) (string, bool) { return "", false }
	f.Fuzz(func(t *testing.T, text string) {
		before, err := Parse("fuzz", []byte(text), "/", getenv)
		if err != nil {
			return
		}
		out, _, err := Amend([]byte(text), "openai", []Setting{{"", "per_token", "7ms"}}, false)
		if err != nil {
			return
		}
		after, err := Parse("fuzz", out, "/", getenv)
		if err != nil {
			return // the caller writes nothing
		}
		for _, p := range []*Plan{before, after} {
			for i := range p.Dependencies {
				if p.Dependencies[i].Name == "openai" {
					if p == after && p.Dependencies[i].OpenAI.PerToken.String() != "7ms" {
						t.Fatalf("per_token is %v in\n%s", p.Dependencies[i].OpenAI.PerToken, out)
					}
					p.Dependencies[i].OpenAI = OpenAI{}
				}
			}
		}
		a, _ := json.Marshal(before)
		b, _ := json.Marshal(after)
		if string(a) != string(b) {
			t.Errorf("more than per_token changed:\n%s\nbecame\n%s", text, out)
		}
	})
}
