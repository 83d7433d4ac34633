package fingerprint

import "parley"

// AppendText appends the values in a text, be it JSON or a URL followed by some: strings, numbers and the segments of a path. The
// place of a value is the name of the member that it is, or is within ("contact_id"), in the operation; that of a
// segment its number. What stands neither in the first line nor in JSON, as a header, has no place. It is lenient: a
// text that is cut, or no JSON, gives what there is.
func AppendText(dst []Field, in Operation, text []byte, key parley.Key) []Field {
	s := textScanner{in: in, key: key, dst: dst, first: true}
	for i := 0; i < len(text) && len(s.dst) < MostFields; {
		switch c := text[i]; {
		case c == '"':
			n := quoted(text[i:], '"', true)
			s.quoted(text[i:i+n], text[i+n:])
			i += n
		case isTokenByte(c):
			n := tokenLength(text[i:])
			s.token(text[i : i+n])
			i += n
		default:
			s.first = s.first && c != '\n'
			i++
		}
	}
	return s.dst
}

// textScanner collects the values of a text.
type textScanner struct {
	in   Operation
	key  parley.Key
	dst  []Field
	name Operation // of the latest member, 0 before there was one
	// first: the first line goes on; segments are those in it so far.
	first    bool
	segments int
}

// quoted takes in a string: the name of a member, or a value.
func (s *textScanner) quoted(text, rest []byte) {
	inner := text[1:]
	if n := len(inner); n > 0 && inner[n-1] == '"' {
		inner = inner[:n-1]
	}
	for len(rest) > 0 && isSpace(rest[0]) {
		rest = rest[1:]
	}
	if len(rest) > 0 && rest[0] == ':' {
		s.name = OperationOf(string(inner))
		return
	}
	if tokenLength(inner) == len(inner) {
		s.token(inner)
		return
	}
	s.dst = AppendField(s.dst, s.place(), inner, s.key)
	for len(inner) > 0 { // an id within a longer text, as a link
		n := max(1, tokenLength(inner))
		s.dst = AppendField(s.dst, 0, inner[:n], s.key)
		inner = inner[n:]
	}
}

// token takes in a value of the characters of ids.
func (s *textScanner) token(text []byte) {
	switch string(text) {
	case "true", "false", "null":
		return
	}
	s.dst = AppendField(s.dst, s.place(), text, s.key)
}

// place is where the value that is taken in stands.
func (s *textScanner) place() uint64 {
	switch {
	case s.name != 0:
		return (s.in ^ s.name*fnvPrime).Place('j', 0)
	case s.first:
		s.segments++
		return s.in.Place('u', s.segments)
	default:
		return 0
	}
}
