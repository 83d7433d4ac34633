package stats

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"parley"
)

// logAR draws n lognormal waits (median 1 s) whose logarithms follow an AR(1) process; phi 0 makes them independent.
func logAR(rng *rand.Rand, n int, phi, sigma float64) []time.Duration {
	out := make([]time.Duration, n)
	x := rng.NormFloat64()
	for i := range out {
		out[i] = time.Duration(math.Exp(sigma*x) * float64(time.Second))
		x = phi*x + math.Sqrt(1-phi*phi)*rng.NormFloat64()
	}
	return out
}

// fill spreads waits evenly over a minute, censored at each one's patience.
func fill(waits []time.Duration, patience func() time.Duration) *Series {
	s := NewSeries(0, time.Minute)
	for i, w := range waits {
		at := time.Minute * time.Duration(i) / time.Duration(len(waits))
		p := patience()
		s.Add(at, min(w, p), w > p)
	}
	return s
}

func forever() time.Duration { return time.Hour }

type coverage struct{ below, inside, above int }

func (c *coverage) add(e parley.Estimate, truth float64) {
	switch {
	case e.High < truth && !e.HighBeyond:
		c.below++
	case e.Low > truth:
		c.above++
	default:
		c.inside++
	}
}

func (c coverage) share() float64 {
	return float64(c.inside) / float64(c.below+c.inside+c.above)
}

// The 95 % intervals against a known truth: lognormal waits, sigma 0.5, whose neighbours have the
// autocorrelation phi on the logarithmic scale; "censored" ones have patiences of 1 s plus an exponential time of mean 3 s
// (about a tenth censored). Shares of 2,000 intervals that held the truth, by this test with more rounds:
//
//	n     phi               p50     p95     mean
//	400   0                 0.975   0.978   0.970
//	100   0                 0.975   0.980   0.972
//	867   0.5               0.966   0.968   0.960
//	867   0.9               0.958   0.959   0.938
//	867   0     censored    0.972   0.979   0.975
//	867   0.9   censored    0.956   0.946   0.940
//
// Past the reach of the blocks it fails as it must: 100 waits with phi 0.98 (two of
// them independent, in effect) hold the median in 61 % only; 867 in 92 %.
func TestQuantileCoverage(t *testing.T) {
	const sigma = 0.5
	tests := []struct {
		name     string
		n        int
		phi      float64
		patience float64 // mean of an exponential patience past 1 s, 0 for none
		least    float64
	}{
		{"independent", 400, 0, 0, 0.93},
		{"independent, few", 100, 0, 0, 0.92},
		{"alike", 867, 0.5, 0, 0.92},
		{"very alike", 867, 0.9, 0, 0.90},
		{"censored", 867, 0, 3, 0.93},
		{"censored, very alike", 867, 0.9, 3, 0.90},
	}
	const rounds = 100
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(11, uint64(test.n)))
			patience := forever
			if test.patience > 0 {
				patience = func() time.Duration {
					return time.Second + time.Duration(rng.ExpFloat64()*test.patience*float64(time.Second))
				}
			}
			var p50, p95, mean coverage
			for range rounds {
				c := fill(logAR(rng, test.n, test.phi, sigma), patience).Survival()
				p50.add(c.Quantile(0.5), 1)
				p95.add(c.Quantile(0.95), math.Exp(sigma*1.6448536269514722))
				mean.add(c.Mean(), math.Exp(sigma*sigma/2))
			}
			t.Logf("p50 %.3f, p95 %.3f, mean %.3f", p50.share(), p95.share(), mean.share())
			for name, c := range map[string]coverage{"p50": p50, "p95": p95, "mean": mean} {
				// Three standard errors of a share of this many rounds below the nominal level.
				if c.share() < test.least-0.02 {
					t.Errorf("%s held the truth in %.3f of %d rounds, want %.2f: %+v", name, c.share(), rounds, test.least, c)
				}
			}
		})
	}
}
