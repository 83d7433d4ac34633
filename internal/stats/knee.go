package stats

import (
	"fmt"
	"math"
	"slices"
	"time"

	"parley"
)

// Level is one level of a load that grows step by step.
type Level struct {
	For time.Duration // its length
	// Offered arrived within the level; Served left within it, whichever level they came from.
	Offered, Served float64
	// Before were inside when the level began. Wait is the mean time spent inside by those
	// that arrived in it, 0 if unknown.
	Before float64
	Wait   time.Duration
	// Parts are the served ones of equal stretches of the level, in order.
	Parts []float64
	// Limited: the generator could not offer what it meant to. The level shows nothing about the served.
	Limited bool
}

// Knee is what growing load showed.
type Knee struct {
	Found bool
	// Capacity is the largest rate served, per hour.
	Capacity parley.Estimate
	// LastGood is the index of the last level that was kept up with before the knee
	// (without a knee: the last one at all), -1 if there is none.
	LastGood int
	// Collapse: past the knee less is served than at it.
	Collapse bool
	Why      string
}

// Thresholds of FindKnee, as shares of what was offered.
const (
	tolerated = 0.05 // less than this unserved is keeping up
	strong    = 0.20 // more than this in a single level is proof enough
)

// FindKnee finds where what is served stops following what is offered.
//
// A level falls behind if more than 5 % of what it was offered was not served in it, and more
// than three times what chance puts inside at its two ends. What must be inside at the end even if all is
// well (the rate times the shortest wait of any level, by Little's law) does not count. A knee needs at least
// two levels that fall behind, with none after them that keeps up, or a single one with more than
// 20 % unserved: one bad level alone is a hiccup. A level between the two, short of what was offered by less than
// chance could explain, counts for neither. Levels the generator limited show nothing.
func FindKnee(levels []Level) Knee {
	knee := Knee{LastGood: -1}
	wait := shortest(levels)
	var behind []int
	for i, l := range levels {
		switch {
		case l.Limited || l.Offered == 0:
		case l.behind(wait):
			behind = append(behind, i)
		case l.missing(wait) > tolerated*l.Offered: // nobody can tell
		default:
			knee.LastGood, behind = i, nil
		}
	}
	if len(behind) == 0 || len(behind) == 1 && levels[behind[0]].unserved() < strong {
		knee.Why = noKnee(levels, knee.LastGood, behind)
		return knee
	}
	knee.Found = true
	knee.Capacity = pooled(levels, behind)
	if g := knee.LastGood; g >= 0 {
		if best := pooled(levels, []int{g}); best.Low > knee.Capacity.High {
			knee.Capacity, knee.Collapse = best, true
		}
	}
	first := levels[behind[0]]
	knee.Why = fmt.Sprintf("at %s an hour %.0f %% were not served in time; %d of %d steps fell behind",
		parley.FormatNumber(math.Round(first.rate())), 100*first.unserved(), len(behind), len(levels))
	return knee
}

// noKnee says why there is none.
func noKnee(levels []Level, last int, behind []int) string {
	usable := slices.ContainsFunc(levels, func(l Level) bool { return !l.Limited && l.Offered > 0 })
	switch {
	case len(behind) == 1:
		which, l := "the last step", levels[behind[0]]
		if behind[0] < len(levels)-1 {
			which = fmt.Sprintf("step %d", behind[0]+1)
		}
		return fmt.Sprintf("only %s fell behind, by %.0f %%: too little to call it the limit", which, 100*l.unserved())
	case last < 0 && usable:
		return "less was served than offered from the first step on, but by too few to be sure"
	case last < 0:
		return "no step of the load could be used"
	case last < len(levels)-1 && !levels[last+1].Limited:
		return fmt.Sprintf("kept up to %s an hour; above that it served less than it was offered, but by too few to be sure", parley.FormatNumber(math.Round(levels[last].rate())))
	case last < len(levels)-1:
		return fmt.Sprintf("kept up to %s an hour; past that parley itself was the limit", parley.FormatNumber(math.Round(levels[last].rate())))
	default:
		return fmt.Sprintf("kept up with every load, to %s an hour", parley.FormatNumber(math.Round(levels[last].rate())))
	}
}

// unserved is the share of the offered that was not served.
func (l Level) unserved() float64 { return 1 - l.Served/l.Offered }

// behind reports whether the level was not kept up with, given how long a wait is when all is well.
func (l Level) behind(wait time.Duration) bool {
	inside := l.Offered * wait.Seconds() / l.For.Seconds()
	missing := l.missing(wait)
	// What is inside at a moment varies like a Poisson count.
	chance := math.Sqrt(min(l.Before, l.Offered) + inside + 1)
	return missing > tolerated*l.Offered && missing > 3*chance
}

// missing is what should have been served in the level and was not.
func (l Level) missing(wait time.Duration) float64 {
	inside := l.Offered * wait.Seconds() / l.For.Seconds()
	return l.Offered - l.Served - max(0, inside-l.Before)
}

// shortest is the shortest mean wait of any level, 0 if none is known.
func shortest(levels []Level) (wait time.Duration) {
	for _, l := range levels {
		if l.Wait > 0 && (wait == 0 || l.Wait < wait) {
			wait = l.Wait
		}
	}
	return wait
}

// rate is the offered load per hour.
func (l Level) rate() float64 { return l.Offered / l.For.Hours() }

// pooled is the rate served over some levels, per hour, with the interval that the parts' spread gives.
func pooled(levels []Level, which []int) parley.Estimate {
	served, hours := 0.0, 0.0
	var parts []float64
	for _, i := range which {
		l := levels[i]
		served += l.Served
		hours += l.For.Hours()
		for _, p := range l.Parts {
			parts = append(parts, p/(l.For.Hours()/float64(len(l.Parts))))
		}
	}
	e := parley.Estimate{Value: served / hours, N: int(served)}
	mean, squares := 0.0, 0.0
	for _, p := range parts {
		mean += p / float64(len(parts))
	}
	for _, p := range parts {
		squares += (p - mean) * (p - mean)
	}
	// Never narrower than counting served ones at random would be.
	half := z975 * math.Sqrt(served) / hours
	if n := float64(len(parts)); n > 2 {
		half = max(half, studentT(n-1)*math.Sqrt(squares/(n-1)/n))
	}
	e.Low, e.High = max(0, e.Value-half), e.Value+half
	return e
}
