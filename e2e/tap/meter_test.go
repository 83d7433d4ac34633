package tap

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
)

// meter is a relay that knows nothing: it counts and sums the bytes of each connection.
type meter struct {
	t        *testing.T
	to       string
	at       net.Listener
	relaying sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	all   []string // a text for each connection that is over
}

func newMeter(t *testing.T, to string) *meter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &meter{t: t, to: to, at: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			m.relaying.Go(func() { m.relay(c.(*net.TCPConn)) })
		}
	}()
	return m
}

func (m *meter) address() string { return m.at.Addr().String() }

func (m *meter) relay(near *net.TCPConn) {
	defer near.Close()
	c, err := net.Dial("tcp", m.to)
	if err != nil {
		_ = near.SetLinger(0)
		return
	}
	far := c.(*net.TCPConn)
	defer far.Close()
	m.mu.Lock()
	m.conns = append(m.conns, near, far)
	m.mu.Unlock()
	up, down := &flow{}, &flow{}
	var back sync.WaitGroup
	back.Go(func() { pass(near, far, down) })
	pass(far, near, up)
	back.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, fmt.Sprintf("%d bytes %08x up, %d bytes %08x down", up.n, up.sum, down.n, down.sum))
}

// flow is one direction of a connection.
type flow struct {
	n   int64
	sum uint32
}

// pass relays one direction; a reset is passed on as one.
func pass(to, from *net.TCPConn, f *flow) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		f.take(buffer[:n])
		if _, werr := to.Write(buffer[:n]); werr != nil || err != nil && !errors.Is(err, io.EOF) {
			_ = to.SetLinger(0)
			_ = from.SetLinger(0)
			_, _ = to.Close(), from.Close()
			return
		}
		if err != nil {
			_ = to.CloseWrite()
			return
		}
	}
}

// sums are the connections that are over, in no order of time.
func (m *meter) sums() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(slices.Values(m.all))
}

// wait waits until all connections are over.
func (m *meter) wait() {
	_ = m.at.Close()
	done := make(chan struct{})
	go func() { m.relaying.Wait(); close(done) }()
	until(m.t, "all clients have gone", func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
}

// close ends everything.
func (m *meter) close() {
	_ = m.at.Close()
	m.mu.Lock()
	for _, c := range m.conns {
		_ = c.Close()
	}
	m.mu.Unlock()
	m.relaying.Wait()
}
