package app

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/record"
	"parley/internal/report"
)

const statement = "SELECT * FROM consultas WHERE paciente = $1"

// chatty records a bot that sends one statement so many times in each turn, and returns the run's folder. No statements: no
// call was recorded at all.
func chatty(t *testing.T, statements int, checks string) string {
	t.Helper()
	const turns, ms = 80, time.Millisecond
	dir := filepath.Join(t.TempDir(), "run")
	end := (turns + 2) * time.Second
	w, err := record.Create(dir, &parley.Run{
		ID: "chatty", Name: "chatty", Verb: "review", State: parley.Running, Started: time.Now(),
		Plan: json.RawMessage(`{"target":{"platform":"evolution"},"dependencies":[{"name":"postgres","kind":"postgres"},
			{"name":"openai","kind":"openai","simulate":true}],"checks":` + checks + `}`),
		Phases: []parley.Phase{{Name: "steady", Kind: parley.Steady, End: end, Rate: 3600}},
	}, record.Options{})
	if err != nil {
		t.Fatal(err)
	}
	flight := int64(0)
	for id := int64(1); id <= turns; id++ {
		spoken := time.Duration(id) * time.Second
		at := spoken
		call := func(wire, operation string, took time.Duration) {
			flight++
			at += ms
			c := parley.Call{Turn: id, By: parley.ByIdentity, Wire: wire, Operation: operation, Conn: int64(len(wire)), Flight: flight, Start: at, FirstByte: at + took, End: at + took}
			at += took
			if statements > 0 {
				w.Call(c)
			}
		}
		for range statements {
			call("postgres", statement, 10*ms)
		}
		call("openai", "POST /v1/chat/completions", 150*ms)
		call("evolution", "POST /message/sendText/{instance}", 5*ms)
		w.Reply(parley.Reply{Turn: id, Kind: "text", Received: at, Delivered: at, Fate: "answer"})
		w.Turn(parley.Turn{
			ID: id, Conversation: id, Scenario: "s", Phase: "steady", Due: spoken, Spoken: spoken, Sent: spoken, Acked: spoken + 2*ms, AckLatency: 2 * ms,
			FirstReply: at, AnsweredAt: at, Ended: at, Outcome: parley.Answered, Said: 1, Attempts: 1, Replies: 1, Final: true,
		})
	}
	w.Update(func(r *parley.Run) { r.State, r.Elapsed = parley.Complete, end })
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What the checks found is kept with the run, and the calls that make a finding are found again in the turn that proves it.
func TestDiagnosisIsKept(t *testing.T) {
	dir := chatty(t, 14, "{}")
	d, err := assess(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	found := d.Run.Diagnosis
	if len(found.Findings) == 0 || found.Findings[0].Check != "n-plus-one" || !strings.Contains(found.Answer, statement) || len(d.Proofs) == 0 {
		t.Fatalf("%d turns taken apart, diagnosis %+v", len(d.Proofs), found)
	}
	example, proof := found.Findings[0].Examples[0], d.Proofs[0]
	if example.Turn != proof.Turn || len(example.Calls) != 14 {
		t.Errorf("turn %d with %d calls is shown by turn %d", example.Turn, len(example.Calls), proof.Turn)
	}
	for _, i := range example.Calls {
		if proof.Calls[i].Operation != statement {
			t.Errorf("call %d of the turn is %s", i, proof.Calls[i].Operation)
		}
	}

	var out bytes.Buffer
	a := &App{Out: &out, Err: &out, Root: t.TempDir()}
	if err := a.publish(dir, d, RunOptions{NoGitHub: true}); err != nil {
		t.Fatal(err)
	}
	reader, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(found, reader.Run().Diagnosis); diff != "" {
		t.Errorf("diagnosis in the record (-found +kept):\n%s", diff)
	}
	again, err := assess(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	if err := report.HTML(&first, d); err != nil {
		t.Fatal(err)
	}
	if err := report.HTML(&second, again); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() || !strings.Contains(first.String(), "fall-making") {
		t.Error("the page of the run read back is another one, or marks no call")
	}
	out.Reset()
	if err := a.Analyze(AnalyzeOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(strings.Fields(out.String()), " "); !strings.HasPrefix(text, "What limits this bot: ") || !strings.Contains(text, "parley analyze "+dir+" --turn ") {
		t.Errorf("the analysis:\n%s", out.String())
	}
}

// The plan in the record settles what is looked for.
func TestDiagnosisHeedsThePlan(t *testing.T) {
	f := func(statements int, checks string, want func(*parley.Diagnosis) bool) {
		t.Helper()
		d, err := assess(chatty(t, statements, checks), false)
		if err != nil {
			t.Fatal(err)
		}
		if !want(d.Run.Diagnosis) {
			t.Errorf("%d statements, checks %s: %+v", statements, checks, d.Run.Diagnosis)
		}
	}
	has := func(d *parley.Diagnosis) bool {
		for _, f := range d.Findings {
			if f.Check == "n-plus-one" {
				return true
			}
		}
		return false
	}
	f(14, `{"n-plus-one":{"limits":{"least":14}}}`, has)
	f(14, `{"n-plus-one":{"limits":{"least":15}}}`, func(d *parley.Diagnosis) bool { return !has(d) })
	f(14, `{"n-plus-one":{"dismiss":"a short list"}}`, func(d *parley.Diagnosis) bool {
		return !has(d) && cmp.Equal(d.Dismissed, []parley.Dismissal{{Check: "n-plus-one", Reason: "a short list"}})
	})
	f(0, `{}`, func(d *parley.Diagnosis) bool { return d.Answer != "" && !has(d) && len(d.Unknown) > 0 })
}
