package target

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// watchdogFailed is the status of a watchdog that could not do its work.
const watchdogFailed = 125

// Watchdog is the body of the hidden command [Options.Watchdog] names. It runs
// the command args (a leading "--" is skipped; args[0] is a path) with its own
// standard output and error, and returns when no process started below it is left.
//
//	what happens            what it does
//	SIGTERM                 passes it on to every descendant
//	stdin ends              kills every descendant: whoever held it is gone
//	the command ends        lets the others end if it was asked to end, else kills them
//
// The result is the command's exit status, 128 + n if signal n killed it.
func Watchdog(args []string, stdin io.Reader) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "watchdog: no command")
		return watchdogFailed
	}
	rename("bot-watchdog")
	if err := adopt(); err != nil {
		fmt.Fprintln(os.Stderr, "watchdog: adopt orphans:", err)
		return watchdogFailed
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP) // a terminal's, meant for parley
	defer signal.Stop(asked)

	// The child is killed with the thread that forks it, should the watchdog itself be.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pid, err := spawn(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "watchdog:", err)
		return watchdogFailed
	}
	k := &kennel{gone: make(chan struct{}), ended: make(chan struct{}), closed: make(chan struct{})}
	go func() { // ends with the process: nothing can interrupt the read
		_, _ = io.Copy(io.Discard, stdin)
		close(k.closed)
	}()
	var guard sync.WaitGroup
	guard.Go(func() { k.guard(asked) })
	status := k.reap(pid)
	guard.Wait()
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// spawn starts the command; it inherits standard output and error and reads nothing.
func spawn(args []string) (pid int, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	attr := &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{null.Fd(), os.Stdout.Fd(), os.Stderr.Fd()},
		Sys:   &syscall.SysProcAttr{},
	}
	deathSignal(attr.Sys, syscall.SIGKILL)
	pid, err = syscall.ForkExec(args[0], args, attr)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", args[0], err)
	}
	return pid, nil
}

// kennel is what the watchdog's two loops know of each other.
type kennel struct {
	ended  chan struct{} // the command ended
	gone   chan struct{} // and so did all else
	closed chan struct{} // stdin ended
}

// reap collects every child, adopted ones too, until there is none, and
// returns the status of the command.
func (k *kennel) reap(command int) (status syscall.WaitStatus) {
	defer close(k.gone)
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil: // ECHILD
			return status
		case pid == command:
			status = ws
			close(k.ended)
		}
	}
}

// guard passes SIGTERM on and decides when the rest must die.
func (k *kennel) guard(asked <-chan os.Signal) {
	ended := k.ended
	for {
		select {
		case <-k.gone:
			return
		case <-asked:
			ended = nil // they were asked to end and may take their time
			for _, pid := range descendants(os.Getpid()) {
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
			continue
		case <-k.closed:
		case <-ended:
		}
		k.cull()
		return
	}
}

// cull kills descendants until none is left; one that forks is outrun because
// its children are adopted and killed in the next round.
func (k *kennel) cull() {
	for {
		for _, pid := range slices.Backward(descendants(os.Getpid())) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		select {
		case <-k.gone:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}
