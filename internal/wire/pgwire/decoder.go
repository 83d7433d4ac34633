package pgwire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is what bytes that are no PostgreSQL messages are answered with; the place in the stream stands in the error around it.
var ErrMalformed = errors.New("not the PostgreSQL protocol")

// Codes of the untyped packets with which a connection begins.
const (
	ProtocolVersion3 = 3 << 16
	CancelRequest    = 80877102
	SSLRequest       = 80877103
	GSSENCRequest    = 80877104
)

// Bounds of lengths that are believed. The server itself takes start-up packets of 10,000 bytes
// (MAX_STARTUP_PACKET_LENGTH) and messages of 1 GB.
const (
	longestStartup = 10_000
	longestMessage = 1<<30 + 1<<20
)

// Message is one message of the stream. Body is the decoder's own and changes with the next message.
type Message struct {
	// Type is the message's first byte; 0 for the untyped packets of a start, whose Code tells what they are.
	Type byte
	Code uint32
	// Bytes is the size on the wire, type and length included.
	Bytes int64
	// Body is what follows the length (and the code), or the beginning of it.
	Body []byte
	// Cut: Body is not all.
	Cut bool
}

// state is what the next byte belongs to.
type state uint8

const (
	atStart  state = iota // of an untyped packet
	atType                // of a typed message
	inBody                // of either
	atAnswer              // the one byte that answers a request for encryption
)

// Decoder splits one direction of a connection into messages. The zero value is not
// usable; see [NewFrontend] and [NewBackend].
type Decoder struct {
	// keep is how many bytes of the body of a message are wanted.
	keep func(kind byte) int

	state  state
	head   [8]byte // of what is being read, as far as it has come
	headed int
	left   int64 // bytes of the body still to come
	room   int
	m      Message
	body   []byte
	fed    int64
	err    error
}

// NewFrontend returns a decoder of what a client says, from the first byte of a connection. The function keep tells how many
// bytes of the body of a message of a type (0: of a start) are wanted.
func NewFrontend(keep func(kind byte) int) *Decoder { return &Decoder{keep: keep, state: atStart} }

// NewBackend returns a decoder of what a server says.
func NewBackend(keep func(kind byte) int) *Decoder { return &Decoder{keep: keep, state: atType} }

// Started tells the decoder of a client's side whether typed messages follow, rather than another
// start packet, which is the case after a request for encryption.
func (d *Decoder) started(code uint32) state {
	if code == SSLRequest || code == GSSENCRequest {
		return atStart
	}
	return atType
}

// ExpectAnswer tells the decoder of a server's side that the next byte answers a request for encryption. It comes as a message of
// one byte whose Type is the answer ('S', 'G' or 'N'), but for 'E', which begins an ErrorResponse of a server before 8.0.
func (d *Decoder) ExpectAnswer() {
	if d.state == atType && d.headed == 0 {
		d.state = atAnswer
	}
}

// Idle reports whether the stream stands between two messages.
func (d *Decoder) Idle() bool { return d.state != inBody && d.headed == 0 }

// Fed is how many bytes of the stream were taken in, up to the end of a message while it is handed out.
func (d *Decoder) Fed() int64 { return d.fed }

// Feed takes in the next bytes of the stream and calls ended for each message that ends in them.
// Once it has failed it fails for good: nobody can tell where the next message would begin.
func (d *Decoder) Feed(p []byte, ended func(*Message)) error {
	for len(p) > 0 && d.err == nil {
		switch d.state {
		case atAnswer:
			p = d.feedAnswer(p, ended)
		case atStart, atType:
			p = d.feedHead(p, ended)
		case inBody:
			p = d.feedBody(p, ended)
		}
	}
	return d.err
}

func (d *Decoder) feedAnswer(p []byte, ended func(*Message)) []byte {
	d.state = atType
	if p[0] == 'E' {
		return p
	}
	d.fed++
	d.m = Message{Type: p[0], Bytes: 1}
	ended(&d.m)
	return p[1:]
}

// feedHead takes in a type and a length, or a length and a code.
func (d *Decoder) feedHead(p []byte, ended func(*Message)) []byte {
	size := 5
	if d.state == atStart {
		size = 8
	}
	n := copy(d.head[d.headed:size], p)
	d.headed += n
	d.fed += int64(n)
	if d.headed < size {
		return nil
	}
	d.headed = 0
	d.m = Message{}
	var length int64 // counts itself, and not the type
	if d.state == atStart {
		length = int64(binary.BigEndian.Uint32(d.head[:4]))
		d.m.Code = binary.BigEndian.Uint32(d.head[4:8])
		d.m.Bytes, d.left = length, length-8
	} else {
		length = int64(binary.BigEndian.Uint32(d.head[1:5]))
		d.m.Type = d.head[0]
		d.m.Bytes, d.left = length+1, length-4
	}
	if !d.plausible(length) {
		return nil
	}
	d.body = d.body[:0]
	d.room = d.keep(d.m.Type)
	d.m.Cut = d.left > int64(d.room)
	next := d.started(d.m.Code)
	if d.left == 0 {
		d.finish(next, ended)
		return p[n:]
	}
	d.state = inBody
	return p[n:]
}

// plausible refuses a head that none of the two sides would send.
func (d *Decoder) plausible(length int64) bool {
	switch {
	case d.left < 0:
		d.fail("a length of %d", length)
	case d.state == atStart && length > longestStartup, length > longestMessage:
		d.fail("a message of %d bytes", length)
	case d.state == atStart && d.m.Code>>16 != 3 && (d.m.Code < CancelRequest || d.m.Code > GSSENCRequest):
		d.fail("a connection that begins with %08x", d.m.Code)
	case d.state == atType && (d.m.Type < '1' || d.m.Type > 'z'):
		d.fail("a message of type %q", d.m.Type)
	}
	return d.err == nil
}

func (d *Decoder) feedBody(p []byte, ended func(*Message)) []byte {
	n := int(min(d.left, int64(len(p))))
	if want := d.room - len(d.body); want > 0 {
		d.body = append(d.body, p[:min(n, want)]...)
	}
	d.left -= int64(n)
	d.fed += int64(n)
	if d.left == 0 {
		d.finish(d.started(d.m.Code), ended)
	}
	return p[n:]
}

// finish hands the message out.
func (d *Decoder) finish(next state, ended func(*Message)) {
	d.state = next
	d.m.Body = d.body
	ended(&d.m)
	const most = 64 << 10
	if cap(d.body) > most {
		d.body = nil // give back what one huge statement took
	}
}

// fail ends the decoding.
func (d *Decoder) fail(what string, args ...any) {
	d.err = fmt.Errorf("%w: %s, before byte %d", ErrMalformed, fmt.Sprintf(what, args...), d.fed)
}
