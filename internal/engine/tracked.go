package engine

import (
	"net"
	"sync"
)

// tracked is a listener that can hang up on the connections that it accepted: when fasthttp's server shuts down it leaves those alone
// on which a request has begun, and some never end.
type tracked struct {
	net.Listener
	mu    sync.Mutex
	conns map[*trackedConn]struct{}
	over  bool
}

// Accept keeps the connection, or closes it if it is too late for one.
func (t *tracked) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	one := &trackedConn{Conn: c, of: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		_ = c.Close() // nobody will serve it
		return nil, net.ErrClosed
	}
	if t.conns == nil {
		t.conns = map[*trackedConn]struct{}{}
	}
	t.conns[one] = struct{}{}
	return one, nil
}

// hangUp ends the listener and all connections.
func (t *tracked) hangUp() {
	_ = t.Close() // it may be closed already
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	for c := range t.conns {
		_ = c.Conn.Close() // whoever serves it ends
	}
	t.conns = nil
}

type trackedConn struct {
	net.Conn
	of *tracked
}

func (c *trackedConn) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
