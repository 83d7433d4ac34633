package pgtap

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"

	"parley/internal/fingerprint"
)

// Types whose values are ids, or hold some, by their OIDs (src/include/catalog/pg_type.dat). Numbers with a point, times and
// the like tell nobody apart, and are left out.
const (
	typeUnknown = 0
	typeInt8    = 20
	typeInt2    = 21
	typeInt4    = 23
	typeText    = 25
	typeOID     = 26
	typeJSON    = 114
	typeChar    = 1042
	typeVarchar = 1043
	typeUUID    = 2950
	typeJSONB   = 3802
)

// identities are the numbers and message ids of users that stand in a message as text.
func (s *session) identities(body []byte) []uint64 {
	return s.tap.Finder.AppendHashes(nil, body, s.tap.Key)
}

// appendValue adds what one value, of a parameter or a column, says of whom a call is about: an identity, if it is a number
// of a user in binary form, and the value with its place. A text is searched by the caller.
func (s *session) appendValue(ids []uint64, fields []fingerprint.Field, place uint64, value []byte, of uint32, inBinary bool) ([]uint64, []fingerprint.Field) {
	if len(value) == 0 || len(fields) >= fingerprint.MostFields {
		return ids, fields
	}
	switch of {
	case typeJSON, typeJSONB:
		return ids, fingerprint.AppendText(fields, fingerprint.Operation(place), value, s.tap.Key)
	case typeText, typeChar, typeVarchar:
		return ids, s.appendText(fields, place, value)
	case typeInt2, typeInt4, typeInt8, typeOID:
		if !inBinary {
			break
		}
		return s.appendInteger(ids, fields, place, value)
	case typeUUID:
		if inBinary && len(value) == 16 {
			value = uuidText(value)
		}
	case typeUnknown:
		return s.appendUnknown(ids, fields, place, value, inBinary)
	default:
		return ids, fields
	}
	return ids, fingerprint.AppendField(fields, place, value, s.tap.Key)
}

// appendText adds a text, or if it is one of JSON what stands in it.
func (s *session) appendText(fields []fingerprint.Field, place uint64, value []byte) []fingerprint.Field {
	if value[0] == '{' || value[0] == '[' {
		return fingerprint.AppendText(fields, fingerprint.Operation(place), value, s.tap.Key)
	}
	return fingerprint.AppendField(fields, place, value, s.tap.Key)
}

// appendInteger adds a number in binary form: an id, or a telephone number.
func (s *session) appendInteger(ids []uint64, fields []fingerprint.Field, place uint64, value []byte) ([]uint64, []fingerprint.Field) {
	var n int64
	switch len(value) {
	case 2:
		n = int64(int16(binary.BigEndian.Uint16(value)))
	case 4:
		n = int64(int32(binary.BigEndian.Uint32(value)))
	case 8:
		n = int64(binary.BigEndian.Uint64(value))
	default:
		return ids, fields
	}
	var text [20]byte
	digits := strconv.AppendInt(text[:0], n, 10)
	return s.tap.Finder.AppendHashes(ids, digits, s.tap.Key), fingerprint.AppendField(fields, place, digits, s.tap.Key)
}

// appendUnknown adds a value whose type nobody has told.
func (s *session) appendUnknown(ids []uint64, fields []fingerprint.Field, place uint64, value []byte, inBinary bool) ([]uint64, []fingerprint.Field) {
	switch {
	case !inBinary || isText(value):
		return ids, s.appendText(fields, place, value)
	case len(value) == 16:
		return ids, fingerprint.AppendField(fields, place, uuidText(value), s.tap.Key)
	case len(value) == 8 && value[0] == 0 && value[1] <= 3:
		// A moment of this century has as many digits as a telephone number: as a number it may be anybody's.
		n := strconv.AppendUint(nil, binary.BigEndian.Uint64(value), 10)
		ids = s.tap.Finder.AppendHashes(ids, n, s.tap.Key)
		if len(n) > longestUntyped {
			return ids, fields
		}
		return ids, fingerprint.AppendField(fields, place, n, s.tap.Key)
	case len(value) == 4 || len(value) == 2:
		return s.appendInteger(ids, fields, place, value)
	}
	return ids, fields
}

// longestUntyped is the most digits of a number of which it is not known that it is none of microseconds.
const longestUntyped = 13

func isText(value []byte) bool {
	return !slices.ContainsFunc(value, func(c byte) bool { return c < ' ' || c >= 0x7f })
}

// uuidText is a UUID as text has it, without hyphens.
func uuidText(value []byte) []byte { return hex.AppendEncode(nil, value) }
