// Package process reads what a tree of processes takes of the machine: CPU time, memory, processes and threads, and how busy the busiest
// of the threads is. It reads /proc and nothing else, so that the processes notice nothing of it. Elsewhere than on Linux it reads
// nothing. It starts and signals no process, and finds none by itself: whoever started them says which one is at the top.
package process

import (
	"maps"
	"runtime"
	"time"
)

// Table is what the processes of the machine had at a moment.
type Table struct {
	fs  procfs
	at  time.Time
	all map[int]stat
}

// ReadTable reads the processes of the machine; none elsewhere than on Linux. It takes some 10 µs for each.
func ReadTable() *Table {
	t := &Table{fs: procfs{"/proc"}, at: time.Now()}
	if runtime.GOOS == "linux" {
		t.all = t.fs.processes()
	}
	return t
}

// At is when the reading began.
func (t *Table) At() time.Time { return t.at }

// Tree is a process with all that are below it, workers of workers included. It is used by one goroutine at a time.
type Tree struct {
	root    int
	keeper  bool
	started uint64 // of the root, in ticks since the machine was started; 0 before the first reading

	at      time.Time // of the last reading
	cpu     time.Duration
	threads map[thread]time.Duration // CPU time by then
}

// thread tells a thread from all others, later ones with its number too.
type thread struct {
	pid, id int
	started uint64
}

// Usage is what the tree takes.
type Usage struct {
	// CPU is the time that its processes have spent on processors since they were started, in user space and in the kernel: those that
	// live and those that have ended. It never goes back. It is exact to 10 ms for each of them.
	CPU time.Duration
	// Resident is the memory they hold, in bytes. What they share counts once for each.
	Resident int64
	// Processes and Threads live at the moment.
	Processes, Threads int
	// Busiest is the share of one processor that the busiest thread had since the reading before, 0 to 1. Only if Compared.
	Busiest  float64
	Compared bool // there was a reading before
}

// New returns the tree below the process root. A keeper is a root which is none of the tree itself but waits for all that is below it,
// orphans included.
func New(root int, keeper bool) *Tree {
	return &Tree{root: root, keeper: keeper}
}

// Read returns what the tree takes by a table, which is younger than those before. It reports false if the tree is not in it: the root is
// gone. It reads the tree's threads, which takes some 10 µs for each.
func (t *Tree) Read(table *Table) (u Usage, ok bool) {
	root, ok := table.all[t.root]
	if !ok || t.started != 0 && root.started != t.started { // another process has its number by now
		return Usage{}, false
	}
	t.started = root.started

	// A process that has ended is in the account of the one that waited for it, which is in the tree itself, or is the keeper.
	cpu := root.ended
	members := below(table.all, t.root)
	if !t.keeper {
		members = append(members, t.root)
	} else if len(members) == 0 {
		return Usage{}, false // it is about to start, or to end
	}
	threads := make(map[thread]time.Duration, len(t.threads))
	for _, pid := range members {
		p := table.all[pid]
		cpu += p.cpu
		if pid != t.root {
			cpu += p.ended
		}
		if p.zombie {
			continue
		}
		u.Processes++
		u.Threads += p.threads
		u.Resident += p.resident
		maps.Insert(threads, table.fs.threads(pid))
	}
	// One that ended after the table had come to its parent, and before it came to itself, is missed this once.
	t.cpu = max(t.cpu, cpu)
	u.CPU = t.cpu
	u.Busiest, u.Compared = t.compare(threads, table.at)
	t.threads, t.at = threads, table.at
	return u, true
}

// compare returns the share of a processor that the busiest thread had since the last reading.
func (t *Tree) compare(threads map[thread]time.Duration, now time.Time) (busiest float64, ok bool) {
	passed := now.Sub(t.at)
	if t.threads == nil || passed <= 0 {
		return 0, false
	}
	var most time.Duration
	for id, cpu := range threads {
		most = max(most, cpu-t.threads[id]) // a new one has had all of it since then
	}
	return min(1, most.Seconds()/passed.Seconds()), true // ticks are coarse
}

// below returns the processes below one.
func below(all map[int]stat, root int) []int {
	children := make(map[int][]int)
	for pid, p := range all {
		children[p.parent] = append(children[p.parent], pid)
	}
	var tree []int
	take := func(parent int) {
		tree = append(tree, children[parent]...)
		delete(children, parent) // a number that was given again meanwhile can make a circle of them
	}
	take(root)
	for i := 0; i < len(tree); i++ {
		take(tree[i])
	}
	return tree
}
