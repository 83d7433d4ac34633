package learn

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/fault"
)

// Least is the number of calls from which on a distribution is fitted: its 95th percentile then has one or two calls beyond it.
const Least = 30

// Wire is a dependency of a run.
type Wire struct {
	Name, Kind string
	Relayed    bool // its calls went to the real service
}

// Wires are the dependencies of a run that parley stood in for or relayed, in the plan's order.
func Wires(run *parley.Run) []Wire {
	var plan struct {
		Dependencies []struct {
			Name     string          `json:"name"`
			Kind     string          `json:"kind"`
			Simulate bool            `json:"simulate"`
			Relay    json.RawMessage `json:"relay"`
		} `json:"dependencies"`
	}
	if json.Unmarshal(run.Plan, &plan) != nil {
		return nil // a plan of another version: nothing is known of its wires
	}
	var wires []Wire
	for _, d := range plan.Dependencies {
		relayed := len(d.Relay) > 0 && string(d.Relay) != "null"
		if d.Simulate || relayed {
			wires = append(wires, Wire{Name: d.Name, Kind: d.Kind, Relayed: relayed})
		}
	}
	return wires
}

// Sample is what one run says about a wire.
type Sample struct {
	Run     string
	Started time.Time
	Calls   []parley.Call
}

// Fit is a model of a service.
type Fit struct {
	Calls    int // that it was made of
	Settings []Setting
	Parts    []Part
	// Notes say what the calls could not tell, in whole sentences.
	Notes []string
	// Source is the provenance, for the plan's "fitted".
	Source string
}

// Setting is a key of the plan's simulate with its value; with a Route it is that of the route.
type Setting struct{ Route, Key, Value string }

// Part is one distribution of a model beside the calls it was fitted to.
type Part struct {
	Name  string
	Calls int
	Model fault.Dist
	// Distance is the largest difference between the shares of the model and of the calls below a duration, at the
	// model's percentiles: the statistic of Kolmogorov and Smirnov, but for its grid.
	Distance  float64
	Quantiles []Quantile
}

// Quantile is a duration that a share P of the calls, or of the model, does not exceed.
type Quantile struct {
	P           float64
	Data, Model time.Duration
}

// Words say what the distance means. Few calls are at some distance from any model that they were drawn from: 0.886 by the root of
// their number is passed by chance one time in twenty (Lilliefors, 1967).
func (p *Part) Words() string {
	chance := 0.886 / math.Sqrt(float64(p.Calls))
	switch {
	case p.Distance < max(0.05, chance):
		return "fits well"
	case p.Distance < max(0.1, 1.5*chance):
		return "fits roughly"
	default:
		return "fits badly: compare the percentiles"
	}
}

// TooFewError says that there are not enough calls to tell.
type TooFewError struct {
	What  string
	Calls int
}

func (e *TooFewError) Error() string {
	return fmt.Sprintf("cannot tell: %s, %d at least are needed", counted(e.Calls, e.What), Least)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%s %ss", parley.FormatNumber(float64(n)), what)
}

// Learn fits the model of a kind of service to the calls of one wire. The error is a *TooFewError, or a kind that has no model.
func Learn(kind string, samples []Sample) (*Fit, error) {
	f := &Fit{}
	all := observe(samples)
	var err error
	switch kind {
	case "openai":
		err = f.openai(all)
	case "calendar":
		err = f.calendar(all)
	case "http":
		err = f.http(all)
	default:
		return nil, fmt.Errorf("there is no latency model of a service of kind %s", kind)
	}
	if err != nil {
		return nil, err
	}
	f.Source = source(f.Calls, samples)
	f.Settings = append(f.Settings, Setting{Key: "fitted", Value: f.Source})
	return f, nil
}

// source says where the model comes from: "from 1,200 calls of run 20261101T101500.000Z on 2026-11-01".
func source(calls int, samples []Sample) string {
	last := slices.MaxFunc(samples, func(a, b Sample) int { return a.Started.Compare(b.Started) })
	of := "run " + last.Run
	if len(samples) > 1 {
		of = fmt.Sprintf("%d runs, the last %s,", len(samples), last.Run)
	}
	return fmt.Sprintf("from %s of %s on %s", counted(calls, "call"), of, last.Started.UTC().Format(time.DateOnly))
}

// observation is an answered call as the models see it. Durations are in seconds.
type observation struct {
	operation    string
	wait, toEnd  float64 // from the start to the first byte, to the end
	prompt, said float64 // tokens that were not cached; of the completion
	audio        float64 // seconds
	others       float64 // other completions under way when this call began
}

// observe returns the calls that were answered as the service answers by itself.
func observe(samples []Sample) []observation {
	var all []observation
	for _, s := range samples {
		crowd := newCrowd(s.Calls)
		for i := range s.Calls {
			c := &s.Calls[i]
			if c.Failure != "" || c.Fault != "" || c.Status < 200 || c.Status > 299 || c.FirstByte < c.Start || c.End < c.FirstByte {
				continue
			}
			all = append(all, observation{
				operation: c.Operation,
				wait:      (c.FirstByte - c.Start).Seconds(), toEnd: (c.End - c.Start).Seconds(),
				prompt: float64(max(0, c.PromptTokens-c.CachedTokens)), said: float64(c.CompletionTokens),
				audio: c.AudioSeconds, others: crowd.others(c.Start),
			})
		}
	}
	return all
}

// crowd holds when completions began and ended.
type crowd struct{ starts, ends []time.Duration }

func newCrowd(calls []parley.Call) *crowd {
	c := &crowd{}
	for i := range calls {
		if isChat(calls[i].Operation) && calls[i].End != parley.None {
			c.starts = append(c.starts, calls[i].Start)
			c.ends = append(c.ends, calls[i].End)
		}
	}
	slices.Sort(c.starts)
	slices.Sort(c.ends)
	return c
}

// others is how many had begun before an instant and not ended.
func (c *crowd) others(at time.Duration) float64 {
	begun, _ := slices.BinarySearch(c.starts, at)
	ended, _ := slices.BinarySearch(c.ends, at+1)
	return float64(max(0, begun-ended))
}

func isChat(operation string) bool { return strings.HasSuffix(operation, "/chat/completions") }

// only returns the observations of some operations.
func only(all []observation, wanted func(operation string) bool) []observation {
	return slices.DeleteFunc(slices.Clone(all), func(o observation) bool { return !wanted(o.operation) })
}

func values(all []observation, of func(*observation) float64) []float64 {
	list := make([]float64, len(all))
	for i := range all {
		list[i] = of(&all[i])
	}
	return list
}

func toEnd(o *observation) float64 { return o.toEnd }

// set adds a fitted distribution.
func (f *Fit) set(route, key, name string, seconds []float64) {
	p := fit(name, seconds)
	f.Parts = append(f.Parts, p)
	f.Settings = append(f.Settings, Setting{Route: route, Key: key, Value: p.Model.String()})
}

func (f *Fit) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

// calendar fits reads and writes apart.
func (f *Fit) calendar(all []observation) error {
	writes := func(op string) bool {
		return slices.Contains([]string{"events.insert", "events.patch", "events.update", "events.delete"}, op)
	}
	known := func(op string) bool { return strings.Contains(op, ".") && !strings.Contains(op, "/") }
	for _, kind := range []struct {
		key, what string
		calls     []observation
	}{
		{"latency", "read", only(all, func(op string) bool { return known(op) && !writes(op) })},
		{"write_latency", "write", only(all, writes)},
	} {
		if n := len(kind.calls); n < Least {
			f.note("%s is left as it is: %v.", kind.key, &TooFewError{"answered " + kind.what, n})
			continue
		}
		f.Calls += len(kind.calls)
		f.set("", kind.key, kind.what+"s", values(kind.calls, toEnd))
	}
	if f.Calls == 0 {
		return &TooFewError{"answered call", len(all)}
	}
	return nil
}
