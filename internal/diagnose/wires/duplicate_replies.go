package wires

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// duplicateReplies looks for what went wrong with the replies themselves: said twice, lost, late, in the wrong order. Answers lost to a
// service that hangs are no-timeout's, those lost to retries are retries'.
func duplicateReplies() diagnose.Check {
	return diagnose.Check{
		ID: "duplicate-replies", Title: "replies said twice, lost, late or out of order",
		Limits: []diagnose.Limit{
			{Name: "share", Value: 0.001, Unit: parley.Ratio, Means: "part of the turns that show one of them"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			var out diagnose.Outcome
			for _, m := range mishaps(e) {
				causes, shown := map[string]int{}, map[int][]int{}
				for turn := range e.Turns() {
					w := &e.Turns()[turn]
					if m.happened(e, w) {
						shown[turn] = m.calls(w)
						causes[m.cause(w)]++
					}
				}
				if len(shown) > 0 && float64(len(shown)) >= l["share"]*float64(len(e.Turns())) {
					out.Suspects = append(out.Suspects, m.suspect(e, shown, causes, l["share"]))
				}
			}
			return out
		},
	}
}

// mishap is one way in which replies go wrong.
type mishap struct {
	what, why, measured string
	happened            func(e *diagnose.Evidence, w *anatomy.Waterfall) bool
	cause               func(w *anatomy.Waterfall) string
	calls               func(w *anatomy.Waterfall) []int
	change              string
	lost                bool
}

func mishaps(e *diagnose.Evidence) []mishap {
	usual := usualReplies(e)
	return []mishap{
		{
			what: "In %s of %s turns the bot answered twice", why: "the person reads the answer twice, and takes the bot for broken; each costs a message",
			measured: "turns with a repeated answer", happened: usual.exceeded, cause: whyTwice, calls: sendsOf,
			change: "remember ids of messages where all workers see them and for longer than the platform repeats (SET seen:<id> 1 NX EX 86400), " +
				"acknowledge before the work, and do not send again what may have arrived",
		},
		{
			what: "In %s of %s turns the person never got a reply", why: "the person wrote and heard nothing",
			measured: "turns without any reply",
			happened: func(e *diagnose.Evidence, w *anatomy.Waterfall) bool { return w.Row.Lost() && !hung(e, w) },
			cause:    whyLost, calls: lastCall, lost: true,
			change: "make sure that every way through the code ends in a reply: catch errors at the top of a turn and say so to the person; keep messages in a queue until they are answered",
		},
		{
			what: "In %s of %s turns a reply came when the person had gone", why: "the work is done and paid, and nobody reads it",
			measured: "turns with a reply that came too late",
			happened: func(e *diagnose.Evidence, w *anatomy.Waterfall) bool { return w.Row.Late > 0 && !hung(e, w) },
			cause:    func(*anatomy.Waterfall) string { return "the answer took longer than people wait" }, calls: lastCall,
			change: "give a turn a deadline after which the bot says that it is sorry, and look at what makes it slow",
		},
		{
			what: "In %s of %s turns replies came in another order than the messages", why: "the person takes an answer for that to another question",
			measured: "turns with replies out of order",
			happened: func(_ *diagnose.Evidence, w *anatomy.Waterfall) bool { return w.Row.Disordered > 0 },
			cause:    whyDisordered, calls: sendsOf,
			change: "work on one message of a person at a time: a lock or a queue by chat id, and gather what comes within a second or two into one turn",
		},
	}
}

// suspect is the mishap as a suspect, with the cause that most of the turns point at.
func (m *mishap) suspect(e *diagnose.Evidence, shown map[int][]int, causes map[string]int, least float64) diagnose.Suspect {
	keys := slices.Sorted(maps.Keys(causes))
	likely := slices.MaxFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(causes[a], causes[b]), cmp.Compare(b, a)) })
	part := share(causes[likely], len(shown))
	f := parley.Finding{
		Layer: "bot",
		What:  fmt.Sprintf(m.what, number(float64(len(shown))), number(float64(len(e.Turns())))) + ": " + likely,
		Why:   m.why, Change: m.change,
		Measured: []parley.Measure{
			{What: m.measured, Value: diagnose.Exactly(share(len(shown), len(e.Turns())), len(e.Turns())), Unit: parley.Ratio, Threshold: least},
			{What: "part of them that point at this cause", Value: diagnose.Exactly(part, len(shown)), Unit: parley.Ratio},
		},
	}
	if m.lost {
		f.Lost = len(shown)
	}
	if part < 1 {
		f.Doubt = fmt.Sprintf("%s of these turns point elsewhere", percent(1-part))
	}
	return diagnose.Suspect{Shown: shown, Certainty: 0.95, Risk: true, Finding: f}
}

// hung reports whether the turn waited for a call of which no answer came.
func hung(e *diagnose.Evidence, w *anatomy.Waterfall) bool {
	for i := range w.Calls {
		if c := &w.Calls[i]; !c.Blocking && unanswered(e, w, c) > 0 && awaited(w, i) && w.Reply-c.Start > w.Reply/4 {
			return true
		}
	}
	return false
}

// replyCounts are how many replies a turn of a script usually has, by its place there.
type replyCounts map[step]float64

type step struct {
	scenario string
	ordinal  int32
}

// usualReplies looks at the turns whose webhooks were not repeated.
func usualReplies(e *diagnose.Evidence) replyCounts {
	counts := map[step][]float64{}
	for turn := range e.Turns() {
		if w := &e.Turns()[turn]; w.Attempts <= w.Said && w.Outcome == parley.Answered {
			at := step{w.Scenario, w.Ordinal}
			counts[at] = append(counts[at], float64(w.Row.Replies))
		}
	}
	usual := replyCounts{}
	for at, all := range counts {
		usual[at] = median(all)
	}
	return usual
}

// exceeded reports whether a reply repeats another one, or there are more of them than usual where the platform had to repeat a webhook: a
// model words its second answer differently.
func (u replyCounts) exceeded(_ *diagnose.Evidence, w *anatomy.Waterfall) bool {
	usual, known := u[step{w.Scenario, w.Ordinal}]
	return w.Row.Duplicates > 0 || known && w.Attempts > w.Said && float64(w.Row.Replies) > usual
}

func whyTwice(w *anatomy.Waterfall) string {
	switch {
	case w.Attempts > w.Said:
		return "the platform had repeated the webhook, and the bot did not notice that it had the message"
	case failedSend(w):
		return "a send that failed was made again, though the message had gone out"
	case w.Said > 1:
		return "each message of a burst was answered by itself"
	default:
		return "by itself, without a repeated webhook"
	}
}

// failedSend reports whether a send of the turn failed.
func failedSend(w *anatomy.Waterfall) bool {
	return slices.ContainsFunc(w.Calls, func(c anatomy.TurnCall) bool { return c.Layer == "sending" && failed(&c) })
}

func whyLost(w *anatomy.Waterfall) string {
	if w.Row.Acked == parley.None {
		return "the bot never took the message (" + cmp.Or(w.Failure, "no acknowledgement") + ")"
	}
	last := lastCall(w)
	if len(last) == 0 {
		return "it was taken, and no call shows that anything was done about it"
	}
	c := &w.Calls[last[0]]
	if failed(c) {
		return "the last thing seen is that " + diagnose.Named(c) + " failed (" + cmp.Or(c.Failure, fmt.Sprintf("status %d", c.Status)) + ")"
	}
	return "nothing follows after " + diagnose.Named(c)
}

func whyDisordered(w *anatomy.Waterfall) string {
	if w.Attempts > w.Said {
		return "a message that the platform had to repeat was answered after newer ones"
	}
	if w.Said > 1 {
		return "the messages of a burst were worked on at the same time"
	}
	return "an older turn was still being worked on"
}

// sendsOf are the calls of a turn that send.
func sendsOf(w *anatomy.Waterfall) (out []int) {
	for i := range w.Calls {
		if w.Calls[i].Layer == "sending" {
			out = append(out, i)
		}
	}
	return out
}

// lastCall is the call of a turn that began last, if there is one.
func lastCall(w *anatomy.Waterfall) []int {
	for i := range slices.Backward(w.Calls) {
		if !w.Calls[i].Blocking {
			return []int{i}
		}
	}
	return nil
}
