package upstream

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/upstreamtest"
)

func exchangeOf(method, target string) *Exchange {
	s := New(Options{Key: parley.Key{1}})
	return s.Begin(httptest.NewRecorder(), httptest.NewRequest(method, target, http.NoBody))
}

func TestAsked(t *testing.T) {
	var calls []parley.Call
	for _, call := range [][3]string{
		{"GET", "/a?x=1", ""},
		{"GET", "/a?x=2", ""},
		{"GET", "/a?x=1", ""},
		{"POST", "/a?x=1", ""},
		{"POST", "/a?x=1", "{}"},
		{"POST", "/a?x=1{}", ""},
		{"POST", "/a?x=1", strings.Repeat("x", 1<<20)},
		{"POST", "/a?x=1", strings.Repeat("x", 1<<20+1)},
	} {
		x := exchangeOf(call[0], call[1])
		x.Asked([]byte(call[2]))
		calls = append(calls, x.Call)
	}
	if got, want := upstreamtest.Contents(calls), "abacdefg"; got != want {
		t.Errorf("contents %s, want %s", got, want)
	}
}

func TestAskedOfModel(t *testing.T) {
	const body = `{"model": "m", "messages": [%s]%s}`
	long := strings.Repeat("x", 100_000)
	var calls []parley.Call
	for _, text := range []string{
		fmt.Sprintf(body, "1", ""),
		fmt.Sprintf(body, "1", `, "stream": true, "stream_options": {"include_usage": true}, "user": "u7", "metadata": {"a": "b"}, "seed": 7`),
		fmt.Sprintf(body, "1", `, "temperature": 0.5`),
		fmt.Sprintf(body, "2", ""),
		fmt.Sprintf(body, `"`+long+`a"`, ""),
		fmt.Sprintf(body, `"`+long+`b"`, ""),
		"no object",
		"nor this",
	} {
		x := exchangeOf("POST", "/v1/chat/completions")
		x.AskedOfModel([]byte(text))
		calls = append(calls, x.Call)
	}
	if got, want := upstreamtest.Contents(calls), "aabcdefg"; got != want {
		t.Errorf("contents %s, want %s", got, want)
	}
	a, b := exchangeOf("POST", "/openai/deployments/a/chat/completions"), exchangeOf("POST", "/openai/deployments/b/chat/completions")
	a.AskedOfModel([]byte(`{"messages":[]}`))
	b.AskedOfModel([]byte(`{"messages":[]}`))
	if a.Call.Content == b.Call.Content {
		t.Error("two deployments are asked for the same")
	}
}

func TestPatience(t *testing.T) {
	for _, test := range []struct {
		read, whole string
		want        time.Duration
	}{
		{"", "", 0},
		{"600", "", 10 * time.Minute},
		{"2.5", "", 2500 * time.Millisecond},
		{"", "45", 45 * time.Second},
		{"5.0", "45", 5 * time.Second},
		{"None", "45", 45 * time.Second},
		{"-1", "", 0},
		{"NaN", "", 0},
		{"inf", "", 0},
		{"1e300", "", 0},
	} {
		h := http.Header{}
		h.Set("x-stainless-read-timeout", test.read)
		h.Set("x-stainless-timeout", test.whole)
		if got := Patience(h); got != test.want {
			t.Errorf("%q, %q: %v, want %v", test.read, test.whole, got, test.want)
		}
	}
}
