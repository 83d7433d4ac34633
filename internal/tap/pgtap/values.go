package pgtap

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"parley/internal/tap"
)

// identities are the numbers and message ids of users that stand in a message as text.
func (s *session) identities(body []byte) []uint64 {
	return s.tap.Finder.AppendHashes(nil, body, s.tap.Key)
}

// appendValue adds what one value, of a parameter or a column, says of whom a call is about: an identity, if it is a number
// of a user in binary form, or the keyed hash of a value that few rows would share. Short texts and small numbers tell
// nobody apart, and are left out.
func (s *session) appendValue(identities, values []uint64, value []byte, maybeBinary bool) (ids, vals []uint64) {
	if len(values) >= tap.MostValues {
		return identities, values
	}
	if maybeBinary {
		switch len(value) {
		case 8: // a bigint: a telephone number, perhaps
			var text [20]byte
			n := int64(binary.BigEndian.Uint64(value))
			if digits := strconv.AppendInt(text[:0], n, 10); n >= leastNumber && !isDigits(value) {
				return s.tap.Finder.AppendHashes(identities, digits, s.tap.Key), tap.AppendNew(values, s.tap.Key.Hash(string(digits)))
			}
		case 16: // a UUID
			if !isText(value) {
				return identities, tap.AppendNew(values, s.tap.Key.Hash(uuidText(value)))
			}
		}
	}
	return identities, tap.AppendSelective(values, value, s.tap.Key)
}

// appendTokens adds the values that stand in a statement itself, as clients without parameters write them.
func (s *session) appendTokens(values []uint64, text []byte) []uint64 {
	for word := range bytes.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n'\"(),;=<>", r) }) {
		values = tap.AppendSelective(values, word, s.tap.Key)
	}
	return values
}

// leastNumber is the smallest number that tells one row from another: years, prices and counts are below it.
const leastNumber = 1_000_000

func isDigits(value []byte) bool {
	return !slices.ContainsFunc(value, func(c byte) bool { return c < '0' || c > '9' })
}

func isText(value []byte) bool {
	return !slices.ContainsFunc(value, func(c byte) bool { return c < ' ' || c >= 0x7f })
}

// uuidText is a UUID as text has it.
func uuidText(value []byte) string {
	var text [36]byte
	hex.Encode(text[:8], value[:4])
	hex.Encode(text[9:13], value[4:6])
	hex.Encode(text[14:18], value[6:8])
	hex.Encode(text[19:23], value[8:10])
	hex.Encode(text[24:], value[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
