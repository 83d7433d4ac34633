//go:build linux

package target

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// both runs a test with and without the watchdog.
func both(t *testing.T, test func(t *testing.T, watchdog []string)) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("plain", func(t *testing.T) { test(t, nil) })
	t.Run("watchdog", func(t *testing.T) { test(t, []string{exe, "watchdog"}) })
}

func shell(script string, watchdog []string) Options {
	return Options{Command: []string{"sh", "-c", script}, Watchdog: watchdog, StartTimeout: 30 * time.Second}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

func TestBotServesAndStops(t *testing.T) {
	both(t, func(t *testing.T, watchdog []string) {
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		var log logBuffer
		address := freeAddress(t)
		b, err := Start(t.Context(), Options{
			Setup:    []string{"sh", "-c", "echo migrating with p%40ss"},
			Command:  []string{exe},
			Env:      []string{"PATH=/usr/bin:/bin", playVariable + "=web", "WEB_ADDRESS=" + address, "WEB_TOKEN=sk-123456"},
			Ready:    "http://" + address + "/health",
			Log:      &log,
			Secrets:  []string{"sk-123456", "p@ss", ""},
			Watchdog: watchdog,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(b.PIDs()) != 1 {
			t.Errorf("PIDs() = %v, want one process", b.PIDs())
		}
		if b.Err() != nil {
			t.Errorf("Err() of a running bot = %v", b.Err())
		}
		b.Stop(30 * time.Second)
		if b.Err() != nil || b.PIDs() != nil {
			t.Errorf("after Stop: Err() = %v, PIDs() = %v", b.Err(), b.PIDs())
		}
		want := "migrating with <secret>\ntoken is <secret>\ngood bye\n"
		if diff := cmp.Diff(want, log.String()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestStartFails(t *testing.T) {
	both(t, func(t *testing.T, watchdog []string) {
		busy, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer busy.Close()
		f := func(name string, o Options, want ...string) {
			t.Helper()
			b, err := Start(t.Context(), o)
			if err == nil {
				b.Stop(0)
				t.Errorf("%s: no error", name)
				return
			}
			for _, part := range want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: error %q does not contain %q", name, err, part)
				}
			}
		}
		f("no command", Options{}, "no command")
		f("unknown command", Options{Command: []string{"no-such-program"}}, "no command no-such-program in the PATH")
		f("not executable", Options{Command: []string{"./bot_test.go"}}, "bot_test.go is not an executable file")

		o := shell("exit 0", watchdog)
		o.Setup = []string{"sh", "-c", "for i in $(seq 30); do echo line $i; done; exit 3"}
		f("setup fails", o, "set up bot: setup ended: exit status 3", "line 11\n", "line 30")

		o = shell("sleep 600", watchdog)
		o.Setup, o.StartTimeout = []string{"sh", "-c", "echo waiting; sleep 600"}, 200*time.Millisecond
		f("setup hangs", o, "set up bot", context.DeadlineExceeded.Error(), "waiting")

		o = shell("echo no such module; exit 1", watchdog)
		o.Ready = freeAddress(t)
		f("ends early", o, "start bot: bot ended: exit status 1", "no such module")

		o = shell("kill -SEGV $$", watchdog)
		o.Ready = freeAddress(t)
		f("crashes", o, "signal: segmentation fault")

		o = shell("echo still loading; sleep 600", watchdog)
		o.Ready, o.StartTimeout = "http://"+freeAddress(t)+"/", 300*time.Millisecond
		f("never ready", o, "not ready", context.DeadlineExceeded.Error(), "connection refused", "still loading")

		o = shell("sleep 600", watchdog)
		o.Ready = "http://" + busy.Addr().String() + "/"
		f("port in use", o, "in use already")
	})
}

func TestStartCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := shell("sleep 600", nil)
	o.Ready = freeAddress(t)
	cancel()
	if _, err := Start(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("Start with a cancelled context: %v", err)
	}
}

func TestBotDies(t *testing.T) {
	both(t, func(t *testing.T, watchdog []string) {
		b, err := Start(t.Context(), shell("sleep 600 & echo out of memory; kill -KILL $$", watchdog))
		if err != nil {
			t.Fatal(err)
		}
		<-b.Done()
		exit, ok := errors.AsType[*ExitError](b.Err())
		if !ok {
			t.Fatalf("Err() = %v, want an ExitError", b.Err())
		}
		want := &ExitError{Process: "bot", Status: "signal: killed", Tail: []string{"out of memory"}}
		if diff := cmp.Diff(want, exit); diff != "" {
			t.Errorf("Err() (-want +got):\n%s", diff)
		}
	})
}

// TestStopLeavesNothing: a worker that ignores SIGTERM dies by SIGKILL, and under the
// watchdog a daemon that left the process group does too.
func TestStopLeavesNothing(t *testing.T) {
	both(t, func(t *testing.T, watchdog []string) {
		var log logBuffer
		o := shell(workers, watchdog)
		o.Log = &log
		b, err := Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "three processes", func() bool { return strings.Count(log.String(), "pid ") == 3 })
		b.Stop(100 * time.Millisecond)
		left := alive(numbers(log.String()))
		if watchdog == nil {
			// Nobody can find the daemon again: this is what the watchdog is for.
			for _, pid := range left {
				kill(pid)
			}
			if len(left) > 1 {
				t.Errorf("processes %v are left", left)
			}
			return
		}
		if len(left) > 0 {
			t.Errorf("processes %v are left", left)
		}
	})
}

// TestKilledParent kills -9 a process which started a bot with workers, a
// PostgreSQL and a Redis: none of them may stay.
func TestKilledParent(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(exe)
	parent.Env = append(os.Environ(), playVariable+"=parent")
	parent.Stderr = os.Stderr
	said, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	var folders []string
	lines := bufio.NewScanner(said)
	for (len(pids) < 5 || folders == nil) && lines.Scan() {
		pids = append(pids, numbers(lines.Text())...)
		if rest, ok := strings.CutPrefix(lines.Text(), "folders "); ok {
			folders = strings.Fields(rest)
		}
	}
	started := append(descendants(parent.Process.Pid), pids...)
	if len(alive(started)) < 10 {
		t.Errorf("only %v are running before the kill", alive(started))
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	eventually(t, "all processes are gone", func() bool { return len(alive(started)) == 0 })

	if len(folders) != 2 {
		t.Fatalf("folders: %v", folders)
	}
	for _, folder := range folders {
		if _, err := os.Stat(folder); err != nil {
			t.Errorf("the killed run's folder: %v", err)
		}
		kind, _, _ := strings.Cut(filepath.Base(folder), "-")
		sweep(filepath.Dir(folder), kind+"-"+strings.Split(filepath.Base(folder), "-")[1]+"-")
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder %s was not swept: %v", filepath.Base(folder), err)
		}
	}
}

// TestKilledWatchdog: if the watchdog itself is killed -9, its group follows.
func TestKilledWatchdog(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := Start(t.Context(), shell("sleep 600 & sleep 600", []string{exe, "watchdog"}))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "three processes", func() bool { return len(b.PIDs()) == 3 })
	pids := b.PIDs()
	kill(b.process.pid)
	<-b.Done()
	eventually(t, "all processes are gone", func() bool { return len(alive(pids)) == 0 })
	if b.Err() == nil {
		t.Error("Err() = nil")
	}
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"bot", "venv/bin/uvicorn"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f := func(command string, env []string, want string) {
		t.Helper()
		got, err := lookPath(command, dir, env)
		if want == "" {
			if err == nil {
				t.Errorf("lookPath(%q) = %q, want an error", command, got)
			}
			return
		}
		if err != nil || got != filepath.Join(dir, want) {
			t.Errorf("lookPath(%q) = %q, %v", command, got, err)
		}
	}
	f("./bot", nil, "bot")
	f(filepath.Join(dir, "bot"), nil, "bot")
	f("bot", []string{"PATH=/nowhere"}, "")
	f("bot", []string{}, "")
	f("uvicorn", []string{"PATH=/nowhere:venv/bin"}, "venv/bin/uvicorn")
	f("uvicorn", []string{"PATH=/nowhere", "PATH=" + dir + "/venv/bin"}, "venv/bin/uvicorn")
	f("venv/bin", nil, "")
}
