// Package diagnose finds what makes a bot slow, lossy or dear, from what a run recorded.
//
// A [Check] looks for one cause. It says which turns show it and by how much earlier each of them would have been answered without it;
// what that comes to, with intervals, and whether it is a finding, a note or nothing, is decided here for all checks alike. The
// checks are in the packages below: one file each.
//
// It is pure: it reads no file and knows no bot. A check must hold for a bot that nobody has seen.
package diagnose

import (
	"cmp"
	"slices"

	"parley"
)

// Check looks for one cause.
type Check struct {
	// ID is the check's name in plans and records, and that of its page in docs/checks.
	ID string
	// Title is what people call the cause ("the same statement again and again").
	Title string
	// Needs lists the kinds of wires without one of which it cannot tell ("postgres"); none: turns alone suffice.
	Needs []string
	// Limits are its thresholds.
	Limits []Limit
	Look   func(e *Evidence, l Limits) Outcome
}

// Limit is a threshold that a plan may change.
type Limit struct {
	Name  string
	Value float64 // durations in seconds, shares as ratios
	Unit  parley.Unit
	Means string
}

// Limits are the thresholds in force, by name.
type Limits map[string]float64

// Outcome is what a check came to. Without suspects and Unknown it looked and found nothing.
type Outcome struct {
	Suspects []Suspect
	// Unknown says what it would need to tell ("needs more than one level of load").
	Unknown string
}

// Suspect is a cause that a check sees in the turns.
type Suspect struct {
	// Finding has What, Why, Change, Verify, Layer, Wire, Operation, Measured, and Doubt, Dollars and Lost if there are any. All
	// else is filled in later.
	Finding parley.Finding
	// Shown are the turns that show it, by their places in Evidence.Cases.Turns; each with the places of the calls that do, if it is calls.
	Shown map[int][]int
	// Saved is by how much earlier the answer would have come, in seconds, by the same places. Nil: it costs no time.
	Saved map[int]float64
	// Certainty is between 0 and 1: how sure the structure alone is, however much it costs.
	Certainty float64
	// Risk: it loses or repeats messages, or can; such a suspect is a finding, whatever time it takes.
	Risk bool
}

// Setting is what a plan says of a check.
type Setting struct {
	Dismiss string // the reason for which it is not to be reported; empty: it is
	Limits  Limits // thresholds that differ
}

// WorthSaving is the part of the replies' mean or 95th percentile that must go with a cause before it is a finding: its interval's lower
// bound reaches half of it, and its value all. What takes less is a note.
const WorthSaving = 0.1

// worthMoney is the part of a conversation's cost that must go with a cause before it is a finding.
const worthMoney = 0.1

// Diagnose runs the checks.
func Diagnose(e *Evidence, checks []Check, settings map[string]Setting) parley.Diagnosis {
	d := parley.Diagnosis{Findings: []parley.Finding{}}
	for _, c := range checks {
		s := settings[c.ID]
		if s.Dismiss != "" {
			d.Dismissed = append(d.Dismissed, parley.Dismissal{Check: c.ID, Reason: s.Dismiss})
			continue
		}
		if needs := e.lacks(c.Needs); needs != "" {
			d.Unknown = append(d.Unknown, parley.Unknown{Check: c.ID, Needs: needs})
			continue
		}
		o := c.Look(e, c.limits(s))
		if o.Unknown != "" {
			d.Unknown = append(d.Unknown, parley.Unknown{Check: c.ID, Needs: o.Unknown})
		}
		if o.Unknown == "" && len(o.Suspects) == 0 {
			d.Clean = append(d.Clean, c.ID)
		}
		for _, suspect := range o.Suspects {
			f := e.weigh(c, &suspect)
			if f.Note {
				d.Notes = append(d.Notes, f)
			} else {
				d.Findings = append(d.Findings, f)
			}
		}
	}
	slices.SortStableFunc(d.Findings, byCost)
	slices.SortStableFunc(d.Notes, byCost)
	d.Answer = e.answer(&d)
	return d
}

// limits are the thresholds in force.
func (c *Check) limits(s Setting) Limits {
	l := Limits{}
	for _, limit := range c.Limits {
		l[limit.Name] = limit.Value
		if v, ok := s.Limits[limit.Name]; ok {
			l[limit.Name] = v
		}
	}
	return l
}

// byCost puts what costs the person waiting most first: time at the 95th percentile, in the mean, then lost turns, then money.
func byCost(a, b parley.Finding) int {
	value := func(e *parley.Estimate) float64 {
		if e == nil {
			return 0
		}
		return e.Value
	}
	return cmp.Or(
		cmp.Compare(max(value(b.SavedP95), value(b.Saved)), max(value(a.SavedP95), value(a.Saved))),
		cmp.Compare(b.Lost, a.Lost),
		cmp.Compare(value(b.Dollars), value(a.Dollars)),
		cmp.Compare(b.Confidence, a.Confidence),
	)
}
