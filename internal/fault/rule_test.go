package fault

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func mustRule(t testing.TB, text string) Rule {
	t.Helper()
	r, err := ParseRule(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseRule(t *testing.T) {
	tests := []struct{ text, want string }{
		{"1% status 500", ""},
		{"every 10th status 429", ""},
		{"every 1st hang", ""},
		{"every 2nd hang", ""},
		{"every 3rd hang", ""},
		{"every 11th hang", ""},
		{"every 112 hang", "every 112th hang"},
		{"0.5% hang", ""},
		{"2% cut", ""},
		{"5% drip 200B/s", ""},
		{"drip 0.5kB/s", "drip 500B/s"},
		{"drip 1MB/s", "drip 1000kB/s"},
		{"10% delay lognormal(p50=450ms, p95=1.2s)", ""},
		{"delay 1s..3s on POST /v1/chat/*", ""},
		{"0.5% status 403 on events.insert", ""},
		{"100% reset", "reset"},
		{"malformed", ""},
		{"  1%   status   503  on  POST   /v1/*  from 30s to 90s ", "1% status 503 on POST /v1/* from 30s to 1m30s"},
		{"cut from 30s to 90s on GET /x", "cut on GET /x from 30s to 1m30s"},
		{"cut from 30s", ""},
		{"cut from 0s to 5s", "cut from 0 to 5s"},
		{"hang on select x from orders", ""},
		{"hang on select x from orders from 1s to 2s", ""},
		{"delay normal(mean=1s, sd=200ms) from 1s to 2s", ""},
	}
	for _, test := range tests {
		want := test.want
		if want == "" {
			want = test.text
		}
		want = strings.ReplaceAll(want, "90s", "1m30s")
		r := mustRule(t, test.text)
		if got := r.String(); got != want {
			t.Errorf("ParseRule(%q) = %s, want %s", test.text, got, want)
		}
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back Rule
		if err := json.Unmarshal(data, &back); err != nil || !back.Equal(r) {
			t.Errorf("%s came back as %v: %v", data, back, err)
		}
	}
}

func TestParseRuleRefuses(t *testing.T) {
	tests := []struct {
		text, problem string
		offset        int
	}{
		{"", "the effect is missing", 0},
		{"explode", `"explode" is not an effect`, 0},
		{"0% hang", `"0%" is not a share`, 0},
		{"101% hang", "is not a share", 0},
		{"NaN% hang", "is not a share", 0},
		{"every hang", `"hang" is not a count`, 6},
		{"every 0th hang", "is not a count", 6},
		{"1% status", "a failing HTTP status", 9},
		{"1% status 200", "a failing HTTP status", 10},
		{"drip 200", "is not a rate", 5},
		{"drip 0B/s", "is not a rate", 5},
		{"delay", "a duration is missing", 5},
		{"delay 0", "does nothing", 6},
		{"delay 5", `"5" is not a duration`, 6},
		{"hang on", "the operation is missing", 5},
		{"hang now", `"now" is left over`, 5},
		{"hang from 9s to 3s", "is not after", 16},
		{"hang from soon", "is not a duration", 10},
		{"hang from 1s from 2s", "left over", 13},
	}
	for _, test := range tests {
		_, err := ParseRule(test.text)
		syntax, ok := errors.AsType[*SyntaxError](err)
		if !ok || !strings.Contains(syntax.Problem, test.problem) || syntax.Offset != test.offset {
			t.Errorf("ParseRule(%q): %v (offset wanted %d, problem %q)", test.text, err, test.offset, test.problem)
		}
	}
}

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"*", "", true},
		{"*", "anything", true},
		{"a*", "abc", true},
		{"a*", "bc", false},
		{"*c", "abc", true},
		{"a*c", "ac", true},
		{"a*c", "a", false},
		{"aa*aa", "aaa", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"POST /v1/chat/*", "POST /v1/chat/completions", true},
		{"POST /v1/chat/*", "GET /v1/chat/completions", false},
	}
	for _, test := range tests {
		if got := glob(test.pattern, test.text); got != test.want {
			t.Errorf("glob(%q, %q) = %v", test.pattern, test.text, got)
		}
	}
}

func TestRuleCoversWhatIsBelowItsPath(t *testing.T) {
	f := func(on, op string, want bool) {
		t.Helper()
		rule, err := ParseRule("status 500 on " + on)
		if err != nil {
			t.Fatal(err)
		}
		if got := rule.covers(op, 0); got != want {
			t.Errorf("%q covers %q: %v", on, op, got)
		}
	}
	f("POST /message/sendText", "POST /message/sendText/{instance}", true)
	f("/message/sendText", "POST /message/sendText/{instance}", true)
	f("POST /message", "POST /message/sendText/{instance}", true)
	f("POST /message/send", "POST /message/sendText/{instance}", false)
	f("GET /message", "POST /message/sendText/{instance}", false)
}

func FuzzParseRule(f *testing.F) {
	for _, seed := range []string{"1% status 500", "every 10th status 429", "5% drip 200B/s on POST /v1/*", "10% delay 1s..3s from 30s to 90s", "hang on a from b from 1s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule(text)
		if err != nil {
			if syntax, ok := errors.AsType[*SyntaxError](err); !ok || syntax.Offset < 0 || syntax.Offset > len(text) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if back, err := ParseRule(r.String()); err != nil || back != r {
			t.Errorf("%q became %q: %v", text, r, err)
		}
	})
}
