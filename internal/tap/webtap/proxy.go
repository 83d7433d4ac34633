package webtap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Limits of what a client may take. A call itself has no limit of time: how long a service takes is the plan's affair.
const (
	headTime      = 30 * time.Second // for the head of a request, or a handshake
	bodyTime      = time.Minute      // for the body of a request
	idleTime      = 10 * time.Minute // between requests of a connection
	longestHead   = 64 << 10         // bytes
	mostStrangers = 100              // hosts counted by name
)

// Service stands in for the hosts of one wire.
type Service struct {
	Handler http.Handler
	// ConnContext is for the field of that name in [http.Server]; nil: none is needed.
	ConnContext func(context.Context, net.Conn) context.Context
}

// Options say what the proxy answers.
type Options struct {
	// Services by host, in small letters and without a port: a host is answered on every port.
	Services  map[string]*Service
	Authority *Authority
}

// Proxy is a forward proxy. It must be closed.
type Proxy struct {
	o       Options
	server  *http.Server
	tunnels *tunnels
	hangUp  context.CancelFunc // ends the calls under way
	opening sync.WaitGroup     // tunnels that have not been handed over

	mu     sync.Mutex
	tally  Tally
	closed bool
	early  map[net.Conn]struct{} // connections of those tunnels
}

// New returns a proxy.
func New(o Options) *Proxy {
	calls, hangUp := context.WithCancel(context.Background())
	p := &Proxy{o: o, tunnels: newTunnels(), hangUp: hangUp, tally: newTally(), early: map[net.Conn]struct{}{}}
	p.server = &http.Server{
		Handler:     http.HandlerFunc(p.serve),
		BaseContext: func(net.Listener) context.Context { return calls },
		ConnContext: p.connContext, ConnState: p.connState, ReadHeaderTimeout: headTime, IdleTimeout: idleTime, MaxHeaderBytes: longestHead,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // broken connections are the bot's affair
	}
	return p
}

// Serve answers the connections that come to l, until the proxy is closed.
func (p *Proxy) Serve(l net.Listener) error {
	var inner sync.WaitGroup
	inner.Go(func() { _ = p.server.Serve(p.tunnels) }) // ends with the server
	err := p.server.Serve(l)
	inner.Wait()
	return err
}

// Close ends every call and connection, and waits until the context ends for calls to be over.
func (p *Proxy) Close(ctx context.Context) {
	p.hangUp()
	p.mu.Lock()
	p.closed = true
	for c := range p.early {
		_ = c.Close() // whoever shakes hands on it ends
	}
	p.mu.Unlock()
	p.opening.Wait()
	_ = p.server.Shutdown(ctx) // calls are recorded when they end
	_ = p.server.Close()
	p.tunnels.drop()
}

// lane is what is known of a connection: the tunnel that it is, if it is one, and what services know of it.
type lane struct {
	conn   net.Conn
	tunnel *tunnel // nil: none

	mu     sync.Mutex // HTTP/2 serves requests of a connection at once
	values map[*Service]func(key any) any
}

type laneKey struct{}

func (p *Proxy) connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, laneKey{}, &lane{conn: c, tunnel: tunnelOf(c), values: map[*Service]func(any) any{}})
}

// connState notes tunnels that end before anything was asked in them.
func (p *Proxy) connState(c net.Conn, state http.ConnState) {
	if t := tunnelOf(c); state == http.StateClosed && t != nil && !t.asked.Load() {
		p.count(&p.tally.Unused, t.host, "")
	}
}

// with returns the request's context, with the values that the service gives to the connection.
func (l *lane) with(ctx context.Context, s *Service) context.Context {
	if s.ConnContext == nil {
		return ctx
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.values[s] == nil {
		l.values[s] = s.ConnContext(context.Background(), l.conn).Value
	}
	return valued{ctx, l.values[s]}
}

// valued is a context with other values before its own.
type valued struct {
	context.Context
	first func(key any) any
}

// Value looks a key up.
func (v valued) Value(key any) any {
	if value := v.first(key); value != nil {
		return value
	}
	return v.Context.Value(key)
}

// serve answers one request: one to open a tunnel, one from within a tunnel, or one with an absolute URL.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	l := r.Context().Value(laneKey{}).(*lane)
	t := l.tunnel
	switch {
	case t == nil && r.Method == http.MethodConnect:
		p.connect(w, r)
	case t != nil && r.Method == http.MethodConnect:
		http.Error(w, "parley: there is a tunnel to "+t.host+" already", http.StatusBadRequest)
	case t != nil:
		t.asked.Store(true)
		p.pass(w, r, l, t.host)
	case r.URL.Host == "":
		http.Error(w, "parley: this is a proxy for the calls of a bot. A request to it has an absolute URL, or the method CONNECT.", http.StatusBadRequest)
	default:
		p.pass(w, r, l, hostOf(r.URL.Host))
	}
}

// pass hands a request to the service that stands in for the host.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, l *lane, host string) {
	s := p.o.Services[host]
	switch {
	case s == nil:
		p.count(&p.tally.Strangers, host, "")
		http.Error(w, refusal(host), http.StatusForbidden)
		return
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		p.count(&p.tally.Upgrades, host, "")
		http.Error(w, "parley: WebSockets are not played; the call to "+host+" goes no further", http.StatusNotImplemented)
		return
	}
	own := r.WithContext(l.with(r.Context(), s))
	u := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery}
	if u.Path == "" {
		u.Path = "/"
	}
	own.URL, own.RequestURI = &u, u.RequestURI()
	own.Header.Del("Proxy-Authorization")
	own.Header.Del("Proxy-Connection")
	if r.Body != nil && r.Body != http.NoBody {
		own.Body = hurry(w, r.Body)
	}
	s.Handler.ServeHTTP(w, own)
}

// refusal is what a bot is told that calls a host which is not in the plan.
func refusal(host string) string {
	return "parley: " + host + " is not in the plan, and calls go nowhere else while the bot is under test; name it in the hosts of a dependency"
}

// connect opens a tunnel.
func (p *Proxy) connect(w http.ResponseWriter, r *http.Request) {
	host := printable(hostOf(r.Host))
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "parley: a tunnel needs HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return
	}
	if !p.enter(conn) {
		_ = conn.Close()
		return
	}
	defer p.leave(conn)
	_ = conn.SetDeadline(time.Now().Add(headTime)) // a connection that bears none is cut off with the proxy
	if p.o.Services[host] == nil {
		p.count(&p.tally.Strangers, host, "")
		// Clients show the phrase of the status, and not the body.
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 403 parley: %s is not in the plan\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s\n",
			host, len(refusal(host))+1, refusal(host))
		_ = conn.Close() // whether it was heard or not
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		_ = conn.Close()
		return
	}
	t := &tunnel{Conn: conn, read: buffered.Reader, host: host}
	ready, err := p.shake(r.Context(), t)
	if err != nil {
		_ = conn.Close()
		if wentAway(err) {
			p.count(&p.tally.Unused, host, "")
		} else {
			p.count(&p.tally.Distrust, host, err.Error())
		}
		return
	}
	_ = conn.SetDeadline(time.Time{})
	p.tunnels.hand(ready)
}

// wentAway reports whether a handshake failed because the client left, or said no more, rather than by what it said.
func wentAway(err error) bool {
	timeout, isNet := errors.AsType[net.Error](err)
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) ||
		isNet && timeout.Timeout()
}

// shake makes the connection one on which HTTP is spoken: by TLS, unless the client speaks HTTP at once, as some do for http URLs.
func (p *Proxy) shake(ctx context.Context, t *tunnel) (net.Conn, error) {
	const handshake = 22 // RFC 8446, section 5.1: the type of the first record
	first, err := t.read.Peek(1)
	if err != nil {
		return nil, err
	}
	if first[0] != handshake {
		return t, nil
	}
	config, err := p.o.Authority.config(t.host)
	if err != nil {
		return nil, err
	}
	t.secure = true
	conn := tls.Server(t, config)
	if err := conn.HandshakeContext(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	return conn, nil
}

// enter notes a connection that is made into a tunnel; it reports false if the proxy is closed.
func (p *Proxy) enter(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.early[c] = struct{}{}
	p.opening.Add(1)
	return true
}

func (p *Proxy) leave(c net.Conn) {
	p.mu.Lock()
	delete(p.early, c)
	p.mu.Unlock()
	p.opening.Done()
}

// hostOf is the name in host:port, as the plan has it.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	return strings.ToLower(strings.TrimSuffix(address, "."))
}
