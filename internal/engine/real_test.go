package engine

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley"
	"parley/internal/record"
)

// fakeOpenAI answers chats as OpenAI does, and counts them. Each costs 10,000 tokens.
func fakeOpenAI(t *testing.T, asked *atomic.Int64) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sk-real" || r.URL.Path != "/team/v1/chat/completions" {
			t.Errorf("%s with %s", r.URL, r.Header.Get("Authorization"))
		}
		n := asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"choices":[{"message":{"content":"answer %d"}}],"usage":{"prompt_tokens":20,"completion_tokens":10000}}`, n)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/team/v1"
}

func relayPlan(t *testing.T, openai string) string {
	t.Helper()
	text := fmt.Sprintf(planText, executable(t), "", "5s")
	return strings.Replace(text, "simulate: {first_token: 5ms, per_token: 0}", strings.ReplaceAll(strings.TrimSpace(openai), "\n", "\n    "), 1)
}

func TestRelayThenReplay(t *testing.T) {
	var asked atomic.Int64
	p := testPlan(t, relayPlan(t, "relay: real\naddress: "+fakeOpenAI(t, &asked)+"\nspend: $100\nkey: sk-real\nkeep: exchanges"))
	run, turns, calls, dir := conduct(context.Background(), t, p)
	if run.State != parley.Complete || len(run.Problems) > 0 || len(run.Warnings) > 0 {
		t.Fatalf("state %s, problems %+v, warnings %q", run.State, run.Problems, run.Warnings)
	}
	if slices.ContainsFunc(run.Assumed, func(a parley.Assumption) bool { return a.Wire == "openai" }) {
		t.Errorf("a measured wire is assumed: %+v", run.Assumed)
	}
	for _, c := range calls {
		if c.Wire == "openai" && (c.Imposed != 0 || c.CompletionTokens != 10_000 || c.Model != "gpt-4o-mini" || c.Turn == 0) {
			t.Errorf("recorded %+v", c)
		}
	}
	if int(asked.Load()) != len(turns) {
		t.Errorf("%d calls passed on for %d turns", asked.Load(), len(turns))
	}
	kept := filepath.Join(dir, record.ExchangesDir, "openai.jsonl")
	text, err := os.ReadFile(kept)
	if err != nil || strings.Contains(string(text), "sk-real") || strings.Count(string(text), "\n") != len(turns) {
		t.Fatalf("kept %d bytes, %v", len(text), err)
	}

	again := testPlan(t, relayPlan(t, "simulate: {replay: "+kept+"}"))
	before := asked.Load()
	run, turns, calls, _ = conduct(context.Background(), t, again)
	if run.State != parley.Complete || len(run.Problems) > 0 || len(run.Warnings) > 0 || asked.Load() != before {
		t.Fatalf("state %s, problems %+v, warnings %q", run.State, run.Problems, run.Warnings)
	}
	if !strings.HasPrefix(run.Assumed[0].Source, "replayed from openai.jsonl") {
		t.Errorf("assumed %+v", run.Assumed)
	}
	for _, c := range calls {
		if c.Wire == "openai" && (c.CompletionTokens != 10_000 || c.Failure != "") {
			t.Errorf("recorded %+v", c)
		}
	}
	for _, turn := range turns {
		if turn.Outcome != parley.Answered {
			t.Errorf("turn %d: %s", turn.ID, turn.Outcome)
		}
	}
}

func TestSpendEndsTheRun(t *testing.T) {
	var asked atomic.Int64
	p := testPlan(t, relayPlan(t, "relay: real\naddress: "+fakeOpenAI(t, &asked)+"\nspend: $0.05\nkey: sk-real"))
	run, _, _, _ := conduct(context.Background(), t, p)
	if run.State != parley.Complete || len(run.Problems) != 1 || run.Problems[0].Code != parley.ProblemCeiling || !strings.Contains(run.Problems[0].What, "$0.05") {
		t.Errorf("state %s, problems %+v", run.State, run.Problems)
	}
	// 10,000 tokens cost $0.006, and the worst of a call, 16,384 of them, about $0.01.
	if n := asked.Load(); n < 5 || n > 8 {
		t.Errorf("%d calls were passed on", n)
	}
	if run.Elapsed > 20*time.Second {
		t.Errorf("the run went on for %v", run.Elapsed)
	}
}

func TestRefusedByTheRealService(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":{"message":"no"}}`, http.StatusUnauthorized)
	}))
	defer s.Close()
	p := testPlan(t, relayPlan(t, "relay: real\naddress: "+s.URL+"\nspend: $1\nkey: sk-wrong"))
	run, _, _, _ := conduct(context.Background(), t, p)
	if run.State != parley.Broken || len(run.Problems) != 1 || !strings.Contains(run.Problems[0].What, "refuses the bot's credentials") {
		t.Errorf("state %s, problems %+v", run.State, run.Problems)
	}
}

func TestNoSuchRecording(t *testing.T) {
	p := testPlan(t, relayPlan(t, "simulate: {replay: nothing.jsonl}"))
	run, _, _, _ := conduct(context.Background(), t, p)
	if run.State != parley.Broken || len(run.Problems) != 1 || run.Problems[0].Code != parley.ProblemSetup || !strings.Contains(run.Problems[0].What, "simulate.replay") {
		t.Errorf("state %s, problems %+v", run.State, run.Problems)
	}
}
