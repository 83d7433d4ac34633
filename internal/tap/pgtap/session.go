package pgtap

import (
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/fingerprint"
	"parley/internal/tap"
	"parley/internal/wire/pgwire"
)

// session follows one connection.
type session struct {
	tap      *tap.Tap
	protocol *Protocol
	conn     int64
	group    tap.Group
	faults   *fault.Decider

	client, server *pgwire.Decoder
	blind          bool // the bytes could not be followed: they are only passed on

	statements map[string]*statement // by name
	portals    map[string]*binding   // by name

	asked tap.Queue[exchange] // that the server has not finished, in order
	// syncs are those of them at whose end the server says in which state it is; over are calls that have ended and wait for that.
	syncs   int
	over    []ended
	state   string // of the session, as the server said last
	flight  int64
	idle    bool // the server has answered all there was: the next request begins a flight
	pooled  bool // the connection was reset before: it is lent out by a pool that says when it is given back
	copying bool // the server takes in data, and no synchronisations
	// skipping: after an error the server leaves undone what comes, up to a synchronisation that has not come yet.
	skipping bool
	at       time.Duration // of the bytes that are taken in
	since    time.Duration // when the message of the client that is taken in began
	reads    int64         // of the client
	hold     time.Duration // of this read
	cut      error         // of this read
	told     int64         // bytes of the server before those that are taken in
	pass     int           // bytes of these that go to the client before the connection is cut, if cutOff
	cutOff   bool
	// describes are bytes of what asks for descriptions of the portal that runs next.
	describes int64
}

// kind is what an exchange waits for.
type kind uint8

const (
	connecting kind = iota // until the server is ready
	query                  // a simple query: until the server is ready
	preparing              // until the statement is prepared, and described if that was asked for
	executing              // until the portal has run
	syncing                // no call: until the server is ready
)

// synchronises reports whether the server says at the end of it that it is ready, and in which state.
func (k kind) synchronises() bool { return k == connecting || k == query || k == syncing }

// exchange is something asked of the server.
type exchange struct {
	kind      kind
	call      parley.Call
	described bool                // a description was asked for, too
	fields    []fingerprint.Field // that stood in it, and that came to light
	statement string              // name of what is being prepared
	prepares  *statement          // what is being prepared
	result    result
	begun     bool    // the server has begun to answer
	rows      int64   // of rows that came
	read      int64   // of the client, in which it was asked
	cutAt     float64 // of its answer, the share after which the connection is cut; 0: not at all
}

func newSession(p *Protocol, conn int64) *session {
	s := &session{
		tap: p.tap, protocol: p, conn: conn, group: tap.NewGroup(p.tap),
		faults:     p.faults,
		statements: map[string]*statement{}, portals: map[string]*binding{},
		idle: true,
	}
	s.client = pgwire.NewFrontend(keptOfClient)
	s.server = pgwire.NewBackend(keptOfServer)
	return s
}

// What is kept of messages, in bytes: statements and parameters, and of answers what tells who a row is about.
const (
	keptStatement = 64 << 10
	keptRow       = 2 << 10
	keptTypes     = 4 << 10
)

func keptOfClient(kind byte) int {
	switch kind {
	case 'Q', 'P', 'B':
		return keptStatement
	case 'E', 'D', 'C':
		return 256 // a name
	default:
		return 0
	}
}

func keptOfServer(kind byte) int {
	switch kind {
	case 'D':
		return keptRow
	case 'T', 't':
		return keptTypes
	case 'E':
		return 1024
	case 'C', 'Z':
		return 64
	default:
		return 0
	}
}

// begin notes the first packet of the connection, which Open has passed on.
func (s *session) begin(packet []byte) {
	s.at = s.tap.Since()
	s.since = s.at
	if err := s.client.Feed(packet, func(*pgwire.Message) {}); err != nil {
		s.giveUp(err)
		return
	}
	s.ask(connecting, "connect", nil, nil, int64(len(packet)))
}

// Request takes in what the client said.
func (s *session) Request(p []byte, at time.Duration) (time.Duration, error) {
	if s.blind {
		return 0, nil
	}
	s.at, s.hold = at, 0
	s.reads++
	if s.client.Idle() {
		s.since = at
	}
	if err := s.client.Feed(p, s.requested); err != nil {
		s.giveUp(err)
	}
	return s.hold, s.cut
}

// Released notes for how long the calls of a read were held back.
func (s *session) Released(read int64, held time.Duration) {
	for i := range s.asked.Len() {
		if x := s.asked.At(i); x.read == read {
			x.call.Imposed = held
		}
	}
}

// requested takes in one message of the client.
func (s *session) requested(m *pgwire.Message) {
	if s.blind {
		return
	}
	defer func() { s.since = s.at }() // the next message came with this read
	switch m.Type {
	case 'Q':
		text := pgwire.Query(m.Body)
		shape := s.protocol.shapes.of(text)
		in := fingerprint.OperationOf(shape)
		s.ask(query, shape, s.identities(m.Body), fingerprint.AppendLiterals(nil, in, text, s.tap.Key), m.Bytes)
		if x := s.asked.Last(); x != nil {
			x.result.in, x.call.Content = in, s.contentOf(m, text)
		}
	case 'P':
		s.prepare(m)
	case 'B':
		s.bind(m)
	case 'D':
		s.describe(m)
	case 'E':
		s.execute(m)
	case 'C':
		s.forget(pgwire.Target(m.Body))
	case 'S':
		s.describes = 0
		if !s.copying { // while data is copied in the server ignores it
			s.ask(syncing, "", nil, nil, 0)
		}
	case 'F':
		s.ask(query, "function call", nil, nil, m.Bytes)
	case 'd', 'c', 'f':
		if m.Type != 'd' {
			s.copying = false
		}
		if x := s.asked.Last(); x != nil {
			x.call.RequestBytes += m.Bytes // what is copied in
			x.call.Content = 0             // which nobody looks at
		}
	}
}

// forget drops a statement or a portal that is closed.
func (s *session) forget(kind byte, name []byte) {
	switch kind {
	case 'S':
		delete(s.statements, string(name))
	case 'P':
		delete(s.portals, string(name))
	}
}

// bounds of what one connection can make a tap remember; a client with more of either is followed without them.
const (
	mostStatements = 10_000
	mostAsked      = 100_000
)

func (s *session) prepare(m *pgwire.Message) {
	name, text := pgwire.Parse(m.Body)
	prepared := newStatement(s.protocol.shapes.of(text))
	prepared.text = s.contentOf(m, text)
	if len(s.statements) >= mostStatements {
		clear(s.statements)
	}
	s.statements[string(name)] = prepared
	s.ask(preparing, preparation+prepared.shape, nil, nil, m.Bytes)
	if x := s.asked.Last(); x != nil {
		x.statement, x.prepares, x.call.Content = string(name), prepared, prepared.text
	}
}

// preparation begins the operation of a call that prepares a statement and does not run it.
const preparation = "PREPARE "

func (s *session) bind(m *pgwire.Message) {
	b := pgwire.Bind(m.Body)
	bound := binding{
		statement: s.statements[string(b.Statement)], identities: s.identities(m.Body), bytes: m.Bytes,
		results: slices.Clone(b.Results()), // what is read next takes its place
	}
	if bound.statement == nil {
		bound.statement = newStatement("a statement prepared before parley listened")
	}
	bound.content = s.contentOfBinding(m, b, bound.statement)
	number := 0
	for value, binary := range b.Parameters() {
		place, of := bound.in.Place('p', number), typeAt(bound.params, number)
		bound.identities, bound.fields = s.appendValue(bound.identities, bound.fields, place, value, of, binary)
		number++
	}
	*s.portal(b.Portal) = bound
}

func (s *session) describe(m *pgwire.Message) {
	kind, name := pgwire.Target(m.Body)
	if x := s.asked.Last(); x != nil && kind == 'S' && x.kind == preparing && x.statement == string(name) {
		x.described = true
		x.call.RequestBytes += m.Bytes
		return
	}
	s.describes += m.Bytes // of the portal that runs next
}

func (s *session) execute(m *pgwire.Message) {
	b := s.runs(pgwire.Execute(m.Body))
	// A statement that is prepared and run in one breath is one call.
	var prepared exchange
	if x := s.asked.Last(); x != nil && x.kind == preparing && !x.begun && strings.TrimPrefix(x.call.Operation, preparation) == b.shape {
		prepared = *x
		s.since = min(s.since, x.call.Start)
		b.bytes += x.call.RequestBytes
		s.asked.Remove(s.asked.Len() - 1)
	}
	s.ask(executing, b.shape, b.identities, b.fields, b.bytes+s.describes+m.Bytes)
	s.describes = 0
	x := s.asked.Last()
	if x == nil {
		return // too much was asked
	}
	x.result, x.prepares, x.call.Content = b.result(), prepared.prepares, b.content
	if prepared.call.Fault != "" && x.call.Fault == "" {
		x.call.Fault, x.call.Imposed, x.cutAt = prepared.call.Fault, prepared.call.Imposed, prepared.cutAt
	}
}

// ask notes that something is asked of the server.
func (s *session) ask(k kind, operation string, identities []uint64, fields []fingerprint.Field, bytes int64) {
	if s.idle {
		s.idle = false
		s.flight = s.protocol.flights.Add(1)
	}
	if s.asked.Len() >= mostAsked {
		s.giveUp(errTooMany)
		return
	}
	s.asked.Push(exchange{kind: k, fields: fields, read: s.reads, call: parley.Call{
		Wire: s.tap.Wire, Operation: operation, Conn: s.conn, Flight: s.flight,
		Start: s.since, FirstByte: parley.None, End: parley.None, RequestBytes: bytes,
	}})
	if k.synchronises() {
		s.syncs++
	}
	if k != syncing {
		x := s.asked.Last() // in its place: calls are large, and there are many
		s.group.Began(&x.call, identities, fields)
		s.interfere(x)
	}
}

// interfere lets the plan's faults happen to a call. What came in one read is one flight, and is held back as long as the one of
// its calls that is held the longest.
func (s *session) interfere(x *exchange) {
	fate := s.faults.Decide(x.call.Operation, s.at)
	if fate.Nothing() {
		return
	}
	x.call.Fault, x.call.Imposed = fate.Name, fate.Delay
	s.hold = max(s.hold, fate.Delay)
	switch fate.Effect {
	case fault.Reset:
		s.cut = tap.ErrCut
	case fault.Hang:
		s.hold = tap.Never
	case fault.Cut:
		x.cutAt = fate.Where
	default:
	}
}

// giveUp stops following the connection; its bytes are passed on all the same.
func (s *session) giveUp(why error) {
	s.blind = true
	s.tap.Once("followed", "a connection to "+s.tap.Wire+" could not be followed any further ("+why.Error()+"); its calls are missing from then on")
	s.settleAll("not followed", s.at)
}

// Closed ends what the server has not finished.
func (s *session) Closed(at time.Duration) { s.settleAll("connection closed", at) }

// settleAll ends everything that is asked.
func (s *session) settleAll(failure string, at time.Duration) {
	s.recordOver()
	for i := range s.asked.Len() {
		if x := s.asked.At(i); x.kind != syncing {
			x.call.Failure = failure
			x.call.End = at
			x.call.Imposed = min(x.call.Imposed, at-x.call.Start) // it may have been held back still
			s.group.Ended(x.call, nil)
		}
	}
	s.asked, s.syncs = tap.Queue[exchange]{}, 0
	s.group.Close()
}

// endsCheckOut reports whether a statement gives a connection back to its pool: drivers reset it then.
func endsCheckOut(operation string) bool {
	return strings.HasSuffix(operation, "RESET ALL") || strings.HasPrefix(operation, "DISCARD")
}
