package wires

import (
	"cmp"
	"slices"
	"time"

	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// fresh is a connection that a turn opens though one that was opened before it has nothing to do.
type fresh struct {
	conn
	turn int
	// calls are those of the turn on it that would not be made on one which was open: the handshake, and statements prepared anew.
	calls []int
	first int // the first call on it that is about something
	// unseen is how long those calls of the handshake took that are tied to no turn; they lie before first.
	unseen time.Duration
}

// conn is a connection of a wire.
type conn struct {
	wire   string
	number int64
}

// openingsOf are the connections opened in vain, in the order of the turns.
func openingsOf(e *diagnose.Evidence) (out []fresh) {
	shaken := handshakes(e)
	spare := sparesOf(e)
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		seen := map[conn]bool{}
		for i := range w.Calls {
			at := conn{w.Calls[i].Wire, w.Calls[i].Conn}
			if at.number == 0 || seen[at] {
				continue
			}
			seen[at] = true
			o := fresh{conn: at, turn: turn, first: -1}
			o.hear(w, i)
			if o.first < 0 {
				continue
			}
			opens := w.Calls[i].Opened
			for _, s := range shaken[at] {
				if s.from >= w.Spoken-clockSlack && s.to <= w.Spoken+w.Calls[o.first].Start+clockSlack {
					opens = true
					o.unseen += s.to - s.from
				}
			}
			if opens && spare.free(at, w.Spoken+w.Calls[i].Start-o.unseen) {
				out = append(out, o)
			}
		}
	}
	return out
}

// hear takes in the calls of a turn on the connection, from a place on.
func (o *fresh) hear(w *anatomy.Waterfall, from int) {
	for i := from; i < len(w.Calls); i++ {
		c := &w.Calls[i]
		if c.Wire != o.wire || c.Conn != o.number || c.Blocking {
			continue
		}
		switch {
		case shakes(c.Layer, c.Operation), c.Layer == "postgres" && len(c.Operation) > len(preparation) && c.Operation[:len(preparation)] == preparation:
			o.calls = append(o.calls, i)
		case o.first < 0:
			o.first = i
		}
	}
}

// shakes reports whether a call is part of opening a connection, by its name.
func shakes(layer, operation string) bool {
	switch layer {
	case "postgres":
		return operation == "connect"
	case "redis":
		return slices.Contains([]string{"HELLO", "AUTH", "CLIENT", "SELECT", "CONNECT"}, command(operation))
	}
	return false
}

// handshakes are the calls of handshakes that are tied to no turn, by connection.
func handshakes(e *diagnose.Evidence) map[conn][]spell {
	layers := map[string]string{}
	for turn := range e.Turns() {
		for i := range e.Turns()[turn].Calls {
			layers[e.Turns()[turn].Calls[i].Wire] = e.Turns()[turn].Calls[i].Layer
		}
	}
	out := map[conn][]spell{}
	for i := range e.Cases.Loose {
		if c := &e.Cases.Loose[i]; shakes(layers[c.Wire], c.Operation) && c.End >= c.Start {
			at := conn{c.Wire, c.Conn}
			out[at] = append(out[at], spell{c.Start, c.End})
		}
	}
	for at, spells := range out {
		out[at] = merged(spells).spells
	}
	return out
}

// spares are the connections of each wire, with the spells for which turns had them: from a turn's first call on one to its last.
type spares map[string][]*spareConn

type spareConn struct {
	number int64
	since  time.Duration
	used   cover
}

func sparesOf(e *diagnose.Evidence) spares {
	type had struct {
		conn
		turn int64
	}
	spells := map[had]*spell{}
	for _, u := range usesOf(e) {
		key := had{conn{u.wire, u.conn}, u.turn}
		if s := spells[key]; s == nil {
			spells[key] = &spell{u.from, u.to}
		} else if u.turn != 0 {
			s.to = max(s.to, u.to)
		}
	}
	byConn := map[conn][]spell{}
	for key, s := range spells {
		byConn[key.conn] = append(byConn[key.conn], *s)
	}
	out := spares{}
	for at, all := range byConn {
		used := merged(all)
		out[at.wire] = append(out[at.wire], &spareConn{at.number, used.spells[0].from, used})
	}
	for _, all := range out {
		slices.SortFunc(all, func(a, b *spareConn) int {
			return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.number, b.number))
		})
	}
	return out
}

// free reports whether, of the connections opened before a moment, one other than this had nothing to do. A bot whose pool grows because all are
// in use opens none in vain.
func (s spares) free(but conn, at time.Duration) bool {
	for _, c := range s[but.wire] {
		if c.since >= at {
			return false
		}
		if _, busy := c.used.find(at); !busy && c.number != but.number {
			return true
		}
	}
	return false
}
