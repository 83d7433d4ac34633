package wires

import (
	"slices"
	"strings"
	"time"

	"parley/internal/anatomy"
)

// clockSlack is by how much a call may have begun before the answer it waited for was noted.
const clockSlack = time.Millisecond

// trip is one flight of a turn: calls that left together, and the wait for their answers.
type trip struct {
	wire, layer, operation string // the operation is that of its first call
	content                uint64
	calls                  []int // places in the turn's calls
	start, end             time.Duration
}

// tripsOf are the flights of a turn that hold one of the calls wanted, in the order of time. Of a flight only those calls count.
func tripsOf(w *anatomy.Waterfall, wanted func(c *anatomy.TurnCall) bool) (out []trip) {
	type flight struct {
		wire   string
		conn   int64
		number int64
	}
	places := map[flight]int{}
	for i := range w.Calls {
		c := &w.Calls[i]
		if c.Blocking || !wanted(c) {
			continue
		}
		key := flight{c.Wire, c.Conn, c.Flight}
		at, again := places[key]
		if !again || c.Flight == 0 {
			places[key] = len(out)
			out = append(out, trip{c.Wire, c.Layer, c.Operation, c.Content, []int{i}, c.Start, c.End})
			continue
		}
		t := &out[at]
		t.calls, t.end = append(t.calls, i), max(t.end, c.End)
	}
	return out
}

// runsOf cuts trips, which are in the order of time, where next says that something else came between two of them.
func runsOf(trips []trip, next func(a, b *trip) bool) (out [][]trip) {
	from := 0
	for i := 1; i <= len(trips); i++ {
		if i == len(trips) || !next(&trips[i-1], &trips[i]) {
			out = append(out, trips[from:i])
			from = i
		}
	}
	return out
}

// inTurn is how many of the trips began when the one before was over, the first included: those that were waited for one by one.
func inTurn(trips []trip) (n int) {
	free := time.Duration(0)
	for i := range trips {
		if i == 0 || trips[i].start >= free-clockSlack {
			n++
			free = trips[i].end
		}
	}
	return n
}

// different is how many different things trips asked for. One of which that is unknown asks for something of its own.
func different(trips []trip) (n int) {
	seen := map[uint64]bool{}
	for i := range trips {
		c := trips[i].content
		if c == 0 || !seen[c] {
			n++
		}
		seen[c] = true
	}
	return n
}

// decided reports whether a call to a service was over between two moments: what comes after may follow from its answer.
func decided(w *anatomy.Waterfall, from, to time.Duration) bool {
	return slices.ContainsFunc(w.Calls, func(c anatomy.TurnCall) bool {
		return c.Layer != "postgres" && c.Layer != "redis" && c.End > from && c.End <= to+clockSlack
	})
}

// callsOf are the places of all calls of trips.
func callsOf(trips []trip) (out []int) {
	for i := range trips {
		out = append(out, trips[i].calls...)
	}
	slices.Sort(out)
	return out
}

// preparation begins the operation of a call that prepares a statement and does not run it.
const preparation = "PREPARE "

// bookkeeping reports whether a statement is about the session, not about data: pools and transactions repeat those.
func bookkeeping(operation string) bool {
	operation = strings.ToUpper(strings.TrimRight(operation, "; "))
	first, rest, _ := strings.Cut(operation, " ")
	switch first {
	case "", "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET", "RESET", "DISCARD", "SHOW", "CONNECT", "CANCEL",
		"DEALLOCATE", "CLOSE", "LISTEN", "UNLISTEN":
		return true
	case "SELECT": // a pool looks whether a connection lives, or resets it; a setting of the session
		return rest == "?" || strings.HasSuffix(rest, "RESET ALL") || strings.HasPrefix(rest, "SET_CONFIG(") || strings.HasPrefix(rest, "PG_ADVISORY_UNLOCK_ALL(")
	}
	return false
}

// alongside adds to calls of a turn that would not be made those that go with them: what prepares a statement, and what the session does
// after it until the next one, such as a pool that resets the connection.
func alongside(w *anatomy.Waterfall, spare map[int]bool) {
	after := map[string]bool{} // by wire: the last statement would not be made
	for i := range w.Calls {
		c := &w.Calls[i]
		switch {
		case c.Layer != "postgres" || c.Blocking || c.Operation == "connect":
		case bookkeeping(c.Operation):
			if after[c.Wire] {
				spare[i] = true
			}
		case strings.HasPrefix(c.Operation, preparation):
			for k := i + 1; k < len(w.Calls) && !spare[i]; k++ {
				n := &w.Calls[k]
				if n.Wire == c.Wire && n.Conn == c.Conn && n.Operation == c.Operation[len(preparation):] {
					spare[i] = spare[k]
					break
				}
			}
		default:
			after[c.Wire] = spare[i]
		}
	}
}
