package anatomy

import (
	"parley"
	"parley/internal/stats"
)

// quantiles are those a distribution is described by.
func quantiles() []Quantile {
	return []Quantile{
		{Name: "p50", Q: 0.5}, {Name: "p75", Q: 0.75}, {Name: "p90", Q: 0.9},
		{Name: "p95", Q: 0.95}, {Name: "p99", Q: 0.99}, {Name: "p99.9", Q: 0.999},
	}
}

// waitsOf describes a series.
func waitsOf(s *stats.Series) Waits {
	w := Waits{N: s.Count(), Censored: s.Censored()}
	if w.N == 0 {
		return w
	}
	longest, beyond := s.Max()
	w.Max, w.MaxBeyond = longest.Seconds(), beyond
	survival := s.Survival()
	for _, q := range quantiles() {
		q.Estimate = survival.Quantile(q.Q)
		if stats.Carries(q.Q, w.N) {
			w.Quantiles = append(w.Quantiles, q)
		} else {
			w.Floors = append(w.Floors, q)
		}
	}
	w.Mean = survival.Mean()
	for _, b := range s.Bins() {
		w.Bins = append(w.Bins, Bin{From: b.From.Seconds(), To: b.To.Seconds(), Count: b.Ended, Censored: b.Censored})
	}
	return w
}

// Quantile returns the quantile of that name, and whether the sample carries it. One that it does not carry is a
// floor: its lower bound is all that means anything. Its N is 0 if there is none at all.
func (w *Waits) Quantile(name string) (e parley.Estimate, carried bool) {
	for _, q := range w.Quantiles {
		if q.Name == name {
			return q.Estimate, true
		}
	}
	for _, q := range w.Floors {
		if q.Name == name {
			return q.Estimate, false
		}
	}
	return parley.Estimate{}, false
}
