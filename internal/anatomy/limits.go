package anatomy

import (
	"slices"
	"time"

	"parley"
	"parley/internal/stats"
)

// limitsOf are the limits that a run's budgets set on quantiles of one metric.
func limitsOf(run *parley.Run, metric string) []Within {
	var out []Within
	for _, b := range run.Budgets {
		known := slices.ContainsFunc(quantiles(), func(q Quantile) bool { return q.Name == b.Stat })
		if b.Metric != metric || !known || b.Op != "<" && b.Op != "<=" {
			continue
		}
		out = append(out, Within{Name: b.Stat, Op: b.Op, Limit: b.Limit})
	}
	return out
}

// seriesFor is an empty series of one metric, which the run's budgets may have set limits to.
func seriesFor(run *parley.Run, metric string, span stretch) *stats.Series {
	var limits []stats.Limit
	for _, w := range limitsOf(run, metric) {
		limits = append(limits, w.limit())
	}
	return stats.NewSeries(span.from, span.to, limits...)
}

// judgedWaits describes a series made by seriesFor, with the shares of waits within the limits.
func judgedWaits(run *parley.Run, metric string, s *stats.Series) Waits {
	w := waitsOf(s)
	if w.N == 0 {
		return w
	}
	survival := s.Survival()
	for _, within := range limitsOf(run, metric) {
		i := slices.IndexFunc(quantiles(), func(q Quantile) bool { return q.Name == within.Name })
		within.Estimate = survival.Within(within.limit(), quantiles()[i].Q)
		w.Within = append(w.Within, within)
	}
	return w
}

func (w Within) limit() stats.Limit {
	return stats.Limit{At: time.Duration(w.Limit * float64(time.Second)), Strict: w.Op == "<"}
}

// WithinLimit is the share of waits within the limit of a budget on a quantile, if it was counted.
func (w *Waits) WithinLimit(b parley.Budget) (e parley.Estimate, counted bool) {
	for _, in := range w.Within {
		if in.Name == b.Stat && in.Op == b.Op && in.Limit == b.Limit {
			return in.Estimate, true
		}
	}
	return parley.Estimate{}, false
}
