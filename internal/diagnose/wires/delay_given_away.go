package wires

import (
	"fmt"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
	"parley/internal/fault"
)

// delayGivenAway looks for time that the bot gives away before an answer that is ready: calls that show it typing or that mark the message
// read, a delay that it has the platform keep, a sleep.
func delayGivenAway() diagnose.Check {
	return diagnose.Check{
		ID: "delay-given-away", Title: "waiting with an answer that is ready",
		Limits: []diagnose.Limit{
			{Name: "delay", Value: 0.2, Unit: parley.Seconds, Means: "a sleep, or a delay of a send beyond what sends take"},
			{Name: "least", Value: 0.005, Unit: parley.Seconds, Means: "what calls that show the bot is there take of a turn that makes them"},
			{Name: "spread", Value: 0.05, Unit: parley.Ratio, Means: "part of a pause by which it varies, at most, if it is a sleep"},
			{Name: "turns", Value: 0.1, Unit: parley.Ratio, Means: "part of the turns that show it"},
			{Name: "sleeps", Value: 0.5, Unit: parley.Ratio, Means: "part of the turns that have the same pause, if it is a sleep"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			var out diagnose.Outcome
			for _, s := range []*diagnose.Suspect{shownTyping(e, l), delayedSend(e, l), slept(e, l)} {
				if s != nil {
					out.Suspects = append(out.Suspects, *s)
				}
			}
			return out
		},
	}
}

// courtesy reports whether a call to the platform shows the user that the bot is there, and brings it nothing.
func courtesy(c *anatomy.TurnCall) bool {
	if c.Layer != "platform" {
		return false
	}
	path := strings.ToLower(c.Operation)
	for _, word := range []string{"presence", "markmessageasread", "markasread", "loading/start", "typing", "sendchataction"} {
		if strings.Contains(path, word) {
			return true
		}
	}
	return false
}

// shownTyping is the suspect of such calls that the answer waited for.
func shownTyping(e *diagnose.Evidence, l diagnose.Limits) *diagnose.Suspect {
	s := &diagnose.Suspect{Shown: map[int][]int{}, Saved: map[int]float64{}, Certainty: 0.95}
	var times []float64
	names := map[string]*group{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		gone, took := map[int]bool{}, 0.0
		for i := range w.Calls {
			if c := &w.Calls[i]; courtesy(c) && c.OnPath > 0 {
				gone[i] = true
				took += c.OnPath.Seconds()
				s.Shown[turn] = append(s.Shown[turn], i)
				of(names, c).add(turn, []int{i})
			}
		}
		if len(gone) == 0 {
			continue
		}
		times = append(times, took)
		replay := e.Replay(turn)
		s.Saved[turn] = e.Saved(turn, func(i int) anatomy.Less {
			if !gone[i] {
				return anatomy.Less{}
			}
			return anatomy.Less{Call: replay.Whole(i).Call, Gap: gapBetween}
		})
	}
	if len(times) == 0 || median(times) < l["least"] || float64(len(times)) < l["turns"]*float64(len(e.Turns())) {
		return nil
	}
	var all []string
	for _, g := range ordered(names) {
		all = append(all, g.named)
	}
	first := ordered(names)[0]
	s.Finding = parley.Finding{
		Layer: "platform", Wire: first.wire, Operation: first.operation,
		What:   fmt.Sprintf("The answer waits for %s, which takes %s of a turn", joined(all), lasting(median(times))),
		Why:    "being shown as typing, or the message as read, is a courtesy; waiting for it makes the answer later",
		Change: "send it in a task of its own (asyncio.create_task, a promise that nobody awaits but whose error is caught), without a delay, beside the work",
		Measured: []parley.Measure{
			{What: "time of the answer that such calls take", Value: diagnose.MeanOf(times), Unit: parley.Seconds, Threshold: l["least"]},
		},
		Doubt: assumption(e, first.wire),
	}
	return s
}

// delayedSend is the suspect of sends that the platform held back because the bot asked for it. What a bot asks for is not recorded: it is what
// sends take beyond what the plan says that the platform needs, the quickest of them, too.
func delayedSend(e *diagnose.Evidence, l diagnose.Limits) *diagnose.Suspect {
	needed, known := sendTime(e)
	if !known {
		return nil
	}
	type send struct{ turn, call int }
	var sends []send
	var taken []float64
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		for i := range w.Calls {
			if c := &w.Calls[i]; c.Layer == "sending" && c.OnPath > 0 && len(w.Path) > 0 && !failed(c) && c.Fault == "" {
				sends, taken = append(sends, send{turn, i}), append(taken, sendTook(w, i).Seconds())
			}
		}
	}
	longer := median(taken) - needed.Quantile(0.5).Seconds()
	if least := at(taken, 0.1) - needed.Quantile(0.1).Seconds(); longer < l["delay"] || least < l["delay"]/2 {
		return nil
	}
	s := &diagnose.Suspect{Shown: map[int][]int{}, Saved: map[int]float64{}, Certainty: 0.9}
	less := map[int]map[int]anatomy.Less{}
	for _, one := range sends {
		if less[one.turn] == nil {
			less[one.turn] = map[int]anatomy.Less{}
		}
		s.Shown[one.turn] = append(s.Shown[one.turn], one.call)
		less[one.turn][one.call] = anatomy.Less{Call: max(0, sendTook(&e.Turns()[one.turn], one.call)-needed.Mean())}
	}
	for turn, calls := range less {
		s.Saved[turn] = e.Saved(turn, func(i int) anatomy.Less { return calls[i] })
	}
	c := &e.Turns()[sends[0].turn].Calls[sends[0].call]
	s.Finding = parley.Finding{
		Layer: "sending", Wire: c.Wire, Operation: c.Operation,
		What:   fmt.Sprintf("The bot has its answers held back by %s: %s takes that much longer than the platform needs", lasting(longer), diagnose.Named(c)),
		Why:    "the person looks at \"typing\" while the answer is ready, and the bot's send call is open all that time",
		Change: "leave out the delay of the send (Evolution: \"delay\", \"options.delay\"), or take from it the time that the answer took already",
		Measured: []parley.Measure{
			{What: "time of a send beyond what the platform needs", Value: diagnose.Exactly(longer, len(taken)), Unit: parley.Seconds, Threshold: l["delay"]},
			{What: "time of a send", Value: diagnose.MeanOf(taken), Unit: parley.Seconds},
		},
		Doubt: "what a send needs is the plan's assumption (send_latency)",
	}
	return s
}

// sendTook is how long the platform took over a send, and over what it sent after it had answered the bot. What it did on purpose is known exactly;
// the call itself is longer on a busy machine.
func sendTook(w *anatomy.Waterfall, call int) time.Duration {
	c := &w.Calls[call]
	took := length(c)
	if c.Imposed > 0 {
		took = min(c.Imposed, took)
	}
	if last := w.Path[len(w.Path)-1]; last.Call == call {
		took += max(0, last.To-c.End)
	}
	return took
}

// sendTime is how long the platform takes over a send by the plan.
func sendTime(e *diagnose.Evidence) (fault.Dist, bool) {
	for _, a := range e.Run.Assumed {
		if text, isSend := strings.CutPrefix(a.Model, "send "); isSend {
			d, err := fault.ParseDist(text)
			return d, err == nil
		}
	}
	return fault.Dist{}, false
}

// slept is the suspect of a pause before the sending of the answer that is nearly the same in most turns: work varies, a sleep does not.
func slept(e *diagnose.Evidence, l diagnose.Limits) *diagnose.Suspect {
	pauses, sends := map[int]float64{}, map[int]int{}
	var all []float64
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		for _, p := range w.Path {
			if p.Call >= 0 || p.Layer != "bot" || p.Before < 0 || p.After < 0 || w.Calls[p.Before].Layer != "sending" {
				continue
			}
			if gap := (p.To - p.From).Seconds(); gap >= l["delay"] && gap > pauses[turn] {
				pauses[turn], sends[turn] = gap, p.Before
			}
		}
		if pauses[turn] > 0 {
			all = append(all, pauses[turn])
		}
	}
	usual := median(all)
	s := &diagnose.Suspect{Shown: map[int][]int{}, Saved: map[int]float64{}, Certainty: 0.6}
	var same []float64
	for turn := range e.Turns() { // in the order of time
		pause := pauses[turn]
		if pause == 0 || pause < usual*(1-l["spread"]) || pause > usual*(1+l["spread"]) {
			continue
		}
		same = append(same, pause)
		s.Shown[turn] = []int{sends[turn]}
		s.Saved[turn] = e.Saved(turn, func(i int) anatomy.Less {
			if i != sends[turn] {
				return anatomy.Less{}
			}
			return anatomy.Less{Gap: seconds(pause)}
		})
	}
	if len(same) == 0 || float64(len(same)) < l["sleeps"]*float64(len(e.Turns())) {
		return nil
	}
	const clockwork = 0.01 // neither work nor a service keeps time like this
	if at(same, 0.9)-at(same, 0.1) < clockwork*usual {
		s.Certainty = 0.8
	}
	s.Finding = parley.Finding{
		Layer: "bot",
		What:  fmt.Sprintf("Before it sends an answer the bot does nothing for %s, the same in %s of the turns: a sleep, it seems", lasting(usual), percent(share(len(same), len(e.Turns())))),
		Why:   "the answer is ready, and the person waits for the clock",
		Change: "take the sleep out (asyncio.sleep, time.sleep, setTimeout before the send); if it is to look human, take from it the time that the answer " +
			"took already",
		Measured: []parley.Measure{
			{What: "pause before the send", Value: diagnose.MeanOf(same), Unit: parley.Seconds, Threshold: l["delay"]},
			{What: "part of the turns with the same pause", Value: diagnose.Exactly(share(len(same), len(e.Turns())), len(e.Turns())), Unit: parley.Ratio, Threshold: l["sleeps"]},
		},
		Doubt: "a call on a wire that nobody listens to, or work that always takes as long, would look the same",
	}
	return s
}
