package learn

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"parley/internal/fault"
)

// z95 is the 95th percentile of the standard normal distribution.
const z95 = 1.6448536269514722

// fit chooses the shape and parameters that come closest to the durations, given in seconds, at least one.
func fit(name string, seconds []float64) Part {
	sorted := slices.Clone(seconds)
	slices.Sort(sorted)
	best := Part{Name: name, Calls: len(sorted), Distance: math.Inf(1)}
	// The first shape, a lognormal, is what waits usually have: another must be closer by more than chance.
	clearly := max(0.01, 0.5/math.Sqrt(float64(len(sorted))))
	for i, d := range shapes(sorted) {
		distance := distanceOf(d, sorted)
		if i == 0 || distance < 0.8*best.Distance && distance < best.Distance-clearly {
			best.Model, best.Distance = d, distance
		}
	}
	for _, p := range []float64{0.5, 0.9, 0.95, 0.99} {
		best.Quantiles = append(best.Quantiles, Quantile{P: p, Data: duration(quantile(sorted, p)), Model: best.Model.Quantile(p)})
	}
	return best
}

// shapes are the candidates, each with the parameters that suit the sorted durations best.
func shapes(sorted []float64) []fault.Dist {
	median := quantile(sorted, 0.5)
	low, high := quantile(sorted, 0.05), quantile(sorted, 0.95)
	if high-low <= 0.02*median || high < 1e-6 {
		return []fault.Dist{parse(text(median))}
	}
	var list []fault.Dist
	add := func(d fault.Dist, err error) {
		if err == nil { // parameters that round to an impossible shape are left out
			list = append(list, d)
		}
	}
	// Least squares over the percentiles from 5 to 95: a few strays move it little.
	at, spread := onNormal(sorted, func(v float64) float64 { return math.Log(max(v, 1e-7)) })
	add(fault.ParseDist(fmt.Sprintf("lognormal(p50=%s, p95=%s)", text(math.Exp(at)), text(math.Exp(at+z95*spread)))))
	at, spread = onNormal(sorted, func(v float64) float64 { return v })
	add(fault.ParseDist(fmt.Sprintf("normal(mean=%s, sd=%s)", text(at), text(spread))))
	add(fault.ParseDist(fmt.Sprintf("exponential(mean=%s)", text(median/math.Ln2))))
	margin := (high - low) / 18
	add(fault.ParseDist(text(max(0, low-margin)) + ".." + text(high+margin)))
	if len(list) == 0 {
		list = []fault.Dist{parse(text(median))}
	}
	return list
}

// onNormal returns the mean and standard deviation of the normal distribution whose percentiles from 5 to 95 are closest to those of the values.
func onNormal(sorted []float64, of func(float64) float64) (mean, sd float64) {
	var n, sumZ, sumV, sumZZ, sumZV float64
	for p := 0.05; p < 0.951; p += 0.01 {
		z, v := math.Sqrt2*math.Erfinv(2*p-1), of(quantile(sorted, p))
		n, sumZ, sumV, sumZZ, sumZV = n+1, sumZ+z, sumV+v, sumZZ+z*z, sumZV+z*v
	}
	sd = max(0, (n*sumZV-sumZ*sumV)/(n*sumZZ-sumZ*sumZ))
	return (sumV - sd*sumZ) / n, sd
}

// distanceOf compares shares at the model's percentiles.
func distanceOf(d fault.Dist, sorted []float64) float64 {
	worst := 0.0
	for p := 0.01; p < 0.995; p += 0.01 {
		at := d.Quantile(p).Seconds()
		below, _ := slices.BinarySearch(sorted, at)
		upTo, _ := slices.BinarySearch(sorted, math.Nextafter(at, math.Inf(1)))
		n := float64(len(sorted))
		// Where many values are the same the share jumps, and the model may lie anywhere within the jump.
		worst = max(worst, float64(below)/n-p, p-float64(upTo)/n)
	}
	if d.Quantile(0.01) == d.Quantile(0.99) { // all the same: what counts is how far off the others are
		at := d.Quantile(0.5).Seconds()
		far := 0
		for _, v := range sorted {
			if math.Abs(v-at) > 0.02*at+1e-6 {
				far++
			}
		}
		return float64(far) / float64(len(sorted))
	}
	return worst
}

// quantile is that of sorted values, linear between them.
func quantile(sorted []float64, p float64) float64 {
	at := p*float64(len(sorted)) - 0.5
	i := min(max(int(math.Floor(at)), 0), len(sorted)-1)
	j := min(i+1, len(sorted)-1)
	share := min(max(at-float64(i), 0), 1)
	return sorted[i] + share*(sorted[j]-sorted[i])
}

func duration(seconds float64) time.Duration { return time.Duration(math.Round(seconds * 1e9)) }

// text writes a duration with three digits, as a plan does: "447ms", "1.12s", "40us".
func text(seconds float64) string {
	if seconds < 5e-8 {
		return "0"
	}
	scale := math.Pow(10, math.Floor(math.Log10(seconds))-2)
	seconds = math.Round(seconds/scale) * scale
	value, unit := seconds*1e6, "us"
	switch {
	case seconds >= 0.9995:
		value, unit = seconds, "s"
	case seconds >= 0.0009995:
		value, unit = seconds*1e3, "ms"
	}
	return strconv.FormatFloat(value, 'g', 3, 64) + unit
}

// parse reads a duration that text wrote.
func parse(text string) fault.Dist {
	d, err := fault.ParseDist(text)
	if err != nil {
		return fault.Dist{}
	}
	return d
}
