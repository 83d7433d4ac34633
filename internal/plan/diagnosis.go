package plan

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"parley"
)

// Check is what the plan says of one check of the diagnosis.
type Check struct {
	// Dismiss is the reason for which its findings are not reported; empty: they are.
	Dismiss string `json:"dismiss,omitempty"`
	// Limits are thresholds by name, in place of the check's own: durations in seconds, shares as ratios.
	Limits map[string]float64 `json:"limits,omitempty"`

	// units are those in which the limits were written.
	units map[string]parley.Unit
}

// origin is where keys stand in the file of a plan, for what can be checked only after it was read.
type origin struct {
	file   string // as it was named
	places map[string]position
}

// CheckError returns what is wrong with a check that the plan names, as the usual error with its place, for whoever knows the checks: there
// is none with the id, or it has no threshold called limit, if limit is not empty. Known are the names there are.
func (p *Plan) CheckError(id, limit string, known []string) error {
	name, kind, problem := id, "checks", "there is no such check"
	if limit != "" {
		name, kind, problem = limit, "thresholds", "the check has no such threshold"
		known = append([]string{dismissKey}, known...)
	}
	return p.checkError(id, limit, suggest(name, known, kind), problem)
}

// CheckUnitError returns an error if the plan gives a threshold in another unit than the check wants: parley.Seconds, parley.Ratio, or
// any other for what is a number alone. It returns nil for one that the plan does not give. 0 needs no unit.
func (p *Plan) CheckUnitError(id, limit string, want parley.Unit) error {
	if want != parley.Seconds && want != parley.Ratio {
		want = parley.Count
	}
	check := p.Checks[id]
	unit, given := check.units[limit]
	number := check.Limits[limit]
	// A share is taken as a number below 1, too.
	if !given || unit == want || number == 0 || want == parley.Ratio && unit == parley.Count && number < 1 {
		return nil
	}
	switch want {
	case parley.Seconds:
		return p.checkError(id, limit, fmt.Sprintf("write %gs or %gms", number, number), "the threshold is a duration")
	case parley.Ratio:
		return p.checkError(id, limit, "write 20% or 0.2", "the threshold is a share")
	default:
		return p.checkError(id, limit, "write it without a unit", "the threshold is a number")
	}
}

// checkError is an error at the place of a check, or of a threshold of it.
func (p *Plan) checkError(id, limit, hint, problem string) error {
	path := join("checks", id)
	if limit != "" {
		path = join(path, limit)
	}
	at := p.origin.places[path]
	return Errors{{File: p.origin.file, Line: at.line, Column: at.column, Path: path, Problem: problem, Hint: hint}}
}

const dismissKey = "dismiss"

// checks reads what the plan says of the checks. Which there are, and which thresholds they have, is known to the diagnosis alone.
func (d *decoder) checks(v value, p *Plan) {
	p.Checks, p.origin = map[string]Check{}, origin{d.file, map[string]position{}}
	for key, c := range d.entries(v, "a mapping of checks") {
		p.origin.places[key.path] = key.at
		if d.visit(c) {
			p.Checks[key.node.Value] = d.oneCheck(c, p.origin.places)
		}
	}
}

func (d *decoder) oneCheck(v value, places map[string]position) Check {
	var check Check
	if v.node.Kind == yaml.ScalarNode {
		d.fail(v, `write {dismiss: "why it is not reported"}, or a threshold`, "must be a mapping, not a single value")
		return check
	}
	for key, c := range d.entries(v, "a mapping of thresholds") {
		name := key.node.Value
		places[key.path] = key.at
		switch {
		case !d.visit(c):
		case name == dismissKey:
			scalar(d, &check.Dismiss, reason)(c)
		default:
			d.limit(name, c, &check)
		}
	}
	if v.node.Kind == yaml.MappingNode && len(v.node.Content) == 0 {
		d.fail(v, `write {dismiss: "why it is not reported"}, or a threshold`, "says nothing of the check")
	}
	return check
}

// limit reads one threshold of a check.
func (d *decoder) limit(name string, v value, into *Check) {
	text, ok := d.text(v)
	if !ok {
		return
	}
	number, unit, err := threshold(text)
	if err != nil {
		if near := nearest(name, []string{dismissKey}); len(near) > 0 {
			err = flawf("did you mean "+dismissKey+"?", "%q is not a threshold", text)
		}
		d.reject(v, err)
		return
	}
	if into.Limits == nil {
		into.Limits, into.units = map[string]float64{}, map[string]parley.Unit{}
	}
	into.Limits[name], into.units[name] = number, unit
}

// threshold accepts durations, shares with their sign, and numbers.
func threshold(s string) (float64, parley.Unit, error) {
	text, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	if f, err := number(strings.TrimSpace(text)); err == nil {
		switch {
		case f < 0:
			return 0, "", flawf("", "%s is below 0", s)
		case percent: // more than the whole is no mistake: something may have grown by it
			return f / 100, parley.Ratio, nil
		}
		return f, parley.Count, nil
	}
	length, err := span(0, longest)(s)
	if f, ok := errors.AsType[*flaw](err); ok && strings.HasSuffix(f.problem, "is not a duration") {
		err = flawf("write a duration like 250ms, a share like 20%, or a number", "%q is not a threshold", s)
	}
	return length.Seconds(), parley.Seconds, err
}

// reason accepts a text that says why.
func reason(s string) (string, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "":
		return "", flawf("say why, in the words the report is to show", "is empty")
	case "true", "false", "yes", "no", "on", "off":
		return "", flawf("say why, in the words the report is to show", "%q is no reason", s)
	}
	return strings.TrimSpace(s), nil
}
