package pgtap

import (
	"errors"
	"slices"
	"time"

	"parley"
	"parley/internal/tap"
	"parley/internal/wire/pgwire"
)

var errTooMany = errors.New("more was asked at once than parley can follow")

// Response takes in what the server said.
func (s *session) Response(p []byte, at time.Duration) (int, error) {
	if s.blind {
		return len(p), nil
	}
	s.at = at
	err := s.server.Feed(p, s.answered)
	s.told += int64(len(p))
	if err != nil {
		s.giveUp(err)
	}
	if s.cutOff {
		return s.pass, tap.ErrCut
	}
	return len(p), nil
}

// answered takes in one message of the server.
func (s *session) answered(m *pgwire.Message) {
	switch m.Type {
	case 'S', 'N', 'A': // parameters, notices and notifications answer nothing
		return
	}
	s.passPrepared(m.Type)
	if s.asked.Len() == 0 || s.cutOff {
		return // a farewell: "terminating connection due to administrator command"
	}
	x := s.asked.At(0)
	x.begun = true
	if x.cutAt > 0 {
		s.cutOff = true
		begin := s.server.Fed() - m.Bytes - s.told // of the answer, in what is taken in
		s.pass = int(max(0, begin) + int64(x.cutAt*float64(s.server.Fed()-s.told-max(0, begin))))
		return // it stays unanswered
	}
	if x.call.FirstByte == parley.None {
		x.call.FirstByte = s.at
	}
	x.call.ResponseBytes += m.Bytes
	switch m.Type {
	case 't':
		if x.prepares != nil {
			x.prepares.params = slices.Collect(pgwire.ParameterTypes(m.Body))
		}
	case 'D':
		s.row(x, m)
	case 'C':
		s.complete(x, m)
	case 'G':
		s.copyIn()
	case 'I', 's':
		if x.kind == executing {
			s.end(x)
		}
	case '1':
		if x.kind == preparing && !x.described {
			s.end(x)
		}
	case 'T', 'n':
		if m.Type == 'T' {
			x.describe(m.Body)
		}
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
	if s.asked.Len() == 0 {
		return
	}
	if x := s.asked.At(0); x.kind == preparing && x.begun && slices.Contains([]byte{'2', 'D', 'C', 'Z'}, kind) {
		s.end(x)
	}
}

// row takes in a row.
func (s *session) row(x *exchange, m *pgwire.Message) {
	const rowsHeard = 64 // whose values are remembered: a list that is then gone through one by one is about as long
	if x.rows++; x.rows > rowsHeard || x.kind == connecting {
		return
	}
	number := 0
	for value := range pgwire.Row(m.Body) {
		r := &x.result
		place, of := r.in.Place('c', number), typeAt(r.columns, number)
		_, x.fields = s.appendValue(nil, x.fields, place, value, of, r.formats.Binary(number))
		number++
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

// copyIn takes in that the server waits for data. Synchronisations that the client sent along with the statement, not knowing
// that it copies, it ignores, as libpq relies on; the one that counts comes after the data.
func (s *session) copyIn() {
	s.copying = true
	if s.asked.At(0).kind != executing {
		return
	}
	for s.asked.Len() > 1 && s.asked.At(1).kind == syncing {
		s.asked.Remove(1)
		s.syncs--
	}
}

// failed takes in an error. What was asked after it, up to the next synchronisation, the server leaves undone.
func (s *session) failed(x *exchange, m *pgwire.Message) {
	x.call.Failure = "SQLSTATE " + pgwire.SQLState(m.Body)
	s.copying = false
	if s.state == stateOpen {
		s.state = stateFailed // as it will say
	}
	if x.kind == query || x.kind == syncing {
		return // until the server is ready
	}
	connecting := x.kind == connecting
	s.end(x)
	for !connecting && s.asked.Len() > 0 && s.asked.At(0).kind != syncing {
		s.skip(s.asked.At(0))
	}
	s.skipping = !connecting && s.asked.Len() == 0 // what comes before the client has heard of it is skipped, too
}

// skip ends a call that the server leaves undone.
func (s *session) skip(x *exchange) {
	x.call.Failure = "skipped after an error"
	s.end(x)
}

// ready takes in that the server is ready for the next query.
func (s *session) ready(m *pgwire.Message) {
	s.copying = false
	s.state = stateOf(pgwire.TransactionStatus(m.Body))
	resets, connected := false, false
	for s.asked.Len() > 0 {
		x := s.asked.At(0)
		resets = resets || endsCheckOut(x.call.Operation)
		connected = x.kind == connecting
		last := x.kind == query && !s.skipping || x.kind == syncing || connected
		if last {
			s.end(x)
			break
		}
		s.skip(x) // it was asked before the client had heard of an error
	}
	s.skipping = false
	s.recordOver()
	// Outside of a transaction a connection may be lent to another turn at any time; drivers that hold it for
	// longer reset it when they give it back, so that a connection that was ever reset is held until the next time.
	// Who has opened one uses it next.
	if s.state == stateIdle && !connected && (resets || !s.pooled) && s.asked.Len() == 0 {
		s.group.Close()
	}
	s.pooled = s.pooled || resets
}

// end takes the first exchange off. Its call is recorded when the server has said in which state it is.
func (s *session) end(x *exchange) {
	if x.kind != syncing {
		x.call.End = s.at
		s.over = append(s.over, ended{x.call, x.fields})
	}
	if x.kind.synchronises() {
		s.syncs--
	}
	s.asked.Pop()
	s.idle = s.asked.Len() == 0
	if s.syncs == 0 || len(s.over) >= mostOver {
		s.recordOver()
	}
}
