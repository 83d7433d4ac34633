package wires

import (
	"fmt"
	"slices"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// heldTransaction looks for a transaction that stays open while the turn asks a service. By itself that costs nothing; it does where turns
// wait for a connection meanwhile. What others wait for its locks is lock-wait's, a pool that is short without it pool-limit's.
func heldTransaction() diagnose.Check {
	return diagnose.Check{
		ID: "held-transaction", Title: "a transaction open while a service is asked",
		Needs: []string{"postgres"},
		Limits: []diagnose.Limit{
			{Name: "idle", Value: 0.02, Unit: parley.Seconds, Means: "how long a transaction is open with nothing to do while services are asked"},
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that show it"},
			{Name: "wait", Value: 0.01, Unit: parley.Seconds, Means: "how much longer than alone the bot takes before a statement for it to count as a wait for a connection"},
			{Name: "covered", Value: 0.8, Unit: parley.Ratio, Means: "part of those waits during which as many transactions are open as ever are"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			var out diagnose.Outcome
			for _, h := range keepingOf(e, seconds(l["idle"])) {
				if float64(len(h.shown)) < l["turns"]*float64(len(e.Turns())) {
					continue
				}
				out.Suspects = append(out.Suspects, h.suspect(e, l))
			}
			return out
		},
	}
}

// keeping is the transactions of a wire, and those of them that are open while services are asked.
type keeping struct {
	wire       string
	shown      map[int][]int // the statements and the calls to services, by turn
	open       []spell       // all transactions of turns, from the start of the run
	hold, work []float64     // of those that are held: how long, and how long their statements take, in seconds
	asked      map[string]time.Duration
}

// keepingOf are the transactions, by wire; those without one that is held are left out.
func keepingOf(e *diagnose.Evidence, least time.Duration) (out []*keeping) {
	wires := map[string]*keeping{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		for _, t := range transactionsOf(w) {
			h := wires[t.wire]
			if h == nil {
				h = &keeping{wire: t.wire, shown: map[int][]int{}, asked: map[string]time.Duration{}}
				wires[t.wire] = h
				out = append(out, h)
			}
			h.open = append(h.open, spell{w.Spoken + t.from, w.Spoken + t.to})
			calls, idle := t.asked(w)
			if idle < least {
				continue
			}
			h.hold, h.work = append(h.hold, (t.to-t.from).Seconds()), append(h.work, t.work(w).Seconds())
			h.shown[turn] = append(h.shown[turn], slices.Concat(t.calls, calls)...)
			for _, i := range calls {
				h.asked[w.Calls[i].Wire] += length(&w.Calls[i])
			}
		}
	}
	return slices.DeleteFunc(out, func(h *keeping) bool { return len(h.shown) == 0 })
}

// suspect words what was found, and counts what turns wait for connections that are held.
func (h *keeping) suspect(e *diagnose.Evidence, l diagnose.Limits) diagnose.Suspect {
	hold, work := diagnose.MeanOf(h.hold), diagnose.MeanOf(h.work)
	var most string
	for wire, sum := range h.asked {
		if most == "" || sum > h.asked[most] || sum == h.asked[most] && wire < most {
			most = wire
		}
	}
	s := diagnose.Suspect{
		Shown: h.shown, Certainty: 0.9,
		Finding: parley.Finding{
			Layer: "postgres", Wire: h.wire, Operation: h.first(e),
			What: fmt.Sprintf("A transaction on %s is open for %s of a turn, of which its statements take %s: it stays open while %s is asked",
				anatomy.Label(h.wire), lasting(hold.Value), lasting(work.Value), anatomy.Label(most)),
			Why:    "its connection and its locks are kept from all other turns meanwhile, who wait as soon as there are more of them than connections",
			Change: "read what is needed and commit before the service is asked; open a second, short transaction for what its answer changes. No session of an ORM, and no connection, around the whole handler",
			Measured: []parley.Measure{
				{What: "how long a transaction that is held is open", Value: hold, Unit: parley.Seconds},
				{What: "of that, statements", Value: work, Unit: parley.Seconds},
			},
		},
	}
	h.waits(e, &s, l)
	return s
}

// waits counts the time for which turns wait before a statement with as many transactions open as ever are.
func (h *keeping) waits(e *diagnose.Evidence, s *diagnose.Suspect, l diagnose.Limits) {
	shared := newSharing(e, seconds(l["wait"]))
	waits := shared.before(h.wire)
	if shared.keptUp() != "" || !shared.enough(waits, l["turns"]) {
		s.Finding.Doubt = "at this load no turn waits for a connection: it will cost time when there are more turns at once than connections"
		return
	}
	limit := limitOf(h.open, waits, shared.from, shared.to)
	if !limit.explains(l["covered"]) {
		s.Finding.Doubt = "turns wait before their statements, but not while all transactions there ever are at once are open: what they wait for is something else"
		return
	}
	// Waiting falls faster than the time for which a connection is kept, so that this is no more than what is won.
	won := 1.0
	if left := mean(h.work) / max(mean(h.hold), 1e-9); left > 0.25 {
		won = 1 - left
	}
	saved, waiting := limit.saved(e)
	for turn := range saved {
		saved[turn] *= won
	}
	s.Saved = saved
	for turn, calls := range waiting {
		s.Shown[turn] = append(s.Shown[turn], calls...)
		slices.Sort(s.Shown[turn])
		s.Shown[turn] = slices.Compact(s.Shown[turn])
	}
	f := &s.Finding
	f.What += fmt.Sprintf("; turns wait for one of the %s that are open at most", number(float64(limit.n)))
	f.Measured = append([]parley.Measure{{What: "wait before a statement while all are open", Value: limit.meanWait(), Unit: parley.Seconds, Threshold: l["wait"]}}, f.Measured...)
	f.Doubt = doubts("a larger pool would let more turns in, and hold as many more connections of the server", assumption(e, h.services()...))
}

// services are the wires asked while a transaction is open.
func (h *keeping) services() (out []string) {
	for wire := range h.asked {
		out = append(out, wire)
	}
	slices.Sort(out)
	return out
}

// first is the statement that most transactions that are held begin with, of those that are about data.
func (h *keeping) first(e *diagnose.Evidence) (most string) {
	times := map[string]int{}
	for turn, calls := range h.shown {
		for _, i := range calls {
			if c := &e.Turns()[turn].Calls[i]; c.Layer == "postgres" && !bookkeeping(c.Operation) {
				times[c.Operation]++
				break
			}
		}
	}
	for operation, n := range times {
		if most == "" || n > times[most] || n == times[most] && operation < most {
			most = operation
		}
	}
	return most
}

// mean is that of values, 0 without any.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(1, len(values)))
}
