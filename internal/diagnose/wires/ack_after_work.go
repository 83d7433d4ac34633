package wires

import (
	"fmt"
	"slices"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// ackAfterWork looks for webhooks that are acknowledged when the work they ask for is done, not when it has been taken. What the person
// waits for because the platform repeats them is saved; else it is a risk.
func ackAfterWork() diagnose.Check {
	return diagnose.Check{
		ID: "ack-after-work", Title: "webhooks acknowledged after the work",
		Limits: []diagnose.Limit{
			{Name: "turns", Value: 0.5, Unit: parley.Ratio, Means: "part of the turns that are acknowledged after most of their calls"},
			{Name: "budget", Value: 0.2, Unit: parley.Seconds, Means: "p95 of the acknowledgements from which it is worth a note"},
			{Name: "risk", Value: 1, Unit: parley.Seconds, Means: "p95 of the acknowledgements from which it is a finding"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			shown, looked, acks := map[int][]int{}, 0, []float64{}
			for turn := range e.Turns() {
				w := &e.Turns()[turn]
				if w.Row.Acked == parley.None {
					continue
				}
				acks = append(acks, w.Row.AckLatency.Seconds())
				before, of := doneBefore(w, w.Row.Acked-w.Spoken)
				if of == 0 {
					continue // nobody saw it work
				}
				looked++
				if 2*len(before) >= of && (2*w.Row.AckLatency >= w.Reply || thought(w, before)) {
					shown[turn] = before
				}
			}
			if looked == 0 {
				return diagnose.Outcome{Unknown: "needs acknowledged turns with calls"}
			}
			p95 := at(acks, 0.95)
			if share(len(shown), looked) < l["turns"] || p95 < l["budget"] {
				return diagnose.Outcome{}
			}
			return diagnose.Outcome{Suspects: []diagnose.Suspect{acknowledgedLate(e, shown, acks, l)}}
		},
	}
}

// doneBefore are the calls of a turn's work that were over at a moment, of how many. A look-up in Redis or two is how a message is taken, and
// what comes after the answer is work that nobody waits for: both are no work here.
func doneBefore(w *anatomy.Waterfall, at time.Duration) (done []int, of int) {
	for i := range w.Calls {
		c := &w.Calls[i]
		if c.Blocking || c.Layer == "redis" || c.Start > w.Reply || c.Layer == "postgres" && bookkeeping(c.Operation) {
			continue
		}
		of++
		if !c.Unfinished && c.End <= at+clockSlack {
			done = append(done, i)
		}
	}
	return done, of
}

// thought reports whether a call to a model is among calls: the longest part of most answers.
func thought(w *anatomy.Waterfall, calls []int) bool {
	return slices.ContainsFunc(calls, func(i int) bool { return w.Calls[i].Layer == "llm" })
}

// acknowledgedLate is the suspect. It costs time where the platform repeated the webhook and the person waited for that.
func acknowledgedLate(e *diagnose.Evidence, shown map[int][]int, acks []float64, l diagnose.Limits) diagnose.Suspect {
	saved, repeated := map[int]float64{}, 0
	parts := []float64{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		if w.Attempts > w.Said {
			repeated++
		}
		if _, late := shown[turn]; !late {
			continue
		}
		if w.Reply > 0 {
			parts = append(parts, min(1, w.Row.AckLatency.Seconds()/w.Reply.Seconds()))
		}
		if pause := platformPause(w); pause > 0 {
			saved[turn] = pause.Seconds()
		}
	}
	p95 := at(acks, 0.95)
	risk := p95 > l["risk"] || repeated > 0
	what := fmt.Sprintf("Webhooks are acknowledged after the work, not before it: %s at p95, %s of the time to the answer", lasting(p95), percent(median(parts)))
	if repeated > 0 {
		what += fmt.Sprintf("; the platform repeated the webhooks of %s turns", number(float64(repeated)))
	}
	return diagnose.Suspect{
		Shown: shown, Saved: saved, Certainty: 0.95, Risk: risk,
		Finding: parley.Finding{
			Layer: "bot",
			What:  what,
			Why: "a platform that waits too long sends the message again, which is answered twice or late, and may stop sending; " +
				"each open webhook holds a worker, so that others wait to be heard",
			Change: "put the message where it is safe (a Redis list or stream, a queue, a row), answer 200, and work in a task or a worker process: " +
				"LPUSH or XADD and return; Celery's .delay(); BullMQ's add(). Not FastAPI's BackgroundTasks alone: they are lost with the process",
			Measured: []parley.Measure{
				{What: "p95 of the acknowledgements", Value: diagnose.Exactly(p95, len(acks)), Unit: parley.Seconds, Threshold: l["risk"]},
				{What: "turns acknowledged after most of their calls", Value: diagnose.Exactly(share(len(shown), len(acks)), len(acks)), Unit: parley.Ratio, Threshold: l["turns"]},
				{What: "turns whose webhook was repeated", Value: diagnose.Exactly(float64(repeated), len(acks)), Unit: parley.Count},
			},
		},
	}
}

// platformPause is how much of a turn's critical path was waiting for the platform to repeat a webhook.
func platformPause(w *anatomy.Waterfall) (pause time.Duration) {
	if w.Attempts <= w.Said {
		return 0
	}
	for _, p := range w.Path {
		if p.Call < 0 && p.Layer == "platform" && p.From >= w.Row.Sent-w.Spoken {
			pause += p.To - p.From
		}
	}
	return pause
}
