package drive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/internal/platform"
)

// overTCP returns a client of a server on a real socket, and the number of connections made to it.
func overTCP(t *testing.T, handler http.HandlerFunc) (*Client, platform.Webhook, *atomic.Int64) {
	t.Helper()
	var made atomic.Int64
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			made.Add(1)
		}
	}
	server.Start()
	client, err := NewClient(server.URL+"/webhook", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, platform.Webhook{
		URL: server.URL + "/webhook?a=1", Header: []platform.Field{{Name: "X-Secret", Value: "s"}}, Body: []byte(`{"event":"messages.upsert"}`),
	}, &made
}

func TestSendOverTCP(t *testing.T) {
	client, hook, made := overTCP(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.RequestURI != "/webhook?a=1" || r.Header.Get("X-Secret") != "s" ||
			string(body) != `{"event":"messages.upsert"}` {
			t.Errorf("%s %s %q %v %v", r.Method, r.RequestURI, body, r.Header, err)
		}
		w.WriteHeader(http.StatusAccepted)
	})
	for range 5 {
		if status, err := client.Send(hook, time.Minute); status != http.StatusAccepted || err != nil {
			t.Fatalf("status %d, %v", status, err)
		}
	}
	if made.Load() != 1 || client.Connections() != 1 {
		t.Errorf("%d connections were made and %d are open, want one", made.Load(), client.Connections())
	}
}

// A bot that closes a connection after its response, without having said that it would, loses no webhook.
func TestStaleConnectionIsNotWrittenTo(t *testing.T) {
	gone := make(chan struct{}, 2)
	client, hook, made := overTCP(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_ = conn.Close()
		gone <- struct{}{}
	})
	for range 2 {
		if status, err := client.Send(hook, time.Minute); status != http.StatusOK || err != nil {
			t.Fatalf("status %d, %v", status, err)
		}
		<-gone
	}
	if made.Load() != 2 {
		t.Errorf("%d connections were made, want 2", made.Load())
	}
}

// The runtime is told a deadline once in a while. One that passes before the request's own is not its timeout.
func TestDeadlineOfTheRequestBeforeIsNoTimeout(t *testing.T) {
	client, hook, made := overTCP(t, func(http.ResponseWriter, *http.Request) {})
	for range 3 {
		if _, err := client.Send(hook, time.Minute); err != nil {
			t.Fatal(err)
		}
		for _, c := range client.idle {
			c.armed = time.Now().Add(-time.Second)
			if err := c.SetReadDeadline(c.armed); err != nil {
				t.Fatal(err)
			}
		}
	}
	if made.Load() != 1 {
		t.Errorf("%d connections were made, want one", made.Load())
	}
}

func TestTimeoutOverTCP(t *testing.T) {
	end := make(chan struct{})
	client, hook, _ := overTCP(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.ContentLength < 100 {
			<-end
		}
	})
	defer close(end)
	if _, err := client.Send(hook, time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want a timeout", err)
	}
	if n := client.Connections(); n != 0 {
		t.Errorf("%d connections are kept after a timeout", n)
	}
}

func TestClosedWithoutAResponse(t *testing.T) {
	client, hook, _ := overTCP(t, func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
	})
	if _, err := client.Send(hook, time.Minute); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v, want %v", err, syscall.ECONNRESET)
	}
}

// A body beyond the system's buffers is written in several pieces.
func TestLargeWebhook(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MiB
	client, hook, _ := overTCP(t, func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		w.WriteHeader(http.StatusCreated)
	})
	hook.Body = body
	for range 2 {
		if status, err := client.Send(hook, time.Minute); status != http.StatusCreated || err != nil {
			t.Fatalf("status %d, %v", status, err)
		}
	}
}

// A bot that acknowledges with 100 MB, or without end, has acknowledged; nobody reads all of it.
func TestHugeAcknowledgement(t *testing.T) {
	const huge = 100 << 20
	wrote := make(chan int, 1)
	client, hook, _ := overTCP(t, func(w http.ResponseWriter, _ *http.Request) {
		piece, sum := make([]byte, 1<<20), 0
		for sum < huge {
			n, err := w.Write(piece)
			if sum += n; err != nil {
				break
			}
		}
		wrote <- sum
	})
	status, err := client.Send(hook, time.Minute)
	if status != http.StatusOK || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
	if n := <-wrote; n >= huge {
		t.Errorf("all of %d bytes were taken", n)
	}
	if n := client.Connections(); n != 0 {
		t.Errorf("%d connections are kept with a response half read", n)
	}
}

func TestAppendRequest(t *testing.T) {
	w := platform.Webhook{Header: []platform.Field{{Name: "X-A", Value: "1\r\nX-B: 2"}}, Body: []byte("{}")}
	const head, want = "POST /x HTTP/1.1\r\nHost: bot\r\n", "POST /x HTTP/1.1\r\nHost: bot\r\nX-A: 1  X-B: 2\r\nContent-Length: 2\r\n\r\n{}"
	got := string(appendRequest(nil, head, w))
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := http.ReadRequest(bufio.NewReader(strings.NewReader(got))); err != nil {
		t.Error(err)
	}
}

func TestHead(t *testing.T) {
	for url, want := range map[string]string{
		"http://bot:8000/webhook":     "POST /webhook HTTP/1.1\r\nHost: bot:8000\r\n",
		"http://bot":                  "POST / HTTP/1.1\r\nHost: bot\r\n",
		"https://ana:p%20w@bot/a%2Fb": "POST /a%2Fb HTTP/1.1\r\nHost: bot\r\nAuthorization: Basic YW5hOnAgdw==\r\n",
	} {
		client, err := NewClient(url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := client.head(url); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", url, got, err, want)
		}
		client.Close()
	}
}
