package drive

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"parley/internal/platform"
)

// ErrClosed is returned by Send after Close.
var ErrClosed = errors.New("the webhook client is closed")

// errStale marks a pooled connection that the bot had closed; nothing was sent on it.
var errStale = errors.New("stale connection")

// idleLimit is how long an idle connection is kept: as long as Node's agent, on
// which gateways run, keeps it.
const idleLimit = 4 * time.Second

// Client sends webhooks to one host over keep-alive connections, with as many
// connections as there are webhooks on their way.
type Client struct {
	host *fasthttp.HostClient

	// closing ends connections that are being made.
	closing context.Context
	close   context.CancelFunc

	mu    sync.Mutex
	conns map[*conn]struct{}
}

// NewClient returns a Client for the host of a webhook URL. A nil dial connects over TCP.
func NewClient(webhook string, dial func(context.Context) (net.Conn, error)) (*Client, error) {
	u, err := url.Parse(webhook)
	if err != nil {
		return nil, fmt.Errorf("parse webhook URL: %w", err)
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), map[bool]string{true: "443", false: "80"}[u.Scheme == "https"])
	}
	if dial == nil {
		dialer := net.Dialer{Timeout: 10 * time.Second}
		dial = func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", address) }
	}
	c := &Client{conns: make(map[*conn]struct{})}
	c.closing, c.close = context.WithCancel(context.Background())
	c.host = &fasthttp.HostClient{
		Addr:                          address,
		IsTLS:                         u.Scheme == "https",
		Name:                          "axios/1.7.9", // what the gateway's HTTP library calls itself
		MaxConns:                      1 << 20,
		MaxIdleConnDuration:           idleLimit,
		MaxResponseBodySize:           1 << 20,
		DisablePathNormalizing:        true,
		DisableHeaderNamesNormalizing: true,
		MaxIdemponentCallAttempts:     2,
		RetryIfErr: func(_ *fasthttp.Request, attempts int, err error) (bool, bool) {
			return false, attempts < 2 && errors.Is(err, errStale)
		},
		Dial: func(string) (net.Conn, error) { return c.dial(dial) },
	}
	return c, nil
}

// Send makes one webhook request.
func (c *Client) Send(w platform.Webhook, timeout time.Duration) (status int, err error) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI(w.URL)
	request.Header.SetMethod(fasthttp.MethodPost)
	for _, f := range w.Header {
		request.Header.Set(f.Name, f.Value)
	}
	request.SetBodyRaw(w.Body)
	err = c.host.DoTimeout(request, response, timeout)
	switch {
	case err == nil, errors.Is(err, fasthttp.ErrBodyTooLarge):
		return response.StatusCode(), nil // the status line is the acknowledgement; the body says nothing
	case c.isClosed():
		return 0, ErrClosed
	case errors.Is(err, fasthttp.ErrConnectionClosed):
		return 0, fmt.Errorf("send webhook: %w", syscall.ECONNRESET)
	case errors.Is(err, fasthttp.ErrTimeout), errors.Is(err, fasthttp.ErrDialTimeout):
		return 0, fmt.Errorf("send webhook: %w", context.DeadlineExceeded)
	default:
		return 0, fmt.Errorf("send webhook: %w", err)
	}
}

// Close closes every connection; requests on their way fail at once.
func (c *Client) Close() {
	c.close()
	c.mu.Lock()
	open := c.conns
	c.conns = make(map[*conn]struct{})
	c.mu.Unlock()
	for one := range open {
		_ = one.Conn.Close() // the run is over; nothing is left to be told
	}
}

// Connections is the number of connections open.
func (c *Client) Connections() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

func (c *Client) isClosed() bool { return c.closing.Err() != nil }

func (c *Client) dial(dial func(context.Context) (net.Conn, error)) (net.Conn, error) {
	raw, err := dial(c.closing)
	if err != nil {
		return nil, err
	}
	tracked := &conn{Conn: raw, client: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed() {
		_ = raw.Close()
		return nil, ErrClosed
	}
	c.conns[tracked] = struct{}{}
	return tracked, nil
}

// conn is a connection the client can close from outside, and which notices
// before it writes that the bot has closed it.
type conn struct {
	net.Conn
	client *Client
	used   bool
	idle   bool // a response was read since the last write
}

// Write checks a reused connection first. An event-driven client such as the
// gateway's sees a server close an idle connection at once and takes another; without
// this check the webhook would be lost, and the bot blamed for it.
func (c *conn) Write(p []byte) (int, error) {
	if c.idle && closedByPeer(c.Conn) {
		return 0, errStale
	}
	c.idle, c.used = false, true
	return c.Conn.Write(p)
}

func (c *conn) Read(p []byte) (int, error) {
	c.idle = c.used
	return c.Conn.Read(p)
}

func (c *conn) Close() error {
	c.client.mu.Lock()
	delete(c.client.conns, c)
	c.client.mu.Unlock()
	return c.Conn.Close()
}

// closedByPeer looks without waiting whether the other side has closed the connection.
func closedByPeer(c net.Conn) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	closed := false
	// Control, not Read: the read deadline of the request before may have passed.
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		closed = n == 0 && err == nil || err != nil && !errors.Is(err, syscall.EAGAIN)
	})
	return closed || err != nil
}
