// Package upstreamtest serves a simulated service in memory, so that its tests can run in
// virtual time (testing/synctest).
package upstreamtest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley"
)

// Service is a simulated service as the engine serves it.
type Service interface {
	http.Handler
	ConnContext(context.Context, net.Conn) context.Context
}

// Bench is a service with a client, in memory.
type Bench struct {
	Client *http.Client

	t     *testing.T
	mu    sync.Mutex
	calls []parley.Call
}

// New serves the service that build returns. The service must give the calls it records to record.
func New(t *testing.T, build func(record func(parley.Call)) Service) *Bench {
	t.Helper()
	b := &Bench{t: t}
	service := build(func(c parley.Call) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.calls = append(b.calls, c)
	})
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: service, ConnContext: service.ConnContext}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	transport := &http.Transport{DialContext: l.dial, DisableCompression: true}
	b.Client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return b
}

// Request makes a request to the service; path begins with a slash.
func (b *Bench) Request(ctx context.Context, method, path, body string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "http://service"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// Do sends a request that must get a response, and returns it with its body read.
func (b *Bench) Do(r *http.Request) (*http.Response, []byte) {
	b.t.Helper()
	resp, err := b.Client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatalf("read: %v", err)
	}
	return resp, data
}

// Only is the one call recorded, once the server is done with it.
func (b *Bench) Only() parley.Call {
	b.t.Helper()
	calls := b.Recorded()
	if len(calls) != 1 {
		b.t.Fatalf("%d calls recorded, want 1: %+v", len(calls), calls)
	}
	return calls[0]
}

// Recorded returns the calls recorded so far.
func (b *Bench) Recorded() []parley.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

// pipes is a listener whose connections are net.Pipe: they work in virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept returns the next connection.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (p *pipes) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

// Addr is nowhere.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
