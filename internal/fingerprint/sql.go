package fingerprint

import (
	"bytes"

	"parley"
)

// longestSQL bounds a normalised statement, in bytes; what is beyond is cut off and says so.
const longestSQL = 600

// AppendSQL appends a statement without what differs from call to call: literals and parameters become ?,
// lists of them (?...), rows of such lists one, comments go, and white space is one blank. Two statements of one shape come
// out the same, and nothing that a user said is left. Lexical rules are PostgreSQL's
// (https://www.postgresql.org/docs/15/sql-syntax-lexical.html). Its time is linear in the length of text.
func AppendSQL(dst, text []byte) []byte {
	s := sqlScanner{text: text, out: dst, from: len(dst)}
	for s.at < len(text) && len(s.out)-s.from < longestSQL {
		s.next()
	}
	if s.at < len(text) {
		s.out = append(s.out, "..."...)
	}
	return bytes.TrimRight(s.out, "; ")
}

// AppendLiterals appends the literals that stand in a statement itself, as clients without parameters write them, each with its place.
func AppendLiterals(dst []Field, in Operation, text []byte, key parley.Key) []Field {
	number := 0
	var out [longestSQL]byte
	s := sqlScanner{text: text, out: out[:0]}
	s.each = func(literal []byte) {
		if n := len(literal); n >= 2 && literal[0] == '\'' && literal[n-1] == '\'' {
			literal = literal[1 : n-1]
		}
		dst = AppendField(dst, in.Place('l', number), literal, key)
		number++
	}
	for s.at < len(text) && len(dst) < MostFields {
		s.next()
		if len(s.out) > longestSQL {
			s.out = s.out[:0] // nobody reads it
		}
	}
	return dst
}

// SQL is AppendSQL as a string.
func SQL(text string) string { return string(AppendSQL(nil, []byte(text))) }

// sqlScanner reads a statement token by token.
type sqlScanner struct {
	text []byte
	at   int
	out  []byte
	from int // where the statement begins in out
	// gap: there was white space or a comment since the last token.
	gap bool
	// each, if not nil, gets every literal as it stands, quotes included.
	each func(literal []byte)
}

// next takes in one token.
func (s *sqlScanner) next() {
	c := s.text[s.at]
	rest := s.text[s.at:]
	switch {
	case isSpace(c):
		s.at++
		s.gap = true
	case bytes.HasPrefix(rest, []byte("--")):
		s.skip(lineEnd(rest))
	case bytes.HasPrefix(rest, []byte("/*")):
		s.skip(commentEnd(rest))
	case c == '\'':
		s.literal(quoted(rest, '\'', false))
	case c == '"':
		s.token(quoted(rest, '"', false))
	case c == '$':
		s.dollar(rest)
	case c == '?' || isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]):
		s.literal(numberEnd(rest))
	case isWord(c):
		s.word(rest)
	case c == ')':
		s.token(1)
		s.collapse()
	default:
		s.token(1)
	}
}

// skip leaves out n bytes, like white space.
func (s *sqlScanner) skip(n int) {
	s.at += n
	s.gap = true
}

// token writes n bytes as they are.
func (s *sqlScanner) token(n int) {
	s.write(s.text[s.at : s.at+n])
	s.at += n
}

// literal writes a ? for n bytes; one that follows another after a comma stands for both.
func (s *sqlScanner) literal(n int) {
	if s.each != nil {
		s.each(s.text[s.at : s.at+n])
	}
	s.at += n
	if list, ok := bytes.CutSuffix(bytes.TrimRight(s.statement(), " "), []byte(",")); ok {
		list = bytes.TrimRight(list, " ")
		if bytes.HasSuffix(list, []byte("(?")) || bytes.HasSuffix(list, []byte("?...")) {
			s.out = append(bytes.TrimSuffix(s.out[:s.from+len(list)], []byte("...")), "..."...)
			s.gap = false
			return
		}
	}
	s.write([]byte("?"))
}

// write appends a token, after a blank if there was a gap.
func (s *sqlScanner) write(token []byte) {
	if s.gap && len(s.out) > s.from {
		s.out = append(s.out, ' ')
	}
	s.gap = false
	s.out = append(s.out, token...)
}

// statement is what has been written.
func (s *sqlScanner) statement() []byte { return s.out[s.from:] }

// collapse makes one row of literals of two: "(?...), (?...)".
func (s *sqlScanner) collapse() {
	for _, row := range []string{"(?...)", "(?)"} {
		before, ok := bytes.CutSuffix(s.statement(), []byte(row))
		if !ok {
			continue
		}
		before, comma := bytes.CutSuffix(bytes.TrimRight(before, " "), []byte(","))
		if before = bytes.TrimRight(before, " "); comma && bytes.HasSuffix(before, []byte(row)) {
			s.out = s.out[:s.from+len(before)]
		}
		return
	}
}

// word writes a keyword or a name, unless it begins a literal: E'...', B'...', X'...', N'...', U&'...'.
func (s *sqlScanner) word(rest []byte) {
	n := 1
	for n < len(rest) && (isWord(rest[n]) || isDigit(rest[n]) || rest[n] == '$') {
		n++
	}
	switch c := rest[0] | 0x20; {
	case n == 1 && n < len(rest) && rest[n] == '\'' && (c == 'e' || c == 'b' || c == 'x' || c == 'n'):
		s.literal(1 + quoted(rest[1:], '\'', c == 'e'))
	case n == 1 && c == 'u' && bytes.HasPrefix(rest[1:], []byte("&'")):
		s.literal(2 + quoted(rest[2:], '\'', false))
	default:
		s.token(n)
	}
}

// dollar writes what begins with one: a parameter ($1) or a literal ($tag$...$tag$).
func (s *sqlScanner) dollar(rest []byte) {
	n := 1
	for n < len(rest) && isDigit(rest[n]) {
		n++
	}
	if n > 1 {
		s.literal(n)
		return
	}
	for n < len(rest) && (isWord(rest[n]) || isDigit(rest[n])) {
		n++
	}
	if n == len(rest) || rest[n] != '$' {
		s.token(1)
		return
	}
	tag := rest[:n+1]
	end := bytes.Index(rest[n+1:], tag)
	if end < 0 {
		s.literal(len(rest))
		return
	}
	s.literal(n + 1 + end + len(tag))
}

// quoted returns the length of a quoted text, its quotes included. A doubled quote is part of it, and with escapes what follows a backslash.
func quoted(rest []byte, quote byte, escapes bool) int {
	for i := 1; i < len(rest); i++ {
		switch {
		case escapes && rest[i] == '\\':
			i++
		case rest[i] != quote:
		case i+1 < len(rest) && rest[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return len(rest)
}

// numberEnd returns the length of a number, or of a ?.
func numberEnd(rest []byte) int {
	n := 1
	for n < len(rest) && (isDigit(rest[n]) || isWord(rest[n]) || rest[n] == '.' || (rest[n] == '-' || rest[n] == '+') && rest[n-1]|0x20 == 'e') {
		n++
	}
	if rest[0] == '?' {
		return 1
	}
	return n
}

func lineEnd(rest []byte) int {
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		return i + 1
	}
	return len(rest)
}

// commentEnd returns the length of a comment; comments nest.
func commentEnd(rest []byte) int {
	depth := 0
	for i := 0; i+1 < len(rest); i++ {
		switch {
		case rest[i] == '/' && rest[i+1] == '*':
			depth++
			i++
		case rest[i] == '*' && rest[i+1] == '/':
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(rest)
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isWord reports whether c can begin a name. Bytes beyond ASCII can.
func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}
