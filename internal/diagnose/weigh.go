package diagnose

import (
	"cmp"
	"fmt"
	"slices"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/stats"
)

// mostExamples bounds the turns that a finding shows.
const mostExamples = 3

// weigh turns a suspect into a finding, or a note.
func (e *Evidence) weigh(c Check, s *Suspect) parley.Finding {
	f := s.Finding
	f.Check, f.Status = c.ID, parley.Suspected
	f.Affected, f.Turns = len(s.Shown), len(e.Cases.Turns)
	worth := s.Risk
	if len(s.Saved) > 0 {
		before, after := e.replies(), e.replies()
		for turn, saved := range s.Saved {
			after[turn] = max(0, after[turn]-max(0, saved))
		}
		mean, p95 := stats.Drop(before, after, 0.95)
		f.Saved, f.SavedP95 = &mean, &p95
		reply, tail := e.reply()
		if reply > 0 {
			f.Share = mean.Value / reply
		}
		if tail > 0 {
			f.ShareP95 = p95.Value / tail
		}
		worth = worth || worthIt(mean, reply) || worthIt(p95, tail)
	}
	if f.Dollars != nil && e.Summary.Money != nil {
		if cost := e.cost(); cost > 0 && f.Dollars.Low >= worthMoney*cost {
			worth = true
		}
	}
	f.Note = !worth
	f.Confidence = s.Certainty * e.heard(s)
	f.Examples = e.examples(s)
	if f.Verify == "" {
		f.Verify = fmt.Sprintf("run parley review again with the same plan, and compare reply.p95 and the check %s", c.ID)
	}
	return f
}

// worthIt reports whether what is saved is worth telling somebody who is busy.
func worthIt(saved parley.Estimate, of float64) bool {
	return of > 0 && saved.Value >= WorthSaving*of && saved.Low >= WorthSaving*of/2
}

// cost is that of a conversation, in dollars; 0 if it is not known.
func (e *Evidence) cost() float64 {
	if e.Summary.Money == nil {
		return 0
	}
	return e.Summary.Money.PerConversation.Value
}

// heard is the part of the calls in the turns that show a suspect which could be tied to a turn at all: of the others nobody knows.
func (e *Evidence) heard(s *Suspect) float64 {
	if len(s.Shown) == 0 {
		return 1
	}
	sum := 0.0
	for turn := range s.Shown {
		sum += 1 - e.Cases.Turns[turn].Untied
	}
	return sum / float64(len(s.Shown))
}

// examples are the turn in the middle of what was saved, then the worst.
func (e *Evidence) examples(s *Suspect) (out []parley.Example) {
	turns := make([]int, 0, len(s.Shown))
	for turn := range s.Shown {
		turns = append(turns, turn)
	}
	slices.SortFunc(turns, func(a, b int) int { return cmp.Or(cmp.Compare(s.Saved[a], s.Saved[b]), cmp.Compare(a, b)) })
	picked := map[int]bool{}
	for _, at := range []int{len(turns) / 2, len(turns) - 1, len(turns) / 4} {
		if at < 0 || at >= len(turns) || picked[turns[at]] || len(out) == mostExamples {
			continue
		}
		picked[turns[at]] = true
		turn := turns[at]
		out = append(out, parley.Example{Turn: e.Cases.Turns[turn].Turn, Calls: s.Shown[turn], Saved: s.Saved[turn]})
	}
	return out
}

// quantile is the p-th of values.
func quantile(values []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

// Exactly is a figure counted in full.
func Exactly(v float64, n int) parley.Estimate {
	return parley.Estimate{Value: v, Low: v, High: v, N: n, Exact: true}
}

// MeanOf is the mean of values in the order of time, with its interval.
func MeanOf(values []float64) parley.Estimate {
	mean, _ := stats.Drop(values, make([]float64, len(values)), 0.5)
	return mean
}

// OnPath is how much of the calls at places of a turn lies on its critical path, in seconds.
func OnPath(w *anatomy.Waterfall, calls []int) (sum float64) {
	for _, i := range calls {
		sum += w.Calls[i].OnPath.Seconds()
	}
	return sum
}
