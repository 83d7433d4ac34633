package wires

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// noTimeout looks for calls that were never answered and that the bot waited for all the same, and for clients that say they would.
func noTimeout() diagnose.Check {
	return diagnose.Check{
		ID: "no-timeout", Title: "waiting without end for a service that hangs",
		Limits: []diagnose.Limit{
			{Name: "longest", Value: 10, Unit: parley.Seconds, Means: "how long a bot may wait for a call that is not answered"},
			{Name: "patience", Value: 60, Unit: parley.Seconds, Means: "timeout, as the client declares it, that is worth a note"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			hung, patient, tried := hangs(e, seconds(l["longest"]), seconds(l["patience"]))
			var out diagnose.Outcome
			for _, g := range ordered(hung) {
				out.Suspects = append(out.Suspects, waitedFor(e, g, l["longest"]))
			}
			for _, key := range slices.Sorted(maps.Keys(patient)) {
				if hung[key] == nil {
					out.Suspects = append(out.Suspects, wouldWait(e, patient[key], l["patience"]))
				}
			}
			if len(out.Suspects) == 0 && !tried {
				out.Unknown = `needs a service that hangs: a fault of the plan, "1% hang", on a dependency`
			}
			return out
		},
	}
}

// hangs gathers the calls of which no answer came and that turns waited for at least so long, and those whose clients say they would; tried
// says that something hung at all, however the bot took it.
func hangs(e *diagnose.Evidence, longest, patience time.Duration) (hung, patient map[string]*group, tried bool) {
	hung, patient = map[string]*group{}, map[string]*group{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		for i := range w.Calls {
			c := &w.Calls[i]
			if c.Blocking {
				continue
			}
			waited := unanswered(e, w, c)
			tried = tried || waited > 0 && strings.Contains(c.Fault, "hang")
			if waited >= longest && awaited(w, i) {
				tried = true
				of(hung, c).add(turn, []int{i})
			}
			if c.Patience >= patience && c.OnPath > 0 {
				of(patient, c).add(turn, []int{i})
			}
		}
	}
	return hung, patient, tried
}

// unanswered is how long the bot waited for a call of which no answer came; 0 if one did.
func unanswered(e *diagnose.Evidence, w *anatomy.Waterfall, c *anatomy.TurnCall) time.Duration {
	if c.FirstByte >= c.Start {
		return 0
	}
	switch {
	case !c.Unfinished:
		return length(c)
	case w.Outcome == parley.Cut || w.Outcome == parley.Open:
		return 0 // the run ended first: it may have been under way
	default:
		return max(0, e.Run.Elapsed-w.Spoken-c.Start) // it was still open when the run ended
	}
}

// awaited reports whether the turn stood still for a call: nothing else of it was begun before the call, or the user's patience, was over.
func awaited(w *anatomy.Waterfall, call int) bool {
	c := &w.Calls[call]
	until := min(c.End, w.Reply)
	if c.Unfinished {
		until = w.Reply
	}
	if c.Start >= w.Reply || w.Outcome == parley.Answered && c.OnPath == 0 {
		return false
	}
	const settle = time.Second // what was begun beside it may go on for a while
	return !slices.ContainsFunc(w.Calls, func(o anatomy.TurnCall) bool { return o.Start > c.Start+settle && o.Start < until-clockSlack })
}

// waitedFor is the suspect of calls that hung. With a timeout the bot could have tried again, or said so.
func waitedFor(e *diagnose.Evidence, g *group, longest float64) diagnose.Suspect {
	saved, waits := map[int]float64{}, []float64{}
	for _, turn := range g.turns {
		w, less := &e.Turns()[turn], map[int]anatomy.Less{}
		for _, i := range g.shown[turn] {
			wait := unanswered(e, w, &w.Calls[i])
			waits = append(waits, wait.Seconds())
			less[i] = anatomy.Less{Call: wait - seconds(longest)}
		}
		if w.Outcome == parley.Answered {
			saved[turn] = e.Saved(turn, func(i int) anatomy.Less { return less[i] })
		}
	}
	gone := lost(e, g.turns)
	c := &e.Turns()[g.turns[0]].Calls[g.shown[g.turns[0]][0]]
	return diagnose.Suspect{
		Shown: g.shown, Saved: saved, Certainty: 0.95, Risk: true,
		Finding: parley.Finding{
			Layer: c.Layer, Wire: g.wire, Operation: g.operation,
			What: fmt.Sprintf("When %s was not answered, the bot waited %s for it and did nothing else; %s of %s such turns got no answer",
				g.named, lasting(median(waits)), number(float64(gone)), number(float64(len(g.turns)))),
			Why:    "one service that hangs takes the answer from everybody who needs it, and holds a worker or a connection each time",
			Change: timeouts,
			Measured: []parley.Measure{
				{What: "wait for a call that was not answered", Value: diagnose.MeanOf(waits), Unit: parley.Seconds, Threshold: longest},
				{What: "turns without an answer among them", Value: diagnose.Exactly(float64(gone), len(g.turns)), Unit: parley.Count},
			},
			Lost:  gone,
			Doubt: "waits that the end of the run cut short are longer in truth",
		},
	}
}

// timeouts says how clients are given one.
const timeouts = "set a timeout of twice the service's p99, and decide what the bot says when it is over: OpenAI(timeout=20, max_retries=1), " +
	"httpx.Timeout(10), asyncio.timeout(10) around a call, AbortSignal.timeout(10_000) in Node, statement_timeout in PostgreSQL, socket_timeout in redis-py"

// wouldWait is the suspect of calls whose clients say that they would wait for very long. It explains no reply of this run.
func wouldWait(e *diagnose.Evidence, g *group, least float64) diagnose.Suspect {
	var waits []float64
	for turn, calls := range g.shown {
		for _, i := range calls {
			waits = append(waits, e.Turns()[turn].Calls[i].Patience.Seconds())
		}
	}
	longest := slices.Max(waits)
	c := &e.Turns()[g.turns[0]].Calls[g.shown[g.turns[0]][0]]
	return diagnose.Suspect{
		Shown: g.shown, Certainty: 0.9,
		Finding: parley.Finding{
			Layer: c.Layer, Wire: g.wire, Operation: g.operation,
			What:   fmt.Sprintf("The client of %s waits up to %s for an answer, as it says itself", g.named, lasting(longest)),
			Why:    "nobody on a phone waits that long: should the service hang, the person has gone before the bot notices",
			Change: timeouts,
			Measured: []parley.Measure{
				{What: "timeout that the client declares", Value: diagnose.Exactly(longest, len(waits)), Unit: parley.Seconds, Threshold: least},
			},
			Doubt: "the bot may have another, shorter timeout around the call, which no wire shows; a fault of the plan that hangs would tell",
		},
	}
}
