package main

import (
	"context"
	"slices"
	"strings"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose/wires"
)

// verdict is what a case came to.
type verdict struct {
	Case   string   `json:"case"`
	Faults []string `json:"faults,omitempty"`
	Decoys []string `json:"decoys,omitempty"`
	P95    float64  `json:"reply_p95_s"`
	// Gains are what the removal of each fault wins: the larger part of the p95 and of the throughput. Those of less than a fifth do not count.
	Gains map[string]float64 `json:"gains,omitempty"`
	Truth []string           `json:"truth,omitempty"` // faults that hurt, the worst first
	Named []string           `json:"named"`           // checks of the findings, in their order
	Top1  bool               `json:"top1"`
	Top3  bool               `json:"top3"`
	// Hurts: at least one fault hurts, so that the case counts. Clean: no finding, of a case without faults.
	Hurts bool `json:"hurts"`
	Clean bool `json:"clean,omitempty"`
	// Blamed are the decoys that a finding speaks of.
	Blamed []string `json:"blamed,omitempty"`
	// Chances of the baselines to name the top cause.
	Random  float64 `json:"random"`
	Model   bool    `json:"blame_llm"`
	Slowest bool    `json:"blame_slowest"`
	Invalid string  `json:"invalid,omitempty"`
}

// hurts is the part of the p95 or of the throughput that the removal of a fault must win before it counts.
const hurts = 0.2

// judge plays a case, and its faults' removal, and says whether the diagnosis was right.
func (g *bench) judge(ctx context.Context, c gallerycase, seed int) (verdict, error) {
	planted := slices.Concat(c.faults, c.decoys)
	on := stageFor(c.faults)
	o, err := g.outcome(ctx, planted, on, seed)
	if err != nil {
		return verdict{}, err
	}
	v := verdict{Case: c.name, Faults: c.faults, Decoys: c.decoys, P95: o.P95, Invalid: o.Invalid, Gains: map[string]float64{}, Named: []string{}}
	for _, f := range o.Diagnosis.Findings {
		v.Named = append(v.Named, f.Check)
	}
	v.Blamed = blamed(c.decoys, o.Diagnosis.Findings)
	for _, name := range c.faults {
		healed, err := g.outcome(ctx, slices.Concat(without(c.faults, name), c.decoys), on, seed)
		if err != nil {
			return verdict{}, err
		}
		v.Gains[name] = gain(o, healed)
		if v.Gains[name] >= hurts {
			v.Truth = append(v.Truth, name)
		}
	}
	slices.SortStableFunc(v.Truth, func(a, b string) int { return cmpFloat(v.Gains[b], v.Gains[a]) })
	v.Hurts, v.Clean = len(v.Truth) > 0, len(c.faults) == 0 && len(o.Diagnosis.Findings) == 0
	if !v.Hurts {
		return v, nil
	}
	top, _ := faultNamed(v.Truth[0])
	at := slices.IndexFunc(v.Named, func(check string) bool { return slices.Contains(top.checks, check) })
	v.Top1, v.Top3 = at == 0, at >= 0 && at < 3
	v.Random = float64(len(top.checks)) / float64(len(wires.Checks()))
	v.Model, v.Slowest = top.layer == "llm", top.layer == o.SlowestLayer
	return v, nil
}

// gain is the larger part of what the removal wins: of the time at the 95th percentile, or in messages answered.
func gain(with, healed outcome) float64 {
	time, rate := 0.0, 0.0
	if with.P95 > 0 {
		time = (with.P95 - healed.P95) / with.P95
	}
	if with.PerHour > 0 {
		rate = (healed.PerHour - with.PerHour) / with.PerHour
	}
	return max(time, rate)
}

// blamed are the decoys that a finding speaks of.
func blamed(planted []string, findings []parley.Finding) (out []string) {
	marks := decoys()
	for _, name := range planted {
		for _, f := range findings {
			if strings.Contains(f.Operation, marks[name]) || strings.Contains(f.What, marks[name]) {
				out = append(out, name)
				break
			}
		}
	}
	return out
}

// quantileOf is a quantile of the replies, in seconds; who was not answered waited for as long as it says.
func quantileOf(c *anatomy.Cases, p float64) float64 {
	var all []float64
	for i := range c.Turns {
		all = append(all, c.Turns[i].Reply.Seconds())
	}
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return all[min(len(all)-1, int(p*float64(len(all))))]
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}
