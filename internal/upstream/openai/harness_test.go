package openai

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
)

// pipes is a listener whose connections are net.Pipe: they work in virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
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

// bench is a simulator with a client, in memory.
type bench struct {
	t      *testing.T
	server *Server
	client *http.Client
	web    *http.Server

	mu    sync.Mutex
	calls []parley.Call
}

func newBench(t *testing.T, opts Options) *bench {
	t.Helper()
	b := &bench{t: t}
	opts.Wire = "openai"
	opts.Record = func(c parley.Call) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.calls = append(b.calls, c)
	}
	b.server = New(opts)
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	b.web = &http.Server{Handler: b.server, ConnContext: b.server.ConnContext}
	served := make(chan error, 1)
	go func() { served <- b.web.Serve(l) }()
	transport := &http.Transport{DialContext: l.dial, DisableCompression: true}
	b.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := b.web.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return b
}

func (b *bench) request(ctx context.Context, method, path, body string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "http://openai"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// post sends a chat request and returns the response with its body read.
func (b *bench) post(body string) (*http.Response, []byte) {
	b.t.Helper()
	resp, err := b.client.Do(b.request(b.t.Context(), http.MethodPost, "/v1/chat/completions", body))
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

// chat sends a chat request that must succeed.
func (b *bench) chat(body string) chatResponse {
	b.t.Helper()
	resp, data := b.post(body)
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("status %d: %s", resp.StatusCode, data)
	}
	var c chatResponse
	if err := json.Unmarshal(data, &c); err != nil {
		b.t.Fatal(err)
	}
	return c
}

// only is the one call recorded, once the server is done with it.
func (b *bench) only() parley.Call {
	b.t.Helper()
	calls := b.recorded()
	if len(calls) != 1 {
		b.t.Fatalf("%d calls recorded, want 1: %+v", len(calls), calls)
	}
	return calls[0]
}

func (b *bench) recorded() []parley.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]parley.Call(nil), b.calls...)
}

// streamed is a stream as a client saw it.
type streamed struct {
	events []string        // data of each event
	at     []time.Duration // when each came
}

func readStream(t *testing.T, start time.Time, body io.Reader) (streamed, error) {
	t.Helper()
	var s streamed
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			s.events = append(s.events, data)
			s.at = append(s.at, time.Since(start))
		}
	}
	return s, lines.Err()
}

func ask(words string) string {
	body, err := json.Marshal(map[string]any{
		"model":    "gpt-4o-mini",
		"messages": []map[string]string{{"role": "system", "content": "You are a receptionist."}, {"role": "user", "content": words}},
	})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// with adds top-level fields to a request.
func with(body, fields string) string {
	return string(bytes.TrimSuffix([]byte(body), []byte("}"))) + "," + fields + "}"
}

func dist(t *testing.T, text string) fault.Dist {
	t.Helper()
	d, err := fault.ParseDist(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func rules(t *testing.T, texts ...string) []fault.Rule {
	t.Helper()
	var list []fault.Rule
	for _, text := range texts {
		r, err := fault.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// steady is a latency model without chance: 500 ms to the first token, 20 ms for each further one.
func steady(t *testing.T) plan.OpenAI {
	return plan.OpenAI{FirstToken: dist(t, "500ms"), PerToken: dist(t, "20ms")}
}
