package tap

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
)

// couple joins two pipes in a bubble of virtual time; the ends returned are those of the client and the server.
func couple(t *testing.T, w *watcher) (client, server net.Conn, ended func()) {
	t.Helper()
	tp := New(Options{Wire: "w", Epoch: time.Now()}, func(*Tap) Protocol { return w })
	client, near := net.Pipe()
	far, server := net.Pipe()
	j := &joint{tap: tp, session: watching{w}, client: near, server: far}
	j.over, j.end = context.WithCancel(tp.ctx)
	var running sync.WaitGroup
	running.Go(j.run)
	return client, server, func() {
		_, _ = client.Close(), server.Close()
		running.Wait()
		tp.Close()
	}
}

// TestDelaysAreExact: what is held leaves when it is due, in order, and the time held is told before the server has it.
func TestDelaysAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watcher{hold: func(p []byte) (time.Duration, error) {
			return map[byte]time.Duration{'a': 30 * time.Millisecond, 'c': 5 * time.Millisecond}[p[0]], nil
		}}
		client, server, ended := couple(t, w)
		defer ended()
		begin := time.Now()
		go func() {
			for _, piece := range []string{"a", "b", "c"} {
				_, _ = client.Write([]byte(piece))
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(time.Second)
			_, _ = client.Write([]byte("d"))
		}()
		type arrival struct {
			what string
			at   time.Duration
		}
		var got []arrival
		for range 4 {
			p := make([]byte, 1)
			if _, err := io.ReadFull(server, p); err != nil {
				t.Fatal(err)
			}
			got = append(got, arrival{string(p), time.Since(begin)})
		}
		const ms = time.Millisecond
		want := []arrival{{"a", 30 * ms}, {"b", 30 * ms}, {"c", 30 * ms}, {"d", 1030 * ms}}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(arrival{})); diff != "" {
			t.Errorf("arrivals (-want +got):\n%s", diff)
		}
		held := []release{{1, 30 * ms}, {2, 20 * ms}, {3, 10 * ms}, {4, 0}}
		if diff := cmp.Diff(held, w.released, cmp.AllowUnexported(release{})); diff != "" {
			t.Errorf("released (-want +got):\n%s", diff)
		}
	})
}

// TestCutAfterADelay: a reset that a delay goes before strikes after it.
func TestCutAfterADelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watcher{hold: func([]byte) (time.Duration, error) { return time.Second, ErrCut }}
		client, server, ended := couple(t, w)
		defer ended()
		begin := time.Now()
		if _, err := client.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if n, err := server.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%d bytes went through, %v", n, err)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestHang: the request never leaves, and nothing stays behind when the client gives up.
func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watcher{hold: func([]byte) (time.Duration, error) { return Never, nil }}
		client, server, ended := couple(t, w)
		for range 3 {
			if _, err := client.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		_ = client.Close()
		if n, err := server.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%d bytes went through, %v", n, err)
		}
		ended()
	})
}

// TestAnswerCutMidway: what is before the cut goes on.
func TestAnswerCutMidway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watcher{answer: func([]byte) (int, error) { return 3, ErrCut }}
		client, server, ended := couple(t, w)
		defer ended()
		go func() { _, _ = server.Write([]byte("answer")) }()
		if got, err := io.ReadAll(client); string(got) != "ans" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestHeldBytesAreBounded: a client that goes on while its requests are held back is not read from any more, and nothing is lost.
func TestHeldBytesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watcher{hold: func([]byte) (time.Duration, error) { return time.Minute, nil }}
		client, server, ended := couple(t, w)
		const size = 3 * mostHeldBytes
		go func() {
			piece := make([]byte, 1<<20)
			for range size / len(piece) {
				_, _ = client.Write(piece)
			}
			_ = client.Close()
		}()
		synctest.Wait()
		if n := w.count(); n > mostHeldBytes+mostBuffer {
			t.Errorf("%d bytes were taken in", n)
		}
		if n, err := io.Copy(io.Discard, server); n != size || err != nil {
			t.Errorf("%d bytes of %d came, %v", n, size, err)
		}
		ended()
	})
}

// TestResetIsPassedOn: whichever side resets its connection, the other sees a reset.
func TestResetIsPassedOn(t *testing.T) {
	reset := func(c net.Conn) {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
	t.Run("server", func(t *testing.T) {
		dial, _ := stage(t, &watcher{}, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
			reset(c)
		})
		c := dial()
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client sees %v", err)
		}
	})
	t.Run("client", func(t *testing.T) {
		saw := make(chan error, 1)
		dial, _ := stage(t, &watcher{}, func(c net.Conn) {
			_, err := io.Copy(io.Discard, c)
			saw <- err
		})
		c := dial()
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		reset(c)
		if err := <-saw; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the server sees %v", err)
		}
	})
}

// short is a listener that is short of descriptors at first.
type short struct {
	net.Listener
	fails int
}

func (s *short) Accept() (net.Conn, error) {
	if s.fails--; s.fails >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return nil, net.ErrClosed
}

// TestShortOfDescriptors: a connection that cannot be accepted does not end the wire.
func TestShortOfDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said []string
		tp := New(Options{Wire: "w", Warn: func(text string) { said = append(said, text) }}, func(*Tap) Protocol { return &watcher{} })
		l := &short{fails: 100}
		if err := tp.Serve(l); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if len(said) != 1 || !strings.Contains(said[0], "ulimit -n") || l.fails != -1 {
			t.Errorf("said %q, %d failures left", said, l.fails)
		}
		tp.Close()
	})
}

// TestUnreachableIsRecorded as a call that failed.
func TestUnreachableIsRecorded(t *testing.T) {
	var calls []parley.Call
	tp := New(Options{
		Wire: "w", Epoch: time.Now(), Dial: func(context.Context) (net.Conn, error) { return nil, errors.New("refused") },
		Record: func(c parley.Call) { calls = append(calls, c) },
	}, func(*Tap) Protocol { return &watcher{} })
	client, near := net.Pipe()
	tp.relay(near)
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if len(calls) != 1 || calls[0].Operation != "connect" || calls[0].Failure != Unreachable || calls[0].Conn != 1 {
		t.Errorf("recorded %+v", calls)
	}
}
