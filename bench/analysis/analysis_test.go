package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/anatomy"
	"parley/internal/record"
)

// What is written is what the analysis finds: the bench must not measure a record that is half ignored.
func TestRecordIsWhole(t *testing.T) {
	const turns, calls = 2000, 5
	dir := filepath.Join(t.TempDir(), "run")
	if err := write(t.Context(), dir, turns, calls); err != nil {
		t.Fatal(err)
	}
	r, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := anatomy.Summarize(r.Run(), r.Turns(), r.Replies(), r.Calls())
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	if s.Judged.Answered != turns || s.Judged.Conversations != turns/4 || s.Calls != turns*calls || s.Attributed != 1 {
		t.Errorf("%d answered in %d conversations, %d calls, %v of them attributed", s.Judged.Answered, s.Judged.Conversations, s.Calls, s.Attributed)
	}
	if len(s.Upstreams) != 2 {
		t.Errorf("%d wires: %+v", len(s.Upstreams), s.Upstreams)
	}
}

func TestLinearity(t *testing.T) {
	r := results{Small: report{Turns: 100, CPU: 2}, Large: report{Turns: 1000, CPU: 22}}
	r.relate()
	if math.Abs(r.Linearity-1.1) > 1e-9 {
		t.Errorf("%v, want 1.1", r.Linearity)
	}
	var out strings.Builder
	if err := r.write(&out); err != nil || !strings.Contains(out.String(), "1.10") {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestRefuses(t *testing.T) {
	for _, args := range [][]string{{"-turns", "5"}, {"-calls", "-1"}, {"-what"}} {
		if err := run(t.Context(), args, nil); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
