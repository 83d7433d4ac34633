package cli_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/record"
)

// TestInitMakesPlansThatRun has init look at whole bots, whose variables have names of their own, and reviews them
// by the plan it wrote, with nothing changed but the length of the load.
func TestInitMakesPlansThatRun(t *testing.T) {
	t.Parallel()
	f := func(bot, program string) {
		t.Run(bot, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(program); err != nil {
				t.Fatalf("the bot is written for %s: %v", program, err)
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "bots", bot))); err != nil {
				t.Fatal(err)
			}
			if code, said := runIn(t, dir, "init"); code != parley.ExitPass {
				t.Fatalf("init: exit code %d\n%s", code, said)
			}
			shorten(t, filepath.Join(dir, "parley.yaml"))
			code, said := runIn(t, dir, "review", "--out", "run")
			if code != parley.ExitPass && code != parley.ExitCannotTell {
				t.Fatalf("review: exit code %d\n%s", code, said)
			}
			judgeRun(t, filepath.Join(dir, "run"))
		})
	}
	f("node", "node")
	f("go", "go")
}

// runIn runs parley in a folder.
func runIn(t *testing.T, dir string, args ...string) (code int, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // a build from scratch takes its time
	defer cancel()
	cmd := exec.CommandContext(ctx, "parley", args...)
	cmd.Dir = dir
	text, _ := cmd.CombinedOutput() // the code says it
	return cmd.ProcessState.ExitCode(), string(text)
}

// shorten replaces the lengths of the load's phases.
func shorten(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	short := strings.NewReplacer("solo: 20s", "solo: 1s", "warmup: 30s", "warmup: 1s", "steady: 5m", "steady: 3s").Replace(string(text))
	if short == string(text) {
		t.Fatal("the plan has no phases")
	}
	if err := os.WriteFile(path, []byte(short), 0o600); err != nil {
		t.Fatal(err)
	}
}

// judgeRun wants every turn answered, through the model and the gateway of parley.
func judgeRun(t *testing.T, dir string) {
	t.Helper()
	reader, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if run := reader.Run(); run.State != parley.Complete {
		t.Errorf("the run is %s: %v", run.State, run.Problems)
	}
	answered := 0
	for turn := range reader.Turns() {
		if turn.Outcome == parley.Answered {
			answered++
		}
		if turn.Outcome != parley.Answered && turn.Outcome != parley.Cut || turn.Failed() {
			t.Errorf("turn %d in %s: %s %s", turn.ID, turn.Phase, turn.Outcome, turn.Failure)
		}
	}
	var wires []string
	for call := range reader.Calls() {
		if !slices.Contains(wires, call.Wire) {
			wires = append(wires, call.Wire)
		}
		if call.Status >= 400 {
			t.Errorf("%s %s was answered with status %d", call.Wire, call.Operation, call.Status)
		}
	}
	if err := reader.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(wires)
	if answered < 2 || !slices.Equal(wires, []string{"evolution", "openai"}) {
		t.Errorf("%d turns answered, calls on the wires %q", answered, wires)
	}
}
