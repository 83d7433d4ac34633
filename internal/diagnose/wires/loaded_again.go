package wires

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// loadedAgain looks for the same thing read more than once in a turn, or stored whole more than once: a session or a context that each
// layer of the bot loads, copies and saves for itself. What is read again in another turn is repeated-lookups' affair, what is asked
// again and again until it has changed is polling, and no loading.
func loadedAgain() diagnose.Check {
	return diagnose.Check{
		ID: "loaded-again", Title: "the same thing loaded or stored more than once",
		Needs: []string{"redis", "postgres", "http", "calendar"},
		Limits: []diagnose.Limit{
			{Name: "times", Value: 2, Unit: parley.Count, Means: "how often the same thing is read, or stored, in one turn"},
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that show it"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			a := again{spare: map[int][]int{}, shown: map[int][]int{}, operations: map[string]time.Duration{}, exact: true}
			for turn := range e.Turns() {
				a.turn(e, turn, int(l["times"]))
			}
			switch {
			case a.reads > 0 && a.known == 0:
				return diagnose.Outcome{Unknown: "needs to know what calls asked for, which this record does not say"}
			case len(a.shown) == 0 || float64(len(a.shown)) < l["turns"]*float64(len(e.Turns())):
				return diagnose.Outcome{}
			}
			return diagnose.Outcome{Suspects: []diagnose.Suspect{a.suspect(e, l["times"])}}
		},
	}
}

// again is what turns do more than once.
type again struct {
	spare, shown map[int][]int
	operations   map[string]time.Duration // by wire and operation: what the spare calls took
	counts       []float64                // of the calls for the thing most often asked for, turn by turn that shows it
	reads, known int                      // calls that load something, and those of which it is known what
	exact        bool                     // nothing rests on sizes alone
}

// turn looks at one turn.
func (a *again) turn(e *diagnose.Evidence, turn, least int) {
	w := &e.Turns()[turn]
	most := 0
	for _, calls := range slices.Concat(a.readAgain(w, e.Replay(turn)), a.storedAgain(w)) {
		if len(calls) < max(2, least) {
			continue
		}
		spare := calls[1:]
		if stores(&w.Calls[calls[0]]) {
			spare = calls[:len(calls)-1] // the last one counts
		}
		a.shown[turn], a.spare[turn] = append(a.shown[turn], calls...), append(a.spare[turn], spare...)
		for _, i := range spare {
			c := &w.Calls[i]
			a.operations[diagnose.Named(c)+"\x00"+c.Layer+"\x00"+c.Wire+"\x00"+c.Operation] += length(c)
		}
		most = max(most, len(calls))
	}
	if most > 0 {
		slices.Sort(a.shown[turn])
		a.counts = append(a.counts, float64(most))
	}
}

// thing is what a call asks for.
type thing struct {
	wire, operation string
	content         uint64
}

// readAgain are the calls that read the same thing, each in a flight of its own. What a turn has changed in a database it may read again.
func (a *again) readAgain(w *anatomy.Waterfall, replay *anatomy.Replay) (out [][]int) {
	seen := map[thing][]int{}
	var order []thing
	settle := func(wire string) {
		for _, t := range order {
			if calls := seen[t]; t.wire == wire && len(calls) > 1 && !polls(replay, calls) {
				out = append(out, calls)
			}
			if t.wire == wire {
				delete(seen, t)
			}
		}
		order = slices.DeleteFunc(order, func(t thing) bool { return t.wire == wire })
	}
	for i := range w.Calls {
		c := &w.Calls[i]
		if c.Layer == "postgres" && !bookkeeping(c.Operation) && !reads(c.Operation) && !strings.HasPrefix(c.Operation, preparation) {
			settle(c.Wire)
		}
		if !loads(c) || failed(c) || c.Start > w.Reply {
			continue
		}
		if a.reads++; c.Content == 0 {
			continue
		}
		a.known++
		t := thing{c.Wire, c.Operation, c.Content}
		before := seen[t]
		if before == nil {
			order = append(order, t)
		} else if last := &w.Calls[before[len(before)-1]]; c.Flight != 0 && last.Flight == c.Flight && last.Conn == c.Conn {
			continue
		}
		seen[t] = append(before, i)
	}
	for len(order) > 0 {
		settle(order[0].wire)
	}
	return out
}

// loads reports whether a call brings something that the bot could have kept. Scripts do if they bring more than a number or a word.
func loads(c *anatomy.TurnCall) bool {
	switch c.Layer {
	case "postgres":
		return reads(c.Operation) && !bookkeeping(c.Operation)
	case "redis":
		const more = 100 // bytes
		name := command(c.Operation)
		if strings.HasPrefix(name, "EVAL") || strings.HasPrefix(name, "FCALL") {
			return c.ResponseBytes > more
		}
	}
	return looksUp(c)
}

// polls reports whether calls ask until something has changed: each follows the one before after a pause, with nothing else between.
func polls(replay *anatomy.Replay, calls []int) bool {
	const pause = 20 * time.Millisecond
	if len(calls) < 3 {
		return false
	}
	for k := 1; k < len(calls); k++ {
		if replay.Next(calls[k-1]) != calls[k] || replay.Gap(calls[k]) < pause {
			return false
		}
	}
	return true
}

// stores reports whether a call stores a whole thing under one key.
func stores(c *anatomy.TurnCall) bool {
	switch command(c.Operation) {
	case "SET", "SETEX", "PSETEX", "GETSET", "HSET", "HMSET", "JSON.SET":
		return c.Layer == "redis"
	}
	return false
}

// storedAgain are the calls that store the same thing. Of a key only the shape is known, so that they must be of about one size, and
// either large or of the only key of that shape that the turn reads.
func (a *again) storedAgain(w *anatomy.Waterfall) (out [][]int) {
	const large = 1024 // bytes
	same := map[string][]int{}
	keys := map[string]map[uint64]bool{} // what was asked for by reads of a shape
	for i := range w.Calls {
		c := &w.Calls[i]
		_, shape, _ := strings.Cut(c.Operation, " ")
		shape = c.Wire + " " + shape
		if c.Start > w.Reply || c.Blocking || failed(c) {
			continue
		}
		if stores(c) {
			same[shape] = append(same[shape], i)
		} else if c.Layer == "redis" && loads(c) {
			if keys[shape] == nil {
				keys[shape] = map[uint64]bool{}
			}
			keys[shape][c.Content] = true
		}
	}
	for _, shape := range slices.Sorted(maps.Keys(same)) {
		calls := same[shape]
		smallest, largest := w.Calls[calls[0]].RequestBytes, int64(0)
		contents, flights := map[uint64]bool{}, map[int64]bool{}
		for _, i := range calls {
			c := &w.Calls[i]
			smallest, largest = min(smallest, c.RequestBytes), max(largest, c.RequestBytes)
			contents[c.Content], flights[c.Flight] = true, true
		}
		alike := float64(largest) <= 1.2*float64(smallest)
		if len(calls) < 2 || len(flights) < len(calls) || !alike || largest < large && len(keys[shape]) != 1 || len(contents) == 1 && !contents[0] && largest < large {
			continue // the last: a lock that is asked for again and again
		}
		a.exact = false
		out = append(out, calls)
	}
	return out
}

// suspect words what was found.
func (a *again) suspect(e *diagnose.Evidence, times float64) diagnose.Suspect {
	saved := map[int]float64{}
	for turn, calls := range a.spare {
		spare := map[int]bool{}
		for _, i := range calls {
			spare[i] = true
		}
		alongside(&e.Turns()[turn], spare)
		replay := e.Replay(turn)
		saved[turn] = replay.Saved(func(i int) anatomy.Less {
			if !spare[i] {
				return anatomy.Less{}
			}
			return anatomy.Less{Call: replay.Whole(i).Call, Gap: gapBetween}
		}).Seconds()
	}
	names := slices.SortedFunc(maps.Keys(a.operations), func(x, y string) int {
		return cmp.Or(cmp.Compare(a.operations[y], a.operations[x]), cmp.Compare(x, y))
	})
	first := strings.Split(names[0], "\x00")
	what := first[0]
	if len(names) > 1 {
		what += fmt.Sprintf(" (and %s more)", number(float64(len(names)-1)))
	}
	mean := diagnose.MeanOf(a.counts)
	s := diagnose.Suspect{
		Shown: a.shown, Saved: saved, Certainty: 0.9,
		Finding: parley.Finding{
			Layer: first[1], Wire: first[2], Operation: first[3],
			What:   fmt.Sprintf("A turn loads or stores the same thing up to %s times: %s", number(mean.Value), what),
			Why:    "the person waits for each time, though the bot had it already",
			Change: "load it once at the start of the turn, hand it from layer to layer (an argument, request.state, a context variable), and store it once at the end",
			Measured: []parley.Measure{
				{What: "times that a turn asks for one thing, or stores it, the most asked for", Value: mean, Unit: parley.Count, Threshold: times},
			},
			Doubt: "someone else may have changed it in between, which the bot may want to see",
		},
	}
	if !a.exact {
		s.Certainty = 0.75
		s.Finding.Doubt = doubts(s.Finding.Doubt, "of what is stored only the shape of the key and the size are known")
	}
	return s
}
