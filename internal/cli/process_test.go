package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley"
	"parley/internal/record"
)

// deadline is how long a test waits for what must happen soon: far longer than it takes on a busy machine.
const deadline = 30 * time.Second

// process is parley as a child.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string        // working directory, in which out is the run's folder
	lines  chan string   // of standard error
	ended  chan struct{} // closed when it has ended
	output strings.Builder
}

// review starts "parley review" of a plan in a folder of its own.
func review(t *testing.T, plan string, variables ...string) *process {
	t.Helper()
	p := &process{t: t, dir: t.TempDir(), lines: make(chan string, 1000), ended: make(chan struct{})}
	if err := os.WriteFile(filepath.Join(p.dir, "parley.yaml"), []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.CommandContext(t.Context(), "parley", "review", "--out", "out")
	p.cmd.Dir = p.dir
	p.cmd.Env = append(append(os.Environ(), p.marker()), variables...)
	p.cmd.Stdout = &p.output
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
			p.lines <- scanner.Text()
		}
		_ = p.cmd.Wait() // the code is read from ProcessState
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // in case the test failed
		<-p.ended
	})
	return p
}

// await waits until parley's progress says that it is doing something.
func (p *process) await(doing string) {
	p.t.Helper()
	pattern := regexp.MustCompile(`^ *\d+s  ` + doing)
	late := time.After(deadline)
	for {
		select {
		case line := <-p.lines:
			if pattern.MatchString(line) {
				return
			}
		case <-p.ended:
			p.t.Fatalf("parley ended before it said %q:\n%s", doing, p.output.String())
		case <-late:
			p.t.Fatalf("parley did not say %q", doing)
		}
	}
}

// signal sends a signal.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// end waits for the end of the process and returns how it ended.
func (p *process) end() *os.ProcessState {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState
	case <-time.After(deadline):
		p.t.Fatal("parley does not end")
		return nil
	}
}

// run is the folder of the run.
func (p *process) run() string { return filepath.Join(p.dir, "out") }

// record reads the record back.
func (p *process) record() (*parley.Run, []parley.Turn, []string) {
	p.t.Helper()
	reader, err := record.Open(p.run())
	if err != nil {
		p.t.Fatal(err)
	}
	turns := slices.Collect(reader.Turns())
	if err := reader.Err(); err != nil {
		p.t.Fatal(err)
	}
	return reader.Run(), turns, reader.Missing()
}

// report runs "parley report" on the run.
func (p *process) report() string {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "parley", "report", "out")
	cmd.Dir = p.dir
	text, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("parley report: %v\n%s", err, text)
	}
	return string(text)
}

// nothingLeft waits until no process is left that parley started, and nobody
// listens any more where the bot and its database did.
func (p *process) nothingLeft() {
	p.t.Helper()
	p.until("processes are left", func() bool { return len(p.family()) == 0 })
	text, err := os.ReadFile(filepath.Join(p.dir, "bot.json"))
	if err != nil {
		return // the bot never ran
	}
	var addresses map[string]string
	if err := json.Unmarshal(text, &addresses); err != nil {
		p.t.Fatal(err)
	}
	for name, address := range addresses {
		if address != "" {
			p.until(name+" still listens at "+address, func() bool { return !listening(address) })
		}
	}
}

// family lists the living processes with the marker in their environment that parley was started
// with, where the system tells.
func (p *process) family() (pids []string) {
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(p.marker())) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}

func (p *process) marker() string { return "PARLEY_TEST_DIR=" + p.dir }

// until waits until a condition holds.
func (p *process) until(otherwise string, holds func() bool) {
	p.t.Helper()
	late := time.After(deadline)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-late:
			p.t.Fatal(otherwise)
		}
	}
}

func listening(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
