package verdict

import (
	"strings"
	"testing"

	"parley"
	"parley/internal/anatomy"
)

// A model made from real calls is assumed all the same, and its origin is said.
func TestFittedIsAssumedAndSaysSo(t *testing.T) {
	const fitted, replayed = "fitted from 1,200 calls of run r on 2026-11-01", "replayed from openai.jsonl, else default"
	for _, test := range []struct {
		sources []string
		why     string
		ending  string
	}{
		{[]string{"default"}, "the plan's own assumption", "with OpenAI's latency assumed."},
		{[]string{fitted}, "the latency is simulated, " + fitted + ", and proves nothing", "with OpenAI's (" + fitted + ") latency assumed."},
		{[]string{replayed}, replayed, "with OpenAI's (" + replayed + ") latency assumed."},
		{[]string{fitted, "plan"}, "the plan's own assumption", "(" + fitted + ") latency assumed."},
		{[]string{fitted, fitted}, "the latency is simulated, " + fitted + ", and", "latency assumed."},
	} {
		run, s := steadyRun(), summaryOf(parley.Estimate{Value: 2, Low: 1, High: 3})
		s.LLM = waits("p95", parley.Estimate{Value: 9, Low: 8, High: 10})
		s.Upstreams, run.Assumed = nil, nil
		for i, source := range test.sources {
			wire := []string{"openai", "second"}[i]
			s.Upstreams = append(s.Upstreams, anatomy.Upstream{Wire: wire, Kind: "openai", Assumed: true})
			run.Assumed = append(run.Assumed, parley.Assumption{Wire: wire, Source: source})
		}
		v := Judge(run, []parley.Budget{budgetOf("llm.p95 < 3s", "llm", "p95", "<", 3, parley.Seconds), replyP95()}, s)
		if r := v.Budgets[0]; r.Result != parley.AssumedOnly || !strings.Contains(r.Why, test.why) {
			t.Errorf("%v: %s, %s", test.sources, r.Result, r.Why)
		}
		if !strings.HasSuffix(v.Sentence, test.ending) {
			t.Errorf("%v: %s", test.sources, v.Sentence)
		}
	}
}
