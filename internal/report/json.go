package report

import (
	"encoding/json"
	"fmt"
	"io"

	"parley"
	"parley/internal/anatomy"
)

// Format and FormatVersion identify the JSON report. Fields are only ever added
// within a version.
const (
	Format        = "parley-report"
	FormatVersion = 1
)

// document is the JSON report. Instants and lengths of time that end in _ns are
// nanoseconds, instants counted from run.started (those of a waterfall in
// summary.anatomy from the user's last word); waits and latencies are
// seconds; shares are ratios; rates say their unit in their name or, in
// summary.rates, are messages per second and in summary.ramp messages per hour.
type document struct {
	Format  string `json:"format"`  // always "parley-report"
	Version int    `json:"version"` // of this layout
	// Verdict is null if nothing was judged.
	Verdict *parley.Verdict `json:"verdict"`
	// Diagnosis is null if no check ran.
	Diagnosis *parley.Diagnosis `json:"diagnosis"`
	// Run is run.json of the record, without the verdict and the diagnosis, which stand above.
	Run *parley.Run `json:"run"`
	// Summary is null if no turn or call could be read.
	Summary *anatomy.Summary `json:"summary"`
	// Missing says in words what the record lacks.
	Missing []string `json:"missing"`
	// Metrics defines the names used by budgets.
	Metrics []metric `json:"metrics"`
}

// metric is one entry of the catalogue of [parley.Metrics].
type metric struct {
	Name  string      `json:"name"`
	Unit  parley.Unit `json:"unit"`
	Means string      `json:"means"`
}

// JSON writes the whole document for programs to read, indented, with a final newline.
func JSON(w io.Writer, d Document) error {
	layout, err := d.layout()
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(layout); err != nil {
		return fmt.Errorf("report: write JSON: %w", err)
	}
	return nil
}

// compactJSON is the document for embedding in a page: <, > and & are escaped,
// so that no text of the run can end the script element that holds it.
func (d Document) compactJSON() (string, error) {
	layout, err := d.layout()
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(layout)
	if err != nil {
		return "", fmt.Errorf("report: embed JSON: %w", err)
	}
	return string(text), nil
}

func (d Document) layout() (document, error) {
	if d.Run == nil {
		return document{}, errNoRun
	}
	run := *d.Run
	run.Verdict, run.Diagnosis = nil, nil
	out := document{
		Format:    Format,
		Version:   FormatVersion,
		Verdict:   d.Run.Verdict,
		Diagnosis: d.Run.Diagnosis,
		Run:       &run,
		Summary:   d.Summary,
		Missing:   append([]string{}, d.Missing...),
	}
	for _, m := range parley.Metrics() {
		out.Metrics = append(out.Metrics, metric{m.Name, m.Unit, m.Means})
	}
	return out, nil
}
