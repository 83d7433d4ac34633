package wires

import (
	"fmt"
	"strings"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// polledLocks are the locks in Redis that turns ask for again and again: the same small SET (with NX, which its name does not show), SETNX or
// script, each attempt right after a pause, more often in some turns than in others.
func polledLocks(e *diagnose.Evidence, l diagnose.Limits) (out []diagnose.Suspect) {
	groups, fewest := map[string]*group{}, map[string]int{}
	for turn := range e.Turns() {
		for _, calls := range lockAttempts(e, turn, l["pause"]) {
			c := &e.Turns()[turn].Calls[calls[0]]
			key := c.Wire + "\x00" + c.Operation
			if n, known := fewest[key]; !known || len(calls) < n {
				fewest[key] = len(calls)
			}
			if len(calls) > 1 {
				g := of(groups, c)
				g.add(turn, calls)
				g.spare[turn] = append(g.spare[turn], calls[1:]...)
			}
		}
	}
	const always = 3 // attempts that even a turn makes whom nobody hinders are no accident
	for _, g := range ordered(groups) {
		n := fewest[g.wire+"\x00"+g.operation]
		if float64(len(g.turns)) >= l["turns"]*float64(len(e.Turns())) && (n == 1 || n >= always) {
			out = append(out, polled(e, g, l))
		}
	}
	return out
}

// lockAttempts are the calls of a turn that may ask for a lock, those for the same one together.
func lockAttempts(e *diagnose.Evidence, turn int, pause float64) (out [][]int) {
	w, replay := &e.Turns()[turn], e.Replay(turn)
	in := map[int]int{} // by call: its place in out, 1 up
	for i := range w.Calls {
		c := &w.Calls[i]
		if !asksForLock(c) || c.Start > w.Reply {
			continue
		}
		if in[i] == 0 {
			out = append(out, []int{i})
			in[i] = len(out)
		}
		next := replay.Next(i)
		if next < 0 || in[next] != 0 {
			continue
		}
		if n := &w.Calls[next]; n.Wire == c.Wire && n.Operation == c.Operation && n.Content == c.Content && replay.Gap(next).Seconds() >= pause {
			in[next] = in[i]
			out[in[i]-1] = append(out[in[i]-1], next)
		}
	}
	return out
}

// asksForLock reports whether a call may ask for a lock: it is small, brings a word or a number, and it is known what it asks for.
func asksForLock(c *anatomy.TurnCall) bool {
	const small, word = 4096, 100 // bytes
	if c.Layer != "redis" || c.Blocking || c.Content == 0 || c.RequestBytes > small || c.ResponseBytes > word {
		return false
	}
	name := command(c.Operation)
	return name == "SET" || name == "SETNX" || strings.HasPrefix(name, "EVAL") || strings.HasPrefix(name, "FCALL")
}

// polled is the suspect of a lock that is asked for again and again. Without others who have it one attempt would do, and no pause.
func polled(e *diagnose.Evidence, g *group, l diagnose.Limits) diagnose.Suspect {
	saved, counts, pauses := map[int]float64{}, []float64{}, []float64{}
	for _, turn := range g.turns {
		spare, replay := map[int]bool{}, e.Replay(turn)
		for _, i := range g.spare[turn] {
			spare[i] = true
			pauses = append(pauses, replay.Gap(i).Seconds())
		}
		saved[turn] = replay.Saved(func(i int) anatomy.Less {
			if !spare[i] {
				return anatomy.Less{}
			}
			return anatomy.Less{Call: replay.Whole(i).Call, Gap: max(0, replay.Gap(i))}
		}).Seconds()
		counts = append(counts, float64(len(g.shown[turn])))
	}
	times, pause := diagnose.MeanOf(counts), diagnose.MeanOf(pauses)
	return diagnose.Suspect{
		Shown: g.shown, Saved: saved, Certainty: 0.85,
		Finding: parley.Finding{
			Layer: "redis", Wire: g.wire, Operation: g.operation,
			What: fmt.Sprintf("A turn asks %s for a lock %s times before it has it (%s), with pauses of %s", anatomy.Label(g.wire), number(times.Value), g.operation, lasting(pause.Value)),
			Why:  "it waits for the turn that has the lock, and then for the rest of its own pause",
			Change: "keep the lock for less: not while a model or a service is asked; one lock for each user in place of one for all; let the turn that has it take over what has come meanwhile (a list for each user), " +
				"or wait with BLPOP or a subscription in place of pauses",
			Measured: []parley.Measure{
				{What: "attempts at the lock, in a turn that needs more than one", Value: times, Unit: parley.Count, Threshold: 2},
				{What: "pause before the next attempt", Value: pause, Unit: parley.Seconds, Threshold: l["pause"]},
			},
			Doubt: "that it is a lock is told by the same request being repeated after pauses, in some turns more often than in others",
		},
	}
}
