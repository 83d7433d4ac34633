package anatomy

import (
	"iter"

	"parley"
)

// Summarize adds up the rows of a run. Each sequence is read twice, the second time for the few turns that are
// taken apart, and may be in any order but for calls on one connection, which come in the order of their ends; nil stands for an
// empty one. Calls must already be attributed to their turns; of a turn there must be one row, the last.
//
// Turns never said (Unsent) are no waits. Turns whose end was not recorded count as waiting until
// the end of the record, run.Elapsed.
func Summarize(run *parley.Run, turns iter.Seq[parley.Turn], replies iter.Seq[parley.Reply], calls iter.Seq[parley.Call]) *Summary {
	return summarizeWith(run, turns, replies, calls, func(_ *scene, _, _ []judgedTurn, ids []int64) []Waterfall {
		return Dissect(run, ids, turns, replies, calls)
	})
}

// summarizeWith reads each sequence once, and has the turns that are shown taken apart by dissect.
func summarizeWith(run *parley.Run, turns iter.Seq[parley.Turn], replies iter.Seq[parley.Reply], calls iter.Seq[parley.Call], dissect dissector) *Summary {
	scene := newScene(run)
	judged, solo := newCrowdCount(&scene.judged, run), newCrowdCount(&scene.solo, run)
	rates, ramp := newRateCount(run.Elapsed), newRampCount(scene.ramp, run.Elapsed)
	var kept judgedTurns
	visits, heat, body := newVisitCount(scene), newHeatCount(run.Elapsed), newBody(scene)
	for t := range rows(turns) {
		judged.add(&t)
		solo.add(&t)
		rates.add(&t)
		ramp.add(&t)
		for i := range body.loads {
			body.loads[i].turn(&t)
		}
		if t.Outcome == parley.Unsent {
			continue
		}
		heat.add(&t)
		if !scene.canary[t.Phase] {
			kept.add(&t, visits.add(&t), scene.judged.names[t.Phase], body.turn(&t))
		}
	}
	out := &Summary{
		Judged: judged.result(visits.open), JudgedPhase: scene.judged.title, JudgedFor: scene.judged.length(),
		Solo:  solo.result(visits.open),
		Rates: rates.result(),
		Ramp:  ramp.result(len(run.Generator.Invalid) > 0),
	}
	wires := newCallCount(scene, &kept, visits, body)
	for r := range rows(replies) {
		out.Strangers += one(r.Turn == 0 && r.Fate == "stranger")
		wires.reply(&r)
	}
	for c := range rows(calls) {
		wires.add(&c)
	}
	out.Calls = wires.within
	if wires.within > 0 {
		out.Attributed = float64(wires.tied) / float64(wires.within)
	}
	out.Upstreams = wires.result()
	laid := layOut(kept.spans, wires.spans)
	wires.spans = nil // they are laid out, and there are millions
	parts, perTurn, dbPerTurn := wires.split(&laid)
	out.Split, out.LLMPerTurn = parts, judgedWaits(run, "llm_per_turn", perTurn)
	out.LLM, out.Send = judgedWaits(run, "llm", wires.model), judgedWaits(run, "send", wires.send)
	out.Calendar = judgedWaits(run, "calendar", wires.calendar)
	out.DB, out.DBPerTurn = judgedWaits(run, "db", wires.db), judgedWaits(run, "db_per_turn", dbPerTurn)
	out.Visits = visits.result(wires.money)
	out.Money = wires.money.result(&out.Visits)
	out.Heat = heat.result()
	out.Anatomy = body.result(&laid, dissect)
	return out
}

// rows is seq, or nothing if it is nil.
func rows[T any](seq iter.Seq[T]) iter.Seq[T] {
	if seq == nil {
		return func(func(T) bool) {}
	}
	return seq
}
