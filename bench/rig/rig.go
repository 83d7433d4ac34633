// Package rig is what the benches share: child processes and what they cost,
// generators of load to stand beside, and results for people and for machines.
//
// It judges nothing and knows no figure that parley should reach.
package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is what a process used.
type Usage struct {
	CPU     time.Duration // user and system
	PeakRSS int64         // bytes, at the most
}

// Self is what this process has used so far.
func Self() Usage {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return Usage{}
	}
	return Usage{CPU: time.Duration(u.Utime.Nano() + u.Stime.Nano()), PeakRSS: u.Maxrss << 10}
}

// ResidentBytes is the memory this process holds now; 0 if the system does not tell.
func ResidentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// Command is a program to be run to its end.
type Command struct {
	Args  []string
	Stdin []byte
	Dir   string
	// Core, if not negative, is the only core the program may use. Where taskset
	// is missing it may use all.
	Core int
}

// Run runs the command and returns what it wrote and what it used. What it says on
// its standard error is part of the error.
func (c Command) Run(ctx context.Context) (output []byte, used Usage, err error) {
	args := OnCore(c.Core, c.Args)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = c.Dir
	cmd.Stdin = bytes.NewReader(c.Stdin)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	output, err = cmd.Output()
	if state := cmd.ProcessState; state != nil {
		used.CPU = state.UserTime() + state.SystemTime()
		if u, ok := state.SysUsage().(*syscall.Rusage); ok {
			used.PeakRSS = u.Maxrss << 10
		}
	}
	if err != nil {
		return output, used, fmt.Errorf("%s: %w: %s", strings.Join(c.Args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return output, used, nil
}

// OnCore returns the command that runs args on one core, or args as they are if core is
// negative or cannot be had.
func OnCore(core int, args []string) []string {
	if core < 0 || core >= runtime.NumCPU() || runtime.NumCPU() < 2 {
		return args
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return args
	}
	return append([]string{taskset, "-c", strconv.Itoa(core)}, args...)
}

// RaiseDescriptors raises the number of files and sockets this process and its
// children may have open as far as the system lets it, and returns it.
func RaiseDescriptors() (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the limit of descriptors: %w", err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("raise the limit of descriptors to %d: %w", limit.Max, err)
	}
	return int(min(limit.Cur, 1<<30)), nil
}

// errNoCounter: a generator's report does not say how many requests it made.
var errNoCounter = errors.New("its report does not say how many requests were made")
