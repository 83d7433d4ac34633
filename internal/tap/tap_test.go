package tap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// watcher is a protocol that only counts, and does what it is told.
type watcher struct {
	mu           sync.Mutex
	asked, told  int64
	closed       int
	hold         func(p []byte) (time.Duration, error)
	answer       func(p []byte) (int, error)
	released     []release
	refuseToOpen error
}

func (w *watcher) Open(_ context.Context, client, server net.Conn, _ int64) (Session, net.Conn, net.Conn, error) {
	return watching{w}, client, server, w.refuseToOpen
}

type watching struct{ w *watcher }

func (s watching) Request(p []byte, _ time.Duration) (time.Duration, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.asked += int64(len(p))
	if s.w.hold != nil {
		return s.w.hold(p)
	}
	return 0, nil
}

func (s watching) Response(p []byte, _ time.Duration) (int, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.told += int64(len(p))
	if s.w.answer != nil {
		return s.w.answer(p)
	}
	return len(p), nil
}

func (s watching) Released(read int64, held time.Duration) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.released = append(s.w.released, release{read, held})
}

// release is one call of Released.
type release struct {
	read int64
	held time.Duration
}

func (s watching) Closed(time.Duration) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.closed++
}

// stage is a tap before a server that does with each connection what serve says.
func stage(t *testing.T, w *watcher, serve func(net.Conn)) (func() net.Conn, *Tap) {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { defer c.Close(); serve(c) })
		}
	})
	var dialer net.Dialer
	tapped := New(Options{
		Wire: "w", Epoch: time.Now(),
		Dial: func(ctx context.Context) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", server.Addr().String())
		},
	}, func(*Tap) Protocol { return w })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- tapped.Serve(l) }()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-served; !errors.Is(err, net.ErrClosed) {
			t.Errorf("serve: %v", err)
		}
		tapped.Close()
		_ = server.Close()
		serving.Wait()
	})
	return func() net.Conn {
		c, err := dialer.DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}, tapped
}

// TestEveryByteOnceAndInOrder sends megabytes both ways at once, through eight connections, in pieces of any size.
func TestEveryByteOnceAndInOrder(t *testing.T) {
	w := &watcher{}
	dial, _ := stage(t, w, func(c net.Conn) { _, _ = io.Copy(c, c) })
	const size = 3 << 20
	var all sync.WaitGroup
	for i := range 8 {
		c := dial().(*net.TCPConn)
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 0))
			want, got := sha256.New(), sha256.New()
			var writing sync.WaitGroup
			writing.Go(func() {
				buffer := make([]byte, 100_000)
				for left := size; left > 0; {
					piece := buffer[:min(left, 1+r.IntN(len(buffer)))]
					for j := range piece {
						piece[j] = byte(r.Uint32())
					}
					_, _ = want.Write(piece)
					if _, err := c.Write(piece); err != nil {
						t.Errorf("write: %v", err)
						return
					}
					left -= len(piece)
				}
				if err := c.CloseWrite(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			n, err := io.Copy(got, c)
			writing.Wait()
			if err != nil || n != size || !bytes.Equal(want.Sum(nil), got.Sum(nil)) {
				t.Errorf("%d bytes came back, %v", n, err)
			}
		})
	}
	all.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked != 8*size || w.told != 8*size {
		t.Errorf("the session saw %d and %d bytes", w.asked, w.told)
	}
}

// TestHeldBackInOrder: what is held back comes later, and what comes after it not before it.
func TestHeldBackInOrder(t *testing.T) {
	w := &watcher{hold: func(p []byte) (time.Duration, error) {
		if p[0] == 'a' {
			return 30 * time.Millisecond, nil
		}
		return 0, nil
	}}
	dial, _ := stage(t, w, func(c net.Conn) { _, _ = io.Copy(c, c) })
	c := dial()
	begin := time.Now()
	for _, piece := range []string{"a", "b", "a", "c"} {
		if _, err := c.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // so that they are read one by one
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "abac" {
		t.Errorf("%q, %v", got, err)
	}
	if took := time.Since(begin); took < 30*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

func TestCut(t *testing.T) {
	w := &watcher{hold: func(p []byte) (time.Duration, error) { return 0, ErrCut }}
	dial, _ := stage(t, w, func(c net.Conn) {
		if n, _ := io.Copy(io.Discard, c); n != 0 {
			t.Errorf("%d bytes went through", n)
		}
	})
	c := dial()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection lives")
	}
}

// TestAPeerThatGoes: when one side goes the other hears of it, whichever it is.
func TestAPeerThatGoes(t *testing.T) {
	w := &watcher{}
	heard := make(chan struct{})
	dial, _ := stage(t, w, func(c net.Conn) {
		if _, err := c.Read(make([]byte, 1)); err != nil {
			close(heard) // the client is gone
			return
		}
	})
	c := dial()
	_ = c.Close()
	<-heard
	c = dial()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(c); err != nil { // the server is gone
		t.Errorf("read: %v", err)
	}
}

// TestNobodyThere: a server that cannot be reached closes the client's connection, and it is said once.
func TestNobodyThere(t *testing.T) {
	var said []string
	var mu sync.Mutex
	tp := New(Options{
		Wire: "w", Dial: func(context.Context) (net.Conn, error) { return nil, errors.New("refused") },
		Warn: func(text string) { mu.Lock(); said = append(said, text); mu.Unlock() },
	}, func(*Tap) Protocol { return &watcher{} })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- tp.Serve(l) }()
	var dialer net.Dialer
	for range 3 {
		c, err := dialer.DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("read: %v", err)
		}
		_ = c.Close()
	}
	_ = l.Close()
	<-served
	tp.Close()
	if len(said) != 1 || said[0] != "the real w cannot be reached: refused" {
		t.Errorf("said %q", said)
	}
}

// TestCloseEndsWhatIsUnderWay: connections that nobody closes do not outlive the tap.
func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	w := &watcher{hold: func([]byte) (time.Duration, error) { return time.Hour, nil }}
	dial, tapped := stage(t, w, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	for range 10 {
		if _, err := dial().Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for w.count() < 10 {
		time.Sleep(time.Millisecond) // until all have been joined
	}
	tapped.Close() // returns
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed != 10 {
		t.Errorf("%d sessions were closed", w.closed)
	}
}

func (w *watcher) count() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}
