package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
	"parley/internal/diagnose/wires"
	"parley/internal/plan"
	"parley/internal/record"
	"parley/internal/report"
)

// Checks lists the checks of the diagnosis with their thresholds.
func (a *App) Checks() error {
	return report.Checks(a.Out, wires.Checks(), report.TerminalOptions{Width: a.Width, Color: a.Color})
}

// diagnosed runs the checks over a run.
func diagnosed(reader *record.Reader, sum *anatomy.Summary, cases *anatomy.Cases) (*parley.Diagnosis, error) {
	run := reader.Run()
	settings, err := settingsOf(run)
	if err != nil {
		return nil, err
	}
	d := diagnose.Diagnose(diagnose.NewEvidence(run, sum, cases, reader.Samples()), wires.Checks(), settings)
	return &d, nil
}

// settingsOf reads what the plan of a run, as resolved, says of the checks.
func settingsOf(run *parley.Run) (map[string]diagnose.Setting, error) {
	var p struct {
		Checks map[string]plan.Check `json:"checks"`
	}
	if len(run.Plan) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(run.Plan, &p); err != nil {
		return nil, fmt.Errorf("read the checks of the run's plan: %w", err)
	}
	out := map[string]diagnose.Setting{}
	for id, c := range p.Checks {
		out[id] = diagnose.Setting{Dismiss: c.Dismiss, Limits: c.Limits}
	}
	return out, nil
}

// mostProofs bounds the turns that are taken apart to be drawn beside a finding.
const mostProofs = 12

// proofs are the most typical turns of the findings, taken apart. The tables are read again only for turns that are not among the cases, as
// when the diagnosis is that of an earlier parley.
func proofs(reader *record.Reader, d *parley.Diagnosis, cases *anatomy.Cases) (out []anatomy.Waterfall) {
	var seen, missing []int64
	for i := range d.Findings {
		e := d.Findings[i].Examples
		if len(e) == 0 || slices.Contains(seen, e[0].Turn) || len(seen) == mostProofs {
			continue
		}
		seen = append(seen, e[0].Turn)
		at := slices.IndexFunc(cases.Turns, func(w anatomy.Waterfall) bool { return w.Turn == e[0].Turn })
		if at < 0 {
			missing = append(missing, e[0].Turn)
			continue
		}
		out = append(out, cases.Turns[at])
	}
	return append(out, anatomy.Dissect(reader.Run(), missing, reader.Turns(), reader.Replies(), reader.Calls())...)
}

// titles are the names of the checks for people, by id.
func titles() map[string]string {
	out := map[string]string{}
	for _, c := range wires.Checks() {
		out[c.ID] = c.Title
	}
	return out
}

// checkChecks finds what a plan says of checks or thresholds that there are not.
func checkChecks(p *plan.Plan) error {
	all := wires.Checks()
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	var wrong plan.Errors
	note := func(err error) {
		if list, ok := errors.AsType[plan.Errors](err); ok {
			wrong = append(wrong, list...)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.Checks)) {
		at := slices.Index(ids, id)
		if at < 0 {
			note(p.CheckError(id, "", ids))
			continue
		}
		checkLimits(p, &all[at], note)
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.SortStableFunc(wrong, func(a, b *plan.Error) int { return a.Line - b.Line })
	return wrong
}

// checkLimits finds thresholds that a check does not have, or that are in another unit.
func checkLimits(p *plan.Plan, c *diagnose.Check, note func(error)) {
	units, names := map[string]parley.Unit{}, make([]string, len(c.Limits))
	for i, l := range c.Limits {
		units[l.Name], names[i] = l.Unit, l.Name
	}
	for _, name := range slices.Sorted(maps.Keys(p.Checks[c.ID].Limits)) {
		unit, known := units[name]
		if !known {
			note(p.CheckError(c.ID, name, names))
			continue
		}
		note(p.CheckUnitError(c.ID, name, unit))
	}
}
