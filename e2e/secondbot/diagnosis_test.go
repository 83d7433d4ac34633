package secondbot

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

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

// TestDefectIsWhatIsFound plays the bot with one defect after the other, and with two. What is found first must be the defects, the dearer
// one first, and nothing must be found if there is none.
func TestDefectIsWhatIsFound(t *testing.T) {
	built := product.Build(t)
	for _, c := range []struct {
		defects     string
		modelFaults string
		perHour     int
		want        [][]string // for each defect the checks that name it rightly
		quick       bool       // not only in long test runs
	}{
		{defects: "", quick: true},
		{defects: nPlusOne, want: [][]string{{"n-plus-one"}}, quick: true},
		{defects: smallPool, perHour: 16_000, want: [][]string{{"pool-limit", "held-transaction"}}},
		{defects: noPipeline, want: [][]string{{"round-trips"}}},
		{defects: typingPause, want: [][]string{{"delay-given-away"}}},
		{defects: newConnection, want: [][]string{{"connection-per-turn"}}},
		{defects: stubborn, modelFaults: `faults: ["30% status 400 on POST /v1/chat/completions"]`, want: [][]string{{"retries"}}},
		{defects: noPipeline + "," + nPlusOne, want: [][]string{{"n-plus-one"}, {"round-trips"}}},
	} {
		t.Run(cmp.Or(c.defects, "healthy"), func(t *testing.T) {
			if !c.quick && !product.Long() {
				t.Skip("a run of half a minute; make test-long has all")
			}
			perHour := cmp.Or(c.perHour, 6000)
			d := diagnosed(t, built, "DEFECTS", c.defects, "MODEL_FAULTS", c.modelFaults, "PER_HOUR", strconv.Itoa(perHour))
			judge(t, d, c.want)
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

// judge holds a diagnosis against the checks that name the defects.
func judge(t *testing.T, d *parley.Diagnosis, want [][]string) {
	t.Helper()
	t.Log(d.Answer)
	for _, f := range slices.Concat(d.Findings, d.Notes) {
		t.Logf("%s (note: %v): %s; saves %v, %v at p95; %d of %d turns, confidence %.2f; %s",
			f.Check, f.Note, f.What, seconds(f.Saved), seconds(f.SavedP95), f.Affected, f.Turns, f.Confidence, f.Doubt)
	}
	t.Logf("could not tell: %+v; clean: %v", d.Unknown, d.Clean)
	if len(want) == 0 && len(d.Findings) > 0 {
		t.Error("the bot has no defect, and there are findings")
	}
	for i, checks := range want {
		if i >= len(d.Findings) || !slices.Contains(checks, d.Findings[i].Check) {
			t.Errorf("finding %d is none of %v", i+1, checks)
		}
	}
}

// seconds is an estimate of a time, 0 if there is none.
func seconds(e *parley.Estimate) time.Duration {
	if e == nil {
		return 0
	}
	return time.Duration(e.Value * float64(time.Second)).Round(100 * time.Microsecond)
}
