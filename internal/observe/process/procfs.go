package process

import (
	"bytes"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is the unit of CPU times in /proc: USER_HZ, which is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// stat is what the kernel says of a process or a thread (proc_pid_stat(5)).
type stat struct {
	parent   int
	zombie   bool          // it has ended and nobody has waited for it yet
	cpu      time.Duration // its own
	ended    time.Duration // that of children it has waited for, and of theirs
	threads  int
	started  uint64 // ticks since the machine was started
	resident int64  // bytes
}

// procfs is the file system /proc.
type procfs struct{ root string }

// processes reads all processes of the machine. Those that end meanwhile are left out.
func (f procfs) processes() map[int]stat {
	all := make(map[int]stat)
	buffer := make([]byte, statMost)
	for pid := range numbers(f.root) {
		if s, ok := readStat(filepath.Join(f.root, strconv.Itoa(pid), "stat"), buffer); ok {
			all[pid] = s
		}
	}
	return all
}

// threads yields the CPU time of each thread of a process.
func (f procfs) threads(pid int) iter.Seq2[thread, time.Duration] {
	return func(yield func(thread, time.Duration) bool) {
		folder := filepath.Join(f.root, strconv.Itoa(pid), "task")
		buffer := make([]byte, statMost)
		for id := range numbers(folder) {
			s, ok := readStat(filepath.Join(folder, strconv.Itoa(id), "stat"), buffer)
			if ok && !yield(thread{pid, id, s.started}, s.cpu) {
				return
			}
		}
	}
}

// numbers yields the entries of a folder that are numbers; none if it cannot be read.
func numbers(folder string) iter.Seq[int] {
	return func(yield func(int) bool) {
		dir, err := os.Open(folder)
		if err != nil {
			return
		}
		names, _ := dir.Readdirnames(-1) // what was read before a failure counts
		_ = dir.Close()
		for _, name := range names {
			if n, err := strconv.Atoi(name); err == nil && !yield(n) {
				return
			}
		}
	}
}

// statMost is more than a line of stat has: 52 numbers and a name of at most 64 bytes.
const statMost = 2048

func readStat(path string, buffer []byte) (s stat, ok bool) {
	file, err := os.Open(path)
	if err != nil {
		return stat{}, false
	}
	defer file.Close()
	n, err := file.Read(buffer)
	if err != nil {
		return stat{}, false
	}
	return parseStat(buffer[:n])
}

// parseStat reads a line of stat. The name of the process stands in it in brackets and may hold anything, brackets and
// line breaks too.
func parseStat(line []byte) (s stat, ok bool) {
	fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
	const first, last = 3, 24 // of the fields after the name, as the manual counts them
	if len(fields) <= last-first {
		return stat{}, false
	}
	number := func(field int) (n int64) {
		n, err := strconv.ParseInt(string(fields[field-first]), 10, 64)
		ok = ok && err == nil
		return n
	}
	ok = true
	s = stat{
		parent:   int(number(4)),
		zombie:   bytes.ContainsAny(fields[0], "ZX"),
		cpu:      time.Duration(number(14)+number(15)) * tick,
		ended:    time.Duration(number(16)+number(17)) * tick,
		threads:  int(number(20)),
		started:  uint64(number(22)),
		resident: number(24) * int64(os.Getpagesize()),
	}
	return s, ok
}
