package respwire

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// ErrMalformed is what bytes that are no RESP are answered with; the place in the stream stands in the error around it.
var ErrMalformed = errors.New("not RESP")

// longestLine bounds a line: a number, a status, an error or an inline command (64 KB in Redis itself).
const longestLine = 64 << 10

// unknown is the number of elements, or the length, of what is streamed.
const unknown = -2

// state is what the next byte belongs to.
type state uint8

const (
	atLine  state = iota // of a value
	inBlob               // content of known length
	atBreak              // the line end after it
)

// Decoder splits one direction of a connection into values. The zero value is not
// usable; see [NewDecoder]. It keeps nothing of what it was fed but the value
// that has not ended, as far as its limits allow.
type Decoder struct {
	limits Limits
	// commands: inline commands are understood.
	commands bool

	state state
	line  []byte // of a line that came in pieces
	left  int64  // bytes of the blob, or of its line end, still to come
	open  []aggregate
	value Value
	parts []span // of the value, as far as they are kept
	texts []byte // what they share
	last  int    // 1 + the part that content goes to, 0 if it is not kept
	fed   int64  // bytes so far
	err   error
}

// span is a part while its value has not ended: texts may still move.
type span struct {
	kind     Kind
	from, to int
	length   int64
}

// aggregate is one that has not ended.
type aggregate struct {
	kind Kind
	left int64 // elements still to come, or unknown
}

// NewDecoder returns a decoder of what a server says, or with commands of what a client says.
func NewDecoder(limits Limits, commands bool) *Decoder {
	return &Decoder{limits: limits, commands: commands}
}

// Fed is how many bytes of the stream were taken in, up to the end of a value while it is handed out.
func (d *Decoder) Fed() int64 { return d.fed }

// Feed takes in the next bytes of the stream and calls ended for each top-level value that ends in them.
// Once it has failed it fails for good: nobody can tell where the next value would begin.
func (d *Decoder) Feed(p []byte, ended func(*Value)) error {
	for len(p) > 0 && d.err == nil {
		switch d.state {
		case atLine:
			p = d.feedLine(p, ended)
		case inBlob:
			p = d.feedBlob(p)
		case atBreak:
			p = d.feedBreak(p, ended)
		}
	}
	return d.err
}

// Idle reports whether the stream stands between two values.
func (d *Decoder) Idle() bool {
	return d.state == atLine && len(d.line) == 0 && len(d.open) == 0 && d.value.Bytes == 0
}

// feedLine takes in the line that begins a value.
func (d *Decoder) feedLine(p []byte, ended func(*Value)) []byte {
	end := bytes.IndexByte(p, '\n')
	if end < 0 {
		d.line = append(d.line, p...)
		d.eaten(len(p))
		if len(d.line) > longestLine {
			d.fail("a line of more than %d bytes", longestLine)
		}
		return nil
	}
	line := p[:end]
	if len(d.line) > 0 {
		d.line = append(d.line, line...)
		line = d.line
	}
	d.eaten(end + 1)
	if len(line) > longestLine {
		d.fail("a line of more than %d bytes", longestLine)
		return nil
	}
	d.begin(bytes.TrimSuffix(line, []byte{'\r'}), ended)
	d.line = d.line[:0]
	return p[end+1:]
}

// begin takes in the line of a value, whose end may be that of the value.
func (d *Decoder) begin(line []byte, ended func(*Value)) {
	if len(line) == 0 {
		if d.commands && len(d.open) == 0 { // Redis ignores empty lines between commands
			d.value.Bytes = 0
			return
		}
		d.fail("an empty line")
		return
	}
	kind, rest := Kind(line[0]), line[1:]
	top := len(d.open) == 0
	if top && d.value.Kind == 0 {
		d.value.Kind = kind
	}
	switch inStream := !top && d.open[len(d.open)-1].kind == chunk; {
	case (kind == chunk) != inStream:
		d.fail("a part of a streamed string outside of one, or something else in it")
	case kind.text():
		d.leaf(kind, rest, int64(len(rest)))
		d.settle(ended)
	case kind.blob() || kind == chunk:
		d.beginBlob(kind, rest, ended)
	case kind.Aggregate():
		d.beginAggregate(kind, rest, ended)
	case kind == streamsEnd:
		d.endStream(ended)
	case d.commands && top:
		d.inline(line)
		d.settle(ended)
	default:
		d.fail("a value that begins with %q", line[0])
	}
}

// beginBlob takes in the line of a string with its length.
func (d *Decoder) beginBlob(kind Kind, rest []byte, ended func(*Value)) {
	n, ok := d.length(rest)
	switch {
	case !ok:
	case kind == chunk && n == 0:
		d.open = d.open[:len(d.open)-1]
		d.settle(ended)
	case kind == chunk:
		d.left, d.state = n, inBlob
	case n == unknown:
		d.leaf(kind, nil, 0)
		d.enter(aggregate{chunk, unknown})
	case n < 0:
		d.leaf(kind, nil, -1)
		if len(d.open) == 0 {
			d.value.Elements = -1
		}
		d.settle(ended)
	default:
		d.leaf(kind, nil, 0)
		d.left, d.state = n, inBlob
		if n == 0 {
			d.left, d.state = 2, atBreak
		}
	}
}

// beginAggregate takes in the line of an array, a map and the like.
func (d *Decoder) beginAggregate(kind Kind, rest []byte, ended func(*Value)) {
	n, ok := d.length(rest)
	if !ok {
		return
	}
	if n > 0 && (kind == Map || kind == Attribute) {
		n *= 2
	}
	if len(d.open) == 0 && kind != Attribute {
		d.value.Kind, d.value.Elements = kind, max(n, -1)
		if n == unknown {
			d.value.Elements = 0
		}
	}
	switch n {
	case 0, -1:
		if kind == Attribute {
			return // of nothing: the value is still to come
		}
		d.settle(ended)
	default:
		d.enter(aggregate{kind, n})
	}
}

// enter opens an aggregate.
func (d *Decoder) enter(a aggregate) {
	if len(d.open) >= d.limits.Depth {
		d.fail("values nested deeper than %d", d.limits.Depth)
		return
	}
	d.open = append(d.open, a)
}

// length reads the number of elements or bytes on a line; "?" is unknown.
func (d *Decoder) length(text []byte) (int64, bool) {
	if len(text) == 1 && text[0] == '?' {
		return unknown, true
	}
	n, err := strconv.ParseInt(string(text), 10, 64) // does not escape: no allocation
	if err != nil || n < -1 || n > 1<<40 {
		d.fail("%q is no length", text[:min(len(text), 20)])
		return 0, false
	}
	return n, true
}

// feedBlob takes in content.
func (d *Decoder) feedBlob(p []byte) []byte {
	n := int(min(d.left, int64(len(p))))
	d.keep(p[:n])
	d.eaten(n)
	if d.left -= int64(n); d.left == 0 {
		d.left, d.state = 2, atBreak
	}
	return p[n:]
}

// feedBreak takes in the line end after content.
func (d *Decoder) feedBreak(p []byte, ended func(*Value)) []byte {
	want := byte('\r')
	if d.left == 1 {
		want = '\n'
	}
	if p[0] != want {
		d.fail("content that is longer than it says")
		return nil
	}
	d.eaten(1)
	if d.left--; d.left > 0 {
		return p[1:]
	}
	d.state = atLine
	if len(d.open) == 0 || d.open[len(d.open)-1].kind != chunk {
		d.settle(ended)
	}
	return p[1:]
}

// leaf adds a part. Of a string the content is still to come.
func (d *Decoder) leaf(kind Kind, text []byte, length int64) {
	d.last = 0
	if len(d.parts) >= d.limits.Parts {
		return
	}
	d.parts = append(d.parts, span{kind, len(d.texts), len(d.texts), length})
	d.last = len(d.parts)
	d.capture(text)
}

// keep notes content of the string that is being read.
func (d *Decoder) keep(content []byte) {
	if d.last > 0 {
		d.parts[d.last-1].length += int64(len(content))
		d.capture(content)
	}
}

// capture keeps text of the last part, up to the limit.
func (d *Decoder) capture(text []byte) {
	part := &d.parts[d.last-1]
	room := d.limits.Text - (part.to - part.from)
	d.texts = append(d.texts, text[:min(len(text), max(0, room))]...)
	part.to = len(d.texts)
}

// inline splits a command that was typed as a line. Quotes are not understood: nothing but
// people and health checks speak this way.
func (d *Decoder) inline(line []byte) {
	d.value.Kind = Inline
	for word := range bytes.FieldsSeq(line) {
		d.value.Elements++
		d.leaf(Inline, word, int64(len(word)))
	}
}

// settle notes that a value has ended, and with it perhaps the aggregates around it.
func (d *Decoder) settle(ended func(*Value)) {
	for len(d.open) > 0 {
		around := &d.open[len(d.open)-1]
		if around.left == unknown {
			if len(d.open) == 1 && around.kind != chunk && around.kind != Attribute {
				d.value.Elements++
			}
			return
		}
		if around.left--; around.left > 0 {
			return
		}
		kind := around.kind
		d.open = d.open[:len(d.open)-1]
		if kind == Attribute {
			d.precede()
			return
		}
	}
	d.finish(ended)
}

// precede forgets an attribute: the value that it is about comes next, in its place.
func (d *Decoder) precede() {
	if len(d.open) == 0 {
		d.parts, d.texts, d.last = d.parts[:0], d.texts[:0], 0
		d.value.Kind = 0
	}
}

// endStream takes in the end of a streamed aggregate.
func (d *Decoder) endStream(ended func(*Value)) {
	if n := len(d.open); n == 0 || d.open[n-1].left != unknown || d.open[n-1].kind == chunk {
		d.fail("the end of a stream that did not begin")
		return
	}
	kind := d.open[len(d.open)-1].kind
	d.open = d.open[:len(d.open)-1]
	if kind == Attribute {
		d.precede()
		return
	}
	d.settle(ended)
}

// finish hands the value out.
func (d *Decoder) finish(ended func(*Value)) {
	d.value.Parts = d.value.Parts[:0]
	for _, s := range d.parts {
		d.value.Parts = append(d.value.Parts, Part{Kind: s.kind, Text: d.texts[s.from:s.to:s.to], Len: s.length})
	}
	ended(&d.value)
	d.parts, d.texts, d.last = d.parts[:0], d.texts[:0], 0
	d.value = Value{Parts: d.value.Parts}
	d.release()
}

// release gives back memory that one huge value took.
func (d *Decoder) release() {
	const most = 64 << 10
	if cap(d.texts) > most {
		d.texts = nil
	}
	if cap(d.line) > most {
		d.line = nil
	}
}

// eaten counts bytes of the stream.
func (d *Decoder) eaten(n int) {
	d.fed += int64(n)
	d.value.Bytes += int64(n)
}

// fail ends the decoding.
func (d *Decoder) fail(what string, args ...any) {
	d.err = fmt.Errorf("%w: %s, before byte %d", ErrMalformed, fmt.Sprintf(what, args...), d.fed)
}
