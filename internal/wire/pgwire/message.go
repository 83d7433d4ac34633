package pgwire

import (
	"bytes"
	"encoding/binary"
	"iter"
	"strconv"
)

// The functions below read the bodies of messages. A body that was cut, or is wrong, gives what there is: they
// never fail, and never read beyond it.

// cstring splits off a text that ends with a zero byte; of a body that was cut all that there is.
func cstring(body []byte) (text, rest []byte) {
	text, rest, _ = bytes.Cut(body, []byte{0})
	return text, rest
}

// uint16At splits off a number, 0 if there is none.
func uint16At(body []byte) (n int, rest []byte) {
	if len(body) < 2 {
		return 0, nil
	}
	return int(binary.BigEndian.Uint16(body)), body[2:]
}

// Startup yields the parameters of a start: "user", "database", "application_name", ...
func Startup(body []byte) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for len(body) > 1 {
			var name, value []byte
			name, body = cstring(body)
			value, body = cstring(body)
			if len(name) == 0 || !yield(string(name), string(value)) {
				return
			}
		}
	}
}

// Query returns the text of a simple query ('Q').
func Query(body []byte) []byte { text, _ := cstring(body); return text }

// Parse returns the name and the text of a statement that is prepared ('P').
func Parse(body []byte) (name, text []byte) {
	name, body = cstring(body)
	text, _ = cstring(body)
	return name, text
}

// Binding is the body of a Bind ('B').
type Binding struct {
	Portal, Statement []byte
	formats           []byte // two bytes each
	count             int    // of parameters
	values            []byte
	results           []byte // formats of the columns asked for, two bytes each
}

// Bind reads a Bind.
func Bind(body []byte) Binding {
	var b Binding
	b.Portal, body = cstring(body)
	b.Statement, body = cstring(body)
	n, body := uint16At(body)
	n = min(2*n, len(body))
	b.formats, body = body[:n], body[n:]
	b.count, b.values = uint16At(body)
	rest := b.values
	for range b.count {
		var ok bool
		if _, rest, ok = field(rest); !ok {
			return b
		}
	}
	n, rest = uint16At(rest)
	b.results = rest[:min(2*n, len(rest))]
	return b
}

// Results are the formats of the columns that a Bind asked for.
func (b Binding) Results() Formats { return Formats(b.results) }

// Formats are those of some values, two bytes each: none means text for all, one is that of all.
type Formats []byte

// Binary tells the format of value i.
func (f Formats) Binary(i int) bool {
	switch n := len(f) / 2; {
	case n == 0:
		return false
	case n == 1:
		i = 0
	case i >= n:
		return false
	}
	return f[2*i+1] == 1
}

// Parameters yields the parameters in order: their bytes (nil for NULL) and whether they are in the binary format.
func (b Binding) Parameters() iter.Seq2[[]byte, bool] {
	return func(yield func([]byte, bool) bool) {
		values := b.values
		for i := range b.count {
			value, rest, ok := field(values)
			if !ok || !yield(value, Formats(b.formats).Binary(i)) {
				return
			}
			values = rest
		}
	}
}

// field splits off a value with its length before it; nil for NULL.
func field(body []byte) (value, rest []byte, ok bool) {
	if len(body) < 4 {
		return nil, nil, false
	}
	n := int32(binary.BigEndian.Uint32(body))
	body = body[4:]
	switch {
	case n == -1:
		return nil, body, true
	case n < 0 || int(n) > len(body):
		return nil, nil, false
	}
	return body[:n:n], body[n:], true
}

// Execute returns the name of the portal that is run ('E').
func Execute(body []byte) []byte { portal, _ := cstring(body); return portal }

// Target returns what a Describe ('D') or Close ('C') of a client is about: 'S' for a statement, 'P' for a portal, and its name.
func Target(body []byte) (kind byte, name []byte) {
	if len(body) == 0 {
		return 0, nil
	}
	name, _ = cstring(body[1:])
	return body[0], name
}

// Fields yields the fields of an ErrorResponse ('E') or NoticeResponse ('N') by their codes: 'S' severity,
// 'C' SQLSTATE, 'M' message, ...
func Fields(body []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for len(body) > 1 && body[0] != 0 {
			code := body[0]
			var text []byte
			text, body = cstring(body[1:])
			if !yield(code, text) {
				return
			}
		}
	}
}

// SQLState returns the error code of an ErrorResponse, empty if there is none.
func SQLState(body []byte) string {
	for code, text := range Fields(body) {
		if code == 'C' {
			return string(text)
		}
	}
	return ""
}

// Tag returns the command of a CommandComplete ('C') and the number of rows it
// names, 0 if it names none: "INSERT 0 3" is INSERT and 3.
func Tag(body []byte) (command string, rows int64) {
	text, _ := cstring(body)
	text = bytes.TrimSpace(text)
	first, _, many := bytes.Cut(text, []byte{' '})
	if many {
		last := text[bytes.LastIndexByte(text, ' ')+1:]
		if n, err := strconv.ParseInt(string(last), 10, 64); err == nil { // the text does not escape
			rows = n
		}
	}
	return string(first), rows
}

// TransactionStatus returns the status of a ReadyForQuery ('Z'): 'I' idle, 'T' in a transaction, 'E' in a failed one.
func TransactionStatus(body []byte) byte {
	if len(body) == 0 {
		return 0
	}
	return body[0]
}

// Column is one of a result.
type Column struct {
	Name   string
	Type   uint32 // the type's OID
	Binary bool   // its format; of a statement that is described, and not run, it is not known yet, and false
}

// Columns yields the columns of a RowDescription ('T').
func Columns(body []byte) iter.Seq[Column] {
	return func(yield func(Column) bool) {
		// After its name: the table (4 bytes), the column's number in it (2), the type (4), its size (2), its modifier (4), the format (2).
		const fixed = 18
		n, body := uint16At(body)
		for range n {
			name, rest := cstring(body)
			if len(rest) < fixed || !yield(Column{string(name), binary.BigEndian.Uint32(rest[6:]), rest[17] == 1}) {
				return
			}
			body = rest[fixed:]
		}
	}
}

// ParameterTypes yields the types' OIDs of a ParameterDescription ('t').
func ParameterTypes(body []byte) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		n, body := uint16At(body)
		for range n {
			if len(body) < 4 || !yield(binary.BigEndian.Uint32(body)) {
				return
			}
			body = body[4:]
		}
	}
}

// Row yields the values of a DataRow ('D'), nil for NULL.
func Row(body []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		n, body := uint16At(body)
		for range n {
			value, rest, ok := field(body)
			if !ok || !yield(value) {
				return
			}
			body = rest
		}
	}
}

// Mechanisms yields the SASL mechanisms that an AuthenticationSASL offers; nothing for other requests ('R').
func Mechanisms(body []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		const sasl = 10
		if len(body) < 4 || binary.BigEndian.Uint32(body) != sasl {
			return
		}
		for body = body[4:]; len(body) > 1; {
			var name []byte
			name, body = cstring(body)
			if len(name) == 0 || !yield(string(name)) {
				return
			}
		}
	}
}
