package engine

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// halfOpen is the server's side of a connection whose client has gone without a word: what is written to it goes nowhere.
type halfOpen struct {
	net.Conn
	what   string
	opened time.Time

	mu     sync.Mutex
	closed time.Time
}

func (h *halfOpen) Write(p []byte) (int, error) { return len(p), nil }

func (h *halfOpen) Close() error {
	h.mu.Lock()
	if h.closed.IsZero() {
		h.closed = time.Now()
	}
	h.mu.Unlock()
	return h.Conn.Close()
}

// stillOpen stands for a connection that has not been closed.
const stillOpen = time.Duration(-1)

// lasted is how long it was open.
func (h *halfOpen) lasted() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed.IsZero() {
		return stillOpen
	}
	return h.closed.Sub(h.opened)
}

// pipes is a listener in memory, for virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	addr   net.Addr
}

// inMemory takes the place of a listener, which it closes.
func inMemory(l net.Listener) *pipes {
	_ = l.Close()
	return &pipes{conns: make(chan net.Conn), closed: make(chan struct{}), addr: l.Addr()}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return p.addr }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// abandon opens a connection to an end, begins a request, and is not heard of again.
func (p *pipes) abandon(t *testing.T, what, begun string) *halfOpen {
	t.Helper()
	client, server := net.Pipe()
	h := &halfOpen{Conn: server, what: what, opened: time.Now()}
	p.conns <- h
	if _, err := io.WriteString(client, begun); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return h
}
