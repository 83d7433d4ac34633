//go:build linux

package process

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"parley/internal/target"
)

// TestMain lets the test binary be the process that is watched, one below it, and the keeper of both.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "__work":
		os.Exit(work())
	case len(os.Args) > 2 && os.Args[1] == "__burn":
		burn(os.Args[2], 1)
		os.Exit(0)
	case len(os.Args) > 1 && os.Args[1] == "__keep":
		os.Exit(target.Watchdog(os.Args[2:], os.Stdin))
	}
	os.Exit(m.Run())
}

// work does what it is asked to on a socket in place of its output, a line at a time, and answers each line when that is done.
func work() int {
	orders := os.Stdout
	var kept *exec.Cmd
	var leash io.Closer
	for lines := bufio.NewScanner(orders); lines.Scan(); {
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		var err error
		switch verb {
		case "burn": // on one thread
			burn(rest, 1)
		case "burn-twice": // on two threads at once
			burn(rest, 2)
		case "child": // which burns and ends
			err = exec.Command(os.Args[0], "__burn", rest).Run()
		case "orphan": // a child of a process that has ended, until it ends
			err = orphan(rest)
		case "keep": // a child that stays
			kept = exec.Command("cat")
			if leash, err = kept.StdinPipe(); err == nil {
				err = kept.Start()
			}
		case "release":
			_ = leash.Close()
			err = kept.Wait()
		}
		if err != nil {
			fmt.Fprintln(orders, "failed:", err)
			continue
		}
		fmt.Fprintln(orders, int64(used(unix.RUSAGE_SELF)+used(unix.RUSAGE_CHILDREN)))
	}
	return 0
}

// orphan starts a process that burns, by way of one that ends at once, and waits until it closes its end of a pipe.
func orphan(milliseconds string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	shell := exec.Command("sh", "-c", `"$0" __burn "$1" >&3 &`, os.Args[0], milliseconds)
	shell.ExtraFiles = []*os.File{w}
	err = shell.Run()
	_ = w.Close()
	if err == nil {
		_, err = io.ReadAll(r)
	}
	return err
}

// burn spends CPU time on some threads at once.
func burn(milliseconds string, threads int) {
	n, _ := strconv.Atoi(milliseconds)
	var all sync.WaitGroup
	for range threads {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for from := used(unix.RUSAGE_THREAD); used(unix.RUSAGE_THREAD)-from < time.Duration(n)*time.Millisecond; {
			}
		})
	}
	all.Wait()
}

func used(who int) time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(who, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// worker is such a process, seen by the test.
type worker struct {
	t     *testing.T
	cmd   *exec.Cmd
	leash io.Closer // with which the keeper ends
	at    *os.File
	lines *bufio.Scanner
}

// start starts one, below a keeper if there is to be one.
func start(t *testing.T, keeper bool) *worker {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	here, there := os.NewFile(uintptr(pair[0]), "here"), os.NewFile(uintptr(pair[1]), "there")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{t: t, cmd: exec.Command(exe, "__work"), at: here, lines: bufio.NewScanner(here)}
	if keeper {
		w.cmd = exec.Command(exe, "__keep", "--", exe, "__work")
	}
	w.cmd.Stdout, w.cmd.Stderr = there, os.Stderr
	if w.leash, err = w.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = there.Close()
	t.Cleanup(w.end)
	return w
}

// do has it carry out an order, and returns the CPU time that it and the children it waited for have had by then.
func (w *worker) do(order string) time.Duration {
	w.t.Helper()
	if _, err := fmt.Fprintln(w.at, order); err != nil || !w.lines.Scan() {
		w.t.Fatalf("%s: the process is gone: %v", order, err)
	}
	n, err := strconv.ParseInt(w.lines.Text(), 10, 64)
	if err != nil {
		w.t.Fatalf("%s: %s", order, w.lines.Text())
	}
	return time.Duration(n)
}

// end ends it, and waits until it is gone.
func (w *worker) end() {
	_ = w.at.Close()
	_ = w.leash.Close()
	_ = w.cmd.Wait() // its error is the state
}
