package parley

import (
	"bytes"
	"testing"
)

// FuzzDigest: wherever a text is cut, its hash is that of the whole.
func FuzzDigest(f *testing.F) {
	f.Add([]byte("a text of more than eight bytes"), 3, 11)
	f.Add([]byte{}, 0, 0)
	f.Add(bytes.Repeat([]byte{0}, 16), 8, 16)
	f.Fuzz(func(t *testing.T, text []byte, first, second int) {
		key := Key{1, 2, 3}
		first = min(max(0, first), len(text))
		second = min(max(first, second), len(text))
		d := key.Digest()
		d.Add(text[:first])
		d.Add(text[first:second])
		before := d
		d.Add(text[second:])
		if got, want := d.Sum(), key.Hash(string(text)); got != want {
			t.Errorf("cut at %d and %d: %x, want %x", first, second, got, want)
		}
		if got, want := before.Sum(), key.Hash(string(text[:second])); got != want {
			t.Errorf("a copy went on with the original: %x, want %x", got, want)
		}
	})
}

func TestDigestNumber(t *testing.T) {
	key := NewKey()
	one, other := key.Digest(), key.Digest()
	one.AddNumber(0x0807060504030201)
	other.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8})
	if one.Sum() != other.Sum() {
		t.Error("a number is not its eight bytes, the lowest first")
	}
	text := bytes.Repeat([]byte("word "), 100)
	var sum uint64
	n := testing.AllocsPerRun(10, func() {
		d := key.Digest()
		d.AddNumber(7)
		d.Add(text)
		sum += d.Sum()
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDigest(b *testing.B) {
	text := bytes.Repeat([]byte("word "), 70)
	key := NewKey()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		d := key.Digest()
		d.Add(text)
		d.Sum()
	}
}
