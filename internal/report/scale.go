package report

import (
	"math"
	"time"
)

// scale maps figures to coordinates.
type scale struct {
	from, to float64 // figures
	a, b     float64 // coordinates of from and to
	log      bool
}

func (s scale) at(v float64) float64 {
	from, to := s.from, s.to
	if s.log {
		from, to, v = math.Log(from), math.Log(to), math.Log(max(v, s.from/10))
	}
	if to == from {
		return s.a
	}
	return s.a + (v-from)/(to-from)*(s.b-s.a)
}

// clamped is like at, and keeps what lies outside at the edge.
func (s scale) clamped(v float64) float64 {
	return s.at(min(max(v, s.from), s.to))
}

// niceTop returns the end of an axis that starts at 0 and holds top, and the
// distance of its ticks: 1, 2 or 5 times a power of ten.
func niceTop(top float64, ticks int) (end, step float64) {
	if !finite(top) || top <= 0 {
		return 1, 1
	}
	raw := top / float64(ticks)
	step = math.Pow(10, math.Floor(math.Log10(raw)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if step*factor >= raw {
			step *= factor
			break
		}
	}
	return math.Ceil(top/step-1e-9) * step, step
}

// timeStep returns the distance of ticks on an axis of time.
func timeStep(total time.Duration, ticks int) time.Duration {
	for _, step := range []time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if total/step <= time.Duration(ticks) {
			return step
		}
	}
	const day = 24 * time.Hour
	return (total/time.Duration(ticks) + day - 1).Truncate(day)
}

// logTicks returns 1, 2 and 5 times the powers of ten within the bounds; only
// the powers if there would be more than most.
func logTicks(from, to float64, most int) []float64 {
	if !finite(from) || !finite(to) || from <= 0 || to < from {
		return nil
	}
	for _, factors := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
		var ticks []float64
		for power := math.Pow(10, math.Floor(math.Log10(from))); power <= to; power *= 10 {
			for _, f := range factors {
				if v := power * f; v >= from*.999 && v <= to*1.001 {
					ticks = append(ticks, v)
				}
			}
		}
		if len(ticks) <= most {
			return ticks
		}
	}
	return nil
}
