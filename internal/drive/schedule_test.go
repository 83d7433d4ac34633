package drive

import (
	"math"
	"math/rand/v2"
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
)

func mustPattern(text string) *regexp.Regexp { return regexp.MustCompile(text) }

func dist(t *testing.T, text string) fault.Dist {
	t.Helper()
	d, err := fault.ParseDist(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRampLevelsGrowToTheirTop(t *testing.T) {
	levels := Levels(plan.Phase{Kind: parley.Ramp, Duration: 10 * time.Minute, Rate: 1, To: 5, Growth: 2, Step: time.Minute}, 100)
	var rates []float64
	for _, l := range levels {
		rates = append(rates, l.Rate)
	}
	if len(rates) != 4 || rates[0] != 100 || rates[1] != 200 || rates[2] != 400 || rates[3] != 500 {
		t.Errorf("rates %v, want 100 200 400 500", rates)
	}
}

// The number of Poisson arrivals has the integral of the rate as its mean and
// variance, level by level, whatever the rates are.
func TestPoissonArrivals(t *testing.T) {
	levels := []Level{
		{Start: 0, End: time.Hour, Rate: 5000},
		{Start: time.Hour, End: 2 * time.Hour, Rate: 0},
		{Start: 2 * time.Hour, End: 4 * time.Hour, Rate: 20000},
	}
	counts := make([]float64, len(levels))
	last := time.Duration(0)
	for a := range Arrivals(levels, false, rand.New(rand.NewPCG(1, 2))) {
		if a.Due < last || a.Due < levels[a.Level].Start || a.Due >= levels[a.Level].End {
			t.Fatalf("arrival at %v in level %d after one at %v", a.Due, a.Level, last)
		}
		last = a.Due
		counts[a.Level]++
	}
	for i, want := range []float64{5000, 0, 40000} {
		if math.Abs(counts[i]-want) > 4*math.Sqrt(want) {
			t.Errorf("level %d: %v arrivals, want %v within four standard deviations", i, counts[i], want)
		}
	}
}

func TestEvenArrivalsMeetTheirRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perHour := rapid.IntRange(1, 100_000).Draw(t, "perHour")
		lasts := time.Duration(rapid.IntRange(1, 7200).Draw(t, "seconds")) * time.Second
		n := 0
		for range Arrivals([]Level{{End: lasts, Rate: float64(perHour)}}, true, nil) {
			n++
		}
		want := float64(perHour) * lasts.Hours()
		if math.Abs(float64(n)-want) > 0.51 {
			t.Fatalf("%d arrivals in %v at %d/h, want %.1f", n, lasts, perHour, want)
		}
	})
}
