package parley

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
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
//
// It is SipHash-2-4 (Aumasson, Bernstein 2012), a pseudorandom function for short inputs with a key of
// 128 bits and a result of 64: without the key a result tells nothing of its text, however few
// texts there are to try, and the key dies with the run. It costs a quarter of what SHA-256 does, and
// a turn takes some ten hashes. The result is too short to sign anything with.
func (k Key) Hash(text string) uint64 {
	if text == "" {
		return 0
	}
	s := k.sip()
	last := uint64(len(text)) << 56
	for ; len(text) >= 8; text = text[8:] {
		word := uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
			uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
		s.absorb(word)
	}
	for i := range len(text) {
		last |= uint64(text[i]) << (8 * i)
	}
	return s.finish(last)
}

// sip is the state of SipHash.
type sip struct{ v0, v1, v2, v3 uint64 }

// sip is the state before anything was taken in.
func (k *Key) sip() sip {
	k0, k1 := binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])
	return sip{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
}

// finish takes in the last word, which ends with the length, and returns the hash, which is never 0.
func (s *sip) finish(last uint64) uint64 {
	s.absorb(last)
	s.v2 ^= 0xff
	for range 4 {
		s.round()
	}
	return max(1, s.v0^s.v1^s.v2^s.v3)
}

// absorb takes in a word, by two rounds.
func (s *sip) absorb(word uint64) {
	s.v3 ^= word
	s.round()
	s.round()
	s.v0 ^= word
}

func (s *sip) round() {
	s.v0 += s.v1
	s.v1 = bits.RotateLeft64(s.v1, 13) ^ s.v0
	s.v0 = bits.RotateLeft64(s.v0, 32)
	s.v2 += s.v3
	s.v3 = bits.RotateLeft64(s.v3, 16) ^ s.v2
	s.v0 += s.v3
	s.v3 = bits.RotateLeft64(s.v3, 21) ^ s.v0
	s.v2 += s.v1
	s.v1 = bits.RotateLeft64(s.v1, 17) ^ s.v2
	s.v2 = bits.RotateLeft64(s.v2, 32)
}
