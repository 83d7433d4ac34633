package fault

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// Dist is a distribution of durations. The zero value is always 0. Values are
// cut off at 24 hours, which matters only for absurdly wide distributions.
type Dist struct {
	shape shape
	// What a and b are depends on the shape; see the table of shapes.
	a, b time.Duration
}

type shape uint8

const (
	constant    shape = iota // a
	uniform                  // from a to b
	lognormal                // a is the 50th percentile, b the 95th
	exponential              // a is the mean
	normal                   // a is the mean, b the standard deviation, before truncation at 0
)

// z95 is the 95th percentile of the standard normal distribution.
const z95 = 1.6448536269514722

const distHint = "write 450ms, 1s..3s, lognormal(p50=450ms, p95=1.2s), exponential(mean=2s) or normal(mean=1s, sd=200ms)"

// Constant is always d.
func Constant(d time.Duration) Dist {
	return Dist{a: min(max(d, 0), longest)}
}

// ParseDist reads a distribution: "450ms", "0", "1s..3s" (uniform),
// "lognormal(p50=450ms, p95=1.2s)", "exponential(mean=2s)" or
// "normal(mean=1s, sd=200ms)" (given that it is not negative). The error is a *SyntaxError.
func ParseDist(text string) (Dist, error) {
	s := &scanner{text: text}
	d, err := s.dist()
	if err != nil {
		return Dist{}, err
	}
	if !s.done() {
		return Dist{}, s.fail(s.pos, distHint, "%q is left over", text[s.pos:])
	}
	return d, nil
}

// dist reads one distribution and stops after it.
func (s *scanner) dist() (Dist, error) {
	s.space()
	at := s.pos
	if c := s.peek(); c != "" && c[0] >= 'a' && c[0] <= 'z' {
		return s.named(at)
	}
	word := s.word()
	low, high, ranged := strings.Cut(word, "..")
	a, err := s.duration(low, at)
	if err != nil {
		return Dist{}, err
	}
	if !ranged {
		return Dist{a: a}, nil
	}
	b, err := s.duration(high, at+len(low)+2)
	if err != nil {
		return Dist{}, err
	}
	if b <= a {
		return Dist{}, s.fail(at, "write the shorter duration first, like 1s..3s", "the range %q does not grow", word)
	}
	return Dist{shape: uniform, a: a, b: b}, nil
}

// named reads a shape with parameters in parentheses, in any order.
func (s *scanner) named(at int) (Dist, error) {
	name := s.until("( \t")
	var d Dist
	var first, second string
	switch name {
	case "lognormal":
		d.shape, first, second = lognormal, "p50", "p95"
	case "exponential":
		d.shape, first = exponential, "mean"
	case "normal":
		d.shape, first, second = normal, "mean", "sd"
	default:
		return Dist{}, s.fail(at, distHint, "%q is not a distribution", name)
	}
	if !s.accept("(") {
		return Dist{}, s.fail(s.pos, distHint, "%q needs its parameters in parentheses", name)
	}
	var haveA, haveB bool
	for {
		from := s.pos
		key, value, err := s.parameter()
		if err != nil {
			return Dist{}, err
		}
		switch {
		case key == first && !haveA:
			d.a, haveA = value, true
		case second != "" && key == second && !haveB:
			d.b, haveB = value, true
		default:
			return Dist{}, s.fail(from, distHint, "%s has no such parameter here: %q", name, key)
		}
		if s.accept(")") {
			break
		}
		if !s.accept(",") {
			return Dist{}, s.fail(s.pos, distHint, "the parameters of %s do not end", name)
		}
	}
	if !haveA || second != "" && !haveB {
		return Dist{}, s.fail(at, distHint, "%s lacks a parameter", name)
	}
	return d, s.sound(d, at)
}

// parameter reads "key=duration" within parentheses.
func (s *scanner) parameter() (key string, value time.Duration, err error) {
	key = s.until("=,)")
	if !s.accept("=") {
		return key, 0, s.fail(s.pos, distHint, "%q has no value", key)
	}
	s.space()
	at := s.pos
	value, err = s.duration(s.until(",)"), at)
	return key, value, err
}

// sound refuses parameters no distribution can have.
func (s *scanner) sound(d Dist, at int) error {
	switch {
	case d.shape == lognormal && d.a == 0:
		return s.fail(at, "a p50 of 1ms is possible", "the p50 of a lognormal cannot be 0")
	case d.shape == lognormal && d.b <= d.a:
		return s.fail(at, "the 95th percentile is above the 50th", "p95 %v is not above p50 %v", d.b, d.a)
	case d.shape == exponential && d.a == 0:
		return s.fail(at, "write 0 for no delay", "the mean of an exponential cannot be 0")
	case d.shape == normal && d.b == 0:
		return s.fail(at, "write the mean alone for a constant", "the standard deviation of a normal cannot be 0")
	}
	return nil
}

// String writes d in the syntax of ParseDist.
func (d Dist) String() string {
	switch d.shape {
	case uniform:
		return brief(d.a) + ".." + brief(d.b)
	case lognormal:
		return fmt.Sprintf("lognormal(p50=%s, p95=%s)", brief(d.a), brief(d.b))
	case exponential:
		return fmt.Sprintf("exponential(mean=%s)", brief(d.a))
	case normal:
		return fmt.Sprintf("normal(mean=%s, sd=%s)", brief(d.a), brief(d.b))
	default:
		return brief(d.a)
	}
}

// brief writes "2m" for "2m0s" and "0" for "0s".
func brief(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText is String.
func (d Dist) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDist.
func (d *Dist) UnmarshalText(text []byte) error {
	parsed, err := ParseDist(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// IsZero reports whether d is always 0.
func (d Dist) IsZero() bool { return d == Dist{} }

// Equal reports whether d and other are the same distribution.
func (d Dist) Equal(other Dist) bool { return d == other }

// Sample draws one duration. A constant takes nothing from r, which may then be nil.
func (d Dist) Sample(r *rand.Rand) time.Duration {
	if d.shape == constant {
		return d.a
	}
	return d.Quantile(r.Float64())
}

// Quantile returns the duration which a share p of the samples does not
// exceed; p is taken as 0 below 0 and as 1 above 1.
func (d Dist) Quantile(p float64) time.Duration {
	p = min(max(p, 0), 1)
	switch d.shape {
	case uniform:
		return clamp(float64(d.a) + p*float64(d.b-d.a))
	case lognormal:
		return clamp(float64(d.a) * math.Exp(d.sigma()*deviate(p)))
	case exponential:
		return clamp(-float64(d.a) * math.Log1p(-p))
	case normal:
		below := d.negative()
		return clamp(float64(d.a) + float64(d.b)*deviate(below+p*(1-below)))
	default:
		return d.a
	}
}

// Mean returns the mean before values are cut off at 24 hours (and is itself at most that).
func (d Dist) Mean() time.Duration {
	switch d.shape {
	case uniform:
		return clamp((float64(d.a) + float64(d.b)) / 2)
	case lognormal:
		return clamp(float64(d.a) * math.Exp(d.sigma()*d.sigma()/2))
	case normal:
		// The mean of a normal truncated below at 0: m + s φ(m/s) / Φ(m/s).
		z := float64(d.a) / float64(d.b)
		density := math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
		return clamp(float64(d.a) + float64(d.b)*density/(1-d.negative()))
	default:
		return d.a
	}
}

// sigma is the standard deviation of the logarithm of a lognormal.
func (d Dist) sigma() float64 { return math.Log(float64(d.b)/float64(d.a)) / z95 }

// negative is the share of an untruncated normal that lies below 0.
func (d Dist) negative() float64 {
	return math.Erfc(float64(d.a)/float64(d.b)/math.Sqrt2) / 2
}

// deviate is the quantile function of the standard normal distribution.
func deviate(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// clamp rounds v to a duration between 0 and the longest one.
func clamp(v float64) time.Duration {
	if !(v > 0) {
		return 0
	}
	if v >= float64(longest) {
		return longest
	}
	return time.Duration(math.Round(v))
}
