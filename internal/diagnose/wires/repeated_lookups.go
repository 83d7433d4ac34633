package wires

import (
	"fmt"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// repeatedLookups looks for lookups that turns of different conversations make again and again with the same answer. The same lookup twice
// within one turn is loaded-again's.
func repeatedLookups() diagnose.Check {
	return diagnose.Check{
		ID: "repeated-lookups", Title: "the same lookup in every conversation",
		Limits: []diagnose.Limit{
			{Name: "within", Value: 60, Unit: parley.Seconds, Means: "for how long an answer is kept"},
			{Name: "share", Value: 0.5, Unit: parley.Ratio, Means: "part of the lookups of one kind that had been made within that time, by another conversation"},
			{Name: "same", Value: 0.95, Unit: parley.Ratio, Means: "part of those whose answer was as long as the one before"},
			{Name: "time", Value: 0.01, Unit: parley.Seconds, Means: "what they take of a turn that makes them"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			var out diagnose.Outcome
			for _, k := range lookedUp(e, seconds(l["within"])) {
				if k.again == 0 || share(k.again, k.all) < l["share"] || share(k.same, k.again) < l["same"] || k.took/float64(len(k.shown)) < l["time"] {
					continue
				}
				out.Suspects = append(out.Suspects, k.suspect(e, l))
			}
			return out
		},
	}
}

// lookup is the lookups of one operation, in all turns.
type lookup struct {
	group
	layer            string
	all, again, same int     // lookups; those another conversation had made, and those of them with an answer as long
	took             float64 // seconds of the critical path that those took
	last             map[uint64]answer
}

// answer is what a lookup brought last, and to whom.
type answer struct {
	at           time.Duration
	conversation int64
	bytes, rows  int64
}

// lookedUp gathers the lookups whose content is known; the groups show those that another conversation had just made.
func lookedUp(e *diagnose.Evidence, within time.Duration) []*lookup {
	groups, kinds := map[string]*group{}, map[*group]*lookup{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		mine := map[uint64]bool{} // made by this turn already
		for i := range w.Calls {
			c := &w.Calls[i]
			if c.Content == 0 || c.Layer == "redis" || c.Layer == "llm" || !looksUp(c) || failed(c) || mine[c.Content] {
				continue
			}
			mine[c.Content] = true
			g := of(groups, c)
			k := kinds[g]
			if k == nil {
				k = &lookup{layer: c.Layer, last: map[uint64]answer{}}
				kinds[g] = k
			}
			k.all++
			now := answer{w.Spoken + c.End, w.Conversation, c.ResponseBytes, c.Rows}
			if before, seen := k.last[c.Content]; seen && before.conversation != now.conversation && now.at-before.at <= within {
				k.again++
				k.same += one(before.bytes == now.bytes && before.rows == now.rows)
				k.took += c.OnPath.Seconds()
				g.add(turn, []int{i})
			}
			k.last[c.Content] = now
		}
	}
	var out []*lookup
	for _, g := range ordered(groups) {
		kinds[g].group = *g
		out = append(out, kinds[g])
	}
	return out
}

// suspect is the lookup as a suspect: what another conversation had just asked would be there.
func (k *lookup) suspect(e *diagnose.Evidence, l diagnose.Limits) diagnose.Suspect {
	saved := map[int]float64{}
	for _, turn := range k.turns {
		again := map[int]bool{}
		for _, i := range k.shown[turn] {
			again[i] = true
		}
		replay := e.Replay(turn)
		saved[turn] = e.Saved(turn, func(i int) anatomy.Less {
			if !again[i] {
				return anatomy.Less{}
			}
			return replay.Whole(i)
		})
	}
	where := "in the process for a minute (cachetools.TTLCache, lru-cache) or in Redis (SET ... EX 60)"
	if strings.HasPrefix(k.layer, "postgres") {
		where += ", or load it once at start if it hardly ever changes"
	}
	return diagnose.Suspect{
		Shown: k.shown, Saved: saved, Certainty: 0.7,
		Finding: parley.Finding{
			Layer: k.layer, Wire: k.wire, Operation: k.operation,
			What: fmt.Sprintf("%s asked the same as another conversation had less than %s before, and got the same, %s of the time",
				k.named, lasting(l["within"]), percent(share(k.again, k.all))),
			Why:    "the person waits for what the bot knew already",
			Change: "keep the answer " + where,
			Measured: []parley.Measure{
				{What: "part of the lookups that had just been made", Value: diagnose.Exactly(share(k.again, k.all), k.all), Unit: parley.Ratio, Threshold: l["share"]},
				{What: "time they take of a turn that makes them", Value: diagnose.Exactly(k.took/float64(len(k.shown)), len(k.shown)), Unit: parley.Seconds, Threshold: l["time"]},
				{What: "part of them with an answer as long as the one before", Value: diagnose.Exactly(share(k.same, k.again), k.again), Unit: parley.Ratio, Threshold: l["same"]},
			},
			Doubt: doubts("only the lengths of the answers are compared, and how old an answer may be is for the bot's maker to say", assumption(e, k.wire)),
		},
	}
}
