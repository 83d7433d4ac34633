package openai

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
	"parley/internal/upstreamtest"
)

// bench is the simulator with a client, in memory.
type bench struct {
	*upstreamtest.Bench
	t *testing.T
}

func newBench(t *testing.T, o Options) *bench {
	t.Helper()
	return &bench{t: t, Bench: upstreamtest.New(t, func(record func(parley.Call)) upstreamtest.Service {
		o.Wire, o.Record = "openai", record
		return New(o)
	})}
}

// post sends a chat request and returns the response with its body read.
func (b *bench) post(body string) (*http.Response, []byte) {
	b.t.Helper()
	return b.Do(b.Request(b.t.Context(), http.MethodPost, "/v1/chat/completions", body))
}

// chat sends a chat request that must succeed.
func (b *bench) chat(body string) chatResponse {
	b.t.Helper()
	resp, data := b.post(body)
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("status %d: %s", resp.StatusCode, data)
	}
	var c chatResponse
	if err := json.Unmarshal(data, &c); err != nil {
		b.t.Fatal(err)
	}
	return c
}

// streamed is a stream as a client saw it.
type streamed struct {
	events []string        // data of each event
	at     []time.Duration // when each came
}

func readStream(t *testing.T, start time.Time, body io.Reader) (streamed, error) {
	t.Helper()
	var s streamed
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			s.events = append(s.events, data)
			s.at = append(s.at, time.Since(start))
		}
	}
	return s, lines.Err()
}

func ask(words string) string {
	body, err := json.Marshal(map[string]any{
		"model":    "gpt-4o-mini",
		"messages": []map[string]string{{"role": "system", "content": "You are a receptionist."}, {"role": "user", "content": words}},
	})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// with adds top-level fields to a request.
func with(body, fields string) string {
	return string(bytes.TrimSuffix([]byte(body), []byte("}"))) + "," + fields + "}"
}

func dist(t *testing.T, text string) fault.Dist {
	t.Helper()
	d, err := fault.ParseDist(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func rules(t *testing.T, texts ...string) []fault.Rule {
	t.Helper()
	var list []fault.Rule
	for _, text := range texts {
		r, err := fault.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// steady is a latency model without chance: 500 ms to the first token, 20 ms for each further one.
func steady(t *testing.T) plan.OpenAI {
	return plan.OpenAI{FirstToken: dist(t, "500ms"), PerToken: dist(t, "20ms")}
}
