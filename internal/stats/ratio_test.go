package stats

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"parley"
)

// chain draws n standard normal values, each correlated with the one before by phi.
func chain(rng *rand.Rand, n int, phi float64) []float64 {
	out := make([]float64, n)
	x := rng.NormFloat64()
	for i := range out {
		out[i] = x
		x = phi*x + math.Sqrt(1-phi*phi)*rng.NormFloat64()
	}
	return out
}

// normalBelow is the value below which a standard normal one lies with probability p, by bisection.
func normalBelow(p float64) float64 {
	low, high := -9.0, 9.0
	for range 60 {
		if mid := (low + high) / 2; 0.5*math.Erfc(-mid/math.Sqrt2) < p {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// spaced is the moment of the i-th of n, evenly spread over a minute.
func spaced(i, n int) time.Duration { return time.Minute * time.Duration(i) / time.Duration(n) }

// marks draws n marks of which shares satisfied and tolerating count 1 and a half.
func marks(rng *rand.Rand, n int, phi, satisfied, tolerating float64) *Scores {
	s := NewScores(0, time.Minute)
	full, half := normalBelow(satisfied), normalBelow(satisfied+tolerating)
	for i, x := range chain(rng, n, phi) {
		mark := 0.0
		if x <= full {
			mark = 1
		} else if x <= half {
			mark = 0.5
		}
		s.Add(spaced(i, n), mark)
	}
	return s
}

// The 95 % intervals of a mean mark against a known truth; neighbours have the correlation phi before they are cut
// into marks. Shares of 2,000 intervals that held the truth, by this test with more rounds:
//
//	n     phi   satisfied  tolerating
//	400   0     0.85       0.10        0.971
//	100   0     0.85       0.10        0.973
//	100   0     0.50       0.50        0.966
//	100   0     0.97       0.02        0.975
//	30    0     0.90       0.08        0.980
//	867   0.7   0.85       0.10        0.967
//	867   0.9   0.60       0.30        0.954
func TestScoreCoverage(t *testing.T) {
	for _, test := range []struct {
		n                          int
		phi, satisfied, tolerating float64
	}{
		{400, 0, 0.85, 0.10}, {100, 0, 0.85, 0.10}, {100, 0, 0.5, 0.5}, {100, 0, 0.97, 0.02}, {30, 0, 0.9, 0.08},
		{867, 0.7, 0.85, 0.10}, {867, 0.9, 0.60, 0.30},
	} {
		rng := rand.New(rand.NewPCG(5, uint64(test.n)))
		var c coverage
		for range coverageRounds {
			c.add(marks(rng, test.n, test.phi, test.satisfied, test.tolerating).Estimate(), test.satisfied+test.tolerating/2)
		}
		t.Logf("%+v: %.3f (%+v)", test, c.share(), c)
		// Three standard errors of a share of so many rounds below 0.93.
		if c.share() < 0.93-3*math.Sqrt(0.05*0.95/coverageRounds) {
			t.Errorf("%+v held the truth in %.3f: %+v", test, c.share(), c)
		}
	}
}

const coverageRounds = 200

func TestScores(t *testing.T) {
	if e := NewScores(0, time.Minute).Estimate(); e.N != 0 || e.Low != 0 || e.High != 1 {
		t.Errorf("of nothing: %+v", e)
	}
	for _, mark := range []float64{0, 1} {
		s := NewScores(0, time.Minute)
		for i := range 140 {
			s.Add(spaced(i, 140), mark)
		}
		// As of 140 independent answers: the rule of three says about 2 %, Wilson 2.7 %.
		if e := s.Estimate(); e.Value != mark || math.Abs(e.High-e.Low-0.0267) > 0.0002 {
			t.Errorf("140 times %v: %+v", mark, e)
		}
	}
	a, b, both := NewScores(0, time.Minute), NewScores(0, time.Minute), NewScores(0, time.Minute)
	for i := range 100 {
		mark := float64(i%3) / 2
		both.Add(spaced(i, 100), mark)
		if i%2 == 0 {
			a.Add(spaced(i, 100), mark)
		} else {
			b.Add(spaced(i, 100), mark)
		}
	}
	if a.Merge(b); a.Estimate().Value != both.Estimate().Value || a.Estimate().Low != both.Estimate().Low {
		t.Errorf("merged %+v, want %+v", a.Estimate(), both.Estimate())
	}
}

// visits draws n conversations: a share of them succeed, all cost a lognormal sum with a mean of 1, and a success costs extra.
func visits(rng *rand.Rand, n int, phi, succeed, extra, sigma float64) *Ratio {
	r := NewRatio(0, time.Minute)
	limit := normalBelow(succeed)
	for i, x := range chain(rng, n, phi) {
		won := 0.0
		if x <= limit {
			won = 1
		}
		r.Add(spaced(i, n), math.Exp(sigma*rng.NormFloat64()-sigma*sigma/2)+extra*won, won)
	}
	return r
}

// The 95 % intervals of a ratio against a known truth: cost for each success, of conversations whose cost is lognormal
// with the given sigma and a mean of 1; a success costs extra. A share of 1 is the plain mean. Shares of 2,000
// intervals that held the truth, by this test with more rounds (a bound that lies beyond counts as holding it):
//
//	n     phi   share   extra   sigma
//	300   0     1       0       0.5     0.971
//	300   0     1       0       1       0.960
//	40    0     1       0       0.5     0.961
//	300   0     0.8     0       0.5     0.973
//	300   0     0.8     1       0.5     0.973
//	300   0     0.1     0       0.5     0.966
//	40    0     0.3     1       0.5     0.966   1 % without an upper bound
//	40    0     0.1     0       0.5     0.940   61 % without an upper bound
//	867   0.7   0.8     0       0.5     0.967
//	867   0.9   0.5     1       0.5     0.941
func TestRatioCoverage(t *testing.T) {
	for _, test := range []struct {
		n                        int
		phi, share, extra, sigma float64
	}{
		{300, 0, 1, 0, 0.5}, {300, 0, 1, 0, 1}, {40, 0, 1, 0, 0.5},
		{300, 0, 0.8, 0, 0.5}, {300, 0, 0.8, 1, 0.5}, {300, 0, 0.1, 0, 0.5}, {40, 0, 0.3, 1, 0.5}, {40, 0, 0.1, 0, 0.5},
		{867, 0.7, 0.8, 0, 0.5}, {867, 0.9, 0.5, 1, 0.5},
	} {
		rng := rand.New(rand.NewPCG(6, uint64(test.n)))
		var c coverage
		unbounded := 0
		for range coverageRounds {
			e := visits(rng, test.n, test.phi, test.share, test.extra, test.sigma).Estimate()
			c.add(e, (1+test.extra*test.share)/test.share)
			if e.HighBeyond {
				unbounded++
			}
		}
		t.Logf("%+v: %.3f (%+v), %d without an upper bound", test, c.share(), c, unbounded)
		if c.share() < 0.93-3*math.Sqrt(0.05*0.95/coverageRounds) {
			t.Errorf("%+v held the truth in %.3f: %+v", test, c.share(), c)
		}
		if test.n == 300 && unbounded > 0 {
			t.Errorf("%+v: %d intervals have no upper bound", test, unbounded)
		}
	}
}

func TestRatio(t *testing.T) {
	of := func(pairs ...[2]float64) parley.Estimate {
		r := NewRatio(0, time.Minute)
		for i, p := range pairs {
			r.Add(spaced(i, len(pairs)), p[0], p[1])
		}
		return r.Estimate()
	}
	if e := of(); !e.Floor || !e.HighBeyond || e.N != 0 {
		t.Errorf("of nothing: %+v", e)
	}
	if e := of([2]float64{1, 0}, [2]float64{2, 0}, [2]float64{2, 0}); !e.Floor || e.Low != 0 || e.N != 3 {
		t.Errorf("without any y: %+v", e)
	}
	if e := of([2]float64{3, 1}, [2]float64{1, 1}); e.Value != 2 || e.Low != 0 || !e.HighBeyond {
		t.Errorf("of two: %+v", e)
	}
	if e := of([2]float64{0, 1}, [2]float64{0, 1}, [2]float64{0, 1}); e.Value != 0 || e.High > 1e-300 || e.HighBeyond {
		t.Errorf("all free: %+v", e)
	}
	same := make([][2]float64, 50)
	for i := range same {
		same[i] = [2]float64{0.25, 1}
	}
	if e := of(same...); e.Value != 0.25 || math.Abs(e.Low-0.25) > 1e-9 || math.Abs(e.High-0.25) > 1e-9 {
		t.Errorf("all the same: %+v", e)
	}
	// One success in 50 bounds nothing from above, but many would have shown.
	same[7][1] = 1
	for i := range same {
		same[i][1] = 0
	}
	same[7][1] = 1
	if e := of(same...); e.Value != 12.5 || !e.HighBeyond || e.Low <= 0.25 || e.Low > 12.5 {
		t.Errorf("one success: %+v", e)
	}
}

// The upper bound of a share reaches as far as what was not seen may reach.
func TestHighWith(t *testing.T) {
	s := NewShare(0, time.Minute)
	if got := s.HighWith(3); got != 1 {
		t.Errorf("of nothing %v", got)
	}
	for i := range 200 {
		s.Add(spaced(i, 200), i%2 == 0)
	}
	e := s.Estimate()
	if got := s.HighWith(0); math.Abs(got-e.High) > 1e-12 {
		t.Errorf("with none more %v, want %v", got, e.High)
	}
	low, high := wilson(0.6, 200)
	if got := s.HighWith(20); math.Abs(got-high) > 1e-9 || low > got {
		t.Errorf("with 20 more %v, want %v", got, high)
	}
	if got := s.HighWith(1000); got != 1 {
		t.Errorf("with more than all %v", got)
	}
}
