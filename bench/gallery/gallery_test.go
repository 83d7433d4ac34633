package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/wires"
	"parley/internal/plan"
)

// TestCases: what the gallery promises of itself.
func TestCases(t *testing.T) {
	known := map[string]bool{}
	for _, c := range wires.Checks() {
		known[c.ID] = true
	}
	for _, f := range faults() {
		if !slices.ContainsFunc(f.checks, func(id string) bool { return known[id] }) {
			t.Errorf("%s: no check names it: %v", f.name, f.checks)
		}
	}
	names := map[string]bool{}
	faulty, several, healthy := 0, 0, 0
	for _, c := range gallery() {
		if names[c.name] {
			t.Errorf("two cases are called %s", c.name)
		}
		names[c.name] = true
		for _, name := range c.faults {
			if _, ok := faultNamed(name); !ok {
				t.Errorf("%s: there is no fault %s", c.name, name)
			}
		}
		for _, name := range c.decoys {
			if decoys()[name] == "" {
				t.Errorf("%s: there is no decoy %s", c.name, name)
			}
		}
		switch {
		case len(c.faults) == 0:
			healthy++
		default:
			faulty++
			if len(c.faults) > 1 {
				several++
			}
		}
	}
	if faulty < 24 || 2*several < faulty || healthy < 20 {
		t.Errorf("%d cases with faults, %d with several, %d without", faulty, several, healthy)
	}
}

// TestFaultsAreTheBots: every fault and decoy is one that the example knows.
func TestFaultsAreTheBots(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("..", "..", "examples", "receptionist", "receptionist", "faults.py"))
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(faults()))
	for _, f := range faults() {
		names = append(names, f.name)
	}
	for name := range decoys() {
		names = append(names, name)
	}
	for _, name := range names {
		if !regexp.MustCompile(`(?m)^    ` + strings.ToUpper(name) + ` = `).Match(source) {
			t.Errorf("the receptionist does not know %s", name)
		}
	}
}

func TestPlanIsOne(t *testing.T) {
	g := bench{perHour: 3600, solo: 6 * time.Second, steady: 20 * time.Second}
	planted := []string{"nested_retries", "no_timeout", "held_transaction", "decoy_slow_report"}
	on := stageFor(planted)
	if got, want := on.name(), "-refusals-hangs-pool2"; got != want {
		t.Errorf("the stage is called %q, want %q", got, want)
	}
	text := g.plan(t.TempDir(), planted, on, 1)
	if strings.Contains(text, "@") || !strings.Contains(text, "status 400") || !strings.Contains(text, "hang") {
		t.Errorf("the plan is not filled in:\n%s", text)
	}
	if _, err := plan.Parse("gallery.yaml", []byte(text), t.TempDir(), os.LookupEnv); err != nil {
		t.Error(err)
	}
}

func TestScore(t *testing.T) {
	f := score([]verdict{
		{Case: "a", Faults: []string{"x"}, Hurts: true, Top1: true, Top3: true, Random: 0.1, Model: true},
		{Case: "b", Faults: []string{"x"}, Hurts: true, Top3: true, Random: 0.1},
		{Case: "c", Faults: []string{"x"}},
		{Case: "d", Clean: true, Decoys: []string{"y"}, Blamed: []string{"y"}},
		{Case: "e"},
	})
	if f.Faults != 2 || f.Harmless != 1 || f.Top1 != 0.5 || f.Top3 != 1 || f.HealthyRuns != 2 || f.HealthyClean != 1 || f.DecoysBlamed != 1 ||
		f.BlameLLMTop1 != 0.5 || f.RandomTop1 != 0.1 {
		t.Errorf("%+v", f)
	}
	var out strings.Builder
	if err := f.write(&out); err != nil || !strings.Contains(out.String(), "NOT CLEAN") || !strings.Contains(out.String(), "harmless") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestGainIsTheLargerPart(t *testing.T) {
	for _, tt := range []struct {
		name         string
		with, healed outcome
		want         float64
	}{
		{"time", outcome{P95: 2, PerHour: 100}, outcome{P95: 1, PerHour: 100}, 0.5},
		{"throughput", outcome{P95: 2, PerHour: 100}, outcome{P95: 2, PerHour: 150}, 0.5},
		{"none", outcome{}, outcome{P95: 1, PerHour: 1}, 0},
	} {
		if got := gain(tt.with, tt.healed); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestBlamed(t *testing.T) {
	got := blamed([]string{"decoy_slow_report"}, []parley.Finding{{Operation: "SELECT * FROM report"}})
	if len(got) != 1 {
		t.Errorf("%v", got)
	}
	if got := blamed([]string{"decoy_slow_report"}, []parley.Finding{{Operation: "SELECT * FROM customer"}}); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
