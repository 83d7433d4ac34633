package fault

import (
	"fmt"
	"strings"
	"time"
)

// longest is the longest duration the language accepts or samples.
const longest = 24 * time.Hour

// SyntaxError says why a text is not a distribution or a rule.
type SyntaxError struct {
	Text    string // the whole text
	Offset  int    // where in Text the trouble starts, in bytes
	Problem string // what is wrong, with the word in question
	Hint    string // what to write instead, may be empty
}

func (e *SyntaxError) Error() string {
	msg := fmt.Sprintf("%q: %s at offset %d", e.Text, e.Problem, e.Offset)
	if e.Hint != "" {
		msg += "; " + e.Hint
	}
	return msg
}

// scanner walks over a text from left to right.
type scanner struct {
	text string
	pos  int
}

func (s *scanner) fail(at int, hint, problem string, args ...any) error {
	return &SyntaxError{Text: s.text, Offset: at, Problem: fmt.Sprintf(problem, args...), Hint: hint}
}

func (s *scanner) space() {
	for s.pos < len(s.text) && (s.text[s.pos] == ' ' || s.text[s.pos] == '\t') {
		s.pos++
	}
}

func (s *scanner) done() bool {
	s.space()
	return s.pos == len(s.text)
}

// until skips space and takes everything up to one of the stop bytes, or the end.
func (s *scanner) until(stop string) string {
	s.space()
	rest := s.text[s.pos:]
	n := strings.IndexAny(rest, stop)
	if n < 0 {
		n = len(rest)
	}
	s.pos += n
	return strings.TrimRight(rest[:n], " \t")
}

// word takes the next word; peek looks at it.
func (s *scanner) word() string { return s.until(" \t") }

func (s *scanner) peek() string {
	ahead := *s
	return ahead.word()
}

// accept takes the literal if it comes next.
func (s *scanner) accept(literal string) bool {
	s.space()
	if !strings.HasPrefix(s.text[s.pos:], literal) {
		return false
	}
	s.pos += len(literal)
	return true
}

// duration reads word, which begins at offset at.
func (s *scanner) duration(word string, at int) (time.Duration, error) {
	const hint = "write a number with its unit, like 450ms, 1.2s or 2m"
	if word == "" {
		return 0, s.fail(at, hint, "a duration is missing")
	}
	d, err := time.ParseDuration(word)
	switch {
	case err != nil:
		return 0, s.fail(at, hint, "%q is not a duration", word)
	case d < 0:
		return 0, s.fail(at, "durations start at 0", "%q is negative", word)
	case d > longest:
		return 0, s.fail(at, "the longest is 24h", "%q is too long", word)
	}
	return d, nil
}
