package webtap

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const model = "api.openai.com"

// stage is a proxy that listens, and what clients of it need.
type stage struct {
	t     *testing.T
	proxy *Proxy
	at    string
	roots *x509.CertPool
	over  chan struct{}
}

type numberKey struct{}

// service tells what it was asked, and the number of the connection.
func service(name string) *Service {
	var conns atomic.Int64
	return &Service{
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, numberKey{}, conns.Add(1))
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(w, "%s %s %s %s conn=%v %s %q", name, r.Proto, r.Method, r.RequestURI, r.Context().Value(numberKey{}), r.Header.Get("Proxy-Authorization"), body)
		}),
	}
}

func open(t *testing.T, services map[string]*Service) *stage {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, at: l.Addr().String(), over: make(chan struct{})}
	s.proxy, s.roots = newProxy(t, services)
	go func() { defer close(s.over); _ = s.proxy.Serve(l) }()
	t.Cleanup(s.close)
	return s
}

func newProxy(t testing.TB, services map[string]*Service) (*Proxy, *x509.CertPool) {
	t.Helper()
	var hosts []string
	for host := range services {
		hosts = append(hosts, host)
	}
	ca, err := NewAuthority(hosts, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	return New(Options{Services: services, Authority: ca}), roots
}

func (s *stage) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s.proxy.Close(ctx)
	<-s.over
}

// client is one that uses the proxy for everything.
func (s *stage) client(protocols ...func(*http.Protocols)) *http.Client {
	transport := &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: s.at}),
		TLSClientConfig: &tls.Config{RootCAs: s.roots},
		Protocols:       new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	for _, set := range protocols {
		set(transport.Protocols)
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (s *stage) get(c *http.Client, address string) (int, string) {
	s.t.Helper()
	resp, err := c.Get(address)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err.Error()
	}
	return resp.StatusCode, string(text)
}

// raw sends bytes as they are, on a new connection, and returns all that comes back within a while.
func (s *stage) raw(text string) string {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.at)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		return err.Error()
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

func TestEveryWayToAHost(t *testing.T) {
	s := open(t, map[string]*Service{model: service("model"), "calendar.example": service("calendar")})
	c := s.client()
	f := func(status int, got int, text, want string) {
		t.Helper()
		if got != status || !strings.Contains(text, want) {
			t.Errorf("status %d, %q; want %d, %q", got, text, status, want)
		}
	}
	code, text := s.get(c, "https://"+model+"/v1/models?a=1")
	f(200, code, text, `model HTTP/1.1 GET /v1/models?a=1 conn=1  ""`)
	code, text = s.get(c, "https://"+model+":8443/again")
	f(200, code, text, `GET /again conn=2`)
	code, text = s.get(c, "https://"+model+"/kept")
	f(200, code, text, `GET /kept conn=1`)
	code, text = s.get(c, "http://calendar.example/clear")
	f(200, code, text, `calendar HTTP/1.1 GET /clear conn=1`)
	code, text = s.get(s.client(func(p *http.Protocols) { p.SetHTTP1(false); p.SetHTTP2(true) }), "https://"+model+"/two")
	f(200, code, text, `model HTTP/2.0 GET /two conn=3`)
	code, text = s.get(s.client(func(p *http.Protocols) { p.SetHTTP2(true) }), "https://"+model+"/both")
	f(200, code, text, `model HTTP/1.1 GET /both conn=4`)

	// Node's axios and some others send https URLs to a proxy as they are.
	answer := s.raw("POST https://" + strings.ToUpper(model) + "/v1/chat HTTP/1.1\r\nHost: " + model + "\r\nProxy-Authorization: Basic eDp5\r\nContent-Length: 2\r\n\r\nhi" +
		"GET http://calendar.example HTTP/1.1\r\nHost: calendar.example\r\n\r\n" +
		"GET http://" + model + "./v1%2Fx HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	for _, want := range []string{`model HTTP/1.1 POST /v1/chat conn=5  "hi"`, `calendar HTTP/1.1 GET / conn=2`, `model HTTP/1.1 GET /v1%2Fx conn=5`} {
		if !strings.Contains(answer, want) {
			t.Errorf("%q lacks %q", answer, want)
		}
	}
	// Others open a tunnel for http, and speak before they are told that there is one.
	answer = s.raw("CONNECT " + model + ":80 HTTP/1.1\r\nHost: " + model + "\r\n\r\nGET /in/clear HTTP/1.1\r\nHost: " + model + "\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK") || !strings.Contains(answer, "GET /in/clear") {
		t.Errorf("%q", answer)
	}
	if got := s.proxy.Tally(); len(got.Strangers)+len(got.Distrust)+len(got.Upgrades) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsRefused(t *testing.T) {
	s := open(t, map[string]*Service{model: service("model")})
	c := s.client()
	f := func(host string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d times, want %d", host, got, want)
		}
	}
	if _, text := s.get(c, "https://telemetry.example/collect"); !strings.Contains(text, "telemetry.example is not in the plan") {
		t.Errorf("through a tunnel: %s", text)
	}
	if code, text := s.get(c, "http://telemetry.example/collect"); code != http.StatusForbidden || !strings.Contains(text, "telemetry.example is not in the plan") {
		t.Errorf("in clear: %d %s", code, text)
	}
	if answer := s.raw("GET / HTTP/1.1\r\nHost: " + model + "\r\n\r\n"); !strings.Contains(answer, "400 Bad Request") || !strings.Contains(answer, "this is a proxy") {
		t.Errorf("a request to the proxy itself: %q", answer)
	}
	upgrade := "GET http://" + model + "/v1/realtime HTTP/1.1\r\nHost: " + model + "\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"
	if answer := s.raw(upgrade); !strings.Contains(answer, "501 Not Implemented") || !strings.Contains(answer, "WebSockets are not played") {
		t.Errorf("a WebSocket: %q", answer)
	}
	// As Node does: it shakes hands, looks at the certificate, and leaves without a word.
	if conn, err := net.Dial("tcp", s.at); err == nil {
		_, _ = io.WriteString(conn, "CONNECT "+model+":443 HTTP/1.1\r\nHost: x\r\n\r\n")
		_, err = http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
		secure := tls.Client(conn, &tls.Config{RootCAs: s.roots, ServerName: model})
		if err != nil || secure.Handshake() != nil || secure.Close() != nil {
			t.Fatal(err)
		}
	}
	s.roots = x509.NewCertPool()
	if _, text := s.get(s.client(), "https://"+model+"/"); !strings.Contains(text, "certificate") {
		t.Errorf("a client without the authority: %s", text)
	}
	s.proxy.opening.Wait()
	for late := time.Now().Add(10 * time.Second); s.proxy.Tally().Unused[model].Times == 0 && time.Now().Before(late); {
		runtime.Gosched() // until the server has seen the end of the tunnel
	}
	got := s.proxy.Tally()
	f("unused tunnel to "+model, got.Unused[model].Times, 1)
	f("telemetry.example", got.Strangers["telemetry.example"].Times, 2)
	f("upgrade of "+model, got.Upgrades[model].Times, 1)
	f("distrust of "+model, got.Distrust[model].Times, 1)
	if last := got.Distrust[model].Last; !strings.Contains(last, "certificate") {
		t.Errorf("distrust because of %q", last)
	}
	if more := got.Strangers.Since(Hosts{"telemetry.example": {Times: 1}}); more["telemetry.example"].Times != 1 {
		t.Errorf("since the first: %+v", more)
	}
	if more := got.Strangers.Since(got.Strangers); len(more) != 0 {
		t.Errorf("since then: %+v", more)
	}
}

// What is flushed arrives, before there is more.
func TestStreams(t *testing.T) {
	for _, way := range []string{"https://", "http://"} {
		heard := make(chan struct{})
		s := open(t, map[string]*Service{model: {Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: one\n\n")
			_ = http.NewResponseController(w).Flush()
			<-heard
			_, _ = io.WriteString(w, "data: [DONE]\n\n")
		})}})
		resp, err := s.client().Get(way + model + "/v1/chat/completions")
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(resp.Body).ReadString('\n')
		if err != nil || line != "data: one\n" {
			t.Errorf("%q, %v", line, err)
		}
		close(heard)
		_ = resp.Body.Close()
	}
}

// A bot that leaves takes its call along.
func TestClientThatLeaves(t *testing.T) {
	entered, gone := make(chan struct{}), make(chan struct{})
	s := open(t, map[string]*Service{model: {Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(gone)
	})}})
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+model+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-entered; leave() }()
	if resp, err := s.client().Do(request); err == nil {
		_ = resp.Body.Close()
		t.Error("answered")
	}
	<-gone // else the test never ends
}

// A proxy in virtual time: a body that dribbles is cut off, a call that takes hours is not.
func TestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failure error
		var cut time.Duration
		start := time.Now()
		proxy, _ := newProxy(t, map[string]*Service{model: {Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			if err != nil {
				failure, cut = err, time.Since(start)
				return
			}
			select {
			case <-time.After(3 * time.Hour):
				_, _ = io.WriteString(w, "at last")
			case <-r.Context().Done():
				_, _ = io.WriteString(w, "too early")
			}
		})}})
		l := newTunnels() // a listener to which connections are handed
		var serving sync.WaitGroup
		serving.Go(func() { _ = proxy.Serve(l) })
		dial := func(text string) net.Conn {
			client, server := net.Pipe()
			l.hand(server)
			go func() { _, _ = io.WriteString(client, text) }()
			return client
		}
		slow := dial("POST http://" + model + "/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")
		_, _ = io.ReadAll(slow)
		if failure == nil || cut != bodyTime {
			t.Errorf("the body was cut off after %v: %v", cut, failure)
		}
		long := dial("POST http://" + model + "/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
		if text, _ := io.ReadAll(long); !strings.HasSuffix(string(text), "at last") {
			t.Errorf("%q", text)
		}
		for name, text := range map[string]string{
			"a head": "POST http://", "a tunnel that is never used": "CONNECT " + model + ":443 HTTP/1.1\r\nHost: x\r\n\r\n",
			"a handshake": "CONNECT " + model + ":443 HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01",
		} {
			begin := time.Now()
			dribble := dial(text)
			_, _ = io.ReadAll(dribble)
			if waited := time.Since(begin); waited != headTime {
				t.Errorf("%s was waited for %v, want %v", name, waited, headTime)
			}
		}
		proxy.Close(t.Context())
		_ = l.Close()
		serving.Wait()
	})
}

// 10,000 tunnels, most of them broken in one way or another, leave nothing behind.
func TestTunnelsLeaveNothing(t *testing.T) {
	var served atomic.Int64
	s := open(t, map[string]*Service{model: {Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) })}})
	// Session resumption, as a pool of clients has it.
	config := &tls.Config{RootCAs: s.roots, ServerName: model, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	before := runtime.NumGoroutine()
	const all, workers = 10_000, 20
	var working sync.WaitGroup
	for w := range workers {
		working.Go(func() {
			for i := w; i < all; i += workers {
				if err := s.abuse(i%10, config); err != nil {
					t.Errorf("%d: %v", i, err)
					return
				}
			}
		})
	}
	working.Wait()
	if n := served.Load(); n != 2*all/10 {
		t.Errorf("%d calls were served, want %d", n, 2*all/10)
	}
	s.close()
	late := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(late) {
		runtime.Gosched() // connections that are closed come to their ends
	}
	if after := runtime.NumGoroutine(); after > before {
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines are left, %d were there:\n%s", after, before, stacks[:runtime.Stack(stacks, true)])
	}
}

// abuse opens a tunnel, and does with it one of ten things; two of them end in a call that is answered.
func (s *stage) abuse(how int, config *tls.Config) error {
	conn, err := net.Dial("tcp", s.at)
	if err != nil {
		return err
	}
	defer conn.Close()
	host := model
	if how == 2 {
		host = "elsewhere.example"
	}
	if _, err := fmt.Fprintf(conn, "CONNECT %s:443 HTTP/1.1\r\nHost: %s\r\n\r\n", host, host); err != nil || how == 3 {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	switch {
	case how == 2 && answer.StatusCode == http.StatusForbidden, how == 4:
		return nil
	case how >= 5 && how < 9:
		_, _ = conn.Write([]byte("\x16\x03\x01\x00\x05hello\x00\xff")[:how]) // what comes of it is of no interest
		return nil
	case how == 9:
		_, _ = io.WriteString(conn, "this is no HTTP\r\n\r\n")
		return nil
	}
	secure := tls.Client(conn, config)
	request, err := http.NewRequest(http.MethodGet, "https://"+model+"/", nil)
	if err != nil {
		return err
	}
	if err := request.Write(secure); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(secure), request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// FuzzClient lets a client say anything to the proxy: it must come to an end, and the proxy with it.
func FuzzClient(f *testing.F) {
	for _, text := range []string{
		"", "GET / HTTP/1.1\r\n\r\n", "CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n\x16\x03\x01\x00\x01\x01",
		"CONNECT api.openai.com:80 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT api.openai.com:80 HTTP/1.1\r\n\r\nCONNECT api.openai.com:80 HTTP/1.1\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET http://api.openai.com HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT /path HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST http://[::1%25en0]:1/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "GET http://api.openai.com/ HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	proxy, _ := newProxy(f, map[string]*Service{model: service("model")})
	l := newTunnels()
	var serving sync.WaitGroup
	serving.Go(func() { _ = proxy.Serve(l) })
	f.Cleanup(func() {
		proxy.Close(context.Background())
		_ = l.Close()
		serving.Wait()
	})
	f.Fuzz(func(t *testing.T, text []byte) {
		client, server := net.Pipe()
		l.hand(server)
		var reading sync.WaitGroup
		var answer bytes.Buffer
		reading.Go(func() { _, _ = io.Copy(&answer, client) })
		_, _ = client.Write(text)
		_ = client.Close()
		reading.Wait()
		if bytes.Contains(answer.Bytes(), []byte("panic")) {
			t.Errorf("%q", answer.Bytes())
		}
	})
}
