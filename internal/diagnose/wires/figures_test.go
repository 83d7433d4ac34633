package wires

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The line that points were drawn from lies in the interval of its slope about as often as is said, whatever the level of each group.
func TestFit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const trials, true1, true2 = 400, 0.5, -2.0
	inside := 0
	for range trials {
		var groups [][]point
		for g := range 10 {
			var group []point
			for range 8 {
				x, z := 10*random.Float64(), random.Float64()
				x += z // what is held fixed goes with x
				group = append(group, point{x, z, float64(100*g) + true1*x + true2*z + random.NormFloat64()})
			}
			groups = append(groups, group)
		}
		s := fit(groups...)
		if s.low() <= true1 && true1 <= s.high() {
			inside++
		}
	}
	if got := float64(inside) / trials; got < 0.92 || got > 0.98 {
		t.Errorf("the interval holds the true slope in %.3f of the trials, want 0.95", got)
	}
}

func TestFitOfNothing(t *testing.T) {
	for name, points := range map[string][]point{
		"none":          nil,
		"one":           {{1, 1, 1}},
		"x is constant": {{1, 1, 1}, {1, 2, 3}, {1, 3, 9}, {1, 5, 2}, {1, 4, 2}},
		"x is z":        {{1, 1, 1}, {2, 2, 3}, {3, 3, 9}, {5, 5, 2}, {4, 4, 2}},
	} {
		if s := fit(points); s.sure() || math.IsNaN(s.value) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	var exact []point
	for i := range 30 {
		exact = append(exact, point{x: float64(i), y: 3 * float64(i)})
	}
	if s := fit(exact); math.Abs(s.value-3) > 1e-9 || !s.sure() {
		t.Errorf("an exact line: %+v", s)
	}
}
