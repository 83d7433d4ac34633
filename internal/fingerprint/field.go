package fingerprint

import (
	"slices"

	"parley"
)

// Field is a value that stands in a call.
type Field struct {
	// Place is where it stands: a parameter of a statement, a column of its result. It is 0 for a value that few
	// calls would share by chance, wherever it stands: a UUID, a token, a number of many digits.
	Place uint64
	// Value is the keyed hash of the value.
	Value uint64
}

// MostFields bounds the fields kept of one call.
const MostFields = 160

// longestField is the longest value, in bytes, that is taken for an id.
const longestField = 64

// Operation is the name of an operation, for the places in it.
type Operation uint64

const fnvPrime = 1099511628211 // FNV-1a, 64 bits

// OperationOf names an operation.
func OperationOf(name string) Operation {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * fnvPrime
	}
	return Operation(h)
}

// Place names a place: one of the parts of an operation, by its number. It is never 0.
func (o Operation) Place(part byte, number int) uint64 {
	h := uint64(o)
	for _, c := range [...]byte{part, byte(number), byte(number >> 8)} {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return max(1, h)
}

// AppendField appends a value and, unless place is 0, where it stands. An empty value and a long one name nobody.
func AppendField(dst []Field, place uint64, value []byte, key parley.Key) []Field {
	if len(value) == 0 || len(value) > longestField {
		return dst
	}
	var room [longestField]byte
	text := canonical(room[:0], value)
	hash := key.Hash(string(text))
	if place != 0 {
		dst = appendNew(dst, Field{Place: place, Value: hash})
	}
	if selective(text) {
		dst = appendNew(dst, Field{Value: hash})
	}
	return dst
}

func tokenLength(text []byte) int {
	for i, c := range text {
		if !isTokenByte(c) {
			return i
		}
	}
	return len(text)
}

// isTokenByte reports whether a byte is one of an id. Points and colons are of times and amounts.
func isTokenByte(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '_'
}

func appendNew(dst []Field, f Field) []Field {
	if len(dst) >= MostFields || slices.Contains(dst, f) {
		return dst
	}
	return append(dst, f)
}

// canonical appends a value as it is compared: a UUID without its hyphens and in small letters, however it was written.
func canonical(dst, value []byte) []byte {
	const hyphened, bare = 36, 32
	if len(value) != hyphened && len(value) != bare {
		return append(dst, value...)
	}
	for i, c := range value {
		switch {
		case len(value) == hyphened && (i == 8 || i == 13 || i == 18 || i == 23):
			if c != '-' {
				return append(dst[:0], value...)
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
			dst = append(dst, c)
		case c >= 'A' && c <= 'F':
			dst = append(dst, c|0x20)
		default:
			return append(dst[:0], value...)
		}
	}
	return dst
}

// shortestSelective is the length in bytes, and fewestDigits the number of digits, from which on a value tells one row
// from another: words, years, prices and counts have less.
const (
	shortestSelective = 8
	fewestDigits      = 4
)

// selective reports whether few calls would share a value by chance.
func selective(value []byte) bool {
	if len(value) < shortestSelective || isDate(value) {
		return false
	}
	digits := 0
	for _, c := range value {
		switch {
		case !isTokenByte(c):
			return false
		case c >= '0' && c <= '9':
			digits++
		}
	}
	return digits >= fewestDigits
}

// isDate reports whether a value is or begins with a day, as 2026-03-31, 20260331, 20260331T143000 or 20260331143000: people
// ask for the same days and hours.
func isDate(value []byte) bool {
	if len(value) >= 10 && value[4] == '-' && value[7] == '-' {
		var digits [8]byte
		copy(digits[:4], value)
		copy(digits[4:6], value[5:])
		copy(digits[6:], value[8:])
		return isDay(digits[:])
	}
	switch n := runLength(value, Digits); {
	case n == 8 && (len(value) == 8 || value[8]|0x20 == 't'), n == 14 && len(value) == 14:
		return isDay(value[:8])
	}
	return false
}

// isDay reports whether eight characters are a day of this century or the one before.
func isDay(text []byte) bool {
	if runLength(text, Digits) < len(text) {
		return false
	}
	two := func(at int) int { return int(text[at]-'0')*10 + int(text[at+1]-'0') }
	century, month, day := two(0), two(4), two(6)
	return (century == 19 || century == 20) && month >= 1 && month <= 12 && day >= 1 && day <= 31
}
