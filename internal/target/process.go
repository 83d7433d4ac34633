package target

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// ExitError says that a process ended which should not have.
type ExitError struct {
	Process string   // "bot", "setup", "PostgreSQL", ...
	Status  string   // "exit status 1", "signal: killed"
	Tail    []string // last lines of its output, without secrets
}

// Error gives the status and the last lines of the output.
func (e *ExitError) Error() string {
	if len(e.Tail) == 0 {
		return fmt.Sprintf("%s ended: %s; it wrote nothing", e.Process, e.Status)
	}
	return fmt.Sprintf("%s ended: %s; its last output:\n  %s", e.Process, e.Status, strings.Join(e.Tail, "\n  "))
}

// process is a child in a process group of its own.
type process struct {
	name string
	pid  int // also the id of its group
	out  *output
	// leash is the pipe whose closing makes the watchdog kill everything; nil
	// if the child is not a watchdog.
	leash *os.File
	// watched: the child is a watchdog, whose exit status stands for the bot's.
	watched bool
	// finite: it is expected to end by itself, with status 0.
	finite   bool
	stopping atomic.Bool
	done     chan struct{}
	// Read after done: err says why it ended, nil if it was stopped or succeeded.
	err error
}

// spec says how a process is started.
type spec struct {
	name     string
	finite   bool     // it should end by itself
	argv     []string // argv[0] is a path
	dir      string
	env      []string
	watchdog []string       // command in front of argv, none if empty
	death    syscall.Signal // sent to the child when parley dies; 0: none
	account  *account       // whom to run as; nil: as parley
	inherit  *os.File       // descriptor 3 of the child, nil: none
}

// start starts a process whose output goes to out.
func start(s spec, out *output) (*process, error) {
	p := &process{name: s.name, finite: s.finite, out: out, done: make(chan struct{})}
	argv := s.argv
	if len(s.watchdog) > 0 {
		argv = append(append(append([]string{}, s.watchdog...), "--"), s.argv...)
		p.watched = true
	}
	cmd := &exec.Cmd{Path: argv[0], Args: argv, Dir: s.dir, Env: s.env, SysProcAttr: &syscall.SysProcAttr{Setpgid: true}}
	if s.account != nil {
		cmd.SysProcAttr.Credential = s.account.credential()
	}
	if s.inherit != nil {
		cmd.ExtraFiles = []*os.File{s.inherit}
	}
	w, drain, err := out.pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if p.watched {
		r, leash, err := os.Pipe()
		if err != nil {
			_ = w.Close()
			drain()
			return nil, fmt.Errorf("start %s: %w", s.name, err)
		}
		cmd.Stdin, p.leash = r, leash
		defer r.Close()
	} else {
		deathSignal(cmd.SysProcAttr, s.death)
	}
	err = p.run(cmd, drain)
	_ = w.Close()
	if err != nil {
		p.release()
		drain()
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	return p, nil
}

// run starts cmd and a goroutine that waits for it. The parent-death signal
// follows the thread that forked, not the process: the goroutine stays on
// that thread as long as the child lives.
func (p *process) run(cmd *exec.Cmd, drain func()) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.pid = cmd.Process.Pid
		started <- nil
		_ = cmd.Wait() // its error is the state, read below
		p.release()
		// Members of the group which outlived its leader.
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
		drain()
		if expected := p.stopping.Load() || p.finite && cmd.ProcessState.Success(); !expected {
			p.err = &ExitError{Process: p.name, Status: p.status(cmd.ProcessState), Tail: p.out.Tail()}
		}
		close(p.done)
	}()
	return <-started
}

// release lets the watchdog go: it kills what is left and ends.
func (p *process) release() {
	if p.leash != nil {
		_ = p.leash.Close()
	}
}

// status words how the process ended. A watchdog passes the death of the bot
// by signal n on as status 128 + n, the way shells do.
func (p *process) status(state *os.ProcessState) string {
	if code := state.ExitCode(); p.watched && code > 128 {
		return "signal: " + syscall.Signal(code-128).String()
	}
	return state.String()
}

// stop asks the process to end by sig, kills what is left of its tree after
// grace, and returns when all of it is gone.
func (p *process) stop(sig syscall.Signal, grace time.Duration) {
	if p.ended() {
		return
	}
	p.stopping.Store(true)
	if p.watched { // it passes the signal on to every process itself
		_ = syscall.Kill(p.pid, sig)
	} else {
		_ = syscall.Kill(-p.pid, sig)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return
	case <-timer.C:
	}
	p.kill()
}

// kill ends the whole tree at once.
func (p *process) kill() {
	p.stopping.Store(true)
	if p.watched {
		p.release()
	} else {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	}
	<-p.done
}

// ended reports whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// pids returns the processes of the tree, without the watchdog.
func (p *process) pids() []int {
	if p.ended() {
		return nil
	}
	below := descendants(p.pid)
	if p.watched {
		return below
	}
	return append([]int{p.pid}, below...)
}
