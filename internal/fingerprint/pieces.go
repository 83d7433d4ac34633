package fingerprint

import "parley"

// Lengths of the pieces of a text, in bytes: the least but for the last piece, the most, and how far beyond the least a piece of
// a text without repetitions goes on average.
const (
	leastPiece  = 128
	mostPiece   = 2048
	beyondLeast = 384
)

// MostPieces is how many pieces are kept of one text.
const MostPieces = 64

// MostText is how much of a text its pieces can cover, in bytes: more need not be put together for them.
const MostText = MostPieces * mostPiece

// Pieces appends the keyed hashes of the pieces of a text, in order, 64 at most ([parley.Call.Pieces]). A piece ends where the 64 bytes
// before say so, and not at a number of bytes: behind something that was put in, or left out, the pieces are soon the same again. They
// are of some 512 bytes. It allocates nothing but room in dst.
func Pieces(dst []uint64, key parley.Key, text []byte) []uint64 {
	gears := newGears()
	for range MostPieces {
		if len(text) == 0 {
			break
		}
		n := gears.piece(text)
		digest := key.Digest()
		digest.Add(text[:n])
		dst = append(dst, digest.Sum())
		text = text[n:]
	}
	return dst
}

// gears give each byte a number of 64 bits. The rolling hash of a place is the sum of the numbers of the bytes before it, each shifted by
// how far back it stands, so that the 64th is the last to count (Xia et al., "Ddelta", 2014).
type gears [256]uint64

// newGears makes the numbers by SplitMix64 (Steele, Lea, Flood 2014). They are the same in every run, and need be no secret: what stands
// in a record are keyed hashes.
func newGears() gears {
	var g gears
	var state uint64
	for i := range g {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		g[i] = z ^ z>>31
	}
	return g
}

// piece is the length of the piece with which a text begins.
func (g *gears) piece(text []byte) int {
	const (
		window = 64
		below  = (1<<64 - 1) / beyondLeast
	)
	if len(text) <= leastPiece {
		return len(text)
	}
	var hash uint64
	for i, c := range text[leastPiece-window : min(len(text), mostPiece)] {
		hash = hash<<1 + g[c]
		if n := leastPiece - window + i + 1; hash < below && n >= leastPiece {
			return n
		}
	}
	return min(len(text), mostPiece)
}
