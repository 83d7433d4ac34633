package wires

import (
	"testing"

	"parley"
	"parley/internal/diagnose"
	"parley/internal/diagnose/casetest"
)

// expect runs a check over a run and holds what it came to against what it must. It returns the finding or the note, nil if none is due.
func expect(t *testing.T, r *casetest.Run, c diagnose.Check, want outcome) *parley.Finding {
	t.Helper()
	d := r.Diagnose(c)
	counts := [4]int{nothing: len(d.Clean), aNote: len(d.Notes), aFinding: len(d.Findings), unknown: len(d.Unknown)}
	var due [4]int
	due[want] = 1
	if counts != due {
		t.Fatalf("clean, notes, findings, unknown: %v, want %v\n%+v", counts, due, d)
	}
	all := append(d.Findings, d.Notes...)
	if len(all) == 0 {
		return nil
	}
	f := &all[0]
	if f.What == "" || f.Why == "" || f.Change == "" || len(f.Measured) == 0 || f.Layer == "" || f.Affected == 0 || f.Confidence <= 0 || f.Confidence > 1 {
		t.Errorf("it is not whole: %+v", f)
	}
	return f
}
