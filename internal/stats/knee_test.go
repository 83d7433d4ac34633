package stats

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// ramp simulates levels of a minute each at growing rates against a server that
// serves up to capacity a minute and then queues.
func ramp(seed uint64, capacity float64, rates ...float64) []Level {
	rng := rand.New(rand.NewPCG(seed, 7))
	const parts = 60
	var out []Level
	queue := 0.0
	for _, r := range rates {
		l := Level{For: time.Minute, Before: queue}
		for range parts {
			arrived := 0.0
			for range 100 {
				if rng.Float64() < r/parts/100 {
					arrived++
				}
			}
			served := min(queue+arrived, capacity/parts)
			queue += arrived - served
			l.Offered += arrived
			l.Served += served
			l.Parts = append(l.Parts, served)
		}
		out = append(out, l)
	}
	return out
}

func TestFindKnee(t *testing.T) {
	limited := ramp(1, 2000, 200, 400, 800, 1600)
	limited[3].Limited, limited[3].Served = true, 900
	tests := []struct {
		name   string
		levels []Level
		found  bool
		good   int
	}{
		{"none", nil, false, -1},
		{"never reached", ramp(1, 5000, 200, 400, 800, 1600), false, 3},
		{"reached", ramp(1, 900, 200, 400, 800, 1600, 3000), true, 2},
		{"one level, overwhelming", ramp(1, 900, 400, 800, 1600), true, 1},
		{"one level, slight", ramp(1, 900, 400, 800, 1000), false, 1},
		{"from the start", ramp(1, 100, 200, 400, 800), true, -1},
		{"generator's limit", limited, false, 2},
		{"a hiccup", hiccup(), false, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k := FindKnee(test.levels)
			if k.Found != test.found || k.LastGood != test.good {
				t.Errorf("got found %v, last good %d (%s), want %v, %d", k.Found, k.LastGood, k.Why, test.found, test.good)
			}
			if strings.Contains(k.Why, "level") {
				t.Errorf("%q: reports say steps", k.Why)
			}
		})
	}
}

// Steps of 15 s with replies of 4 s: a quarter of each step's messages is still
// on its way at its end although the bot keeps up.
func TestShortLevels(t *testing.T) {
	var levels []Level
	before := 0.0
	for _, offered := range []float64{1000, 1500, 2250, 3375} {
		inside := offered * 4 / 15
		levels = append(levels, Level{For: 15 * time.Second, Offered: offered, Served: offered - inside + before, Before: before, Wait: 4 * time.Second})
		before = inside
	}
	if k := FindKnee(levels); k.Found || k.LastGood != 3 {
		t.Errorf("a knee that is none: %+v", k)
	}
}

func hiccup() []Level {
	levels := ramp(3, 5000, 200, 400, 800, 1600)
	levels[1].Served = 200
	return levels
}

// Over 200 simulated ramps: the capacity's interval holds the truth, and a server with room to spare gets no knee.
func TestKneeAgainstTruth(t *testing.T) {
	const capacity = 900 // a minute
	held, alarms := 0, 0
	for seed := range uint64(200) {
		k := FindKnee(ramp(seed, capacity, 300, 450, 675, 1012, 1518))
		if k.Found && k.Capacity.Low <= capacity*60 && capacity*60 <= k.Capacity.High {
			held++
		}
		if FindKnee(ramp(seed, 3000, 300, 450, 675, 1012, 1518)).Found {
			alarms++
		}
	}
	if held < 190 || alarms > 0 {
		t.Errorf("capacity held in %d of 200, false knees %d", held, alarms)
	}
}

func TestKneeCollapse(t *testing.T) {
	levels := ramp(1, 900, 400, 800, 1600, 3000)
	for i := 2; i < 4; i++ {
		levels[i].Served = 300
		for p := range levels[i].Parts {
			levels[i].Parts[p] = 5
		}
	}
	k := FindKnee(levels)
	if !k.Collapse || k.Capacity.Value < 700*60 {
		t.Errorf("collapse not seen: %+v", k)
	}
}
