package wires

import (
	"fmt"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// ownTime looks for replies of which much is the bot's own time: nothing that was listened to was under way. With the CPU time of its processes it says
// whether the bot works meanwhile or waits for something nobody listens to, and whether one thread of it is the limit.
func ownTime() diagnose.Check {
	return diagnose.Check{
		ID: "own-time", Title: "much of the reply is the bot's own time",
		Limits: []diagnose.Limit{
			{Name: "share", Value: 0.3, Unit: parley.Ratio, Means: "part of the mean reply that is the bot's own time, alone and under load"},
			{Name: "least", Value: 0.1, Unit: parley.Seconds, Means: "own time of a turn"},
			{Name: "needed", Value: 0.02, Unit: parley.Seconds, Means: "own time that a turn needs in any case, and is not counted as saved"},
			{Name: "cpu", Value: 0.5, Unit: parley.Ratio, Means: "CPU time of a turn as a part of its own time from which on the bot works and does not wait"},
			{Name: "saturated", Value: 0.9, Unit: parley.Ratio, Means: "part of a core that the busiest thread uses for it to be the limit"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			if e.Summary.Calls == 0 {
				return diagnose.Outcome{Unknown: "needs the bot's calls: without them all of a reply looks like its own time"}
			}
			o := newOwn(e, l["saturated"])
			if !o.much(l) {
				return diagnose.Outcome{}
			}
			return diagnose.Outcome{Suspects: []diagnose.Suspect{o.suspect(e, l)}}
		},
	}
}

// own is the bot's own time in the judged turns and alone, in seconds.
type own struct {
	turns        []float64 // of each turn: what of it counts
	reply, alone float64   // the mean of the replies that were answered; the own time's part of the reply alone, -1 if nobody was alone
	growth       float64   // of the mean reply, against alone; 0 if nobody was
	// cpu is what a turn takes of the processors, busiest what the busiest thread used of a core; -1 if nobody looked.
	cpu, busiest float64
	saturated    bool
}

// newOwn counts own time on the path to the answer. Of what a turn takes longer than alone before a call only a saturated thread is to
// blame: all else is a queue, which other checks look for.
func newOwn(e *diagnose.Evidence, saturated float64) *own {
	o := &own{alone: -1, cpu: -1, busiest: -1}
	o.sample(e)
	habit := habitOf(e)
	if habit.alone {
		mine, replies := 0.0, 0.0
		for k := range e.Cases.Solo {
			w := &e.Cases.Solo[k]
			mine, replies = mine+ownOn(w, nil, false), replies+w.Reply.Seconds()
		}
		if replies > 0 {
			o.alone = mine / replies
		}
		o.growth = meanReply(e.Turns()) / max(1e-9, replies/float64(len(e.Cases.Solo)))
	}
	o.saturated = o.busiest >= saturated && (o.growth == 0 || o.growth >= 1.2)
	given := slept(e, defaults(delayGivenAway())) // it is named there
	for turn := range e.Turns() {
		mine := ownOn(&e.Turns()[turn], habit, o.saturated)
		if given != nil {
			mine = max(0, mine-given.Saved[turn])
		}
		o.turns = append(o.turns, mine)
	}
	o.reply = meanReply(e.Turns())
	return o
}

// meanReply is the mean of the answered turns, in seconds.
func meanReply(turns []anatomy.Waterfall) float64 {
	sum, n := 0.0, 0
	for k := range turns {
		if turns[k].Outcome == parley.Answered {
			sum += turns[k].Reply.Seconds()
			n++
		}
	}
	return sum / float64(max(1, n))
}

// ownOn is the own time on the path of a turn; before a call no more than usual if that is given, unless all of it counts, the wait for the bot's first
// sign of life included.
func ownOn(w *anatomy.Waterfall, h *habit, all bool) float64 {
	sum := time.Duration(0)
	places := placesOf(w)
	for _, p := range w.Path {
		if p.Call >= 0 || p.Layer != "bot" && (!all || p.Layer != "waiting") {
			continue
		}
		gap := p.To - p.From
		if h != nil && !all && p.Before >= 0 {
			gap = min(gap, max(0, h.gaps[places[p.Before]]))
		}
		sum += gap
	}
	return sum.Seconds()
}

// sample reads what was seen of the bot's processes over the time of the turns.
func (o *own) sample(e *diagnose.Evidence) {
	turns := e.Turns()
	from, to := turns[0].Spoken, turns[len(turns)-1].Spoken+1 // the load was on
	if cpu := e.Between("bot_cpu_seconds_total", "", from, to); len(cpu) > 1 {
		first, last := cpu[0], cpu[len(cpu)-1]
		answered := 0
		for k := range turns {
			if at := turns[k].Spoken + turns[k].Reply; turns[k].Outcome == parley.Answered && at >= first.At && at < last.At {
				answered++
			}
		}
		if answered > 0 && last.Value >= first.Value {
			o.cpu = (last.Value - first.Value) / float64(answered)
		}
	}
	if busy := e.Between("bot_busiest_thread_cores", "", from, to); len(busy) > 0 {
		values := make([]float64, len(busy))
		for i := range busy {
			values[i] = busy[i].Value
		}
		o.busiest = median(values)
	}
}

// mean is that of the own time of all turns.
func (o *own) mean() parley.Estimate { return diagnose.MeanOf(o.turns) }

// much reports whether own time is a large part of the reply, alone, too, unless a thread is the limit under load.
func (o *own) much(l diagnose.Limits) bool {
	mean := o.mean().Value
	return mean >= l["least"] && mean >= l["share"]*o.reply && (o.saturated || o.alone < 0 || o.alone >= l["share"])
}

func (o *own) suspect(e *diagnose.Evidence, l diagnose.Limits) diagnose.Suspect {
	mean := o.mean()
	works := o.cpu >= l["cpu"]*mean.Value
	saved, shown := map[int]float64{}, map[int][]int{}
	for turn, mine := range o.turns {
		if works && !o.saturated {
			mine = min(mine, o.cpu)
		}
		if mine > l["needed"] {
			saved[turn], shown[turn] = min(mine-l["needed"], e.Turns()[turn].Reply.Seconds()), nil
		}
	}
	const bound = "what is saved is a bound: it supposes that all of that time but " // how much of it the bot needs is not known
	f := parley.Finding{
		Layer: "bot",
		What:  fmt.Sprintf("%s of a reply, %s of %s, is the bot's own time: no call of the turn is under way", percent(mean.Value/o.reply), lasting(mean.Value), lasting(o.reply)),
		Why:   "the person waits for the bot, not for a service",
		Measured: []parley.Measure{
			{What: "the bot's own time in a turn", Value: mean, Unit: parley.Seconds, Threshold: l["least"]},
			{What: "its part of the reply", Value: diagnose.Exactly(mean.Value/o.reply, len(o.turns)), Unit: parley.Ratio, Threshold: l["share"]},
		},
	}
	if o.alone >= 0 {
		f.Measured = append(f.Measured, parley.Measure{What: "its part of the reply alone", Value: diagnose.Exactly(o.alone, len(e.Cases.Solo)), Unit: parley.Ratio, Threshold: l["share"]})
	}
	if o.cpu >= 0 {
		f.Measured = append(f.Measured, parley.Measure{What: "CPU time of the bot's processes for each turn", Value: diagnose.Exactly(o.cpu, len(o.turns)), Unit: parley.Seconds, Threshold: l["cpu"] * mean.Value})
	}
	if o.busiest >= 0 {
		f.Measured = append(f.Measured, parley.Measure{What: "part of a core that the busiest thread uses", Value: diagnose.Exactly(o.busiest, len(o.turns)), Unit: parley.Ratio, Threshold: l["saturated"]})
	}
	certainty := 0.5
	doubt := bound + lasting(l["needed"]) + " can go"
	switch {
	case o.saturated:
		certainty = 0.85
		f.What += fmt.Sprintf("; its busiest thread uses %s of a core, so that the interpreter's one thread is the limit", percent(o.busiest))
		f.Change = "profile it under load (py-spy record, node --cpu-prof), make the work smaller, and run more processes (uvicorn --workers, gunicorn --workers, Node's cluster): threads of one Python process share one interpreter"
	case works:
		certainty = 0.8
		f.What += fmt.Sprintf("; it works meanwhile: a turn takes %s of CPU time", lasting(o.cpu))
		f.Change = "profile it (py-spy record, node --cpu-prof, Go's pprof): parsing and writing JSON, validation, templates and logging of whole bodies are the usual places; what must be done can often be done after the answer"
	case o.cpu >= 0:
		f.What += fmt.Sprintf("; it does not work meanwhile: a turn takes %s of CPU time", lasting(o.cpu))
		f.Change = "look for a sleep, a lock, a file or a wire that parley does not listen to (py-spy dump or an asyncio task's stack while a turn waits tells where)"
		doubt = doubts("what it waits for cannot be seen: a sleep, a lock or a wire nobody listens to", unheard(e), doubt)
	default:
		f.Change = "let parley start the bot (target.command), so that the CPU time of its processes tells work from waiting; then profile it, or look for a sleep, a lock or a wire that nobody listens to"
		doubt = doubts("the CPU time of the bot's processes is not known, so that work cannot be told from waiting", unheard(e), doubt)
	}
	if o.alone < 0 {
		certainty = min(certainty, 0.6)
		doubt = doubts(doubt, "no turn was alone, so that queues may be part of it")
	}
	f.Doubt = doubt
	return diagnose.Suspect{Shown: shown, Saved: saved, Certainty: certainty, Finding: f}
}

// unheard names dependencies that the bot has and nobody listens to.
func unheard(e *diagnose.Evidence) string {
	for _, part := range e.Summary.Split {
		if part.Name == "bot" && part.Label != anatomy.Label("bot") {
			return "it counts as " + part.Label
		}
	}
	return ""
}
