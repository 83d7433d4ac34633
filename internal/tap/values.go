package tap

import (
	"slices"

	"parley"
)

// MostValues bounds the values remembered of one call.
const MostValues = 48

// AppendSelective appends the keyed hash of a value that few would share: an id, a token, a number of many digits. Words and
// small numbers tell nobody apart, and are left out.
func AppendSelective(values []uint64, value []byte, key parley.Key) []uint64 {
	if len(values) >= MostValues || !selective(value) {
		return values
	}
	return AppendNew(values, key.Hash(string(value)))
}

// AppendNew appends a value that is not there yet.
func AppendNew(values []uint64, v uint64) []uint64 {
	if slices.Contains(values, v) {
		return values
	}
	return append(values, v)
}

func selective(value []byte) bool {
	if len(value) < 8 || len(value) > 64 {
		return false
	}
	digits := 0
	for _, c := range value {
		switch {
		case c <= ' ' || c >= 0x7f:
			return false // words
		case c >= '0' && c <= '9':
			digits++
		}
	}
	return digits >= 4
}
