package drive

import "sync"

// crew runs tasks in goroutines that are used again: the stack of a new one grows, and is copied, each time it
// sends a webhook, which took a twentieth of the generator's CPU.
type crew struct {
	mu      sync.Mutex
	idle    []chan func() // of those who wait, the latest to have worked last
	over    bool
	working sync.WaitGroup
}

// mostIdle is how many wait for work; a crowd's webhooks leave more goroutines behind than the next second needs.
const mostIdle = 512

// do runs a task; once the crew is dismissed it does nothing.
func (w *crew) do(task func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	if n := len(w.idle); n > 0 {
		next := w.idle[n-1]
		w.idle = w.idle[:n-1]
		next <- task // who waits has room for one
		return
	}
	w.working.Go(func() { w.work(task) })
}

// work runs a task, and then others.
func (w *crew) work(task func()) {
	tasks := make(chan func(), 1)
	for ok := true; ok; task, ok = <-tasks {
		task()
		if !w.rest(tasks) {
			return
		}
	}
}

// rest lists a worker as one who waits; it reports whether there is anything to wait for.
func (w *crew) rest(tasks chan func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || len(w.idle) == mostIdle {
		return false
	}
	w.idle = append(w.idle, tasks)
	return true
}

// dismiss lets no further task begin.
func (w *crew) dismiss() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	for _, tasks := range w.idle {
		close(tasks)
	}
	w.idle = nil
}

// wait waits for the tasks under way, after dismiss.
func (w *crew) wait() { w.working.Wait() }
