package secondbot

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"parley"
	"parley/e2e/product"
	"parley/internal/record"
)

// TestMain makes the test's own binary the bot, if its first argument says so.
func TestMain(m *testing.M) {
	does := map[string]func(context.Context, func(string) string) error{"atender": Serve, "preparar": Prepare}
	if len(os.Args) < 2 || does[os.Args[1]] == nil {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := does[os.Args[1]](ctx, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "clinica:", err)
		stop()
		os.Exit(1)
	}
}

//go:embed plan.yaml
var planText string

// TestFirstFindingIsTheDefect plays the bot with one defect after the other. What is found first must be the defect, and
// nothing must be found if there is none.
func TestFirstFindingIsTheDefect(t *testing.T) {
	built := product.Build(t)
	for _, c := range []struct {
		name, defects string
		modelFaults   string
		perHour       int
		checks        []string // those that name the defect rightly
		quick         bool     // also in short test runs
	}{
		{name: "healthy", quick: true},
		{name: nPlusOne, checks: []string{"n-plus-one"}, quick: true},
		{name: smallPool, perHour: 16_000, checks: []string{"pool-limit", "held-transaction"}},
		{name: noPipeline, checks: []string{"round-trips"}},
		{name: typingPause, checks: []string{"delay-given-away"}},
		{name: stubborn, modelFaults: `faults: ["30% status 400 on POST /v1/chat/completions"]`, checks: []string{"retries"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && !c.quick {
				t.Skip("a run of half a minute")
			}
			if c.perHour == 0 {
				c.perHour = 6000
			}
			defect := c.name
			if len(c.checks) == 0 {
				defect = ""
			}
			d := diagnosed(t, built, "DEFECTS", defect, "MODEL_FAULTS", c.modelFaults, "PER_HOUR", fmt.Sprint(c.perHour))
			judge(t, d, c.checks)
		})
	}
}

// diagnosed plays the plan, filled in, and returns what the product makes of it.
func diagnosed(t *testing.T, built product.Binary, filled ...string) *parley.Diagnosis {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.NewReplacer(append(filled, "BINARY", self)...).Replace(planText)
	dir := filepath.Join(t.TempDir(), "run")
	if folder := os.Getenv("SECONDBOT_RUNS"); folder != "" { // to look at what was recorded
		dir = filepath.Join(folder, filepath.Base(t.Name()))
	}
	r := built.Run(t, nil, "load", "-f", product.Write(t, plan), "--out", dir)
	if !slices.Contains([]int{parley.ExitPass, parley.ExitFail, parley.ExitCannotTell}, r.Code) {
		t.Fatalf("exit code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	reader, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	run := reader.Run()
	if run.State != parley.Complete || run.Messages.Answered < 50 || run.Diagnosis == nil {
		t.Fatalf("the run is %s, %+v, diagnosis %v\n%s", run.State, run.Messages, run.Diagnosis, r.Stderr)
	}
	return run.Diagnosis
}

// judge holds a diagnosis against the checks that name the defect; none: there must be no finding.
func judge(t *testing.T, d *parley.Diagnosis, checks []string) {
	t.Helper()
	t.Log(d.Answer)
	for _, f := range slices.Concat(d.Findings, d.Notes) {
		t.Logf("%s (note: %v): %s %v; %v at p95; %d of %d turns, confidence %.2f; %s", f.Check, f.Note, f.What, f.Saved, f.SavedP95, f.Affected, f.Turns, f.Confidence, f.Doubt)
	}
	t.Logf("could not tell: %+v; clean: %v", d.Unknown, d.Clean)
	if len(checks) == 0 {
		if len(d.Findings) > 0 {
			t.Error("the bot has no defect, and there are findings")
		}
		return
	}
	if len(d.Findings) == 0 || !slices.Contains(checks, d.Findings[0].Check) {
		t.Errorf("the first finding is none of %v", checks)
	}
}
