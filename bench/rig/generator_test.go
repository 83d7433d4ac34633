package rig

import (
	"strings"
	"testing"
	"time"

	"parley"
)

func TestWindow(t *testing.T) {
	m := Measurement{Samples: []Sample{
		{Elapsed: 1 * time.Second, Phase: "warmup", Answered: 5},
		{Elapsed: 2 * time.Second, Phase: "steady", Answered: 10},
		{Elapsed: 3 * time.Second, Phase: "steady", Answered: 20},
		{Elapsed: 4 * time.Second, Phase: "steady", Answered: 30},
		{Elapsed: 5 * time.Second, Phase: "drain", Answered: 40},
	}}
	for _, c := range []struct {
		settle      time.Duration
		first, last int64
		ok          bool
	}{
		{0, 10, 30, true},
		{time.Second, 20, 30, true},
		{2 * time.Second, 30, 30, false},
		{time.Minute, 0, 0, false},
	} {
		first, last, ok := m.Window(parley.Steady, c.settle)
		if ok != c.ok || first.Answered != c.first || last.Answered != c.last {
			t.Errorf("settle %v: %d to %d, %v; want %d to %d, %v", c.settle, first.Answered, last.Answered, ok, c.first, c.last, c.ok)
		}
	}
}

func TestGenerateRefusesWhatItIsNotTold(t *testing.T) {
	for _, order := range []string{"", "{", `{"Plan":"scenarios: 3"}`} {
		if err := Generate(t.Context(), strings.NewReader(order), nil); err == nil {
			t.Errorf("%q: no error", order)
		}
	}
}
