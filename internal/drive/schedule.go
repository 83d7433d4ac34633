package drive

import (
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"parley"
	"parley/internal/plan"
)

// Level is a stretch of constant arrival rate.
type Level struct {
	Start, End time.Duration // from the start of the phase
	Rate       float64       // conversations per hour
}

// Levels returns the arrival rates of a phase: one level, or one per step of a ramp.
func Levels(p plan.Phase, perHour float64) []Level {
	if p.Kind != parley.Ramp {
		return []Level{{End: p.Duration, Rate: perHour * p.Rate}}
	}
	var levels []Level
	factor := p.Rate
	for at := time.Duration(0); at < p.Duration; at += p.Step {
		levels = append(levels, Level{Start: at, End: min(at+p.Step, p.Duration), Rate: perHour * factor})
		if factor >= p.To {
			break
		}
		factor = math.Min(factor*p.Growth, p.To)
	}
	return levels
}

// Arrival is the moment at which a conversation is due, from the start of the
// phase, with the index of its level.
type Arrival struct {
	Due   time.Duration
	Level int
}

// Arrivals yields the arrivals of a phase in order. Poisson arrivals are those of
// an inhomogeneous Poisson process, drawn by inverting its cumulative rate: unit
// exponential steps (evenly spaced ones when even is set) laid over the integral of the rate.
func Arrivals(levels []Level, even bool, r *rand.Rand) iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		step := func() float64 {
			if even {
				return 1
			}
			return r.ExpFloat64()
		}
		next := step() // in expected arrivals from the start of the phase
		if even {
			next = 0.5 // centred, so that n arrivals fit n gaps
		}
		done := 0.0 // expected arrivals before the current level
		for i, level := range levels {
			expected := level.Rate * (level.End - level.Start).Hours()
			for next < done+expected {
				due := level.Start + time.Duration(math.Round((next-done)/level.Rate*float64(time.Hour)))
				if !yield(Arrival{Due: due, Level: i}) {
					return
				}
				next += step()
			}
			done += expected
		}
	}
}
