package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestHistogramBins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, math.MaxInt64/4).Draw(t, "d"))
		from, to := edges(binOf(d))
		if d < from || d >= to {
			t.Fatalf("%d is not in its bin [%d, %d)", d, from, to)
		}
		if off := math.Abs(float64(middle(binOf(d)) - d)); off > 0.0079*float64(d) {
			t.Fatalf("middle of %d's bin is off by %.0f", d, off)
		}
		if _, end := edges(binOf(d)); binOf(end) != binOf(d)+1 {
			t.Fatalf("bins of %d have a gap", d)
		}
	})
}

func TestHistogramMergeIsSum(t *testing.T) {
	durations := rapid.SliceOf(rapid.Map(rapid.Int64Range(0, 1e12), func(v int64) time.Duration { return time.Duration(v) }))
	rapid.Check(t, func(t *rapid.T) {
		a, b := durations.Draw(t, "a"), durations.Draw(t, "b")
		var one, other, both Histogram
		for _, d := range a {
			one.Add(d)
			both.Add(d)
		}
		for _, d := range b {
			other.Add(d)
			both.Add(d)
		}
		one.Merge(&other)
		if one.Count() != len(a)+len(b) {
			t.Fatalf("count %d", one.Count())
		}
		all := slices.Sorted(slices.Values(append(a, b...)))
		for _, p := range []float64{0.01, 0.5, 0.95, 1} {
			got := one.Quantile(p)
			if got != both.Quantile(p) {
				t.Fatalf("p%v of merged %v, of all %v", p, got, both.Quantile(p))
			}
			if len(all) == 0 {
				continue
			}
			exact := all[max(1, int(math.Ceil(p*float64(len(all))-1e-9)))-1]
			if math.Abs(float64(got-exact)) > 0.0079*float64(exact) {
				t.Fatalf("p%v %v, exactly %v", p, got, exact)
			}
		}
	})
}

func TestDistributions(t *testing.T) {
	f := func(name string, got, want, within float64) {
		t.Helper()
		if math.Abs(got-want) > within {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	f("P(Bin(10, 0.5) <= 3)", binomialCDF(3, 10, 0.5), 176.0/1024, 1e-12)
	f("P(Bin(5, 0.95) <= 3)", binomialCDF(3, 5, 0.95), 0.0225925, 1e-7)
	f("P(Bin(1e6, 0.95) <= mean)", binomialCDF(950000, 1000000, 0.95), 0.5, 2e-3)
	f("t, 10 df", studentT(10), 2.228139, 3e-3)
	f("t, 22 df", studentT(22), 2.073873, 5e-4)
	low, high := wilson(0.5, 10)
	f("Wilson low", low, 0.2366, 1e-4)
	f("Wilson high", high, 0.7634, 1e-4)
	_, high = wilson(0, 867)
	f("Wilson of none", high, 0.00441, 1e-5)
}

func TestCarries(t *testing.T) {
	for p, n := range map[float64]int{0.5: 5, 0.9: 29, 0.95: 59, 0.99: 299, 0.999: 2995} {
		if !Carries(p, n) || Carries(p, n-1) {
			t.Errorf("p%v is carried from other than %d", 100*p, n)
		}
	}
	if Needed(0.95) != 72 || Needed(0.99) != 368 {
		t.Errorf("needed %d, %d", Needed(0.95), Needed(0.99))
	}
}

// The classical interval of the median of 100 is between the 40th and the 61st.
func TestRanks(t *testing.T) {
	low, high, ok := ranks(0.5, 100)
	if low != 0.40 || high != 0.61 || !ok {
		t.Errorf("got %v, %v, %v", low, high, ok)
	}
	if _, _, ok := ranks(0.95, 71); ok {
		t.Error("71 bound p95 from above")
	}
	if _, _, ok := ranks(0.95, 72); !ok {
		t.Error("72 do not bound p95 from above")
	}
}

// Freireich's 6-MP group, as every textbook has it: median 23 weeks, S(10) = 0.753.
func TestSurvivalTextbook(t *testing.T) {
	s := NewSeries(0, time.Hour)
	week := time.Second
	for _, w := range []time.Duration{6, 6, 6, 7, 10, 13, 16, 22, 23} {
		s.Add(0, w*week, false)
	}
	for _, w := range []time.Duration{6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35} {
		s.Add(0, w*week, true)
	}
	c := s.Survival()
	if got := c.after[binOf(10*week)-c.first]; math.Abs(got-0.753) > 0.001 {
		t.Errorf("S(10) = %v", got)
	}
	if m, beyond := c.Value(0.5); beyond || math.Abs(m-23) > 0.2 {
		t.Errorf("median %v, %v", m, beyond)
	}
	if e := c.Quantile(0.95); !e.ValueBeyond || !e.HighBeyond || e.Value != 35 {
		t.Errorf("p95 is not beyond: %+v", e)
	}
	if i := 10 * week; math.Abs(math.Sqrt(c.green[binOf(i)-c.first])*0.753-0.0963) > 0.0005 {
		t.Error("Greenwood's standard error is not 0.0963")
	}
}

func TestAllCensored(t *testing.T) {
	s := NewSeries(0, time.Minute)
	for i := range 100 {
		s.Add(time.Duration(i)*time.Second/2, 30*time.Second, true)
	}
	e := s.Survival().Quantile(0.95)
	if !e.ValueBeyond || !e.LowBeyond || !e.HighBeyond || e.Low != 30 {
		t.Errorf("got %+v", e)
	}
	if m := s.Survival().Mean(); m.Value < 29.7 || !m.ValueBeyond {
		t.Errorf("mean %+v", m)
	}
}

// Survivors alone would show 2 s; half of the users left after 3 s.
func TestBeyondIsNotSurvivors(t *testing.T) {
	s := NewSeries(0, time.Minute)
	for i := range 400 {
		s.Add(time.Duration(i)*time.Minute/400, time.Duration(2+i%2)*time.Second, i%2 == 1)
	}
	e := s.Survival().Quantile(0.95)
	if !e.ValueBeyond || !e.LowBeyond || e.Value != 3 {
		t.Errorf("got %+v", e)
	}
}

func TestOneWait(t *testing.T) {
	s := NewSeries(0, 0)
	s.Add(0, time.Second, false)
	c := s.Survival()
	if e := c.Quantile(0.5); e.Value != 1 || !e.HighBeyond || e.Low != 0 {
		t.Errorf("median %+v", e)
	}
	if e := c.Mean(); e.Value != 1 {
		t.Errorf("mean %+v", e)
	}
	zero := NewSeries(0, time.Second)
	zero.Add(0, 0, false)
	if e := zero.Survival().Mean(); e.Value != 0 || math.IsNaN(e.Low) {
		t.Errorf("mean of nothing %+v", e)
	}
}

// The influence of all blocks together is nothing, censored or not.
func TestInfluenceSumsToZero(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	s := fill(logAR(rng, 500, 0.5, 0.5), func() time.Duration { return time.Duration(rng.ExpFloat64() * 3e9) })
	c := s.Survival()
	for _, i := range []int{0, len(c.after) / 2, len(c.after) - 1} {
		sum := 0.0
		for _, v := range c.influence(i, func(int) float64 { return 1 }) {
			sum += v
		}
		if math.Abs(sum) > 1e-9 {
			t.Errorf("bin %d: %v", i, sum)
		}
	}
}

func TestShareCoverage(t *testing.T) {
	f := func(name string, phi, least float64) {
		t.Helper()
		rng := rand.New(rand.NewPCG(5, 5))
		var c coverage
		for range 400 {
			s := NewShare(0, time.Minute)
			for i, w := range logAR(rng, 867, phi, 1) {
				s.Add(time.Minute*time.Duration(i)/867, w.Seconds() > math.Exp(1.6448536269514722))
			}
			c.add(s.Estimate(), 0.05)
		}
		t.Logf("%s: %.3f", name, c.share())
		if c.share() < least {
			t.Errorf("%s: %.3f of the intervals held the truth: %+v", name, c.share(), c)
		}
	}
	f("independent", 0, 0.92)
	f("alike", 0.9, 0.88)
	if e := NewShare(0, 1).Estimate(); e.High != 1 || e.Low != 0 {
		t.Errorf("empty: %+v", e)
	}
}

func TestBins(t *testing.T) {
	s := NewSeries(0, time.Minute)
	rng := rand.New(rand.NewPCG(2, 2))
	for i, w := range logAR(rng, 1000, 0, 0.5) {
		s.Add(time.Duration(i), w, i%10 == 0)
	}
	ended, censored := 0, 0
	bars := s.Bins()
	for i, b := range bars {
		ended += b.Ended
		censored += b.Censored
		if b.From >= b.To || i > 0 && b.From != bars[i-1].To {
			t.Errorf("bar %d is [%v, %v)", i, b.From, b.To)
		}
	}
	if ended != 900 || censored != 100 {
		t.Errorf("%d ended, %d censored", ended, censored)
	}
}

func BenchmarkMillionWaits(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	waits := logAR(rng, 1_000_000, 0.5, 0.5)
	for b.Loop() {
		s := fill(waits, forever)
		c := s.Survival()
		for _, p := range []float64{0.5, 0.75, 0.9, 0.95, 0.99, 0.999} {
			c.Quantile(p)
		}
		c.Mean()
	}
}
