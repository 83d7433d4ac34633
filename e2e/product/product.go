// Package product builds parley and runs it the way its users do. It is what
// the judges share, and judges nothing itself.
package product

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// longest is how long one command may take before it is interrupted, as by Ctrl-C.
const longest = 55 * time.Second

// Binary is parley, freshly built.
type Binary struct {
	Path string
	// Root is the folder of parley's repository.
	Root string
}

// Build compiles parley from the repository this module is part of. Tests run
// in the folder of their package, two levels below the repository's.
func Build(t testing.TB) Binary {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	b := Binary{Path: filepath.Join(t.TempDir(), "parley"), Root: root}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", b.Path, "./cmd/parley")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build parley: %v\n%s", err, out)
	}
	return b
}

// Result is what a command left behind.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Run runs one command to its end, with env added to the environment. The
// working directory is a fresh one, so that nothing is found by luck.
func (b Binary) Run(t testing.TB, env []string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, b.Path, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	err := cmd.Run()
	r := Result{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	if ctx.Err() != nil {
		t.Fatalf("parley %s: still going on after %v\n%s", strings.Join(args, " "), longest, r.Stderr)
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("parley %s: %v", strings.Join(args, " "), err)
	}
	return r
}

// Edit replaces parts of a plan: pairs of what is there once and what shall be.
func Edit(t testing.TB, plan string, pairs ...string) string {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if n := strings.Count(plan, pairs[i]); n != 1 {
			t.Fatalf("edit the plan: %q is there %d times", pairs[i], n)
		}
		plan = strings.Replace(plan, pairs[i], pairs[i+1], 1)
	}
	return plan
}

// Phases replaces the load's phases, the last key of "load", by those given in YAML flow style.
func Phases(t testing.TB, plan, phases string) string {
	t.Helper()
	before, rest, found := strings.Cut(plan, "\n  phases:\n")
	if !found {
		t.Fatal("edit the plan: no phases")
	}
	for strings.HasPrefix(rest, "    ") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	return before + "\n  phases: " + phases + "\n" + rest
}

// Write keeps a plan in a folder of its own and returns its path.
func Write(t testing.TB, plan string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parley.yaml")
	if err := os.WriteFile(path, []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
