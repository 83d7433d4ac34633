package redistap

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/fingerprint"
	"parley/internal/tap"
	"parley/internal/wire/respwire"
)

// Protocol opens the connections of one tap.
type Protocol struct {
	tap     *tap.Tap
	faults  *fault.Decider
	flights atomic.Int64
	names   names
}

// New returns the protocol for a tap.
func New(t *tap.Tap) *Protocol {
	return &Protocol{tap: t, faults: fault.NewDecider(t.Seed, t.Wire, t.Faults)}
}

// Open begins to follow a connection.
func (p *Protocol) Open(_ context.Context, client, server net.Conn, conn int64) (tap.Session, net.Conn, net.Conn, error) {
	limits := respwire.DefaultLimits()
	return &session{
		tap: p.tap, protocol: p, conn: conn, group: tap.NewGroup(p.tap), idle: true,
		client: respwire.NewDecoder(limits, true), server: respwire.NewDecoder(limits, false),
	}, client, server, nil
}

// session follows one connection.
type session struct {
	tap      *tap.Tap
	protocol *Protocol
	conn     int64
	group    tap.Group

	client, server *respwire.Decoder
	blind          bool // the bytes could not be followed, or are no commands and replies any more

	// asked[first:] are the commands that have no reply yet, in order.
	asked  []command
	first  int
	flight int64
	idle   bool // the server has answered all there was: the next command begins a flight
	at     time.Duration
	hold   time.Duration
	cut    error

	inMulti bool
	silence silence
}

// silence is how much of what the client says gets no reply (CLIENT REPLY).
type silence uint8

const (
	answersAll silence = iota
	skipsNext
	answersNone
)

// command is one that the server has not answered.
type command struct {
	name   string
	call   parley.Call
	values []uint64
}

// mostAsked bounds a pipeline that is followed.
const mostAsked = 100_000

// Request takes in what the client said.
func (s *session) Request(p []byte, at time.Duration) (time.Duration, error) {
	if s.blind {
		return 0, nil
	}
	s.at, s.hold = at, 0
	if err := s.client.Feed(p, s.requested); err != nil {
		s.giveUp(err.Error())
	}
	return s.hold, s.cut
}

// requested takes in one command.
func (s *session) requested(v *respwire.Value) {
	if s.blind || len(v.Parts) == 0 {
		return
	}
	name := s.protocol.names.command(v.Parts[0].Text)
	switch name {
	case "MONITOR", "SYNC", "PSYNC":
		s.giveUp("the bot asks for " + name)
		return
	case "CLIENT":
		if s.quiet(v) {
			return
		}
	}
	if s.silence == skipsNext {
		s.silence = answersAll
		s.unanswered(name, v)
		return
	}
	if s.silence == answersNone {
		s.unanswered(name, v)
		return
	}
	if len(s.asked)-s.first >= mostAsked {
		s.giveUp("more was asked at once than parley can follow")
		return
	}
	c := s.began(name, v)
	s.asked = append(s.asked, c)
	switch name {
	case "MULTI":
		s.inMulti = true
	case "EXEC", "DISCARD":
		s.inMulti = false
	}
}

// quiet takes in CLIENT REPLY, and reports whether it gets no reply itself.
func (s *session) quiet(v *respwire.Value) bool {
	if len(v.Parts) < 3 || !strings.EqualFold(string(v.Parts[1].Text), "REPLY") {
		return false
	}
	switch strings.ToUpper(string(v.Parts[2].Text)) {
	case "OFF":
		s.silence = answersNone
	case "SKIP":
		s.silence = skipsNext
	default:
		s.silence = answersAll
		return false
	}
	return true
}

// unanswered records a command that gets no reply: it is over when it is said.
func (s *session) unanswered(name string, v *respwire.Value) {
	c := s.began(name, v)
	c.call.FirstByte, c.call.End = s.at, s.at
	s.group.Ended(c.call, c.values)
}

// began makes the call of a command.
func (s *session) began(name string, v *respwire.Value) command {
	if s.idle {
		s.idle = false
		s.flight = s.protocol.flights.Add(1)
	}
	c := command{name: name, call: parley.Call{
		Wire: s.tap.Wire, Operation: s.protocol.names.operation(name, v), Conn: s.conn, Flight: s.flight,
		Start: s.at, FirstByte: parley.None, End: parley.None, RequestBytes: v.Bytes, Blocking: blocks(name, v),
	}}
	var identities []uint64
	if !secret(name) {
		for i := 1; i < len(v.Parts); i++ {
			identities = s.tap.Finder.AppendHashes(identities, v.Parts[i].Text, s.tap.Key)
			c.values = tap.AppendSelective(c.values, v.Parts[i].Text, s.tap.Key)
		}
	}
	s.group.Began(&c.call, identities, c.values)
	if fate := s.protocol.faults.Decide(c.call.Operation, s.at); !fate.Nothing() {
		c.call.Fault, c.call.Imposed = fate.Name, fate.Delay
		s.hold = max(s.hold, fate.Delay) // of what came together the longest: it is one flight
		if fate.Effect == fault.Reset || fate.Effect == fault.Cut {
			s.cut = tap.ErrCut
		}
	}
	return c
}

// Response takes in what the server said.
func (s *session) Response(p []byte, at time.Duration) {
	if s.blind {
		return
	}
	s.at = at
	if err := s.server.Feed(p, s.answered); err != nil {
		s.giveUp(err.Error())
	}
}

// answered takes in one reply.
func (s *session) answered(v *respwire.Value) {
	if s.first == len(s.asked) {
		return // a message of a subscription, or a farewell
	}
	c := &s.asked[s.first]
	if outOfBand(v, c.name) {
		return
	}
	c.call.FirstByte, c.call.End = s.at, s.at
	c.call.ResponseBytes = v.Bytes
	c.call.Rows = max(0, v.Elements)
	if v.Failed() {
		c.call.Failure = failure(v)
		if strings.HasPrefix(c.call.Failure, "MOVED") || strings.HasPrefix(c.call.Failure, "ASK") {
			s.tap.Once(s.tap.Wire + " is a Redis cluster: it sends the bot to other nodes, where parley does not listen")
		}
	}
	if !secret(c.name) {
		for i := range v.Parts {
			c.values = tap.AppendSelective(c.values, v.Parts[i].Text, s.tap.Key)
		}
	}
	s.group.Ended(c.call, c.values)
	ended := c.name
	if s.first++; s.first == len(s.asked) {
		clear(s.asked) // what they held is recorded
		s.asked, s.first, s.idle = s.asked[:0], 0, true
		// A connection belongs to one turn for a flight, or a transaction.
		if !s.inMulti && ended != "WATCH" {
			s.group.Close()
		}
	}
}

// outOfBand reports whether a reply answers no command: a push of RESP3, or a message of a subscription, but for the
// one that confirms what was asked.
func outOfBand(v *respwire.Value, asked string) bool {
	if v.Kind != respwire.Push && v.Kind != respwire.Array || len(v.Parts) == 0 {
		return false
	}
	word := string(bytes.ToUpper(v.Parts[0].Text))
	switch word {
	case "MESSAGE", "PMESSAGE", "SMESSAGE", "SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE":
		subscribes := strings.HasSuffix(asked, "SUBSCRIBE")
		return word != asked && (subscribes || v.Kind == respwire.Push)
	default:
		return v.Kind == respwire.Push
	}
}

// failure is the code of an error reply, and nothing that may hold a key.
func failure(v *respwire.Value) string {
	if len(v.Parts) == 0 {
		return "error"
	}
	code, _, _ := strings.Cut(string(v.Parts[0].Text), " ")
	return code[:min(len(code), 32)]
}

// giveUp stops following the connection; its bytes are passed on all the same.
func (s *session) giveUp(why string) {
	s.blind = true
	s.tap.Once("a connection to " + s.tap.Wire + " could not be followed any further (" + why + "); its calls are missing from then on")
	s.settle("not followed", s.at)
}

// Closed ends what the server has not answered.
func (s *session) Closed(at time.Duration) { s.settle("connection closed", at) }

func (s *session) settle(what string, at time.Duration) {
	for _, c := range s.asked[s.first:] {
		c.call.Failure, c.call.End = what, at
		s.group.Ended(c.call, nil)
	}
	s.asked, s.first = nil, 0
	s.group.Close()
}

// names gives commands their names, a bounded number of them.
type names struct {
	mu    sync.Mutex
	known map[string]string
	many  map[string]int // different operations of each command
}

// Bounds: a bot may make keys of anything.
const (
	mostNames     = 20_000
	mostOfCommand = 200
)

// command returns a command's name in capitals.
func (n *names) command(word []byte) string {
	return n.intern(bytes.ToUpper(word[:min(len(word), 32)]))
}

// intern returns one string for equal names: most calls are of few operations.
func (n *names) intern(name []byte) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if known, ok := n.known[string(name)]; ok {
		return known
	}
	if n.known == nil || len(n.known) >= mostNames {
		n.known = map[string]string{}
	}
	text := string(name)
	n.known[text] = text
	return text
}

// operation names a command by the shape of its key.
func (n *names) operation(name string, v *respwire.Value) string {
	at := keyAt(name, v)
	if at == 0 || at >= len(v.Parts) {
		return name
	}
	var buffer [96]byte
	text := append(append(buffer[:0], name...), ' ')
	text = fingerprint.AppendKeyShape(text, v.Parts[at].Text[:min(len(v.Parts[at].Text), 64)])
	n.mu.Lock()
	known, ok := n.known[string(text)]
	if !ok && n.many == nil {
		n.many = map[string]int{}
	}
	if !ok {
		n.many[name]++
	}
	crowded := !ok && n.many[name] > mostOfCommand
	n.mu.Unlock()
	switch {
	case ok:
		return known
	case crowded:
		return n.intern(append(append(buffer[:0], name...), " *"...))
	}
	return n.intern(text)
}
