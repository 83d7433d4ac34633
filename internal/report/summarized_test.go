package report

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"parley"
	"parley/internal/anatomy"
)

// TestSummarizedRun reports a run whose figures were computed, not made up: one
// user, a ramp past what the bot can do, users who leave after ten seconds.
func TestSummarizedRun(t *testing.T) {
	d := summarized()
	var text, data bytes.Buffer
	if err := Terminal(&text, d, TerminalOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := JSON(&data, d); err != nil {
		t.Fatal(err)
	}
	page := string(renderHTML(t, d))
	if _, err := elements(page); err != nil {
		t.Error(err)
	}
	for _, out := range []string{text.String(), data.String(), page} {
		noNonsense(t, "summarized", out)
	}
	golden(t, "summarized.txt", text.Bytes())
}

func summarized() Document {
	run := baseRun("summarized")
	step := 20 * time.Second
	run.Phases = []parley.Phase{{Name: "solo", Kind: parley.Solo, End: step}, {Name: "ramp", Kind: parley.Ramp, Start: step, Rate: 600}}
	var turns []parley.Turn
	var calls []parley.Call
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 8 {
		from := step * time.Duration(i)
		rate := 3600 * (.15 + .25*float64(i))
		if i > 0 {
			run.Phases[1].Steps = append(run.Phases[1].Steps, parley.Step{Start: from, End: from + step, Rate: rate})
		}
		for k := range int(rate / 3600 * step.Seconds()) {
			due := from + time.Duration(float64(k)*3600/rate*float64(time.Second))
			turn, call := exchange(rng, int64(len(turns)+1), i, due)
			turns, calls = append(turns, turn), append(calls, call)
		}
	}
	run.Elapsed = 8*step + 10*time.Second
	run.Phases[1].End = 8 * step
	return Document{Run: run, Summary: anatomy.Summarize(run, slices.Values(turns), slices.Values([]parley.Reply(nil)), slices.Values(calls))}
}

// exchange is a turn and the one call it makes; from step 5 on the bot falls behind.
func exchange(rng *rand.Rand, id int64, step int, due time.Duration) (parley.Turn, parley.Call) {
	wait := time.Duration(float64(900*time.Millisecond) * math.Exp(.4*rng.NormFloat64()))
	if step > 4 {
		wait += time.Duration(float64(step-4) * rng.Float64() * float64(6*time.Second))
	}
	turn := parley.Turn{
		ID: id, Conversation: id, Scenario: fmt.Sprintf("scenario %d", id%2), Phase: "ramp", Step: int32(step),
		Due: due, Spoken: due, Sent: due, Acked: due + 40*time.Millisecond, AckLatency: 40 * time.Millisecond,
		FirstReply: due + wait, AnsweredAt: due + wait, Ended: due + wait, Outcome: parley.Answered, Said: 1, Attempts: 1, Replies: 1,
	}
	if step == 0 {
		turn.Phase = "solo"
	}
	if patience := 10 * time.Second; wait > patience {
		turn.FirstReply, turn.AnsweredAt, turn.Ended = parley.None, parley.None, due+patience
		turn.Outcome, turn.Failure, turn.Replies = parley.Abandoned, "no reply", 0
	}
	call := parley.Call{
		ID: id, Turn: id, By: parley.ByIdentity, Wire: "openai", Operation: "POST /v1/chat/completions",
		Start: due + 50*time.Millisecond, FirstByte: due + wait/2, End: due + wait*3/4, Status: 200, Model: "m",
		PromptTokens: 900, CompletionTokens: 60,
	}
	return turn, call
}
