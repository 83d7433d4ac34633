package wires

import (
	"slices"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// place is a step of a turn's script: the k-th call of an operation in the turns of a kind. Without a scenario it is that of turns of any kind.
type place struct {
	scenario        string
	ordinal         int32
	wire, operation string
	k               int
}

func (p place) anyTurn() place {
	p.scenario, p.ordinal = "", 0
	return p
}

// placesOf are the places of the calls of a turn.
func placesOf(w *anatomy.Waterfall) []place {
	seen := map[place]int{}
	out := make([]place, len(w.Calls))
	for i := range w.Calls {
		p := place{scenario: w.Scenario, ordinal: w.Ordinal, wire: w.Calls[i].Wire, operation: w.Calls[i].Operation}
		seen[p]++
		out[i] = p
		out[i].k = seen[p]
	}
	return out
}

// habit is the bot's own time before the calls of a place when nobody stands in the way: the median of the solo phase, or without one what a
// tenth of the judged turns stay below.
type habit struct {
	alone bool
	gaps  map[place]time.Duration
}

// fewAlone is how many solo turns there must be before they say what is usual.
const fewAlone = 3

func habitOf(e *diagnose.Evidence) *habit {
	u := &habit{alone: len(e.Cases.Solo) >= fewAlone, gaps: map[place]time.Duration{}}
	judged := map[place][]float64{}
	for turn := range e.Turns() {
		gather(judged, &e.Turns()[turn], e.Replay(turn))
	}
	for p, all := range judged {
		u.gaps[p] = seconds(at(all, 0.1))
	}
	if !u.alone {
		return u
	}
	solo := map[place][]float64{}
	for k := range e.Cases.Solo {
		gather(solo, &e.Cases.Solo[k], anatomy.NewReplay(&e.Cases.Solo[k]))
	}
	for p := range judged {
		if all := solo[p]; len(all) > 0 {
			u.gaps[p] = seconds(median(all))
		} else if all := solo[p.anyTurn()]; len(all) > 0 {
			u.gaps[p] = seconds(median(all))
		}
	}
	return u
}

// gather adds the gaps of a turn, by place and by place in turns of any kind.
func gather(into map[place][]float64, w *anatomy.Waterfall, r *anatomy.Replay) {
	for i, p := range placesOf(w) {
		gap := r.Gap(i).Seconds()
		into[p] = append(into[p], gap)
		into[p.anyTurn()] = append(into[p.anyTurn()], gap)
	}
}

// queued is a stretch in which a turn did nothing that it also does not do when nobody stands in its way, before one of its calls.
type queued struct {
	turn, call int // places
	place      place
	// from and to are counted from the start of the run; the bot's usual time before the call may lie before the wait or after it, and early is
	// by how much earlier the wait was in the latter case.
	from, to, early time.Duration
	begun           time.Duration // when the call began
}

func (w *queued) lasted() time.Duration { return w.to - w.from }

// queuedOf are the waits of the turns until their answer, of at least a length.
func queuedOf(e *diagnose.Evidence, u *habit, least time.Duration) (out []queued) {
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		replay := e.Replay(turn)
		heard := false
		for i, p := range placesOf(w) {
			c := &w.Calls[i]
			if c.Blocking || c.Start > w.Reply {
				continue
			}
			first := !heard
			heard = true
			normal := max(0, u.gaps[p])
			more := replay.Gap(i) - normal
			if more < least || more < normal/2 || first && w.Attempts > w.Said {
				continue // a webhook that was repeated says nothing of the bot's queue
			}
			begun := w.Spoken + c.Start
			out = append(out, queued{turn, i, p, begun - more, begun, normal, begun})
		}
	}
	return out
}

// waiters counts the turns that wait.
func waiters(waits []queued) int {
	turns := map[int]bool{}
	for i := range waits {
		turns[waits[i].turn] = true
	}
	return len(turns)
}

// limited is something that turns share, of which n can be had at once, and the turns that wait for it.
type limited struct {
	n     int
	full  cover // the time at which all n were in use
	waits []queued
	// covered is the part of the waits during which all were in use, kept that of the waits after which there were no more than n; blocked is how
	// long each wait was because of that.
	covered, kept float64
	blocked       []time.Duration
	// filled is the part of the stretch looked at during which all were in use.
	filled float64
}

// limitOf says how well a limit explains waits: spells are when somebody had one.
func limitOf(spells []spell, waits []queued, from, to time.Duration) limited {
	l := occupancyOf(spells, from, to)
	out := limited{n: l.most(), waits: waits}
	if out.n == 0 || len(waits) == 0 {
		return out
	}
	out.full = l.full(out.n)
	out.filled = float64(out.full.within(from, to)) / float64(max(1, to-from))
	total, kept := time.Duration(0), 0
	var early, late []time.Duration
	var sumEarly, sumLate time.Duration
	for _, w := range waits {
		late = append(late, out.full.within(w.from, w.to))
		early = append(early, out.full.within(w.from-w.early, w.to-w.early))
		sumLate, sumEarly = sumLate+late[len(late)-1], sumEarly+early[len(early)-1]
		total += w.lasted()
		if l.when(w.begun) <= out.n {
			kept++
		}
	}
	out.blocked = late
	if sumEarly > sumLate {
		out.blocked = early
	}
	out.covered = float64(max(sumEarly, sumLate)) / float64(max(1, total))
	out.kept = share(kept, len(waits))
	return out
}

// explains reports whether the waits go with the limit.
func (l *limited) explains(covered float64) bool {
	return l.n > 0 && len(l.waits) > 0 && l.covered >= covered && l.kept >= 0.9
}

// saved is by how much earlier each turn would have been answered without its waits, in seconds, and shown the calls they stood before. A
// turn that was not answered would have had the time.
func (l *limited) saved(e *diagnose.Evidence) (saved map[int]float64, shown map[int][]int) {
	less := map[int]map[int]time.Duration{}
	shown = map[int][]int{}
	for k, w := range l.waits {
		if l.blocked[k] <= 0 {
			continue
		}
		if less[w.turn] == nil {
			less[w.turn] = map[int]time.Duration{}
		}
		less[w.turn][w.call] = l.blocked[k]
		shown[w.turn] = append(shown[w.turn], w.call)
	}
	return withoutGaps(e, less), shown
}

// withoutGaps is by how much earlier each turn would have been answered with less of the bot's own time before calls, by their places, in
// seconds. A turn without an answer would have had that time.
func withoutGaps(e *diagnose.Evidence, less map[int]map[int]time.Duration) map[int]float64 {
	saved := map[int]float64{}
	for turn, gaps := range less {
		w := &e.Turns()[turn]
		if w.Outcome == parley.Answered {
			saved[turn] = e.Saved(turn, func(i int) anatomy.Less { return anatomy.Less{Gap: gaps[i]} })
			continue
		}
		sum := time.Duration(0)
		for _, gap := range gaps {
			sum += gap
		}
		saved[turn] = min(sum, w.Reply).Seconds()
	}
	return saved
}

// meanWait is the mean of what the turns that wait wait, with its interval, in seconds.
func (l *limited) meanWait() parley.Estimate {
	var order []int
	sums := map[int]time.Duration{}
	for k, w := range l.waits {
		if _, seen := sums[w.turn]; !seen {
			order = append(order, w.turn)
		}
		sums[w.turn] += l.blocked[k]
	}
	slices.Sort(order)
	values := make([]float64, len(order))
	for i, turn := range order {
		values[i] = sums[turn].Seconds()
	}
	return diagnose.MeanOf(values)
}
