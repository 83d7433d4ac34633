package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
)

// memory is a listener of connections in memory, which virtual time can wait for.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	dials atomic.Int64
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}
func (m *memory) Close() error   { close(m.done); return nil }
func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "bot"} }
func (m *memory) dial(ctx context.Context) (net.Conn, error) {
	m.dials.Add(1)
	here, there := net.Pipe()
	select {
	case m.conns <- there:
		return here, nil
	case <-m.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// probing probes a bot for a stretch of virtual time and returns the samples in short ("0.1s 0" is an answer at once
// to what was asked for at 0.1 s, "1s !2" the second failure), and how many connections it took.
func probing(t *testing.T, lasts time.Duration, bot http.HandlerFunc) (samples string, dials int64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []string
		p := &prober{url: "http://bot/health", label: "/health", every: 100 * time.Millisecond, epoch: time.Now(), record: func(s parley.Sample) {
			mu.Lock()
			defer mu.Unlock()
			value := fmt.Sprint(s.Value)
			if s.Name == probeFailures {
				value = "!" + value
			}
			if s.Label != "/health" {
				t.Errorf("label %q", s.Label)
			}
			seen = append(seen, fmt.Sprintf("%v %s", s.At, value))
		}}
		link := &memory{conns: make(chan net.Conn), done: make(chan struct{})}
		server := &http.Server{Handler: bot}
		if bot != nil {
			go func() { _ = server.Serve(link) }()
		} else {
			_ = link.Close()
		}
		stop := p.start(t.Context(), link.dial)
		<-time.After(lasts)
		before := time.Now()
		stop()
		if waited := time.Since(before); waited != 0 {
			t.Errorf("it took %v to stop", waited)
		}
		_ = server.Close()
		samples, dials = strings.Join(seen, ", "), link.dials.Load()
	})
	return samples, dials
}

func TestProbe(t *testing.T) {
	answer := func(http.ResponseWriter, *http.Request) {}
	// nth makes the nth request special.
	nth := func(n int64, special http.HandlerFunc) http.HandlerFunc {
		var count atomic.Int64
		return func(w http.ResponseWriter, r *http.Request) {
			if count.Add(1) == n {
				special(w, r)
			}
		}
	}
	busy := func(d time.Duration) http.HandlerFunc {
		return func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(d):
			case <-r.Context().Done():
			}
		}
	}
	for _, test := range []struct {
		name  string
		lasts time.Duration
		bot   http.HandlerFunc // nil: nobody listens
		want  string
		dials int64
	}{
		{"a bot that is idle", 350 * time.Millisecond, answer, "0s !0, 0s 0, 100ms 0, 200ms 0, 300ms 0", 1},
		{"what falls due while one waits is left out", 450 * time.Millisecond, nth(2, busy(230*time.Millisecond)), "0s !0, 0s 0, 100ms 0.23, 400ms 0", 1},
		{"slower than the pace, all the time", 650 * time.Millisecond, busy(120 * time.Millisecond), "0s !0, 0s 0.12, 200ms 0.12, 400ms 0.12", 1},
		{"any status is an answer", 150 * time.Millisecond, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "broken", http.StatusInternalServerError) }, "0s !0, 0s 0, 100ms 0", 1},
		{"a redirection is not followed", 50 * time.Millisecond, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, "0s !0, 0s 0", 1},
		{"connections that the bot closes", 250 * time.Millisecond, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }, "0s !0, 0s 0, 100ms 0, 200ms 0", 3},
		{"an answer without an end", 1250 * time.Millisecond, nth(1, func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("data:"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}), "0s !0, 0s 0, 1.1s 0, 1.2s 0", 2},
		{"a long page", 150 * time.Millisecond, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 10*probeMost)) }, "0s !0, 0s 0, 100ms 0", 2},
		{"a connection that breaks", 250 * time.Millisecond, nth(2, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "0s !0, 0s 0, 100ms 0, 200ms 0", 2},
		{"a bot that never answers", 20500 * time.Millisecond, busy(time.Hour), "0s !0, 10s !1, 20.1s !2", 3},
		{"a bot that recovers", 10250 * time.Millisecond, nth(1, busy(time.Hour)), "0s !0, 10s !1, 10.1s 0, 10.2s 0", 2},
		{"nobody there", 250 * time.Millisecond, nil, "0s !0, 0s !1, 100ms !2, 200ms !3", 3},
		{"the end cuts one short", 5 * time.Second, busy(time.Hour), "0s !0", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, dials := probing(t, test.lasts, test.bot)
			if diff := cmp.Diff(test.want, got); diff != "" || dials != test.dials {
				t.Errorf("%d connections, want %d; samples (-want +got):\n%s", dials, test.dials, diff)
			}
		})
	}
}
