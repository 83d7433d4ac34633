package secondbot

import (
	"maps"
	"testing"
)

func TestParseDefects(t *testing.T) {
	for _, c := range []struct {
		text    string
		want    defects
		refused bool
	}{
		{"", defects{}, false},
		{"espera", defects{typingPause: true}, false},
		{"espera, n_mais_um", defects{typingPause: true, nPlusOne: true}, false},
		{"espera,esper", nil, true},
	} {
		got, err := parseDefects(c.text)
		if !maps.Equal(got, c.want) || (err != nil) != c.refused {
			t.Errorf("%q: %v, %v", c.text, got, err)
		}
	}
}
