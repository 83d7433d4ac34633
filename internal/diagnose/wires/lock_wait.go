package wires

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// lockWait looks for turns that wait for each other's locks: a statement that writes, or locks, and takes much longer when another turn has
// the same row, ending as that turn's transaction does; and a lock in Redis that is asked for again and again. A database that is slow
// with everything is not meant.
func lockWait() diagnose.Check {
	return diagnose.Check{
		ID: "lock-wait", Title: "a row or a lock that turns wait for",
		Needs: []string{"postgres", "redis"},
		Limits: []diagnose.Limit{
			{Name: "wait", Value: 0.01, Unit: parley.Seconds, Means: "how much longer than unhindered a statement takes for it to count as a wait"},
			{Name: "handed", Value: 0.7, Unit: parley.Ratio, Means: "part of the waits that end as another turn's transaction does"},
			{Name: "pause", Value: 0.005, Unit: parley.Seconds, Means: "the bot's own time between two attempts at a lock in Redis"},
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that wait"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			var out diagnose.Outcome
			locking := lockingOf(e)
			for _, k := range locking {
				if k.hindered(e, l) {
					out.Suspects = append(out.Suspects, k.suspect(e, l))
				}
			}
			out.Suspects = append(out.Suspects, polledLocks(e, l)...)
			if len(out.Suspects) == 0 && len(locking) > 0 && !overlapping(e) {
				out.Unknown = "needs turns that overlap in time"
			}
			return out
		},
	}
}

// overlapping reports whether any two turns were under way at once.
func overlapping(e *diagnose.Evidence) bool {
	until := time.Duration(-1)
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		if turn > 0 && w.Spoken < until {
			return true
		}
		until = max(until, w.Spoken+w.Reply)
	}
	return false
}

// lockUse is a statement that takes a lock: from when it asks to when it has it, and until when its transaction keeps it, from the
// start of the run.
type lockUse struct {
	turn, call       int
	asks, has, keeps time.Duration
	handed           bool
}

// locking is an operation that takes locks.
type locking struct {
	wire, operation, named string
	uses                   []lockUse     // in the order of asks
	alone, longest         time.Duration // what it takes unhindered: the median, and what nine of ten stay below
	beyond                 time.Duration // by how much the mean of the others that are hindered is longer
	chance                 float64       // part of waits that would end as they do if they had nothing to do with each other
	others                 time.Duration // by how much other statements are longer than when they are quick, in the mean
	compared               bool          // there are other statements
}

// takesLocks reports whether a statement writes rows, or locks what others may want.
func takesLocks(operation string) bool {
	operation = strings.ToUpper(operation)
	if locks(operation) {
		return true
	}
	first, rest, _ := strings.Cut(operation, " ")
	switch first {
	case "UPDATE", "INSERT", "DELETE", "MERGE", "LOCK":
		return true
	case "WITH":
		return changes(rest)
	}
	return false
}

// lockingOf are the operations that take locks, in the order in which they appear.
func lockingOf(e *diagnose.Evidence) (out []*locking) {
	known := map[string]*locking{}
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		keeps := map[int]time.Duration{}
		for _, t := range transactionsOf(w) {
			for _, i := range t.calls {
				keeps[i] = t.to
			}
		}
		for i := range w.Calls {
			c := &w.Calls[i]
			if c.Layer != "postgres" || c.Blocking || failed(c) || !takesLocks(c.Operation) {
				continue
			}
			key := c.Wire + "\x00" + c.Operation
			if known[key] == nil {
				known[key] = &locking{wire: c.Wire, operation: c.Operation, named: diagnose.Named(c)}
				out = append(out, known[key])
			}
			k := known[key]
			k.uses = append(k.uses, lockUse{turn: turn, call: i, asks: w.Spoken + c.Start, has: w.Spoken + c.End, keeps: w.Spoken + max(c.End, keeps[i])})
		}
	}
	for _, k := range out {
		slices.SortStableFunc(k.uses, func(a, b lockUse) int { return cmp.Compare(a.asks, b.asks) })
	}
	return out
}

// atOnce is how soon after a lock is given up the next one has it and its statement is done, beyond what that takes.
const atOnce = 5 * time.Millisecond

// hindered finds the waits, and reports whether they are those for a lock.
func (k *locking) hindered(e *diagnose.Evidence, l diagnose.Limits) bool {
	k.free(e)
	soon := k.longest + atOnce
	var ends []spell // after each moment at which a lock is given up
	for i := range k.uses {
		ends = append(ends, spell{k.uses[i].keeps, k.uses[i].keeps + soon})
	}
	waits, handed, turns, sum := 0, 0, map[int]bool{}, time.Duration(0)
	for i := range k.uses {
		u := &k.uses[i]
		more := u.has - u.asks - k.alone
		if more < seconds(l["wait"]) || u.has-u.asks <= k.longest { // one in ten takes longer by itself
			continue
		}
		waits, sum = waits+1, sum+more
		u.handed = k.givenUp(i, soon)
		if u.handed {
			handed++
			turns[u.turn] = true
		}
	}
	if waits == 0 || len(turns) < 5 || float64(len(turns)) < l["turns"]*float64(len(e.Turns())) {
		return false
	}
	k.beyond = sum / time.Duration(waits)
	after := merged(ends)
	k.chance = float64(after.within(e.Cases.From, k.uses[len(k.uses)-1].has)) / float64(max(1, k.uses[len(k.uses)-1].has-e.Cases.From))
	k.compare(e)
	part := share(handed, waits)
	slow := k.compared && k.others > k.beyond*3/10 // the database is slow with everything
	return part >= l["handed"] && (part >= (1+k.chance)/2 || k.queues()) && !slow
}

// queues reports whether those that find another turn about the operation take much longer than those that do not: on a busy wire
// something always ends just before.
func (k *locking) queues() bool {
	var behind, free []float64
	var kept time.Duration // by those who asked before
	for i := range k.uses {
		u := &k.uses[i]
		if more := max(0, u.has-u.asks-k.alone).Seconds(); i > 0 && u.asks < kept {
			behind = append(behind, more)
		} else {
			free = append(free, more)
		}
		kept = max(kept, u.keeps)
	}
	const much = 4
	return len(free) >= 10 && len(behind) >= 10 && mean(behind) >= much*max(mean(free), 0.001)
}

// givenUp reports whether a use had its lock as another turn, which had it before and had it while this one asked, gave it up.
func (k *locking) givenUp(i int, soon time.Duration) bool {
	u := &k.uses[i]
	for j := range k.uses {
		o := &k.uses[j]
		if o.asks >= u.has {
			break
		}
		if o.turn != u.turn && o.has <= u.has && o.keeps > u.asks && o.keeps <= u.has+clockSlack && u.has-o.keeps <= soon {
			return true
		}
	}
	return false
}

// free finds how long the operation takes when no other turn is about it: in the solo phase, or when none had asked and not given up,
// or at its quickest.
func (k *locking) free(e *diagnose.Evidence) {
	const few = 3
	var solo, free, all []float64
	for i := range e.Cases.Solo {
		for j := range e.Cases.Solo[i].Calls {
			if c := &e.Cases.Solo[i].Calls[j]; c.Wire == k.wire && c.Operation == k.operation && !failed(c) {
				solo = append(solo, length(c).Seconds())
			}
		}
	}
	var kept time.Duration // by those who asked before
	for i := range k.uses {
		u := &k.uses[i]
		took := (u.has - u.asks).Seconds()
		all = append(all, took)
		if i == 0 || u.asks >= kept {
			free = append(free, took)
		}
		kept = max(kept, u.keeps)
	}
	switch {
	case len(solo) >= few:
		k.alone, k.longest = seconds(median(solo)), seconds(at(solo, 0.9))
	case len(free) >= few:
		k.alone, k.longest = seconds(median(free)), seconds(at(free, 0.9))
	default:
		k.alone, k.longest = seconds(at(all, 0.1)), seconds(at(all, 0.2))
	}
}

// compare finds by how much the statements that take no locks are longer than when they are quick: all are when the database is busy.
func (k *locking) compare(e *diagnose.Evidence) {
	took := map[string][]float64{}
	for turn := range e.Turns() {
		for i := range e.Turns()[turn].Calls {
			c := &e.Turns()[turn].Calls[i]
			if c.Wire == k.wire && c.Layer == "postgres" && !c.Blocking && !failed(c) && !bookkeeping(c.Operation) && !takesLocks(c.Operation) {
				took[c.Operation] = append(took[c.Operation], length(c).Seconds())
			}
		}
	}
	sum, n := 0.0, 0
	for _, values := range took {
		quick := at(values, 0.1)
		for _, v := range values {
			sum += v - quick
		}
		n += len(values)
	}
	k.compared = n > 0
	k.others = seconds(sum / float64(max(1, n)))
}

// suspect words what was found.
func (k *locking) suspect(e *diagnose.Evidence, l diagnose.Limits) diagnose.Suspect {
	shown, less := map[int][]int{}, map[int]map[int]time.Duration{}
	var waits, kept []float64
	for i := range k.uses {
		u := &k.uses[i]
		kept = append(kept, (u.keeps - u.has).Seconds())
		if !u.handed {
			continue
		}
		waits = append(waits, (u.has - u.asks - k.alone).Seconds())
		shown[u.turn] = append(shown[u.turn], u.call)
		if less[u.turn] == nil {
			less[u.turn] = map[int]time.Duration{}
		}
		less[u.turn][u.call] = u.has - u.asks - k.alone
	}
	saved := map[int]float64{}
	for turn, calls := range less {
		saved[turn] = e.Saved(turn, func(i int) anatomy.Less { return anatomy.Less{Call: calls[i]} })
	}
	wait, keeps := diagnose.MeanOf(waits), diagnose.MeanOf(kept)
	s := diagnose.Suspect{
		Shown: shown, Saved: saved, Certainty: 0.9,
		Finding: parley.Finding{
			Layer: "postgres", Wire: k.wire, Operation: k.operation,
			What: fmt.Sprintf("The statement %s waits %s for other turns that have the same row or lock; unhindered it takes %s", k.named, lasting(wait.Value), parley.FormatDuration(k.alone)),
			Why:  "turns go through it one by one, however many connections and processes there are",
			Change: "take the row off the way of an answer: a row for each user or hour in place of one for all (sums by a query), INSERT in place of UPDATE, counters in Redis (INCR), " +
				"or write it after the answer; make it the last statement before COMMIT, and keep calls to services out of the transaction",
			Measured: []parley.Measure{
				{What: "wait for the lock, of a statement that waits", Value: wait, Unit: parley.Seconds, Threshold: l["wait"]},
				{What: "how long a turn keeps it after the statement", Value: keeps, Unit: parley.Seconds},
			},
		},
	}
	if keeps.Value > 2*atOnce.Seconds() {
		s.Finding.What += fmt.Sprintf(", and then keeps it for %s until its transaction ends", lasting(keeps.Value))
	}
	if !k.compared {
		s.Certainty = 0.75
		s.Finding.Doubt = "the bot sends no other statements by which a database that is slow with everything could be told"
	}
	return s
}
