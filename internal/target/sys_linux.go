package target

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// deathSignal has the kernel send sig to the child when the thread that starts
// it ends (prctl(2), PR_SET_PDEATHSIG).
func deathSignal(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }

// adopt makes orphans below this process its own children, instead of init's
// (prctl(2), PR_SET_CHILD_SUBREAPER), so that daemons can be found too.
func adopt() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// rename sets the name tools know the process by (at most 15 bytes), so that
// "killall parley" does not end the watchdog together with parley.
func rename(name string) { _ = os.WriteFile("/proc/self/comm", []byte(name), 0) }

// descendants returns the processes below pid, parents before children.
func descendants(pid int) []int {
	children := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		id, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if parent, alive := parentOf(id); alive {
			children[parent] = append(children[parent], id)
		}
	}
	below := slices.Clone(children[pid])
	for i := 0; i < len(below); i++ {
		below = append(below, children[below[i]]...)
	}
	return below
}

// parentOf reads the parent of a process; alive is false for zombies too.
func parentOf(pid int) (parent int, alive bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	// proc_pid_stat(5): pid (comm) state ppid ...; comm may hold anything, brackets too.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 || string(fields[0]) == "Z" || string(fields[0]) == "X" {
		return 0, false
	}
	parent, err = strconv.Atoi(string(fields[1]))
	return parent, err == nil
}
