package parley

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

// Key makes the keyed hashes that stand in a record for phone numbers, message
// ids and words. It lives as long as the run and is never stored, so that hashes
// can be compared within a run and mean nothing outside of it.
type Key [16]byte

// NewKey returns a random key.
func NewKey() Key {
	var k Key
	// crypto/rand.Read never fails: it aborts the program instead.
	_, _ = rand.Read(k[:])
	return k
}

// Hash returns the keyed hash of text, 0 for the empty text.
func (k Key) Hash(text string) uint64 {
	if text == "" {
		return 0
	}
	var buf [128]byte // keeps numbers, ids and short messages off the heap
	sum := sha256.Sum256(append(append(buf[:0], k[:]...), text...))
	return max(1, binary.LittleEndian.Uint64(sum[:8]))
}
