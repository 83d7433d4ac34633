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

// roundTrips looks for calls on one wire that follow each other with hardly any time between, each in a flight of its own, where
// nothing was asked of anybody else in between: a pipeline, or one call for all, would wait once. The same statement again and
// again is n-plus-one's, what is asked twice loaded-again's.
func roundTrips() diagnose.Check {
	return diagnose.Check{
		ID: "round-trips", Title: "round trips one after the other",
		Needs: []string{"redis", "postgres", "http", "calendar", "llm"},
		Limits: []diagnose.Limit{
			{Name: "least", Value: 5, Unit: parley.Count, Means: "flights in a row to Redis, or with the same request to the same HTTP service"},
			{Name: "statements", Value: 8, Unit: parley.Count, Means: "flights in a row with different SQL statements"},
			{Name: "gap", Value: 0.005, Unit: parley.Seconds, Means: "the bot's own time between two of them, as it is in the quickest quarter of turns"},
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that show it"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			pause := pausesOf(e)
			groups := map[string]*group{}
			for turn := range e.Turns() {
				w := &e.Turns()[turn]
				for _, run := range chatter(w, pause, seconds(l["gap"])) {
					least := l["least"]
					if run[0].layer == "postgres" {
						least = l["statements"]
					}
					if float64(len(run)) >= least {
						c := w.Calls[run[0].calls[0]]
						c.Operation = subject(&run[0])
						of(groups, &c).addTrips(turn, run)
					}
				}
			}
			var out diagnose.Outcome
			for _, g := range ordered(groups) {
				if float64(len(g.shown)) >= l["turns"]*float64(len(e.Turns())) {
					out.Suspects = append(out.Suspects, sequential(e, g, l))
				}
			}
			return out
		},
	}
}

// subject is the operation that all trips of a run have in common, empty if they need not have one.
func subject(t *trip) string {
	if t.layer == "postgres" || t.layer == "redis" {
		return ""
	}
	return t.operation
}

// addTrips notes a run of which the longest trip is needed.
func (g *group) addTrips(turn int, run []trip) {
	longest := 0
	for i := range run {
		if run[i].end-run[i].start > run[longest].end-run[longest].start {
			longest = i
		}
	}
	g.add(turn, callsOf(run))
	g.trips[turn] += len(run)
	g.spare[turn] = append(g.spare[turn], callsOf(slices.Concat(run[:longest], run[longest+1:]))...)
}

// pausesOf are the bot's own times between two operations that follow each other on a wire, in the quickest quarter of turns: under load
// a bot takes longer for the same.
func pausesOf(e *diagnose.Evidence) map[string]time.Duration {
	all := map[string][]float64{}
	for _, turns := range [][]anatomy.Waterfall{e.Turns(), e.Cases.Solo} {
		for i := range turns {
			byWire := map[string]trip{}
			for _, t := range tripsOf(&turns[i], pipelined) {
				if before, ok := byWire[t.wire]; ok {
					key := before.operation + "\x00" + t.operation
					all[key] = append(all[key], (t.start - before.end).Seconds())
				}
				byWire[t.wire] = t
			}
		}
	}
	out := make(map[string]time.Duration, len(all))
	for key, values := range all {
		out[key] = seconds(at(values, 0.25))
	}
	return out
}

// pipelined reports whether a call could go together with others of its wire.
func pipelined(c *anatomy.TurnCall) bool {
	switch c.Layer {
	case "redis":
		return !redisSession(c.Operation) && !strings.HasSuffix(command(c.Operation), "SCAN") // a scan needs the cursor of the one before
	case "postgres":
		return !bookkeeping(c.Operation) && !strings.HasPrefix(c.Operation, preparation)
	case "http", "calendar":
		return true
	case "llm":
		return strings.Contains(c.Operation, "embeddings") // which take a list
	default:
		return false
	}
}

// command is the name of a Redis command, without the shape of its key.
func command(operation string) string {
	name, _, _ := strings.Cut(operation, " ")
	return strings.ToUpper(name)
}

// redisSession reports whether a command is about the connection, not about data.
func redisSession(operation string) bool {
	switch command(operation) {
	case "HELLO", "AUTH", "CLIENT", "SELECT", "PING", "QUIT", "RESET", "ECHO", "COMMAND", "SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE",
		"SSUBSCRIBE", "SUNSUBSCRIBE", "CONNECT":
		return true
	}
	return false
}

// chatter are the runs of trips that could have been one flight.
func chatter(w *anatomy.Waterfall, pause map[string]time.Duration, gap time.Duration) (out [][]trip) {
	wires := map[string][]trip{}
	var order []string
	again := map[string]bool{} // statements that n-plus-one or loaded-again speak of
	for _, t := range tripsOf(w, pipelined) {
		key := t.wire + "\x00" + subject(&t)
		if wires[key] == nil {
			order = append(order, key)
		}
		same := t.wire + "\x00" + t.operation
		asked := fmt.Sprint(same, "\x00", t.content)
		if t.content != 0 && again[asked] || t.layer == "postgres" && again[same] {
			continue
		}
		again[asked], again[same] = true, true
		wires[key] = append(wires[key], t)
	}
	for _, key := range order {
		out = append(out, runsOf(wires[key], func(a, b *trip) bool {
			return b.start >= a.end-clockSlack && pause[a.operation+"\x00"+b.operation] <= gap && !elsewhere(w, a.wire, a.end, b.start)
		})...)
	}
	return out
}

// elsewhere reports whether a call on another wire was over between two moments.
func elsewhere(w *anatomy.Waterfall, wire string, from, to time.Duration) bool {
	return slices.ContainsFunc(w.Calls, func(c anatomy.TurnCall) bool { return c.Wire != wire && c.End > from && c.End <= to+clockSlack })
}

// sequential is the suspect of a wire on which turns make round trips one after the other.
func sequential(e *diagnose.Evidence, g *group, l diagnose.Limits) diagnose.Suspect {
	quick := quickest(e, g.wire)
	saved, counts := map[int]float64{}, []float64{}
	var calls []*anatomy.TurnCall
	for _, turn := range g.turns {
		w, spare := &e.Turns()[turn], map[int]bool{}
		for _, i := range g.spare[turn] {
			spare[i] = true
		}
		saved[turn] = e.Saved(turn, func(i int) anatomy.Less {
			if !spare[i] {
				return anatomy.Less{}
			}
			return anatomy.Less{Call: travel(&w.Calls[i], quick), Gap: gapBetween}
		})
		counts = append(counts, float64(g.trips[turn]))
		for _, i := range g.shown[turn] {
			calls = append(calls, &w.Calls[i])
		}
	}
	layer := calls[0].Layer
	most, same := commonest(calls, func(c *anatomy.TurnCall) string { return c.Operation })
	if layer == "redis" && same < 0.5 { // keys of many shapes: what they have in common may be the command
		if only, part := commonest(calls, func(c *anatomy.TurnCall) string { return command(c.Operation) }); part >= 0.5 {
			most = only
		}
	}
	return g.chatty(diagnose.MeanOf(counts), layer, most, same, l, saved, assumption(e, g.wire))
}

// commonest is the name that most of the calls bear, and the part of them that do.
func commonest(calls []*anatomy.TurnCall, name func(c *anatomy.TurnCall) string) (most string, part float64) {
	times, busiest := map[string]int{}, 0
	for _, c := range calls {
		n := name(c)
		if times[n]++; times[n] > busiest {
			most, busiest = n, times[n]
		}
	}
	return most, share(busiest, len(calls))
}

// quickest is how long the quickest quarter of calls on a wire lasts: a round trip in which little is done.
func quickest(e *diagnose.Evidence, wire string) time.Duration {
	var all []float64
	for turn := range e.Turns() {
		for i := range e.Turns()[turn].Calls {
			if c := &e.Turns()[turn].Calls[i]; c.Wire == wire && !c.Blocking && pipelined(c) {
				all = append(all, length(c).Seconds())
			}
		}
	}
	return seconds(at(all, 0.25))
}

// travel is the part of a call that goes when it shares the flight of another. What a database has to do for it stays to be done, and
// so does what makes a command of Redis long.
func travel(c *anatomy.TurnCall, quick time.Duration) time.Duration {
	if c.Layer == "postgres" || c.Layer == "redis" && (bulk(c.Operation) || c.ResponseBytes > largeReply) {
		return min(length(c), quick)
	}
	return length(c)
}

// largeReply is from when on the size of a reply, in bytes, tells in its time.
const largeReply = 64 << 10

// chatty words the suspect.
func (g *group) chatty(mean parley.Estimate, layer, most string, same float64, l diagnose.Limits, saved map[int]float64, assumed string,
) diagnose.Suspect {
	s := diagnose.Suspect{Shown: g.shown, Saved: saved}
	f := &s.Finding
	f.Layer, f.Wire, f.Operation = layer, g.wire, most
	times, threshold := number(mean.Value), l["least"]
	f.Why = "each waits for the answer to the one before, though nothing else is asked in between, and the person waits for all of them"
	label := anatomy.Label(g.wire)
	switch layer {
	case "redis":
		s.Certainty = 0.75
		if same >= 0.7 {
			s.Certainty = 0.9 // a loop: none of them depends on another
		}
		f.What = fmt.Sprintf("A turn makes %s round trips to %s one after the other, most often %s", times, label, most)
		f.Change = "send them together: a pipeline (redis-py: async with r.pipeline(transaction=False); ioredis: redis.pipeline()), or one command for all (MGET, HMGET, HGETALL)"
		f.Doubt = "whether one command needs the answer to another cannot be seen"
	case "postgres":
		s.Certainty, threshold = 0.5, l["statements"]
		f.What = fmt.Sprintf("A turn sends %s different statements to %s one after the other", times, label)
		f.Change = "join statements that need not wait for each other: one statement with CTEs or subqueries, a pipeline (psycopg: conn.pipeline(); pgx: SendBatch), or several connections side by side"
		f.Doubt = "a statement may need the rows of the one before, which cannot be seen; only the round trips are counted as saved, not the work of the database"
	default:
		s.Certainty = 0.6
		f.What = fmt.Sprintf("A turn sends %s to %s %s times, one after the other", most, label, times)
		f.Change = "ask for all at once (a batch request, a list of ids or inputs), or side by side (asyncio.gather, Promise.all) within the service's limits"
		f.Doubt = doubts("one request for all takes longer than one of them, by how much cannot be seen: what is saved is an upper bound", assumed)
	}
	f.Measured = []parley.Measure{{What: "round trips to " + label + " in a turn that shows it", Value: mean, Unit: parley.Count, Threshold: threshold}}
	return s
}
