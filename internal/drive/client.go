package drive

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"sync"
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
	address string
	secure  *tls.Config // nil for plain HTTP
	dial    func(context.Context) (net.Conn, error)

	// closing ends connections that are being made.
	closing context.Context
	close   context.CancelFunc

	buffers buffers

	mu    sync.Mutex
	conns map[*conn]struct{}
	// idle are connections without a request, the latest used last: few stay in use, the others grow old.
	idle []*conn
	// sweeper closes those that have been idle for too long; armed says that it will run.
	sweeper *time.Timer
	armed   bool
	// heads are the first lines of requests by URL, of which a platform has few.
	heads map[string]string
}

// NewClient returns a Client for the host of a webhook URL. A nil dial connects over TCP.
func NewClient(webhook string, dial func(context.Context) (net.Conn, error)) (*Client, error) {
	u, err := url.Parse(webhook)
	if err != nil {
		return nil, fmt.Errorf("parse webhook URL: %w", err)
	}
	c := &Client{address: u.Host, dial: dial, conns: make(map[*conn]struct{}), heads: make(map[string]string)}
	if u.Port() == "" {
		c.address = net.JoinHostPort(u.Hostname(), map[bool]string{true: "443", false: "80"}[u.Scheme == "https"])
	}
	if u.Scheme == "https" {
		c.secure = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	}
	if dial == nil {
		dialer := net.Dialer{Timeout: 10 * time.Second}
		c.dial = func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", c.address) }
	}
	c.closing, c.close = context.WithCancel(context.Background())
	return c, nil
}

// Send makes one webhook request.
func (c *Client) Send(w platform.Webhook, timeout time.Duration) (status int, err error) {
	status, err = c.send(w, time.Now().Add(timeout))
	switch {
	case err == nil:
		return status, nil
	case c.isClosed():
		return 0, ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, fasthttp.ErrTimeout):
		return 0, fmt.Errorf("send webhook: %w", context.DeadlineExceeded)
	default:
		return 0, fmt.Errorf("send webhook: %w", err)
	}
}

// send takes idle connections until one is not stale, else makes a new one.
func (c *Client) send(w platform.Webhook, deadline time.Time) (status int, err error) {
	head, err := c.head(w.URL)
	if err != nil {
		return 0, err
	}
	for {
		conn := c.take()
		if conn == nil {
			if conn, err = c.connect(deadline); err != nil {
				return 0, err
			}
		}
		status, reusable, err := conn.exchange(&c.buffers, head, w, deadline)
		if err == nil && reusable {
			c.keep(conn)
		} else {
			c.drop(conn)
		}
		if !errors.Is(err, errStale) {
			return status, err
		}
	}
}

// head is the first two lines of a request, and the user's name and password if the URL has some.
func (c *Client) head(webhook string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if head, ok := c.heads[webhook]; ok {
		return head, nil
	}
	u, err := url.Parse(webhook)
	if err != nil {
		return "", fmt.Errorf("parse webhook URL: %w", err)
	}
	head := "POST " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\n"
	if u.User != nil {
		password, _ := u.User.Password()
		head += "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)) + "\r\n"
	}
	c.heads[webhook] = head
	return head, nil
}

// take returns the connection that was idle for the shortest time, nil if there is none.
func (c *Client) take() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.idle) - 1
	if last < 0 {
		return nil
	}
	conn := c.idle[last]
	c.idle[last] = nil
	c.idle = c.idle[:last]
	return conn
}

// keep makes a connection idle.
func (c *Client) keep(conn *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed() {
		return // Close has closed it
	}
	conn.since = time.Now()
	c.idle = append(c.idle, conn)
	if c.armed {
		return
	}
	c.armed = true
	if c.sweeper == nil {
		c.sweeper = time.AfterFunc(idleLimit, c.sweep)
	} else {
		c.sweeper.Reset(idleLimit)
	}
}

// sweep closes connections that have been idle for long enough.
func (c *Client) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, now := 0, time.Now()
	for old < len(c.idle) && now.Sub(c.idle[old].since) >= idleLimit {
		delete(c.conns, c.idle[old])
		_ = c.idle[old].Close() // nothing is on its way
		old++
	}
	c.idle = append(c.idle[:0], c.idle[old:]...)
	if c.armed = len(c.idle) > 0 && !c.isClosed(); c.armed {
		c.sweeper.Reset(idleLimit - now.Sub(c.idle[0].since))
	}
}

// drop closes a connection that is not to be used again.
func (c *Client) drop(conn *conn) {
	c.mu.Lock()
	delete(c.conns, conn)
	c.mu.Unlock()
	_ = conn.Close() // what was to be learnt from it was learnt
}

// Close closes every connection; requests on their way fail at once.
func (c *Client) Close() {
	c.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for one := range c.conns {
		_ = one.Close() // the run is over; nothing is left to be told
	}
	c.conns, c.idle = nil, nil
	if c.sweeper != nil {
		c.sweeper.Stop()
	}
}

// Connections is the number of connections open.
func (c *Client) Connections() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

func (c *Client) isClosed() bool { return c.closing.Err() != nil }

// connect makes a connection.
func (c *Client) connect(deadline time.Time) (*conn, error) {
	ctx, cancel := context.WithDeadline(c.closing, deadline)
	defer cancel()
	raw, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	if c.secure != nil {
		secured := tls.Client(raw, c.secure)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, raw.Close())
		}
		raw = secured
	}
	tracked := newConn(raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed() {
		_ = raw.Close()
		return nil, ErrClosed
	}
	c.conns[tracked] = struct{}{}
	return tracked, nil
}
