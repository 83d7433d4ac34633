package wires

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// blockedLoop looks for calls during which the bot does nothing else: no call of any other turn begins, no webhook is acknowledged, a probe of an idle
// route waits. That is a synchronous client on an event loop. With several workers it is told by moments at which all of them make the call.
func blockedLoop() diagnose.Check {
	return diagnose.Check{
		ID: "blocked-loop", Title: "a call that stops everything else",
		Limits: []diagnose.Limit{
			{Name: "call", Value: 0.02, Unit: parley.Seconds, Means: "how long a call takes, on average, to be looked at"},
			{Name: "still", Value: 0.95, Unit: parley.Ratio, Means: "part of what the bot would do for other turns meanwhile that it does not do"},
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that wait for another turn's call"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			s := newSharing(e, settle)
			standing, told := s.standing(l)
			var out diagnose.Outcome
			for len(standing) > 0 {
				wire := standing[0].wire
				mine := func(st standstill) bool { return st.wire == wire }
				b := s.blocked(slices.DeleteFunc(slices.Clone(standing), func(st standstill) bool { return !mine(st) }))
				standing = slices.DeleteFunc(standing, mine)
				if float64(len(b.shown)) >= l["turns"]*float64(len(e.Turns())) {
					out.Suspects = append(out.Suspects, b.suspect(s, l))
				}
			}
			if len(out.Suspects) == 0 && !told {
				out.Unknown = "needs more load: too little happens while the long calls of other turns are under way to say whether they stop it"
			}
			return out
		},
	}
}

// blocking are operations on one wire that stop the bot, and what other turns wait because of them.
type blocking struct {
	calls []standstill
	saved map[int]float64
	shown map[int][]int
	waits []float64 // s, of the turns that wait
}

// blocked sums up what turns wait for others' calls, beyond what is usual before their own.
func (s *sharing) blocked(calls []standstill) (b blocking) {
	b.calls, b.shown = calls, map[int][]int{}
	var all []spell
	for i := range calls {
		all = append(all, calls[i].full.spells...)
	}
	full := merged(all)
	less, sums := map[int]map[int]time.Duration{}, map[int]time.Duration{}
	for _, w := range s.waits {
		lost := max(full.within(w.from, w.to), full.within(w.from-w.early, w.to-w.early))
		if lost < settle {
			continue
		}
		if less[w.turn] == nil {
			less[w.turn] = map[int]time.Duration{}
		}
		less[w.turn][w.call] = lost
		sums[w.turn] += lost
		b.shown[w.turn] = append(b.shown[w.turn], w.call)
	}
	b.saved = withoutGaps(s.e, less)
	for turn := range s.e.Turns() {
		if sum, waits := sums[turn]; waits {
			b.waits = append(b.waits, sum.Seconds())
		}
	}
	return b
}

func (b *blocking) suspect(s *sharing, l diagnose.Limits) diagnose.Suspect {
	st := b.calls[0]
	var names []string
	events, expected, waited, probes, queue := 0.0, 0.0, 0, 0, true
	for _, one := range b.calls {
		names = append(names, one.operation)
		events, expected = events+one.events, expected+one.expected
		waited, probes = waited+one.waited, probes+one.probes
		queue = queue && one.queue()
	}
	certainty, what, probe := 0.8, "the event loop", ""
	if probes < fewProbes {
		probe = "no probe of an idle route was sent meanwhile"
	} else {
		certainty = 0.95
	}
	if st.n > 1 {
		what = fmt.Sprintf("the event loops of %d workers", st.n)
	}
	remains := ""
	if queue {
		certainty = min(certainty, 0.75)
		what, remains = "a blocked event loop or a single synchronous worker", "turns are worked on one after the other, so that a single synchronous worker looks the same"
	}
	n := len(s.e.Turns())
	mean := diagnose.MeanOf(b.waits)
	measured := []parley.Measure{
		{What: "part of what the bot would have done for other turns meanwhile that it did not do", Value: diagnose.Exactly(1-events/expected, int(expected)), Unit: parley.Ratio, Threshold: l["still"]},
		{What: "such calls under way at once, at most", Value: diagnose.Exactly(float64(st.n), n), Unit: parley.Count},
		{What: "length of such a call", Value: diagnose.Exactly(st.length, n), Unit: parley.Seconds, Threshold: l["call"]},
		{What: "wait of a turn for other turns' calls", Value: mean, Unit: parley.Seconds},
	}
	if probes >= fewProbes {
		measured = append(measured, parley.Measure{What: "part of the probes sent during such a call that waited for its end", Value: diagnose.Exactly(share(waited, probes), probes), Unit: parley.Ratio})
	}
	measured = append(measured, s.processes()...)
	return diagnose.Suspect{
		Shown: b.shown, Saved: b.saved, Certainty: certainty,
		Finding: parley.Finding{
			Layer: "bot", Wire: st.wire, Operation: st.operation,
			What: fmt.Sprintf("While a call %s: %s is under way nothing else moves (%s): %s of the turns wait %s for other people's calls",
				anatomy.Label(st.wire), strings.Join(names, ", "), what, percent(share(len(b.shown), n)), lasting(mean.Value)),
			Why:      "everybody who writes waits for the calls of all who wrote before, one after the other",
			Change:   "use the asynchronous client and await it (AsyncOpenAI, httpx.AsyncClient, redis.asyncio, asyncpg), or run the call in a thread (await asyncio.to_thread(...)); in Node use no ...Sync function; with synchronous workers run more of them",
			Measured: measured,
			Doubt:    doubts(remains, probe, assumption(s.e, st.wire)),
		},
	}
}
