//go:build linux

package cli_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// On a terminal the progress is one line that is redrawn, and the report is coloured unless NO_COLOR is set.
func TestTerminal(t *testing.T) {
	colour := regexp.MustCompile(`\x1b\[[0-9;]*m`)
	for _, test := range []struct {
		name           string
		variables      []string
		live, coloured bool
	}{
		{"terminal", []string{"TERM=xterm-256color", "NO_COLOR="}, true, true},
		{"NO_COLOR", []string{"TERM=xterm-256color", "NO_COLOR=1"}, true, false},
		{"dumb terminal", []string{"TERM=dumb", "NO_COLOR="}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			screen := onTerminal(t, test.variables)
			if got := strings.Contains(screen, "\r\x1b[K"); got != test.live {
				t.Errorf("a line was redrawn: %v", got)
			}
			if got := colour.MatchString(screen); got != test.coloured {
				t.Errorf("coloured: %v", got)
			}
			if !strings.Contains(screen, "lost") || test.live && !strings.Contains(screen, "canary") {
				t.Errorf("neither progress nor report:\n%q", screen)
			}
			// What is on the last line of the progress when the report comes is taken away.
			if end := strings.LastIndex(screen, "\r\x1b[K"); test.live && strings.Contains(screen[end:], "msg/s") {
				t.Errorf("the progress line was left:\n%q", screen[end:])
			}
		})
	}
}

// onTerminal runs a short review on a terminal of 100 columns and returns all that was written there.
func onTerminal(t *testing.T, variables []string) string {
	t.Helper()
	master, terminal := openTerminal(t)
	dir := t.TempDir()
	if err := copyPlan(dir); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "parley", "review")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), variables...)
	cmd.Stdout, cmd.Stderr = terminal, terminal
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := terminal.Close(); err != nil { // parley has its own, and what follows its end is the end
		t.Fatal(err)
	}
	screen, err := io.ReadAll(master)
	if err != nil && !errors.Is(err, syscall.EIO) { // how Linux says that nobody holds the other side
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code depends on how busy the machine is
	return string(screen)
}

func openTerminal(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: 100}); err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, terminal
}
