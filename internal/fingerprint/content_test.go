package fingerprint

import (
	"bytes"
	"slices"
	"testing"

	"parley"
)

func contentOf(pieces ...[]byte) uint64 {
	c := NewContent(parley.Key{9})
	for _, p := range pieces {
		c.Add(p)
	}
	return c.Sum()
}

func TestContent(t *testing.T) {
	if got := contentOf(); got != 0 {
		t.Errorf("of nothing: %x, want 0, which stands for unknown", got)
	}
	long := bytes.Repeat([]byte("0123456789abcdef"), MostContent/16)
	for name, test := range map[string]struct {
		a, b []byte
		same bool
	}{
		"the same":               {[]byte("GET a"), []byte("GET a"), true},
		"another value":          {[]byte("GET a"), []byte("GET b"), false},
		"at the limit":           {long, slices.Clone(long), true},
		"one byte more":          {long, append(slices.Clone(long), 'x'), false},
		"beyond the limit alike": {append(slices.Clone(long), 'x'), append(slices.Clone(long), 'y'), true},
		"within the limit": {
			append(slices.Clone(long[:MostContent-1]), "xx"...), append(slices.Clone(long[:MostContent-1]), "yx"...), false,
		},
	} {
		if got := contentOf(test.a) == contentOf(test.b); got != test.same {
			t.Errorf("%s: equal is %v, want %v", name, got, test.same)
		}
	}
	for _, cut := range []int{0, 1, 7, 8, MostContent - 1, MostContent, MostContent + 3} {
		text := append(slices.Clone(long), "beyond"...)
		if contentOf(text[:cut], text[cut:]) != contentOf(text) {
			t.Errorf("cut at %d the content is another", cut)
		}
	}
}
