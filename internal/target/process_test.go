//go:build linux

package target

import (
	"strconv"
	"strings"
	"syscall"
)

// numbers returns the process numbers of lines "pid n" and "servers n m ...".
func numbers(text string) []int {
	var pids []int
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "pid" && fields[0] != "servers" {
			continue
		}
		for _, field := range fields[1:] {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// alive returns those of the processes that are there and no zombies.
func alive(pids []int) []int {
	var living []int
	for _, pid := range pids {
		if _, ok := parentOf(pid); ok {
			living = append(living, pid)
		}
	}
	return living
}

func kill(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }
