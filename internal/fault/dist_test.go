package fault

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mustDist(t testing.TB, text string) Dist {
	t.Helper()
	d, err := ParseDist(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParseDist(t *testing.T) {
	tests := []struct{ text, want string }{
		{"0", "0"},
		{"0s", "0"},
		{" 450ms ", "450ms"},
		{"120s", "2m"},
		{"1h0m0s", "1h"},
		{"24h", "24h"},
		{"1s..3s", "1s..3s"},
		{"0..3s", "0..3s"},
		{"lognormal(p50=450ms, p95=1.2s)", "lognormal(p50=450ms, p95=1.2s)"},
		{"lognormal( p95 = 1200ms ,p50=.45s )", "lognormal(p50=450ms, p95=1.2s)"},
		{"exponential(mean=2s)", "exponential(mean=2s)"},
		{"normal(mean=1s,sd=200ms)", "normal(mean=1s, sd=200ms)"},
		{"normal(mean=0, sd=1ms)", "normal(mean=0, sd=1ms)"},
	}
	for _, test := range tests {
		if got := mustDist(t, test.text).String(); got != test.want {
			t.Errorf("ParseDist(%q) = %s, want %s", test.text, got, test.want)
		}
	}
}

func TestParseDistRefuses(t *testing.T) {
	tests := []struct {
		text, problem string
		offset        int
	}{
		{"", "a duration is missing", 0},
		{"450", `"450" is not a duration`, 0},
		{"-1s", `"-1s" is negative`, 0},
		{"25h", `"25h" is too long`, 0},
		{"1s 2s", `"2s" is left over`, 3},
		{"1s..", "a duration is missing", 4},
		{"3s..1s", "does not grow", 0},
		{"1s..1s", "does not grow", 0},
		{"1s..x", `"x" is not a duration`, 4},
		{"gamma(mean=1s)", `"gamma" is not a distribution`, 0},
		{"lognormal", "needs its parameters", 9},
		{"lognormal(p50=1s)", "lacks a parameter", 0},
		{"lognormal(p50=1s, p95=1s)", "p95 1s is not above p50 1s", 0},
		{"lognormal(p50=2s, p95=1s)", "p95 1s is not above p50 2s", 0},
		{"lognormal(p50=0, p95=1s)", "cannot be 0", 0},
		{"lognormal(p50=1s, p50=2s)", "no such parameter", 17},
		{"lognormal(p50=1s, p95=-2s)", `"-2s" is negative`, 22},
		{"lognormal(p50=1s, p95=2s", "do not end", 24},
		{"lognormal(p50", "has no value", 13},
		{"exponential(mean=0)", "cannot be 0", 0},
		{"exponential(mean=1s, sd=1s)", "no such parameter", 20},
		{"normal(mean=1s, sd=0)", "cannot be 0", 0},
		{"normal(mean=1s, sd=1s) twice", `"twice" is left over`, 23},
	}
	for _, test := range tests {
		_, err := ParseDist(test.text)
		syntax, ok := errors.AsType[*SyntaxError](err)
		if !ok || !strings.Contains(syntax.Problem, test.problem) || syntax.Offset != test.offset || syntax.Text != test.text {
			t.Errorf("ParseDist(%q): %v (offset wanted %d, problem %q)", test.text, err, test.offset, test.problem)
		}
	}
}

func anyDist() *rapid.Generator[Dist] {
	return rapid.Custom(func(t *rapid.T) Dist {
		d := Dist{shape: shape(rapid.IntRange(0, int(normal)).Draw(t, "shape"))}
		d.a = time.Duration(rapid.Int64Range(1, int64(longest)-1).Draw(t, "a"))
		if d.shape != constant && d.shape != exponential {
			d.b = time.Duration(rapid.Int64Range(int64(d.a)+1, int64(longest)).Draw(t, "b"))
		}
		return d
	})
}

func TestDistRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDist().Draw(t, "d")
		data, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back Dist
		if err := json.Unmarshal(data, &back); err != nil || !back.Equal(d) {
			t.Fatalf("%s came back as %v: %v", data, back, err)
		}
	})
}

func TestQuantileGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDist().Draw(t, "d")
		last := time.Duration(0)
		for i := range 101 {
			q := d.Quantile(float64(i) / 100)
			if q < last || q > longest {
				t.Fatalf("%v: quantile %d %% is %v after %v", d, i, q, last)
			}
			last = q
		}
	})
}

func TestQuantilesAreWhatTheNameSays(t *testing.T) {
	tests := []struct {
		text string
		p    float64
		want time.Duration
	}{
		{"450ms", 0.99, 450 * time.Millisecond},
		{"1s..3s", 0.25, 1500 * time.Millisecond},
		{"lognormal(p50=450ms, p95=1.2s)", 0.5, 450 * time.Millisecond},
		{"lognormal(p50=450ms, p95=1.2s)", 0.95, 1200 * time.Millisecond},
		{"exponential(mean=2s)", 1 - math.Exp(-1), 2 * time.Second},
		{"normal(mean=10s, sd=1s)", 0.8413447460685429, 11 * time.Second},
		{"normal(mean=0, sd=1s)", 0.6826894921370859, time.Second}, // half normal: P(|Z| < 1)
		{"exponential(mean=2s)", 1, longest},
		{"exponential(mean=2s)", -1, 0},
	}
	for _, test := range tests {
		if got := mustDist(t, test.text).Quantile(test.p); (got - test.want).Abs() > time.Microsecond {
			t.Errorf("%s: quantile %v is %v, want %v", test.text, test.p, got, test.want)
		}
	}
}

func TestSamplesFollowTheDistribution(t *testing.T) {
	const n = 40_000
	for _, text := range []string{"450ms", "1s..3s", "lognormal(p50=450ms, p95=1.2s)", "exponential(mean=2s)", "normal(mean=1s, sd=1s)"} {
		d := mustDist(t, text)
		r := rand.New(rand.NewPCG(1, 2))
		sum, below := 0.0, 0
		for range n {
			s := d.Sample(r)
			sum += s.Seconds()
			if s <= d.Quantile(0.9) {
				below++
			}
		}
		// Four standard errors: of a share of 0.9, and of a mean with a deviation of at most the mean.
		if share := float64(below) / n; d.shape != constant && math.Abs(share-0.9) > 4*0.3/math.Sqrt(n) {
			t.Errorf("%s: %v of the samples are below the 90th percentile", text, share)
		}
		if mean := d.Mean().Seconds(); math.Abs(sum/n-mean) > 4*mean/math.Sqrt(n) {
			t.Errorf("%s: the samples' mean is %v, want %v", text, sum/n, mean)
		}
	}
}

func TestZeroDist(t *testing.T) {
	var d Dist
	if !d.IsZero() || d.Sample(nil) != 0 || d.Mean() != 0 || Constant(time.Second).IsZero() || Constant(-1) != d {
		t.Error("the zero value is not 0")
	}
}

func FuzzParseDist(f *testing.F) {
	for _, seed := range []string{"", "0", "1s..3s", "lognormal(p50=450ms, p95=1.2s)", "exponential(mean=2s)", "normal(mean=1s, sd=200ms)", "a(=,)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDist(text)
		if err != nil {
			if syntax, ok := errors.AsType[*SyntaxError](err); !ok || syntax.Offset < 0 || syntax.Offset > len(text) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if back, err := ParseDist(d.String()); err != nil || back != d {
			t.Errorf("%q became %s: %v", text, d, err)
		}
	})
}
