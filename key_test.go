package parley

import (
	"encoding/binary"
	"strings"
	"testing"
)

// TestHashIsSipHash24 holds Hash against vectors of the reference implementation
// (github.com/veorq/SipHash, vectors.h): key 00 01 ... 0f, text 00 01 ... of each length.
func TestHashIsSipHash24(t *testing.T) {
	var key Key
	for i := range key {
		key[i] = byte(i)
	}
	text := make([]byte, 64)
	for i := range text {
		text[i] = byte(i)
	}
	for length, want := range map[int][8]byte{
		1:  {0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74},
		2:  {0x5a, 0x4f, 0xa9, 0xd9, 0x09, 0x80, 0x6c, 0x0d},
		3:  {0x2d, 0x7e, 0xfb, 0xd7, 0x96, 0x66, 0x67, 0x85},
		7:  {0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab},
		8:  {0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93},
		15: {0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1},
	} {
		if got := key.Hash(string(text[:length])); got != binary.LittleEndian.Uint64(want[:]) {
			t.Errorf("%d bytes: %016x, want % x", length, got, want)
		}
	}
}

func TestHash(t *testing.T) {
	key, other := NewKey(), NewKey()
	if got := key.Hash(""); got != 0 {
		t.Errorf("of the empty text: %d, want 0, which stands for none", got)
	}
	if key.Hash("999123456789012") == other.Hash("999123456789012") {
		t.Error("two keys give the same hash")
	}
	if key.Hash("999123456789012") == key.Hash("999123456789013") {
		t.Error("two numbers have the same hash")
	}
	text := strings.Repeat("word ", 100)
	if n := testing.AllocsPerRun(10, func() { key.Hash(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkHash(b *testing.B) {
	key := NewKey()
	for _, text := range []string{"999123456789012", "3EB0123456789ABCDEF012", strings.Repeat("word ", 70)} {
		b.Run("", func(b *testing.B) {
			for b.Loop() {
				key.Hash(text)
			}
		})
	}
}
