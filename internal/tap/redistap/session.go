package redistap

import (
	"bytes"
	"context"
	"net"
	"strings"
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
		said: said{content: fingerprint.NewContent(p.tap.Key)},
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

	said    said
	asked   tap.Queue[command] // that have no reply yet, in order
	next    command            // the one that is being made; calls are large, and there are many
	flight  int64
	idle    bool          // the server has answered all there was: the next command begins a flight
	at      time.Duration // of the bytes that are taken in
	since   time.Duration // when the command that is taken in began
	replied time.Duration // when the reply that is taken in began
	reads   int64         // of the client
	hold    time.Duration // of this read
	cut     error         // of this read
	told    int64         // bytes of the server before those that are taken in
	pass    int           // bytes of these that go to the client before the connection is cut, if cutOff
	cutOff  bool

	inMulti, watching bool
	// subscribed: replies and messages come through one another (RESP2; in RESP3 messages are of a kind of their own).
	subscribed bool
	silence    silence
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
	fields []fingerprint.Field // that stood in it, and that came to light
	in     fingerprint.Operation
	read   int64   // of the client, in which it came
	cutAt  float64 // of its reply, the share after which the connection is cut; 0: not at all
}

// mostAsked bounds a pipeline that is followed.
const mostAsked = 100_000

// Request takes in what the client said.
func (s *session) Request(p []byte, at time.Duration) (time.Duration, error) {
	if s.blind {
		return 0, nil
	}
	s.at, s.hold = at, 0
	if s.reads++; s.reads == 1 && len(p) > 0 && p[0] == handshake {
		s.giveUp("it begins with TLS, which parley cannot listen to here: write redis:// for rediss:// in the bot's settings for the run")
		return 0, nil
	}
	if s.client.Idle() {
		s.since = at
	}
	s.said.read(p, s.client.Fed())
	if err := s.client.Feed(p, s.requested); err != nil {
		s.giveUp(err.Error())
	}
	s.said.passed()
	return s.hold, s.cut
}

// handshake is the type of the TLS record with which an encrypted connection begins.
const handshake = 0x16

// Released notes for how long the calls of a read were held back.
func (s *session) Released(read int64, held time.Duration) {
	for i := range s.asked.Len() {
		if c := s.asked.At(i); c.read == read {
			c.call.Imposed = held
		}
	}
}

// requested takes in one command.
func (s *session) requested(v *respwire.Value) {
	defer func() { s.since = s.at }() // the next command came with this read
	content := s.said.command(s.client.Fed(), s.tap.Key)
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
		s.unanswered(name, v, content)
		return
	}
	if s.silence == answersNone {
		s.unanswered(name, v, content)
		return
	}
	if s.asked.Len() >= mostAsked {
		s.giveUp("more was asked at once than parley can follow")
		return
	}
	c := s.began(name, v, content)
	s.asked.Push(c)
	switch name {
	case "MULTI":
		s.inMulti = true
	case "WATCH":
		s.watching = true
	case "UNWATCH":
		s.watching = false
	case "EXEC", "DISCARD", "RESET":
		s.inMulti, s.watching = false, false
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
func (s *session) unanswered(name string, v *respwire.Value, content uint64) {
	c := s.began(name, v, content)
	c.call.FirstByte, c.call.End = s.at, s.at
	s.group.Ended(c.call, c.fields)
}

// began makes the call of a command.
func (s *session) began(name string, v *respwire.Value, content uint64) command {
	if s.idle {
		s.idle = false
		s.flight = s.protocol.flights.Add(1)
	}
	c := &s.next
	*c = command{name: name, read: s.reads, call: parley.Call{
		Wire: s.tap.Wire, Operation: s.protocol.names.operation(name, v), Conn: s.conn, Flight: s.flight,
		Start: s.since, FirstByte: parley.None, End: parley.None, RequestBytes: v.Bytes, Blocking: blocks(name, v),
	}}
	c.in = fingerprint.OperationOf(c.call.Operation)
	var identities []uint64
	if !secret(name) {
		c.call.Content = content
		for i := 1; i < len(v.Parts); i++ {
			identities = s.tap.Finder.AppendHashes(identities, v.Parts[i].Text, s.tap.Key)
			if i == 1 && runsScript(name) {
				continue // the script says what is done, and not for whom
			}
			c.fields = s.appendFields(c.fields, c.in, 'a', i, v.Parts[i].Text)
		}
	}
	s.group.Began(&c.call, identities, c.fields)
	if fate := s.protocol.faults.Decide(c.call.Operation, s.at); !fate.Nothing() {
		c.call.Fault, c.call.Imposed = fate.Name, fate.Delay
		s.hold = max(s.hold, fate.Delay) // of what came together the longest: it is one flight
		switch fate.Effect {
		case fault.Reset:
			s.cut = tap.ErrCut
		case fault.Hang:
			s.hold = tap.Never
		case fault.Cut:
			c.cutAt = fate.Where
		default:
		}
	}
	return *c
}

// appendFields adds what one part of a command or a reply says of whom it is about: the parts of a key, an id, or what stands in
// a text of JSON.
func (s *session) appendFields(fields []fingerprint.Field, in fingerprint.Operation, part byte, number int, text []byte) []fingerprint.Field {
	switch {
	case len(text) == 0:
		return fields
	case text[0] == '{' || text[0] == '[':
		return fingerprint.AppendText(fields, fingerprint.Operation(in.Place(part, number)), text, s.tap.Key)
	case bytes.ContainsAny(text[:min(len(text), 64)], ":/|"):
		return fingerprint.AppendKeyFields(fields, in, text, s.tap.Key)
	default:
		return fingerprint.AppendField(fields, in.Place(part, number), text, s.tap.Key)
	}
}

// Response takes in what the server said.
func (s *session) Response(p []byte, at time.Duration) (int, error) {
	if s.blind {
		return len(p), nil
	}
	s.at = at
	if s.server.Idle() {
		s.replied = at
	}
	err := s.server.Feed(p, s.answered)
	s.told += int64(len(p))
	if err != nil {
		s.giveUp(err.Error())
	}
	if s.cutOff {
		return s.pass, tap.ErrCut
	}
	return len(p), nil
}

// answered takes in one reply.
func (s *session) answered(v *respwire.Value) {
	defer func() { s.replied = s.at }() // the next reply came with this read
	if s.asked.Len() == 0 || s.cutOff {
		s.outOfBand(v, "")
		return // a message of a subscription, or a farewell
	}
	c := s.asked.At(0)
	if s.outOfBand(v, c.name) {
		return
	}
	if c.cutAt > 0 {
		s.cutOff = true
		begin := max(0, s.server.Fed()-v.Bytes-s.told) // of the reply, in what is taken in
		s.pass = int(begin + int64(c.cutAt*float64(s.server.Fed()-s.told-begin)))
		return // it stays unanswered
	}
	c.call.FirstByte, c.call.End = s.replied, s.at
	c.call.ResponseBytes = v.Bytes
	c.call.Rows = max(0, v.Elements)
	if v.Failed() {
		c.call.Failure = failure(v)
		if strings.HasPrefix(c.call.Failure, "MOVED") || strings.HasPrefix(c.call.Failure, "ASK") {
			s.tap.Once("cluster", s.tap.Wire+" is a Redis cluster: it sends the bot to other nodes, where parley does not listen")
		}
	}
	if !secret(c.name) {
		for i := range v.Parts {
			c.fields = s.appendFields(c.fields, c.in, 'r', i, v.Parts[i].Text)
		}
	}
	if c.name == "RESET" {
		s.subscribed = false
	}
	s.group.Ended(c.call, c.fields)
	s.asked.Pop()
	if s.asked.Len() > 0 {
		return
	}
	s.idle = true
	// A connection belongs to one turn for a flight, or a transaction.
	if !s.inMulti && !s.watching {
		s.group.Close()
	}
}

// outOfBand reports whether a reply does not answer the command asked (empty for none): a push of RESP3, or on a connection that
// has subscribed a message, or a confirmation that is none of this command's. Of the confirmations of one command the
// first answers it.
func (s *session) outOfBand(v *respwire.Value, asked string) bool {
	if v.Kind != respwire.Push && (v.Kind != respwire.Array || !s.subscribed && !strings.HasSuffix(asked, "SUBSCRIBE")) || len(v.Parts) == 0 {
		return false
	}
	word := strings.ToUpper(string(v.Parts[0].Text[:min(len(v.Parts[0].Text), 16)]))
	switch word {
	case "MESSAGE", "PMESSAGE", "SMESSAGE":
		return true
	case "SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE":
		if v.Kind == respwire.Array && len(v.Parts) > 2 {
			s.subscribed = string(v.Parts[2].Text) != "0" // subscriptions that are left
		}
		return word != asked
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
	s.tap.Once("followed", "a connection to "+s.tap.Wire+" could not be followed any further ("+why+"); its calls are missing from then on")
	s.settle("not followed", s.at)
}

// Closed ends what the server has not answered.
func (s *session) Closed(at time.Duration) { s.settle("connection closed", at) }

func (s *session) settle(what string, at time.Duration) {
	for i := range s.asked.Len() {
		c := s.asked.At(i)
		c.call.Failure, c.call.End = what, at
		c.call.Imposed = min(c.call.Imposed, at-c.call.Start) // it may have been held back still
		s.group.Ended(c.call, nil)
	}
	s.asked = tap.Queue[command]{}
	s.group.Close()
}
