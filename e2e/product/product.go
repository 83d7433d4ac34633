// Package product builds parley and runs it the way its users do. It is what
// the judges share, and judges nothing itself.
package product

import (
	"bufio"
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

// Long reports whether tests are to run that take minutes, as make test-long asks.
func Long() bool { return os.Getenv("PARLEY_LONG") != "" }

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
	return b.Start(t, env, args...).Wait(t)
}

// Running is a command that goes on.
type Running struct {
	PID int
	// Progress are the lines of standard error; it is closed when there are no more.
	Progress <-chan string

	cmd    *exec.Cmd
	ctx    context.Context
	cancel context.CancelFunc
	stdout bytes.Buffer
	read   chan struct{} // closed when stderr is whole
	stderr strings.Builder
}

// Start begins a command. Wait must be called.
func (b Binary) Start(t testing.TB, env []string, args ...string) *Running {
	t.Helper()
	r := &Running{read: make(chan struct{})}
	r.ctx, r.cancel = context.WithTimeout(t.Context(), longest)
	r.cmd = exec.CommandContext(r.ctx, b.Path, args...)
	r.cmd.Dir = t.TempDir()
	r.cmd.Env = append(os.Environ(), env...)
	r.cmd.Stdout = &r.stdout
	r.cmd.Cancel = func() error { return r.cmd.Process.Signal(os.Interrupt) }
	stderr, err := r.cmd.StderrPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		r.cancel()
		t.Fatalf("parley %s: %v", strings.Join(args, " "), err)
	}
	r.PID = r.cmd.Process.Pid
	const most = 10_000 // lines that nobody takes; the reader must never wait
	progress := make(chan string, most)
	r.Progress = progress
	go func() {
		defer close(r.read)
		defer close(progress)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			r.stderr.WriteString(lines.Text() + "\n")
			select {
			case progress <- lines.Text():
			default:
			}
		}
	}()
	return r
}

// Signal sends a signal to the command alone.
func (r *Running) Signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Errorf("%v: %v", s, err)
	}
}

// Wait returns what the command left behind. Code is -1 if a signal ended it.
func (r *Running) Wait(t testing.TB) Result {
	t.Helper()
	defer r.cancel()
	<-r.read
	err := r.cmd.Wait()
	out := Result{Code: r.cmd.ProcessState.ExitCode(), Stdout: r.stdout.String(), Stderr: r.stderr.String()}
	if r.ctx.Err() != nil {
		t.Fatalf("%v: still going on after %v\n%s", r.cmd.Args, longest, out.Stderr)
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", r.cmd.Args, err)
	}
	return out
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
