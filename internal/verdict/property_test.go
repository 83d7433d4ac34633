package verdict

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley"
	"parley/internal/anatomy"
)

// drawTurn draws a turn of any kind, the impossible ones of a damaged record among them.
func drawTurn(t *rapid.T, id int64) parley.Turn {
	instant := func(name string) time.Duration {
		return time.Duration(rapid.OneOf(rapid.Just(int64(parley.None)), rapid.Int64Range(0, 120e9)).Draw(t, name))
	}
	due := time.Duration(rapid.Int64Range(0, 100e9).Draw(t, "due"))
	return parley.Turn{
		ID: id, Conversation: rapid.Int64Range(1, 5).Draw(t, "conversation"), Ordinal: rapid.Int32Range(0, 2).Draw(t, "ordinal"),
		Phase:   rapid.SampledFrom([]string{"solo", "steady", "ramp", "drain", "canary", "elsewhere"}).Draw(t, "phase"),
		Outcome: rapid.SampledFrom([]parley.Outcome{parley.Open, parley.Answered, parley.Abandoned, parley.Cut, parley.Unsent}).Draw(t, "outcome"),
		Due:     due, Spoken: due + time.Duration(rapid.Int64Range(0, 3e9).Draw(t, "burst")),
		Sent: instant("sent"), Acked: instant("acked"), AckLatency: instant("ack"), FirstReply: instant("first"), AnsweredAt: instant("answered"), Ended: instant("ended"),
		Said: rapid.Int32Range(0, 3).Draw(t, "said"), Attempts: rapid.Int32Range(0, 5).Draw(t, "attempts"), Refused: rapid.Int32Range(0, 2).Draw(t, "refused"),
		Replies: rapid.Int32Range(0, 2).Draw(t, "replies"),
	}
}

// Whatever rows a record holds, the summary is finite and adds up, and a verdict is spoken.
func TestAnyRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := &parley.Run{
			State:   rapid.SampledFrom([]parley.State{parley.Complete, parley.Running, parley.Interrupted, parley.Broken}).Draw(t, "state"),
			Elapsed: time.Duration(rapid.Int64Range(0, 120e9).Draw(t, "elapsed")),
			Phases: []parley.Phase{
				{Name: "canary", Kind: parley.Canary, End: 1e9}, {Name: "solo", Kind: parley.Solo, Start: 1e9, End: 10e9},
				{Name: "steady", Kind: parley.Steady, Start: 10e9, End: 60e9},
				{Name: "ramp", Kind: parley.Ramp, Start: 60e9, End: parley.None, Steps: []parley.Step{{Start: 60e9, End: 70e9}, {Start: 70e9, End: 80e9}, {Start: 80e9, End: parley.None}}},
			},
		}
		run.Phases = run.Phases[:rapid.IntRange(0, 4).Draw(t, "phases")]
		var turns []parley.Turn
		for i := range rapid.IntRange(0, 30).Draw(t, "turns") {
			turns = append(turns, drawTurn(t, int64(i+1)))
		}
		var calls []parley.Call
		for range rapid.IntRange(0, 30).Draw(t, "calls") {
			calls = append(calls, parley.Call{
				Turn: rapid.Int64Range(0, 31).Draw(t, "turn"), Wire: rapid.SampledFrom([]string{"openai", "evolution", "redis/0"}).Draw(t, "wire"),
				Start: time.Duration(rapid.Int64Range(0, 120e9).Draw(t, "start")), End: time.Duration(rapid.Int64Range(-1, 120e9).Draw(t, "end")), FirstByte: parley.None,
			})
		}
		s := anatomy.Summarize(run, slices.Values(turns), nil, slices.Values(calls))
		if _, err := json.Marshal(s); err != nil {
			t.Fatalf("summary is not JSON: %v", err)
		}
		shares := 0.0
		for _, p := range s.Split {
			if p.Seconds < 0 {
				t.Fatalf("%s took %v s", p.Name, p.Seconds)
			}
			shares += p.Share
		}
		if len(s.Split) > 0 && math.Abs(shares-1) > 1e-9 && shares != 0 {
			t.Fatalf("shares add up to %v", shares)
		}
		var budgets []parley.Budget
		for _, m := range parley.Metrics() {
			budgets = append(budgets, budgetOf("", m.Name, map[bool]string{true: "p95"}[m.Quantiles], "<", 1, m.Unit))
		}
		v := Judge(run, budgets, s)
		if !strings.HasSuffix(v.Sentence, ".") || strings.Contains(v.Sentence, "%!") || strings.Contains(v.Sentence, "NaN") || (v.Result == parley.Pass) != (v.ExitCode == 0) {
			t.Fatalf("got %+v", v)
		}
		if _, err := json.Marshal(v); err != nil {
			t.Fatalf("verdict is not JSON: %v", err)
		}
	})
}
