package fingerprint

import (
	"strings"

	"parley"
)

// longestSegment is the length up to which a part of a key can be a name rather than a value.
const longestSegment = 24

// AppendKeyShape appends a key of a cache or queue without what differs from entry to entry: parts between colons, slashes, dots,
// bars and braces that hold a digit or anything but letters, _ and -, or are long, become *. "session:999123:v2" is "session:*:*".
func AppendKeyShape(dst []byte, key []byte) []byte {
	from := 0
	for i := 0; i <= len(key); i++ {
		if i < len(key) && !separates(key[i]) {
			continue
		}
		if part := key[from:i]; isName(part) {
			dst = append(dst, part...)
		} else if len(dst) == 0 || dst[len(dst)-1] != '*' {
			dst = append(dst, '*')
		}
		if i < len(key) {
			dst = append(dst, key[i])
		}
		from = i + 1
	}
	return dst
}

// AppendKeyFields appends what AppendKeyShape leaves out of a key: the parts that differ from entry to entry, each with its place.
func AppendKeyFields(dst []Field, in Operation, text []byte, key parley.Key) []Field {
	from, number := 0, 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && !separates(text[i]) {
			continue
		}
		if part := text[from:i]; !isName(part) {
			dst = AppendField(dst, in.Place('k', number), part, key)
			number++
		}
		from = i + 1
	}
	return dst
}

// separates reports whether a byte stands between the parts of a key.
func separates(c byte) bool { return strings.IndexByte(":/.|{}", c) >= 0 }

// isName reports whether a part of a key was written by a programmer.
func isName(part []byte) bool {
	if len(part) > longestSegment {
		return false
	}
	for _, c := range part {
		if letter := c|0x20 >= 'a' && c|0x20 <= 'z'; !letter && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
