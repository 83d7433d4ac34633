package learn

import (
	"maps"
	"math"
	"slices"
	"sort"
)

// mostRoutes bounds how many routes get a latency of their own.
const mostRoutes = 30

// http fits all calls, and routes of their own that differ clearly from the others, the most different first.
func (f *Fit) http(all []observation) error {
	if len(all) < Least {
		return &TooFewError{"answered call", len(all)}
	}
	f.Calls = len(all)
	rest := values(all, toEnd)
	slices.Sort(rest)
	waits := map[string][]float64{}
	for i := range all {
		waits[all[i].operation] = append(waits[all[i].operation], all[i].toEnd)
	}
	for _, list := range waits {
		slices.Sort(list)
	}
	for range mostRoutes {
		most, far := "", 0.0
		for _, op := range slices.Sorted(maps.Keys(waits)) {
			if d := difference(waits[op], rest); d > far {
				most, far = op, d
			}
		}
		if most == "" {
			break
		}
		f.set(most, "latency", most, waits[most])
		rest = without(rest, waits[most])
		delete(waits, most)
	}
	name := "all other calls"
	if len(f.Parts) == 0 {
		name = "all calls"
	}
	if len(rest) < Least { // too few to tell what routes not seen are like
		rest, name = values(all, toEnd), "all calls"
	}
	f.set("", "latency", name, rest)
	return nil
}

// without returns the sorted values of a whole but for those of a part.
func without(whole, part []float64) []float64 {
	rest := make([]float64, 0, len(whole)-len(part))
	for _, v := range whole {
		if len(part) > 0 && part[0] == v {
			part = part[1:]
			continue
		}
		rest = append(rest, v)
	}
	return rest
}

// difference is Kolmogorov's and Smirnov's between a part of the calls and the others, if it is clear: at the 1 % level, and with medians
// more than a fifth apart, since with many calls every difference is certain and few matter. Otherwise it is 0. Both lists are sorted,
// and the whole holds the part: there may be a thousand parts, for none of which the others are listed.
func difference(part, whole []float64) float64 {
	n, m := len(part), len(whole)-len(part)
	if n < Least || m < Least {
		return 0
	}
	worst := 0.0
	for _, v := range part {
		// Between two values of the part its share stays, so that the shares are farthest apart at one of its values or just before it.
		for _, count := range []func([]float64, float64) int{below, upTo} {
			own := count(part, v)
			worst = max(worst, math.Abs(float64(own)/float64(n)-float64(count(whole, v)-own)/float64(m)))
		}
	}
	if worst <= 1.628*math.Sqrt(float64(n+m)/(float64(n)*float64(m))) {
		return 0
	}
	p, q := quantile(part, 0.5), (other(part, whole, (m-1)/2)+other(part, whole, m/2))/2
	if math.Abs(p-q) <= 0.2*min(p, q) {
		return 0
	}
	return worst
}

// other is the value at an index of the whole without the part.
func other(part, whole []float64, index int) float64 {
	return whole[sort.Search(len(whole)-1, func(i int) bool { return upTo(whole, whole[i])-upTo(part, whole[i]) > index })]
}

// below is how many sorted values are less than v.
func below(sorted []float64, v float64) int {
	n, _ := slices.BinarySearch(sorted, v)
	return n
}

// upTo is how many are not more.
func upTo(sorted []float64, v float64) int { return below(sorted, math.Nextafter(v, math.Inf(1))) }
