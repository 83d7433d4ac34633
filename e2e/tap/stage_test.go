package tap

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/fault"
	"parley/internal/tap"
	"parley/internal/tap/pgtap"
	"parley/internal/tap/redistap"
	"parley/internal/target"
)

const python = "/usr/bin/python3"

// servers are the private ones all tests share.
type servers struct {
	postgres *target.Postgres
	redis    *target.Redis
}

var shared servers

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if shared.postgres, err = target.StartPostgres(context.Background(), target.ServerOptions{
			Settings: []string{"fsync=off", "synchronous_commit=off", "max_connections=300"},
		}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer shared.postgres.Stop(10 * time.Second)
		if shared.redis, err = target.StartRedis(context.Background(), target.ServerOptions{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer shared.redis.Stop(10 * time.Second)
		return m.Run()
	}())
}

// wire is a tap before a server, with a meter on each side of it.
type wire struct {
	t          *testing.T
	url        string // of the meter before the tap
	tap        *tap.Tap
	near, far  *meter
	tapAt      net.Listener
	served     chan error
	mu         sync.Mutex
	calls      []parley.Call
	said       []string
	over       bool
	goroutines int
	files      int
}

// tapped puts a tap before the server at a URL, with the faults of a plan.
func tapped(t *testing.T, server string, faults ...string) *wire {
	t.Helper()
	w := &wire{t: t, served: make(chan error, 1), goroutines: runtime.NumGoroutine(), files: descriptors(t)}
	options := tap.Options{
		Wire: "wire", Key: parley.Key{1}, Epoch: time.Now(), Seed: 1,
		Record: func(c parley.Call) { w.mu.Lock(); w.calls = append(w.calls, c); w.mu.Unlock() },
		Warn:   func(text string) { w.mu.Lock(); w.said = append(w.said, text); w.mu.Unlock() },
	}
	for _, text := range faults {
		rule, err := fault.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		options.Faults = append(options.Faults, rule)
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	w.far = newMeter(t, u.Host)
	behind := *u
	behind.Host = w.far.address()
	if strings.HasPrefix(u.Scheme, "redis") {
		address, err := redistap.ParseServer(behind.String())
		if err != nil {
			t.Fatal(err)
		}
		options.Dial = address.Dial
		w.tap = tap.New(options, func(t *tap.Tap) tap.Protocol { return redistap.New(t) })
	} else {
		address, err := pgtap.ParseServer(behind.String())
		if err != nil {
			t.Fatal(err)
		}
		options.Dial = address.Dial
		w.tap = tap.New(options, func(t *tap.Tap) tap.Protocol { return pgtap.New(t, address.TLS != nil) })
	}
	if w.tapAt, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	go func() { w.served <- w.tap.Serve(w.tapAt) }()
	w.near = newMeter(t, w.tapAt.Addr().String())
	u.Host, u.RawQuery = w.near.address(), ""
	if u.Scheme == "rediss" {
		u.Scheme = "redis"
	}
	w.url = u.String()
	t.Cleanup(func() { w.end() })
	return w
}

// address is that of the tap as a client sees it.
func (w *wire) address() string { return w.near.address() }

// end takes the tap away and returns what it recorded. Nothing of it may stay behind.
func (w *wire) end() []parley.Call {
	w.t.Helper()
	if !w.over {
		w.over = true
		w.near.wait()
		_ = w.tapAt.Close()
		if err := <-w.served; !errors.Is(err, net.ErrClosed) {
			w.t.Errorf("serve: %v", err)
		}
		w.tap.Close()
		w.near.close()
		w.far.close()
		until(w.t, "goroutines and descriptors are what they were", func() bool {
			return runtime.NumGoroutine() <= w.goroutines && descriptors(w.t) <= w.files
		})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if c.Wire != "wire" || c.Conn == 0 || c.End < c.Start || c.FirstByte != parley.None && (c.FirstByte < c.Start || c.End < c.FirstByte) || c.Imposed > c.End-c.Start {
			w.t.Errorf("times or places: %+v", c)
		}
	}
	return w.calls
}

// exact checks that the bytes on both sides of the tap were the same ones, connection by connection.
func (w *wire) exact() {
	w.t.Helper()
	w.end()
	near, far := w.near.sums(), w.far.sums()
	if len(near) == 0 || !slices.Equal(near, far) {
		w.t.Errorf("before the tap: %v\nbehind it: %v", near, far)
	}
	if len(w.said) > 0 {
		w.t.Errorf("said %q", w.said)
	}
}

// warnings are what the tap has said.
func (w *wire) warnings() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.said, "\n")
}

// want compares the calls that succeeded, counted by name, with what was asked. Names that end in a star stand for all that begin
// so.
func want(t *testing.T, calls []parley.Call, asked map[string]int) {
	t.Helper()
	got := map[string]int{}
	for _, c := range calls {
		name := c.Operation
		for pattern := range asked {
			if head, starred := strings.CutSuffix(pattern, "*"); starred && strings.HasPrefix(name, head) && asked[name] == 0 {
				name = pattern
			}
		}
		if c.Failure != "" {
			name += " (" + c.Failure + ")"
		}
		got[name]++
	}
	if diff := cmp.Diff(asked, got); diff != "" {
		t.Errorf("calls (-asked +recorded):\n%s", diff)
	}
}

// run runs a program and returns what it wrote on its standard output.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), append(env, "PGGSSENCMODE=disable", "PYTHONDONTWRITEBYTECODE=1")...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", filepath.Base(name), err, out, &complaint)
	}
	return string(out)
}

// until waits for something that comes true soon.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buffer := make([]byte, 1<<16)
	t.Errorf("never: %s (%d goroutines, descriptors %q)\n%s", what, runtime.NumGoroutine(), links(), buffer[:runtime.Stack(buffer, true)])
}

// links tells what the open files are.
func links() (list []string) {
	all, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range all {
		if to, err := os.Readlink(fd); err == nil {
			list = append(list, to)
		}
	}
	return list
}

// descriptors counts the open files of the process.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	return len(all)
}

func sum(m map[string]int) (n int) {
	for v := range maps.Values(m) {
		n += v
	}
	return n
}

// runFailing runs a program that is to fail.
func runFailing(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "PGGSSENCMODE=disable")
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("%s did not fail: %s", name, out)
	}
}
