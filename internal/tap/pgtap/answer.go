package pgtap

import (
	"errors"
	"slices"
	"time"

	"parley"
	"parley/internal/wire/pgwire"
)

var errTooMany = errors.New("more was asked at once than parley can follow")

// Response takes in what the server said.
func (s *session) Response(p []byte, at time.Duration) {
	if s.blind {
		return
	}
	s.at = at
	if err := s.server.Feed(p, s.answered); err != nil {
		s.giveUp(err)
	}
}

// answered takes in one message of the server.
func (s *session) answered(m *pgwire.Message) {
	switch m.Type {
	case 'S', 'N', 'A': // parameters, notices and notifications answer nothing
		return
	}
	s.passPrepared(m.Type)
	if len(s.pending()) == 0 {
		return // a farewell: "terminating connection due to administrator command"
	}
	x := &s.pending()[0]
	x.begun = true
	if x.call.FirstByte == parley.None {
		x.call.FirstByte = s.at
	}
	x.call.ResponseBytes += m.Bytes
	switch m.Type {
	case 'D':
		s.row(x, m)
	case 'C':
		s.complete(x, m)
	case 'I', 's':
		if x.kind == executing {
			s.end(x)
		}
	case '1':
		if x.kind == preparing && !x.described {
			s.end(x)
		}
	case 'T', 'n':
		if x.kind == preparing {
			s.end(x)
		}
	case 'E':
		s.failed(x, m)
	case 'Z':
		s.ready(m)
	}
}

// passPrepared ends a preparation whose last answer was not recognised, when the answer to what follows it comes.
func (s *session) passPrepared(kind byte) {
	if len(s.pending()) == 0 {
		return
	}
	if x := &s.pending()[0]; x.kind == preparing && x.begun && slices.Contains([]byte{'2', 'D', 'C', 'Z'}, kind) {
		s.end(x)
	}
}

// row takes in a row.
func (s *session) row(x *exchange, m *pgwire.Message) {
	const rowsHeard = 16 // whose values are remembered
	if x.rows++; x.rows > rowsHeard || x.kind == connecting {
		return
	}
	for value := range pgwire.Row(m.Body) {
		// The format of columns is not followed: a value is tried as text and as a number.
		_, x.values = s.appendValue(nil, x.values, value, true)
	}
}

// complete takes in the end of a statement.
func (s *session) complete(x *exchange, m *pgwire.Message) {
	_, rows := pgwire.Tag(m.Body)
	x.call.Rows += rows
	if x.kind == executing {
		s.end(x)
	}
}

// failed takes in an error. What was asked after it, up to the next synchronisation, the server leaves undone.
func (s *session) failed(x *exchange, m *pgwire.Message) {
	x.call.Failure = "SQLSTATE " + pgwire.SQLState(m.Body)
	if x.kind == query || x.kind == syncing {
		return // until the server is ready
	}
	connecting := x.kind == connecting
	s.end(x)
	if connecting {
		return
	}
	for len(s.pending()) > 0 {
		next := &s.pending()[0]
		if next.kind == syncing || next.kind == query {
			return
		}
		next.call.Failure = "skipped after an error"
		s.end(next)
	}
}

// ready takes in that the server is ready for the next query.
func (s *session) ready(m *pgwire.Message) {
	resets, connected := false, false
	for len(s.pending()) > 0 {
		x := &s.pending()[0]
		resets = resets || endsCheckOut(x.call.Operation)
		connected = x.kind == connecting
		last := x.kind == query || x.kind == syncing || connected
		s.end(x)
		if last {
			break
		}
	}
	// Outside of a transaction a connection may be lent to another turn at any time; drivers that hold it for
	// longer reset it when they give it back, so that a connection that was ever reset is held until the next time.
	// Who has opened one uses it next.
	if status := pgwire.TransactionStatus(m.Body); status == 'I' && !connected && (resets || !s.pooled) && len(s.pending()) == 0 {
		s.group.Close()
	}
	s.pooled = s.pooled || resets
}

// end takes the first exchange off, and records its call.
func (s *session) end(x *exchange) {
	if x.kind != syncing {
		x.call.End = s.at
		s.group.Ended(x.call, x.values)
	}
	if s.first++; s.first == len(s.asked) {
		s.idle = true
		clear(s.asked) // what they held is recorded
		s.asked, s.first = s.asked[:0], 0
	}
}
