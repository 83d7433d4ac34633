package wires

import (
	"fmt"
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
			{Name: "share", Value: 0.5, Unit: parley.Ratio, Means: "part of the turns that begin during such work that stand still until it ends"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			met := begunDuringWork(e)
			if len(met) == 0 {
				return diagnose.Outcome{}
			}
			usual := usualStart(e, met)
			var waited []meeting
			for _, m := range met {
				m.wait = stoodStill(&e.Turns()[m.turn], m, seconds(l["slack"])) - usual
				if m.wait >= seconds(l["wait"]) {
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

// meeting is a turn that began while its conversation's turn before was still at work after its answer.
type meeting struct {
	turn, before int
	from, to     time.Duration // of that work, as the turn sees it: from its last word on
	work         int           // the call of the turn before that ended last
	wait         time.Duration
}

// begunDuringWork finds them.
func begunDuringWork(e *diagnose.Evidence) (out []meeting) {
	last := map[int64]int{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		before, seen := last[w.Conversation]
		last[w.Conversation] = turn
		if !seen || w.Conversation == 0 {
			continue
		}
		b := &e.Turns()[before]
		m := meeting{turn: turn, before: before, work: -1}
		shift := b.Spoken - w.Spoken
		for i := range b.Calls {
			c := &b.Calls[i]
			if c.Blocking || c.Unfinished || c.End <= b.Reply {
				continue
			}
			if end := c.End + shift; m.work < 0 || end > m.to {
				m.to, m.work = end, i
			}
		}
		m.from = b.Reply + shift
		if m.work >= 0 && m.to > w.Row.Sent-w.Spoken {
			out = append(out, m)
		}
	}
	return out
}

// stoodStill is how long a turn did nothing from when its message was sent until the work before it had ended and it went on; 0 if it did not
// go on then, or had been going on. Looking at a lock again and again is doing nothing.
func stoodStill(w *anatomy.Waterfall, m meeting, slack time.Duration) time.Duration {
	sent := w.Row.Sent - w.Spoken
	busy, next := time.Duration(0), time.Duration(-1)
	for i := range w.Calls {
		c := &w.Calls[i]
		if c.Blocking || c.Start < sent {
			continue
		}
		if c.Start >= m.to-clockSlack {
			next = c.Start
			break
		}
		if c.End > m.to+clockSlack && c.Layer != "postgres" { // it did not wait; a statement may, for a lock
			return 0
		}
		if c.Layer != "redis" {
			busy += min(c.End, m.to) - c.Start
		}
	}
	if next < 0 || next > m.to+slack || next > w.Reply {
		return 0
	}
	return max(0, next-sent-busy)
}

// usualStart is how long turns that meet no such work take from their message to their first call: a bot may wait on purpose for more
// messages to come.
func usualStart(e *diagnose.Evidence, met []meeting) time.Duration {
	meets := map[int]bool{}
	for _, m := range met {
		meets[m.turn] = true
	}
	var starts []float64
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		if meets[turn] {
			continue
		}
		for i := range w.Calls {
			if c := &w.Calls[i]; !c.Blocking && c.Layer != "redis" && c.Start >= w.Row.Sent-w.Spoken {
				starts = append(starts, (c.Start - (w.Row.Sent - w.Spoken)).Seconds())
				break
			}
		}
	}
	return seconds(median(starts))
}

// waitedForWork is the suspect. The time saved is that of the next turn.
func waitedForWork(e *diagnose.Evidence, waited []meeting, met int, least float64) diagnose.Suspect {
	s := diagnose.Suspect{Shown: map[int][]int{}, Saved: map[int]float64{}, Certainty: 0.8}
	var waits []float64
	works := map[string]*group{}
	for _, m := range waited {
		waits = append(waits, m.wait.Seconds())
		of(works, &e.Turns()[m.before].Calls[m.work]).add(m.turn, nil)
		w := &e.Turns()[m.turn]
		before, next := map[int]bool{}, -1
		for i := range w.Calls {
			c := &w.Calls[i]
			if c.Blocking || c.Start < w.Row.Sent-w.Spoken {
				continue
			}
			if c.Start >= m.to-clockSlack {
				next = i
				break
			}
			before[i] = c.Layer == "redis" // it looks at the lock
		}
		s.Shown[m.turn] = []int{next}
		left := m.wait
		s.Saved[m.turn] = min(m.wait.Seconds(), e.Saved(m.turn, func(i int) anatomy.Less {
			switch {
			case before[i]:
				return anatomy.Less{Gap: left}
			case i == next:
				return anatomy.Less{Gap: left}
			default:
				return anatomy.Less{}
			}
		}))
	}
	first := ordered(works)[0]
	s.Finding = parley.Finding{
		Layer: "bot", Wire: first.wire, Operation: first.operation,
		What: fmt.Sprintf("Who writes again soon waits %s for work on the answer before: it ends with %s, and only then does the next turn go on",
			lasting(median(waits)), first.named),
		Why:    "the work is done for nobody who waits, but it holds what the person's next message needs",
		Change: "give the lock back, or end the job, when the answer is sent; do the rest (summaries, statistics, embeddings) in a job of its own that the next message need not wait for",
		Measured: []parley.Measure{
			{What: "time the next turn stands still", Value: diagnose.MeanOf(waits), Unit: parley.Seconds, Threshold: least},
			{What: "part of the turns begun during such work that stand still", Value: diagnose.Exactly(share(len(waited), met), met), Unit: parley.Ratio},
		},
		Doubt: "how often it happens depends on how soon people write again: the plan's thinking time",
	}
	return s
}
