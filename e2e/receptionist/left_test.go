package receptionist

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of every process that loses its own,
// so that none that parley leaves behind can hide.
func adoptOrphans(t *testing.T) {
	t.Helper()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
}

// judgeLeft collects the orphans of a parley that has ended. Those that end by themselves
// within a moment are fine: the last of them may only just have lost its parent.
func judgeLeft(t *testing.T) {
	t.Helper()
	gone := make(chan error, 1)
	go func() {
		for {
			if _, err := unix.Wait4(-1, nil, 0, nil); err != nil && !errors.Is(err, unix.EINTR) {
				gone <- err
				return
			}
		}
	}()
	select {
	case err := <-gone:
		if !errors.Is(err, unix.ECHILD) {
			t.Error(err)
		}
		return
	case <-time.After(3 * time.Second):
	}
	for _, pid := range children(t) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		t.Errorf("still running: %d %s", pid, strings.ReplaceAll(string(line), "\x00", " "))
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	<-gone
}

// children are the processes whose parent is this one.
func children(t *testing.T) (pids []int) {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		list, _ := os.ReadFile("/proc/self/task/" + thread.Name() + "/children") // a thread may have ended
		for word := range strings.FieldsSeq(string(list)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}
