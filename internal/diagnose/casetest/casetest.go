// Package casetest builds runs by hand, call by call, for the tests of checks.
package casetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// Run is a run that is being built: a solo phase if there are solo turns, and a steady one. Wires are named after their
// kinds: "postgres", "redis", "openai", "calendar", "http", and "evolution" for the platform.
type Run struct {
	Every   time.Duration // from one turn's start to the next, of the steady phase; 0 means a second
	Solo    int           // turns said before, each alone, ten seconds apart
	Samples []parley.Sample
	Phases  []parley.Phase // more of them, or others
	Money   *parley.Money  // prices; nil: the run's cost is not reckoned
	Assumed []parley.Assumption

	turns   []parley.Turn
	replies []parley.Reply
	calls   []parley.Call
	conns   int64
	flights int64
}

// Turn is one turn of a Run. Its calls follow each other: each begins Own after the end of the one before.
type Turn struct {
	// Number counts from 0, Alone says that it is of the solo phase. Ordinal and Conversation may be set before the first call.
	Number       int
	Alone        bool
	Conversation int64
	Ordinal      int
	// At is the moment reached, from the start of the run; Own is the bot's own time before each call, a millisecond unless set.
	At, Own time.Duration
	// Row is the turn's row; what Answer does not set may be.
	Row parley.Turn

	run *Run
	// conns are the connections of the turn by wire; a wire without one has a connection of its own that all turns share.
	conns map[string]int64
}

// Play adds n turns of the steady phase, and the solo ones, each played by play.
func (r *Run) Play(n int, play func(t *Turn)) {
	if r.Every == 0 {
		r.Every = time.Second
	}
	at := time.Second
	for i := range r.Solo {
		r.turn(i, at, true, play)
		at += 10 * time.Second
	}
	for i := range n {
		r.turn(i, at+time.Duration(i)*r.Every, false, play)
	}
}

func (r *Run) turn(number int, at time.Duration, alone bool, play func(t *Turn)) {
	id := int64(len(r.turns) + 1)
	t := &Turn{
		Number: number, Alone: alone, Conversation: id, At: at, Own: time.Millisecond, run: r, conns: map[string]int64{},
		Row: parley.Turn{
			ID: id, Scenario: "s", Phase: "steady", User: uint64(id), Due: at, Spoken: at, Sent: at, Acked: at + 2*time.Millisecond, AckLatency: 2 * time.Millisecond,
			FirstReply: parley.None, AnsweredAt: parley.None, Ended: at + 30*time.Second, Outcome: parley.Abandoned, Said: 1, Attempts: 1, Final: true,
		},
	}
	if alone {
		t.Row.Phase = "solo"
	}
	play(t)
	t.Row.Conversation, t.Row.Ordinal = t.Conversation, int32(t.Ordinal)
	r.turns = append(r.turns, t.Row)
}

// Call adds a call that takes a time, after the bot's own time. More may be changed in the function, nil for nothing.
func (t *Turn) Call(wire, operation string, took time.Duration, change func(c *parley.Call)) {
	t.At += t.Own
	t.Beside(wire, operation, took, change)
	t.At += took
}

// Beside adds a call that begins now and for which the turn does not wait.
func (t *Turn) Beside(wire, operation string, took time.Duration, change func(c *parley.Call)) {
	t.run.flights++
	c := parley.Call{
		Turn: t.Row.ID, By: parley.ByIdentity, Wire: wire, Operation: operation, Conn: t.conn(wire), Flight: t.run.flights,
		Start: t.At, FirstByte: t.At + took, End: t.At + took, RequestBytes: 200, ResponseBytes: 200,
	}
	if wire == "openai" || wire == "calendar" || wire == "http" || wire == "evolution" {
		c.Status = 200
	}
	if wire == "openai" {
		c.Model, c.PromptTokens, c.CompletionTokens = "gpt-4o-mini", 500, 60
	}
	if change != nil {
		change(&c)
	}
	t.run.calls = append(t.run.calls, c)
}

// Connect gives the turn a new connection on a wire.
func (t *Turn) Connect(wire string) {
	t.run.conns++
	t.conns[wire] = 100 + t.run.conns
}

func (t *Turn) conn(wire string) int64 {
	if c, ok := t.conns[wire]; ok {
		return c
	}
	return int64(1 + slices.Index([]string{"postgres", "redis", "openai", "calendar", "http", "evolution"}, wire))
}

// Pass is time of the bot's own.
func (t *Turn) Pass(d time.Duration) { t.At += d }

// Answer sends the answer, which takes 5 ms.
func (t *Turn) Answer() {
	t.Call("evolution", "POST /message/sendText/{instance}", 5*time.Millisecond, nil)
	t.Row.Outcome, t.Row.AnsweredAt, t.Row.Ended, t.Row.FirstReply, t.Row.Replies = parley.Answered, t.At, t.At, t.At, 1
	t.run.replies = append(t.run.replies, parley.Reply{
		Turn: t.Row.ID, User: t.Row.User, Kind: "text", Received: t.At, Delivered: t.At, Words: uint64(t.Row.ID), Fate: "answer",
	})
}

// Deliver has the user see an answer that was just sent later by a time.
func (t *Turn) Deliver(later time.Duration) {
	received := t.At
	t.At += later
	t.Row.Outcome, t.Row.AnsweredAt, t.Row.Ended, t.Row.FirstReply, t.Row.Replies = parley.Answered, t.At, t.At, t.At, 1
	t.run.replies = append(t.run.replies, parley.Reply{
		Turn: t.Row.ID, User: t.Row.User, Kind: "text", Received: received, Delivered: t.At, Words: uint64(t.Row.ID), Fate: "answer",
	})
}

// Evidence is what the checks get to see of the run.
func (r *Run) Evidence() *diagnose.Evidence {
	run := r.describe()
	slices.SortStableFunc(r.calls, func(a, b parley.Call) int { return int(a.End - b.End) })
	turns, replies, calls := slices.Values(r.turns), slices.Values(r.replies), slices.Values(r.calls)
	summary, cases := anatomy.Study(run, turns, replies, calls, diagnose.MostTurns)
	return diagnose.NewEvidence(run, summary, cases, slices.Values(r.Samples))
}

// describe is the run's run.json.
func (r *Run) describe() *parley.Run {
	end := time.Duration(0)
	for i := range r.turns {
		end = max(end, r.turns[i].Ended)
	}
	for i := range r.calls {
		end = max(end, r.calls[i].End)
	}
	run := &parley.Run{Elapsed: end + time.Second, Phases: r.Phases, Money: r.Money, Assumed: r.Assumed}
	if len(r.Phases) == 0 {
		border := time.Second + time.Duration(r.Solo)*10*time.Second
		if r.Solo > 0 {
			run.Phases = append(run.Phases, parley.Phase{Name: "solo", Kind: parley.Solo, End: border - time.Millisecond})
		}
		run.Phases = append(run.Phases, parley.Phase{Name: "steady", Kind: parley.Steady, Start: border - time.Millisecond, End: run.Elapsed})
	}
	var dependencies []map[string]any
	for _, kind := range []string{"postgres", "redis", "openai", "calendar", "http"} {
		dependencies = append(dependencies, map[string]any{"name": kind, "kind": kind, "simulate": kind != "postgres" && kind != "redis"})
	}
	plan, err := json.Marshal(map[string]any{"target": map[string]any{"platform": "evolution"}, "dependencies": dependencies})
	if err != nil {
		panic(fmt.Sprint("a plan of strings: ", err)) // it cannot be
	}
	run.Plan = plan
	return run
}

// Suspects has a check look at the run, with limits that differ from its own.
func (r *Run) Suspects(c diagnose.Check, limits diagnose.Limits) diagnose.Outcome {
	l := diagnose.Limits{}
	for _, one := range c.Limits {
		l[one.Name] = one.Value
		if v, ok := limits[one.Name]; ok {
			l[one.Name] = v
		}
	}
	return c.Look(r.Evidence(), l)
}

// Diagnose runs one check as a run does: what it comes to is in the diagnosis.
func (r *Run) Diagnose(c diagnose.Check) parley.Diagnosis {
	return diagnose.Diagnose(r.Evidence(), []diagnose.Check{c}, nil)
}
