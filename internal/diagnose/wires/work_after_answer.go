package wires

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// workAfterAnswer looks for work of a turn after its answer that the same person's next turn waits for. Work that nobody waits for is
// as it should be, however long it takes.
func workAfterAnswer() diagnose.Check {
	return diagnose.Check{
		ID: "work-after-answer", Title: "work after the answer that the next turn waits for",
		Limits: []diagnose.Limit{
			{Name: "wait", Value: 0.05, Unit: parley.Seconds, Means: "for how long the next turn stands still"},
			{Name: "slack", Value: 0.15, Unit: parley.Seconds, Means: "within what time of the end of the work it goes on: a lock that is polled is noticed late"},
			{Name: "least", Value: 3, Unit: parley.Count, Means: "turns that show it"},
			{Name: "share", Value: 0.5, Unit: parley.Ratio, Means: "part of the turns that meet such work that stand still until it ends"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			aside := doneAside(e)
			usual := openingOf(e, aside)
			var waited []meeting
			met := meetings(e, usual, aside)
			for _, m := range met {
				if m.next < 0 {
					continue
				}
				// What is on the way of the answer delays it one for one.
				w := &e.Turns()[m.turn]
				next := &w.Calls[m.next]
				m.wait = next.Start - sent(w) - usual.after
				if next.Start >= m.to-clockSlack && next.Start <= m.to+seconds(l["slack"])+usual.after && next.OnPath > 0 && m.wait >= seconds(l["wait"]) {
					waited = append(waited, m)
				}
			}
			if float64(len(waited)) < l["least"] || share(len(waited), len(met)) < l["share"] {
				return diagnose.Outcome{}
			}
			return diagnose.Outcome{Suspects: []diagnose.Suspect{waitedForWork(e, waited, len(met), l["wait"])}}
		},
	}
}

// opening is how turns begin that no earlier work is in the way of.
type opening struct {
	kind                // of the first call of their own work; empty if they begin in several ways
	after time.Duration // it usually begins so long after the message was sent: a bot may wait on purpose for more messages
}

// openingOf finds it: the call that most turns begin with, those of a kind that is done after answers apart. How long it takes to come is that of
// the first turns of conversations, which have nothing before them. Taking a message, locking and looking at a lock is Redis' everywhere, and no work.
func openingOf(e *diagnose.Evidence, aside map[kind]bool) opening {
	counts, seen := map[kind]int{}, map[int64]bool{}
	var first, own []float64 // when first turns begin with any call, and with one of their own kind alone
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		fresh := !seen[w.Conversation]
		seen[w.Conversation] = true
		begun := false
		for i := range w.Calls {
			c := &w.Calls[i]
			if !works(c) || c.Start < sent(w) {
				continue
			}
			after := (c.Start - sent(w)).Seconds()
			if fresh && !begun {
				first = append(first, after)
			}
			if !aside[kindOf(c)] {
				counts[kindOf(c)]++
				if fresh && !begun {
					own = append(own, after)
				}
				break
			}
			begun = true
		}
	}
	const most = 0.8
	for k, n := range counts {
		if share(n, len(e.Turns())) >= most { // there is one such at the most
			return opening{kind: k, after: seconds(median(own))}
		}
	}
	return opening{after: seconds(median(first))}
}

// kind is a kind of call; preparing a statement is of the same as running it.
type kind struct{ wire, operation string }

func kindOf(c *anatomy.TurnCall) kind {
	return kind{c.Wire, strings.TrimPrefix(c.Operation, preparation)}
}

// works reports whether a call is part of a turn's work.
func works(c *anatomy.TurnCall) bool {
	return !c.Blocking && c.Layer != "redis" && c.Layer != "platform" && (c.Layer != "postgres" || !bookkeeping(c.Operation))
}

// sent is when a turn's message was sent, counted from its last word.
func sent(w *anatomy.Waterfall) time.Duration { return w.Row.Sent - w.Spoken }

// meeting is a turn that began while work of its conversation's turn before was still going on.
type meeting struct {
	turn int
	to   time.Duration // when that work ended, as the turn sees it: from its last word on
	work string        // the call of it that ended last
	wire string
	next int // the turn's first call of its own, -1 if there is none
	wait time.Duration
}

// meetings finds them. The work is the former turn's calls that ended after its answer. What it began when the next message was there may
// have been taken for the next turn's, since it is about the same person: of a kind that is done after answers, and before the call that
// opens a turn.
func meetings(e *diagnose.Evidence, usual opening, aside map[kind]bool) (out []meeting) {
	last := map[int64]int{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		before, seen := last[w.Conversation]
		last[w.Conversation] = turn
		if !seen || w.Conversation == 0 {
			continue
		}
		b := &e.Turns()[before]
		m := meeting{turn: turn, to: -1, next: -1}
		for i := range b.Calls {
			if c := &b.Calls[i]; works(c) && !c.Unfinished && c.End > b.Reply {
				m.ends(c, b.Spoken-w.Spoken)
			}
		}
		for i := range w.Calls {
			c := &w.Calls[i]
			if !works(c) || c.Start < sent(w) {
				continue
			}
			if usual.kind == (kind{}) || kindOf(c) == usual.kind || !aside[kindOf(c)] {
				m.next = i
				break
			}
			m.ends(c, 0)
		}
		if m.to > sent(w) {
			out = append(out, m)
		}
	}
	return out
}

// ends notes the end of a call of the work, which lies so much off.
func (m *meeting) ends(c *anatomy.TurnCall, off time.Duration) {
	if end := c.End + off; end > m.to {
		m.to, m.work, m.wire = end, diagnose.Named(c), c.Wire
	}
}

// doneAside are the kinds of calls that turns make after their answers, or that could be tied to none.
func doneAside(e *diagnose.Evidence) map[kind]bool {
	out := map[kind]bool{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		for i := range w.Calls {
			if c := &w.Calls[i]; w.Outcome == parley.Answered && c.Start > w.Reply {
				out[kindOf(c)] = true
			}
		}
	}
	for i := range e.Cases.Loose {
		c := &e.Cases.Loose[i]
		out[kind{c.Wire, strings.TrimPrefix(c.Operation, preparation)}] = true
	}
	return out
}

// waitedForWork is the suspect. The time saved is that of the next turn, up to the call that it goes on with.
func waitedForWork(e *diagnose.Evidence, waited []meeting, met int, least float64) diagnose.Suspect {
	s := diagnose.Suspect{Shown: map[int][]int{}, Saved: map[int]float64{}, Certainty: 0.8}
	var waits []float64
	works := map[string]int{}
	for _, m := range waited {
		waits = append(waits, m.wait.Seconds())
		works[m.work]++
		s.Shown[m.turn] = []int{m.next}
		replay := e.Replay(m.turn)
		start := e.Turns()[m.turn].Calls[m.next].Start
		s.Saved[m.turn] = min(m.wait.Seconds(), e.Saved(m.turn, func(i int) anatomy.Less {
			c := &e.Turns()[m.turn].Calls[i]
			switch {
			case i == m.next:
				return anatomy.Less{Gap: start}
			case c.Start < start:
				return anatomy.Less{Call: replay.Whole(i).Call, Gap: start}
			default:
				return anatomy.Less{}
			}
		}))
	}
	names := slices.Sorted(maps.Keys(works))
	work := slices.MaxFunc(names, func(a, b string) int { return cmp.Compare(works[a], works[b]) })
	s.Finding = parley.Finding{
		Layer: "bot", Wire: waited[0].wire,
		What: fmt.Sprintf("Who writes again soon waits %s for work on the answer before: it ends with %s, and only then does the next turn go on",
			lasting(median(waits)), work),
		Why:    "the work is done for nobody who waits, but it holds what the person's next message needs",
		Change: "give the lock back, or end the job, when the answer is sent; do the rest (summaries, statistics, embeddings) in a job of its own that the next message need not wait for",
		Measured: []parley.Measure{
			{What: "time the next turn stands still", Value: diagnose.MeanOf(waits), Unit: parley.Seconds, Threshold: least},
			{What: "part of the turns that meet such work that stand still", Value: diagnose.Exactly(share(len(waited), met), met), Unit: parley.Ratio},
		},
		Doubt: "how often it happens depends on how soon people write again: the plan's thinking time",
	}
	return s
}
