// Package fingerprint finds in the bytes of a wire what ties a call to a turn:
// the numbers and message ids of virtual users, and the words they said last. It
// keeps none of them, only keyed hashes, and does not decide which turn a
// call belongs to.
package fingerprint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley"
)

// Most is the largest number of identities kept of one body. A call that names
// more people than that says nothing about whose turn it belongs to.
const Most = 64

// Class is a set of characters.
type Class uint8

const (
	Digits   Class = 1 << iota // 0 to 9
	UpperHex                   // 0 to 9 and A to F
)

// Pattern describes one kind of identity: a fixed prefix and, after it, Rest
// characters of a class. The prefix is of the same class. An identity is a whole
// run of such characters: more of them before or after, and it is something else.
//
// A user's number of 15 digits that starts with 999 is {"999", 12, Digits}; a
// message id of Evolution API is {"3EB0", 18, UpperHex}.
type Pattern struct {
	Prefix string
	Rest   int
	Class  Class
}

// Finder finds identities. The zero value finds none. It is safe for concurrent use.
type Finder struct {
	patterns []Pattern
	shortest int
}

// NewFinder returns a Finder for the patterns. It refuses patterns without a prefix,
// since they would match nearly everything, and prefixes outside of their class.
func NewFinder(patterns ...Pattern) (Finder, error) {
	f := Finder{patterns: slices.Clone(patterns)}
	for i, p := range patterns {
		if p.Prefix == "" || p.Rest < 0 {
			return Finder{}, errors.New("fingerprint: a pattern needs a prefix and a length")
		}
		for _, c := range []byte(p.Prefix) {
			if classOf(c)&p.Class == 0 {
				return Finder{}, fmt.Errorf("fingerprint: prefix %q is outside of its own class", p.Prefix)
			}
		}
		if n := p.length(); i == 0 || n < f.shortest {
			f.shortest = n
		}
	}
	return f, nil
}

func (p *Pattern) length() int { return len(p.Prefix) + p.Rest }

func (p *Pattern) matches(run []byte, class Class) bool {
	return p.Class == class && len(run) == p.length() && string(run[:len(p.Prefix)]) == p.Prefix
}

// AppendHashes appends the keyed hashes of the identities in body to dst, each
// once and in the order in which they first appear, [Most] at most. Its time is linear in
// the length of body, and it allocates nothing but room in dst.
func (f Finder) AppendHashes(dst []uint64, body []byte, key parley.Key) []uint64 {
	if len(f.patterns) == 0 {
		return dst
	}
	start := len(dst)
	for i := 0; i < len(body); {
		if classOf(body[i]) == 0 {
			i++
			continue
		}
		end := i + runLength(body[i:], Digits|UpperHex)
		run := unescaped(body, i, end)
		if len(run) >= f.shortest {
			dst = f.appendRun(dst, start, run, key)
		}
		if len(dst)-start >= Most {
			break
		}
		i = end
	}
	return dst
}

// appendRun looks at a run of upper hex as a whole, then at the runs of digits in it.
func (f Finder) appendRun(dst []uint64, start int, run []byte, key parley.Key) []uint64 {
	dst = f.appendMatch(dst, start, run, UpperHex, key)
	for len(run) > 0 && len(dst)-start < Most {
		n := runLength(run, Digits)
		if n == 0 {
			run = run[1:]
			continue
		}
		dst = f.appendMatch(dst, start, run[:n], Digits, key)
		run = run[n:]
	}
	return dst
}

func (f Finder) appendMatch(dst []uint64, start int, run []byte, class Class, key parley.Key) []uint64 {
	for i := range f.patterns {
		if !f.patterns[i].matches(run, class) {
			continue
		}
		hash := key.Hash(string(run))
		if !slices.Contains(dst[start:], hash) {
			dst = append(dst, hash)
		}
		return dst
	}
	return dst
}

// unescaped returns the run without the two digits of a URL escape before it ("%22999...").
func unescaped(body []byte, start, end int) []byte {
	if start > 0 && body[start-1] == '%' && end-start > 2 {
		start += 2
	}
	return body[start:end]
}

func runLength(text []byte, class Class) int {
	for i, c := range text {
		if classOf(c)&class == 0 {
			return i
		}
	}
	return len(text)
}

func classOf(c byte) Class {
	switch {
	case c >= '0' && c <= '9':
		return Digits | UpperHex
	case c >= 'A' && c <= 'F':
		return UpperHex
	default:
		return 0
	}
}

// LastWords returns what a text says last: its last line that is not blank, trimmed.
// Bots commonly join the messages of a burst with newlines; the last of them is what the user said last.
func LastWords(text string) string {
	text = strings.TrimSpace(text)
	if i := strings.LastIndexAny(text, "\n\r"); i >= 0 {
		text = strings.TrimSpace(text[i+1:])
	}
	return text
}
