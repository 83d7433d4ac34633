//go:build linux

package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rounding is what is lost of a process's time in user space and of that in the kernel.
const rounding = 2 * tick

// at is the machine as it is, with another time on it.
func at(now time.Time) *Table {
	table := ReadTable()
	table.at = now
	return table
}

func read(t *testing.T, tree *Tree, table *Table) Usage {
	t.Helper()
	u, ok := tree.Read(table)
	if !ok {
		t.Fatal("nothing was read")
	}
	return u
}

// within holds a figure against what the processes say of themselves: before the reading, and after it.
func within(t *testing.T, what string, got, before, after, slack time.Duration) {
	t.Helper()
	if got < before-slack || got > after {
		t.Errorf("%s: CPU %v, want between %v and %v", what, got, before-slack, after)
	}
}

func TestTree(t *testing.T) {
	for _, keeper := range []bool{false, true} {
		t.Run(map[bool]string{false: "alone", true: "kept"}[keeper], func(t *testing.T) {
			w := start(t, keeper)
			w.do("look")
			tree := New(w.cmd.Process.Pid, keeper)
			now := time.Now()
			u := read(t, tree, at(now))
			if u.Processes != 1 || u.Threads < 1 || u.Resident < 1<<20 || u.Compared {
				t.Errorf("one process at work: %+v", u)
			}

			before := w.do("burn 200")
			u = read(t, tree, at(now.Add(10*time.Second)))
			within(t, "at work", u.CPU, before, w.do("look"), rounding)

			// Whatever a child had is known when it is waited for, however short it lived.
			earlier, before := before, w.do("child 100")
			u = read(t, tree, at(now.Add(20*time.Second)))
			within(t, "with a child that ended", u.CPU, before, w.do("look"), 2*rounding)
			if before-earlier < 100*time.Millisecond || u.Processes != 1 {
				t.Errorf("the child had %v, and %d processes are left", before-earlier, u.Processes)
			}

			w.do("keep")
			if kept := read(t, tree, at(now.Add(30*time.Second))); kept.Processes != 2 || kept.Threads <= 1 || kept.Resident <= u.Resident/2 {
				t.Errorf("with a child that stays: %+v", kept)
			}
			w.do("release")
			after := read(t, tree, at(now.Add(40*time.Second)))
			if after.Processes != 1 || after.CPU < u.CPU {
				t.Errorf("after it has gone: %+v", after)
			}

			w.end()
			if u, ok := tree.Read(at(now.Add(50 * time.Second))); ok {
				t.Errorf("nothing is left, and yet %+v", u)
			}
		})
	}
}

// TestBusiestThread tells one thread that is busy from two that share the same work.
func TestBusiestThread(t *testing.T) {
	w := start(t, true)
	w.do("look")
	tree := New(w.cmd.Process.Pid, true)
	now := time.Now()
	f := func(order string, passed time.Duration, least, most float64) {
		t.Helper()
		w.do(order)
		now = now.Add(passed) // as if it had taken that long
		if u := read(t, tree, at(now)); !u.Compared || u.Busiest < least || u.Busiest > most {
			t.Errorf("%s in %v: busiest %.4f, want %.4f to %.4f", order, passed, u.Busiest, least, most)
		}
	}
	read(t, tree, at(now))
	f("burn 200", 10*time.Second, 0.017, 0.03)
	f("burn-twice 200", 10*time.Second, 0.017, 0.03)
	f("look", 10*time.Second, 0, 0.01)
	f("child 200", 10*time.Second, 0, 0.01) // it lived between two readings: only the sum knows of it
	f("burn 100", 50*time.Millisecond, 1, 1)
}

// TestOrphans: who leaves its parent is still counted, while it lives and afterwards.
func TestOrphans(t *testing.T) {
	w := start(t, true)
	tree := New(w.cmd.Process.Pid, true)
	before := w.do("look")
	w.do("orphan 200")
	if u := read(t, tree, ReadTable()); u.CPU < before+200*time.Millisecond-2*rounding {
		t.Errorf("CPU %v with an orphan that had 200 ms; the worker itself had %v before", u.CPU, before)
	}
}

// fake writes a /proc of processes, "pid (name) state parent ... " each, all of which have 3 threads, 7 pages and 1 s of
// CPU time, and 2 s of children that ended.
func fake(t *testing.T, lines ...string) *Table {
	t.Helper()
	f := procfs{root: t.TempDir()}
	for _, line := range lines {
		pid, _, _ := strings.Cut(line, " ")
		folder := filepath.Join(f.root, pid)
		if err := os.MkdirAll(filepath.Join(folder, "task", pid), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{folder, filepath.Join(folder, "task", pid)} {
			if err := os.WriteFile(filepath.Join(path, "stat"), []byte(line), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return &Table{fs: f, at: time.Now(), all: f.processes()}
}

const rest = " 1 1 0 -1 4194560 100 0 0 0 60 40 150 50 20 0 3 0 %START 4096 7 18446744073709551615 1 1 0\n"

func line(head, start string) string { return head + strings.ReplaceAll(rest, "%START", start) }

func TestTreeOfAnyShape(t *testing.T) {
	tree := New(10, false)
	u := read(t, tree, fake(t,
		line("1 (init) S 0", "1"),
		line("10 (gunicorn: master) S 1", "100"),
		line("11 (worker) 9 (x)\n) R 10", "110"),
		line("12 (of the worker) S 11", "120"),
		line("13 (dead) Z 10", "130"),
		line("20 (another) S 1", "200"),
		"30 (cut short) S 10 1",
		"31 (no numbers) S 10 a b c d e f g h i j k l m n o p q r s t u v",
		"self",
	))
	want := Usage{CPU: 4*time.Second + 4*2*time.Second, Resident: 3 * 7 * int64(os.Getpagesize()), Processes: 3, Threads: 9}
	if u != want {
		t.Errorf("%+v, want %+v", u, want)
	}

	// Less than before, because one was read after it had been waited for and its parent before that, is no less.
	if u := read(t, tree, fake(t, line("10 (gunicorn: master) S 1", "100"))); u.CPU != want.CPU || u.Processes != 1 {
		t.Errorf("%+v", u)
	}
	if u, ok := tree.Read(fake(t, line("10 (someone else) S 1", "101"))); ok {
		t.Errorf("another process with the same number: %+v", u)
	}
	none := procfs{root: filepath.Join(t.TempDir(), "none")}
	if u, ok := tree.Read(&Table{all: none.processes()}); ok {
		t.Errorf("without /proc: %+v", u)
	}

	if u := read(t, New(10, true), fake(t, line("10 (keeper) S 1", "100"), line("11 (bot) S 10", "110"))); u.CPU != (2+1+2)*time.Second || u.Processes != 1 {
		t.Errorf("below a keeper: %+v", u)
	}
}
