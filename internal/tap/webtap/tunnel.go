package webtap

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// tunnel is a connection behind CONNECT.
type tunnel struct {
	net.Conn
	read   *bufio.Reader // holds what the client said right behind its CONNECT
	host   string
	secure bool
	asked  atomic.Bool // a request came through it
}

func (t *tunnel) Read(b []byte) (int, error) { return t.read.Read(b) }

// NetConn is the connection below, as that of a [tls.Conn]: faults reset it.
func (t *tunnel) NetConn() net.Conn { return t.Conn }

// tunnelOf is the tunnel that a connection of the server is, nil if it is none.
func tunnelOf(c net.Conn) *tunnel {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	t, _ := c.(*tunnel)
	return t
}

// tunnels is the listener by which tunnels come to the server.
type tunnels struct {
	ready chan net.Conn
	over  chan struct{}
	once  sync.Once
}

func newTunnels() *tunnels { return &tunnels{ready: make(chan net.Conn), over: make(chan struct{})} }

// hand gives a tunnel to the server, or closes it if there is none any more.
func (t *tunnels) hand(c net.Conn) {
	select {
	case t.ready <- c:
	case <-t.over:
		_ = c.Close()
	}
}

// Accept waits for a tunnel.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.ready:
		return c, nil
	case <-t.over:
		return nil, net.ErrClosed
	}
}

// Close ends the listener.
func (t *tunnels) Close() error { t.drop(); return nil }

func (t *tunnels) drop() { t.once.Do(func() { close(t.over) }) }

// Addr stands in for the address of a listener, which this one has not.
func (t *tunnels) Addr() net.Addr { return &net.TCPAddr{} }

// slow is the body of a request that must be there in time.
type slow struct {
	io.ReadCloser
	connection *http.ResponseController
}

// hurry gives a client a time within which the body must have come. It is a deadline of the connection, which ends with
// the body: what the client does while it waits for the answer is another matter.
func hurry(w http.ResponseWriter, body io.ReadCloser) io.ReadCloser {
	s := &slow{body, http.NewResponseController(w)}
	_ = s.connection.SetReadDeadline(time.Now().Add(bodyTime)) // every connection of the server bears one
	return s
}

func (s *slow) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	if err == io.EOF {
		_ = s.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}
