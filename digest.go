package parley

import "encoding/binary"

// Digest makes the keyed hash of a text that comes in pieces: that of [Key.Hash] for all of them in one. A copy goes on by itself.
type Digest struct {
	sip   sip
	rest  uint64 // bytes that fill no word yet, the first one lowest
	count uint64 // bytes so far
}

// Digest returns the digest of nothing yet.
func (k Key) Digest() Digest { return Digest{sip: k.sip()} }

// Add takes in the next piece.
func (d *Digest) Add(piece []byte) {
	for len(piece) > 0 && d.count%8 != 0 {
		d.addByte(piece[0])
		piece = piece[1:]
	}
	for ; len(piece) >= 8; piece = piece[8:] {
		d.sip.absorb(binary.LittleEndian.Uint64(piece))
		d.count += 8
	}
	for _, c := range piece {
		d.addByte(c)
	}
}

func (d *Digest) addByte(c byte) {
	d.rest |= uint64(c) << (d.count % 8 * 8)
	if d.count++; d.count%8 == 0 {
		d.sip.absorb(d.rest)
		d.rest = 0
	}
}

// AddNumber takes in a number as eight bytes: a length, or another hash.
func (d *Digest) AddNumber(n uint64) {
	var piece [8]byte
	binary.LittleEndian.PutUint64(piece[:], n)
	d.Add(piece[:])
}

// Sum is the hash of what was taken in, 0 for nothing.
func (d Digest) Sum() uint64 {
	if d.count == 0 {
		return 0
	}
	return d.sip.finish(d.count<<56 | d.rest)
}
