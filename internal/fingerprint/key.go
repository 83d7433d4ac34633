package fingerprint

import "strings"

// longestSegment is the length up to which a part of a key can be a name rather than a value.
const longestSegment = 24

// AppendKeyShape appends a key of a cache or queue without what differs from entry to entry: parts between colons, slashes, dots,
// bars and braces that hold a digit or anything but letters, _ and -, or are long, become *. "session:999123:v2" is "session:*:*".
func AppendKeyShape(dst []byte, key []byte) []byte {
	from := 0
	for i := 0; i <= len(key); i++ {
		if i < len(key) && strings.IndexByte(":/.|{}", key[i]) < 0 {
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
