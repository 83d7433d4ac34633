package wires

import (
	"math"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// median is the middle of values, 0 without any.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// at is the p-th quantile of values, 0 without any.
func at(values []float64, p float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

// failed reports whether a call did not bring what was asked.
func failed(c *anatomy.TurnCall) bool { return c.Unfinished || c.Failure != "" || c.Status >= 400 }

// length is how long a call lasted.
func length(c *anatomy.TurnCall) time.Duration { return c.End - c.Start }

// share is a part of a whole, 0 of nothing.
func share(part, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(part) / float64(of)
}

// assumption says that what a gain rests on was simulated; empty if none of the wires was.
func assumption(e *diagnose.Evidence, wires ...string) string {
	for _, a := range e.Run.Assumed {
		for _, wire := range wires {
			if name, _, _ := strings.Cut(wire, "/"); name == a.Wire {
				return "the latency of " + anatomy.Label(a.Wire) + " is the plan's assumption (" + a.Model + "), and the gain rests on it"
			}
		}
	}
	return ""
}

// doubts joins what speaks against a finding.
func doubts(all ...string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "" }), "; ")
}

// priced is the price of a model, nil if it is not known.
func priced(e *diagnose.Evidence, model string) *parley.ModelPrice {
	if e.Run.Money == nil {
		return nil
	}
	for i := range e.Run.Money.Models {
		if p := &e.Run.Money.Models[i]; p.Model == model && p.Known {
			return p
		}
	}
	return nil
}

// paid is what a call to a model cost, in US dollars; 0 if no price is known.
func paid(e *diagnose.Evidence, c *anatomy.TurnCall) float64 {
	price := priced(e, c.Model)
	if price == nil {
		return 0
	}
	return price.Of(&parley.Call{PromptTokens: c.Prompt, CachedTokens: c.Cached, CompletionTokens: c.Completion})
}

// perConversation is the mean over conversations of what turns cost, in US dollars by their places; nil if it is nothing.
func perConversation(e *diagnose.Evidence, usd map[int]float64) *parley.Estimate {
	var order []int64
	sums := map[int64]float64{}
	total := 0.0
	for turn := range e.Turns() {
		conversation := e.Turns()[turn].Conversation
		if _, seen := sums[conversation]; !seen {
			order = append(order, conversation)
		}
		sums[conversation] += usd[turn]
		total += usd[turn]
	}
	if total <= 0 {
		return nil
	}
	values := make([]float64, len(order))
	for i, c := range order {
		values[i] = sums[c]
	}
	mean := diagnose.MeanOf(values)
	return &mean
}

// slope is a straight line's, with its standard error.
type slope struct {
	value, err float64
	n          int
}

// sure reports whether the slope is above nothing (95 %).
func (s slope) sure() bool { return s.n >= 20 && s.low() > 0 }

func (s slope) low() float64  { return s.value - 1.96*s.err }
func (s slope) high() float64 { return s.value + 1.96*s.err }

// point is what a slope is fitted to: y over x, with z as what else y depends on.
type point struct{ x, z, y float64 }

// fit is the least-squares slope of y over x, z held fixed. Means are taken group by group, so that groups may differ in level.
func fit(groups ...[]point) slope {
	var xx, xz, zz, xy, zy, yy float64
	n, used := 0, 0
	for _, g := range groups {
		if len(g) < 2 {
			continue
		}
		var mean point
		for _, p := range g {
			mean.x, mean.z, mean.y = mean.x+p.x, mean.z+p.z, mean.y+p.y
		}
		size := float64(len(g))
		mean = point{mean.x / size, mean.z / size, mean.y / size}
		for _, p := range g {
			x, z, y := p.x-mean.x, p.z-mean.z, p.y-mean.y
			xx, xz, zz, xy, zy, yy = xx+x*x, xz+x*z, zz+z*z, xy+x*y, zy+z*y, yy+y*y
		}
		n, used = n+len(g), used+1
	}
	left := xx // of x, when z has explained what it can
	if zz > 0 {
		left -= xz * xz / zz
	}
	free := n - used - 2
	if left <= 1e-9*xx || free < 1 {
		return slope{n: n}
	}
	along := xy
	if zz > 0 {
		along -= xz * zy / zz
	}
	value := along / left
	rest := yy - value*xy
	if zz > 0 {
		rest = yy - zy*zy/zz - value*along
	}
	return slope{value: value, err: math.Sqrt(max(0, rest) / float64(free) / left), n: n}
}

// timePerToken is how much longer calls to a model take for each token of the prompt that tokens returns, in seconds, with the length of the answer
// held fixed; by wire and model.
func timePerToken(e *diagnose.Evidence, tokens func(c *anatomy.TurnCall) int64) map[string]slope {
	points := map[string][]point{}
	for turn := range e.Turns() {
		calls := e.Turns()[turn].Calls
		for i := range calls {
			if c := &calls[i]; c.Layer == "llm" && c.Prompt > 0 && !failed(c) {
				points[modelKey(c)] = append(points[modelKey(c)], point{float64(tokens(c)), float64(c.Completion), length(c).Seconds()})
			}
		}
	}
	out := map[string]slope{}
	for key, all := range points {
		out[key] = fit(all)
	}
	return out
}

func modelKey(c *anatomy.TurnCall) string { return c.Wire + "\x00" + c.Model }

// number and percent write figures the way reports do.
func number(v float64) string  { return parley.FormatNumber(v) }
func percent(v float64) string { return parley.FormatShare(v) }
func lasting(s float64) string { return parley.FormatDuration(seconds(s)) }

// one counts what is so.
func one(so bool) int {
	if so {
		return 1
	}
	return 0
}
