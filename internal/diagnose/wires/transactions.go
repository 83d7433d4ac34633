package wires

import (
	"strings"
	"time"

	"parley/internal/anatomy"
)

// transaction is one that a turn opens in a database, its moments counted from the user's last word.
type transaction struct {
	wire  string
	conn  int64
	calls []int // places in the turn's calls, of those on its connection
	// from is the start of the call that opened it, to the end of the one that closed it, or of the last one heard.
	from, to time.Duration
}

// transactionsOf are the transactions of a turn that have more than one call, in the order of time. A statement by itself is no longer
// open than it lasts.
func transactionsOf(w *anatomy.Waterfall) (out []transaction) {
	type session struct {
		wire string
		conn int64
	}
	open := map[session]int{} // places in out, 1 up
	for i := range w.Calls {
		c := &w.Calls[i]
		if c.Layer != "postgres" || c.Blocking {
			continue
		}
		at := session{c.Wire, c.Conn}
		before := open[at]
		if before == 0 && inTransaction(c, false) {
			out = append(out, transaction{wire: c.Wire, conn: c.Conn, from: c.Start})
			before = len(out)
			open[at] = before
		}
		if before == 0 {
			continue
		}
		t := &out[before-1]
		t.calls, t.to = append(t.calls, i), max(t.to, c.End)
		if !inTransaction(c, true) {
			open[at] = 0
		}
	}
	return out
}

// inTransaction reports whether a call leaves a transaction open, which was open before or not. Where the server did not say, the statement
// does.
func inTransaction(c *anatomy.TurnCall, before bool) bool {
	switch c.Transaction {
	case "idle":
		return false
	case "open", "failed":
		return true
	}
	first, _, _ := strings.Cut(strings.ToUpper(strings.TrimRight(c.Operation, "; ")), " ")
	switch first {
	case "BEGIN", "START":
		return true
	case "COMMIT", "ROLLBACK", "END":
		return strings.Contains(strings.ToUpper(c.Operation), " TO ") && before // a savepoint
	}
	return before
}

// asked are the calls to services that begin and end while a transaction is open, and how long it has nothing to do meanwhile.
func (t *transaction) asked(w *anatomy.Waterfall) (calls []int, idle time.Duration) {
	var busy []spell
	for _, i := range t.calls {
		busy = append(busy, spell{w.Calls[i].Start, w.Calls[i].End})
	}
	statements := merged(busy)
	var waits []spell
	for i := range w.Calls {
		c := &w.Calls[i]
		if c.Layer == "postgres" || c.Layer == "redis" || c.Blocking || c.Start < t.from || c.End > t.to+clockSlack {
			continue
		}
		calls = append(calls, i)
		waits = append(waits, spell{c.Start, c.End})
	}
	for _, s := range merged(waits).spells {
		idle += s.to - s.from - statements.within(s.from, s.to)
	}
	return calls, idle
}

// work is how long the statements of a transaction take, those at once counted once.
func (t *transaction) work(w *anatomy.Waterfall) (sum time.Duration) {
	var busy []spell
	for _, i := range t.calls {
		busy = append(busy, spell{w.Calls[i].Start, w.Calls[i].End})
	}
	for _, s := range merged(busy).spells {
		sum += s.to - s.from
	}
	return sum
}
