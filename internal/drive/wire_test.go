package drive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/platform"
)

// answering returns a client of a server that answers the nth request of its life with the nth text, byte for byte, and
// the number of connections made to it. A text that ends in "<close>" ends the connection, one that ends in "<hang>" stops there.
func answering(t *testing.T, answers ...string) (*Client, platform.Webhook, *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var made, requests atomic.Int64
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			made.Add(1)
			for in := bufio.NewReader(c); ; {
				r, err := http.ReadRequest(in)
				if err != nil {
					break
				}
				_, _ = io.Copy(io.Discard, r.Body)
				text := answers[min(int(requests.Add(1)), len(answers))-1]
				text, hangs := strings.CutSuffix(text, "<hang>")
				text, ends := strings.CutSuffix(text, "<close>")
				_, _ = io.WriteString(c, text)
				if hangs {
					_, _ = io.Copy(io.Discard, in)
				}
				if ends {
					break
				}
			}
			_ = c.Close()
		}
	}()
	webhook := "http://" + listener.Addr().String() + "/webhook"
	client, err := NewClient(webhook, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); _ = listener.Close(); <-served })
	return client, platform.Webhook{URL: webhook, Body: []byte("{}")}, &made
}

// What a server may answer by RFC 9112, and which of it leaves a connection that can be used again.
func TestResponses(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for name, c := range map[string]struct {
		answer string
		status int
		made   int64 // connections for two webhooks
	}{
		"length":                  {ok, 200, 1},
		"no content":              {"HTTP/1.1 204 No Content\r\n\r\n", 204, 1},
		"not modified, length":    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, 1},
		"chunks":                  {"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\n\r\n", 201, 1},
		"chunks, trailers":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n2\r\nok\r\n0\r\nX-A: 1\r\n\r\n", 200, 1},
		"continue":                {"HTTP/1.1 100 Continue\r\n\r\n" + ok, 200, 1},
		"early hints":             {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok, 200, 1},
		"several interim":         {"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ok, 200, 1},
		"folded":                  {"HTTP/1.1 200 OK\r\nX-A: one\r\n  two\r\nContent-Length: 0\r\n\r\n", 200, 1},
		"large header":            {"HTTP/1.1 200 OK\r\nSet-Cookie: " + strings.Repeat("a", 12<<10) + "\r\nContent-Length: 0\r\n\r\n", 200, 1},
		"closes":                  {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n<close>", 200, 2},
		"closes, capital":         {"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n<hang>", 200, 2},
		"closes, list":            {"HTTP/1.1 200 OK\r\nConnection: x-a, close\r\nContent-Length: 0\r\n\r\n<hang>", 200, 2},
		"until the end":           {"HTTP/1.1 200 OK\r\n\r\nok<close>", 200, 2},
		"HTTP/1.0":                {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n<close>", 200, 2},
		"HTTP/1.0, kept":          {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", 200, 1},
		"more than was asked for": {ok + "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n<hang>", 200, 2},
	} {
		t.Run(name, func(t *testing.T) {
			client, hook, made := answering(t, c.answer)
			for range 2 {
				if status, err := client.Send(hook, time.Minute); status != c.status || err != nil {
					t.Errorf("status %d, %v; want %d", status, err, c.status)
				}
				if strings.HasSuffix(c.answer, "<hang>") && client.Connections() != 0 {
					t.Fatal("the connection is kept")
				}
			}
			if made.Load() != c.made {
				t.Errorf("%d connections were made, want %d", made.Load(), c.made)
			}
		})
	}
}

// A response that breaks off or is no HTTP is a failure of one name, without the bytes of the bot, which may hold a
// secret, and the connection is not used again.
func TestBrokenResponses(t *testing.T) {
	for name, c := range map[string]struct{ answer, want string }{
		"no HTTP":             {"SECRET\r\n\r\n<hang>", "malformed response"},
		"half a head":         {"HTTP/1.1 200 OK\r\nSet-Cookie: SECRET<close>", "connection closed without a response"},
		"half a body":         {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nSECRET<close>", "connection closed without a response"},
		"bad chunk":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nSECRET\r\n<hang>", "malformed response"},
		"bad length":          {"HTTP/1.1 200 OK\r\nContent-Length: SECRET\r\n\r\n<hang>", "malformed response"},
		"two lengths":         {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nSECRET<hang>", "malformed response"},
		"a head without end":  {"HTTP/1.1 200 OK\r\nSet-Cookie: " + strings.Repeat("SECRET", 4<<10) + "<hang>", "malformed response"},
		"stops in the head":   {"HTTP/1.1 200 OK\r\nSet-Cookie: SECRET<hang>", "timed out"},
		"stops in the body":   {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nSECRET<hang>", "timed out"},
		"stops after interim": {"HTTP/1.1 100 Continue\r\n\r\n<hang>", "timed out"},
		"closes at once":      {"<close>", "connection reset"},
	} {
		t.Run(name, func(t *testing.T) {
			client, hook, _ := answering(t, c.answer)
			timeout := time.Minute
			if c.want == "timed out" {
				timeout = 50 * time.Millisecond
			}
			_, err := client.Send(hook, timeout)
			if err == nil || plainError(err) != c.want || strings.Contains(fmt.Sprintf("%v", err), "SECRET") {
				t.Errorf("%v, want %q", err, c.want)
			}
			if n := client.Connections(); n != 0 {
				t.Errorf("%d connections are kept", n)
			}
		})
	}
}

// What a server says on an idle connection, a 408 before it closes it above all, answers no request (RFC 9112, 9.2).
func TestUnaskedResponseAnswersNothing(t *testing.T) {
	for name, start := range map[string]func(*httptest.Server){"plain": (*httptest.Server).Start, "TLS": (*httptest.Server).StartTLS} {
		t.Run(name, func(t *testing.T) {
			idle, said := make(chan struct{}), make(chan struct{})
			var requests atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if requests.Add(1) > 1 {
					w.WriteHeader(http.StatusAccepted)
					return
				}
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				<-idle
				_, _ = io.WriteString(conn, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
				_ = conn.Close()
				close(said)
			}))
			start(server)
			client, err := NewClient(server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { client.Close(); server.Close() })
			if client.secure != nil {
				client.secure.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
				client.secure.ServerName = "example.com"
			}
			hook := platform.Webhook{URL: server.URL, Body: []byte("{}")}
			if status, err := client.Send(hook, time.Minute); status != http.StatusOK || err != nil {
				t.Fatalf("status %d, %v", status, err)
			}
			close(idle)
			<-said
			if status, err := client.Send(hook, time.Minute); status != http.StatusAccepted || err != nil {
				t.Errorf("status %d, %v; want an answer to the second webhook", status, err)
			}
		})
	}
}

// A bot may refuse a large webhook before it has read it, and close: that is an answer.
func TestAnswerBeforeAllIsWritten(t *testing.T) {
	client, hook, _ := overTCP(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		_ = conn.Close()
	})
	hook.Body = bytes.Repeat([]byte("x"), 64<<20)
	if status, err := client.Send(hook, time.Minute); status != http.StatusRequestEntityTooLarge || err != nil {
		t.Errorf("status %d, %v; want 413", status, err)
	}
	if n := client.Connections(); n != 0 {
		t.Errorf("%d connections are kept", n)
	}
}

// Nothing is left of a client that was closed while it waited.
func TestCloseWhileWaiting(t *testing.T) {
	arrived, end := make(chan struct{}), make(chan struct{})
	client, hook, _ := overTCP(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-end })
	defer close(end)
	failed := make(chan error)
	go func() { _, err := client.Send(hook, time.Minute); failed <- err }()
	<-arrived
	client.Close()
	if err := <-failed; !errors.Is(err, ErrClosed) {
		t.Errorf("%v, want %v", err, ErrClosed)
	}
	if _, err := client.Send(hook, time.Minute); !errors.Is(err, ErrClosed) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want %v", err, ErrClosed)
	}
	if n := client.Connections(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}
