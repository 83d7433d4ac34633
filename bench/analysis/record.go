package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"parley"
	"parley/internal/plan"
	"parley/internal/record"
)

// planText is the plan of the made-up runs: what it says of wires and phases the analysis reads.
const planText = `name: analysis
target: {webhook: "http://127.0.0.1:1/webhook"}
dependencies: {openai: {simulate: true}}
scenarios: [{turns: [Hi, Do you have time on Friday?, At ten then, Thank you]}]
`

// perSecond is the pace of the made-up runs, in turns.
const perSecond = 500

// batch is how many turns are handed to the writer before it is waited for: it drops what a
// disk cannot keep up with, and a run makes turns no faster than this in a second.
const batch = 8192

// write makes a record of so many turns, by the writer that records runs.
func write(ctx context.Context, dir string, turns, calls int) error {
	p, err := plan.Parse("analysis.yaml", []byte(planText), dir, os.LookupEnv)
	if err != nil {
		return err
	}
	length := time.Duration(turns)*time.Second/perSecond + time.Minute // so that the last calls are of the phase, too
	run := &parley.Run{
		ID: "analysis", Name: p.Name, Verb: "load", Seed: p.Seed, Started: time.Now(), Plan: p.Resolved(), Budgets: p.Budgets,
		Phases:      []parley.Phase{{Name: "steady", Kind: parley.Steady, End: length, Rate: perSecond * 3600 / 4}},
		Messages:    parley.Messages{Planned: int64(turns), Sent: int64(turns), Acked: int64(turns), Answered: int64(turns)},
		Environment: parley.Environment{Target: map[string]string{}},
	}
	w, err := record.Create(dir, run, record.Options{Interval: 20 * time.Millisecond})
	if err != nil {
		return err
	}
	c := crowd{rng: rand.New(rand.NewPCG(1, 2)), calls: calls, w: w}
	for i := range turns {
		c.turn(int64(i + 1))
		if (i+1)%batch == 0 {
			if err := await(ctx, w, c.newest); err != nil {
				return err
			}
		}
	}
	if err := w.Close(ctx); err != nil {
		return err
	}
	if n := w.Dropped(); n > 0 {
		return fmt.Errorf("the writer dropped %d rows: the disk is too slow for this", n)
	}
	return nil
}

// await waits until the disk has everything up to a moment of the run.
func await(ctx context.Context, w *record.Writer, moment time.Duration) error {
	for saved := time.Duration(0); saved < moment; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.Err(); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
		w.Update(func(m *parley.Run) { saved = m.Elapsed })
	}
	return nil
}

// crowd makes up rows.
type crowd struct {
	rng    *rand.Rand
	calls  int
	call   int64
	w      *record.Writer
	newest time.Duration
}

// turn records one turn as the engine does: when it opens, its calls, its reply, and when it ends.
func (c *crowd) turn(n int64) {
	due := time.Duration(n-1) * time.Second / perSecond
	t := parley.Turn{
		ID: n, Conversation: 1 + (n-1)/4, Ordinal: int32((n - 1) % 4), Scenario: "scenario-1", Phase: "steady",
		User: uint64(1+(n-1)/4) * 0x9e3779b97f4a7c15, Words: c.rng.Uint64(), Messages: []uint64{c.rng.Uint64()},
		Due: due, Spoken: due, Sent: due + time.Duration(c.rng.IntN(2e6)),
		Acked: parley.None, AckLatency: parley.None, FirstReply: parley.None, AnsweredAt: parley.None, Ended: parley.None,
		Outcome: parley.Open, Said: 1,
	}
	c.w.Turn(t)
	at := t.Sent
	for i := range c.calls {
		at = c.exchange(&t, at, i+1 == c.calls)
	}
	c.w.Reply(parley.Reply{Turn: n, User: t.User, Kind: "text", Received: at, Delivered: at, Words: c.rng.Uint64(), Bytes: 120, Fate: "answer"})
	t.Acked = t.Sent + time.Duration(c.rng.IntN(5e7))
	t.AckLatency = t.Acked - t.Sent
	t.FirstReply, t.AnsweredAt, t.Ended = at, at, at
	t.Outcome, t.Attempts, t.Replies = parley.Answered, 1, 1
	c.w.Turn(t)
	c.newest = at
}

// exchange records one call of the bot, the last one to the send API, and returns when it ended.
func (c *crowd) exchange(t *parley.Turn, after time.Duration, last bool) time.Duration {
	c.call++
	start := after + time.Duration(c.rng.IntN(2e6))
	imposed := time.Duration((0.2 + c.rng.ExpFloat64()) * 3e8)
	call := parley.Call{
		Turn: t.ID, By: parley.ByIdentity, Conn: c.call % 64, Flight: c.call, Start: start,
		FirstByte: start + imposed/2, End: start + imposed, Imposed: imposed, Status: 200,
		RequestBytes: 2000 + c.call%3000, ResponseBytes: 900, Identities: []uint64{t.User}, Words: t.Words,
	}
	if last {
		call.Wire, call.Operation = "evolution", "POST /message/sendText/{instance}"
	} else {
		call.Wire, call.Operation, call.Model = "openai", "POST /v1/chat/completions", "gpt-4o-mini"
		call.PromptTokens, call.CompletionTokens = 800+c.call%400, 60
	}
	c.w.Call(call)
	return call.End
}
