package fingerprint

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"parley"
)

// prose is text of words that come in no order, some so many bytes long.
func prose(seed uint64, length int) []byte {
	words := []string{"the ", "customer ", "asks ", "for ", "an ", "appointment ", "tomorrow, ", "at ", "clinic. ", "No ", "answer ", "is "}
	random := rand.New(rand.NewPCG(seed, 1))
	var text []byte
	for len(text) < length {
		text = append(text, words[random.IntN(len(words))]...)
		text = fmt.Append(text, random.IntN(100), " ")
	}
	return text
}

// lost is how many pieces of one text are not among those of another.
func lost(of, among []uint64) (n int) {
	for _, p := range of {
		if !slices.Contains(among, p) {
			n++
		}
	}
	return n
}

// TestPiecesSurviveChanges: what is put in, left out or changed costs few pieces, wherever it stands.
func TestPiecesSurviveChanges(t *testing.T) {
	const most = 6 // the pieces until the cuts fall together again; of some 24
	key := parley.NewKey()
	for seed := range uint64(50) {
		text := prose(seed, 12_000)
		whole := Pieces(nil, key, text)
		for name, changed := range map[string][]byte{
			"one byte in front": append([]byte("x"), text...),
			"a name in front":   append([]byte("You speak with Maria da Silva. It is 14:03.\n"), text...),
			"cut in front":      text[101:],
			"in the middle":     slices.Concat(text[:6000], []byte(" at 14:03 "), text[6000:]),
			"at the end":        append(slices.Clone(text), "And now?"...),
			"another beginning": append(prose(seed+1000, 3000), text...),
		} {
			if n := lost(whole, Pieces(nil, key, changed)); n > most {
				t.Errorf("text %d, %s: %d of %d pieces are gone, want %d at most", seed, name, n, len(whole), most)
			}
		}
		if n := lost(whole, Pieces(nil, key, prose(seed+2000, 12_000))); n != len(whole) {
			t.Errorf("text %d has %d pieces in common with another text", seed, len(whole)-n)
		}
	}
}

func TestPiecesLengths(t *testing.T) {
	text := prose(7, 400_000)
	g := newGears()
	count := 0
	for rest := text; len(rest) > 0; count++ {
		n := g.piece(rest)
		if n > mostPiece || n < leastPiece && n != len(rest) {
			t.Fatalf("a piece of %d bytes", n)
		}
		rest = rest[n:]
	}
	if mean := len(text) / count; mean < 450 || mean > 580 {
		t.Errorf("%d bytes in a piece on average, want some 512", mean)
	}
}

func TestPieces(t *testing.T) {
	key, other := parley.NewKey(), parley.NewKey()
	text := prose(3, 2*MostText)
	pieces := Pieces(nil, key, text)
	if len(pieces) != MostPieces {
		t.Errorf("%d pieces of a long text, want %d", len(pieces), MostPieces)
	}
	if !slices.Equal(pieces, Pieces(nil, key, text[:MostText])) {
		t.Error("what lies beyond MostText changes the pieces")
	}
	if lost(pieces, Pieces(nil, other, text)) != MostPieces {
		t.Error("another key gives the same hashes")
	}
	if got := Pieces([]uint64{1}, key, nil); !slices.Equal(got, []uint64{1}) {
		t.Errorf("of nothing: %v", got)
	}
	if got := Pieces(nil, key, []byte("short")); !slices.Equal(got, []uint64{key.Hash("short")}) {
		t.Errorf("of a short text: %x", got)
	}
	room := make([]uint64, 0, MostPieces)
	if n := testing.AllocsPerRun(10, func() { Pieces(room, key, text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzPieces: the pieces of a text are the same each time, and where one ends the rest is cut as a text of its own.
func FuzzPieces(f *testing.F) {
	f.Add(prose(1, 3000))
	f.Add(bytes.Repeat([]byte("a"), 5000))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		key := parley.Key{5}
		pieces := Pieces(nil, key, text)
		if !slices.Equal(pieces, Pieces(nil, key, slices.Clone(text))) {
			t.Fatal("the pieces differ from time to time")
		}
		if least := len(text) / mostPiece; len(pieces) < min(least, MostPieces) {
			t.Fatalf("%d pieces of %d bytes", len(pieces), len(text))
		}
		if len(text) == 0 {
			return
		}
		g := newGears()
		first := g.piece(text)
		if rest := Pieces(nil, key, text[first:]); len(pieces) < MostPieces && !slices.Equal(pieces[1:], rest) {
			t.Error("the pieces behind the first depend on it")
		}
	})
}

func BenchmarkPieces(b *testing.B) {
	text, key := prose(1, 8000), parley.NewKey()
	var room [MostPieces]uint64
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		Pieces(room[:0], key, text)
	}
}
