package evolution

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"parley"
)

// serve serves p, as a run does, on pipes in the bubble; it returns a way to connect.
func serve(t *testing.T, p *Platform) (dial func() net.Conn) {
	t.Helper()
	s := p.Server()
	s.NoDefaultDate = true // whose clock would go on for ever
	var serving sync.WaitGroup
	var clients []net.Conn
	t.Cleanup(func() {
		p.Close()
		for _, c := range clients {
			_ = c.Close()
		}
		serving.Wait()
	})
	return func() net.Conn {
		client, server := net.Pipe()
		clients = append(clients, client)
		serving.Go(func() { _ = s.ServeConn(server); _ = server.Close() })
		return client
	}
}

// Headers and bodies that dribble in hold a connection for a minute, and nobody else.
func TestSlowSendersAreCutOff(t *testing.T) {
	const slow = 500
	for name, begin := range map[string]string{
		"header": "POST " + sendText + " HTTP/1.1\r\nHost: x\r\nX-A: ",
		"body":   "POST " + sendText + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newTest(nil)
				dial := serve(t, p)
				began := time.Now()
				var ended sync.WaitGroup
				for range slow {
					conn := dial()
					if _, err := io.WriteString(conn, begin); err != nil {
						t.Fatal(err)
					}
					ended.Go(func() { // a byte a second, until the server hangs up
						go func() { _, _ = io.Copy(io.Discard, conn) }()
						for {
							if _, err := io.WriteString(conn, "a"); err != nil {
								return
							}
							time.Sleep(time.Second)
						}
					})
				}
				response, body, err := post(dial(), sendText, fmt.Sprintf(`{"number":%q,"text":"Hi"}`, p.User(1).Number))
				if err != nil || response.StatusCode != 201 || time.Since(began) > time.Second {
					t.Errorf("another call: %v %s after %v", err, body, time.Since(began))
				}
				ended.Wait()
				if took := time.Since(began); took < requestTime || took > requestTime+2*time.Second {
					t.Errorf("slow senders were cut off after %v, want %v", took, requestTime)
				}
			})
		})
	}
}

// A hundred bodies of 100 MB at once are served, and never all of them in memory.
func TestLargeBodiesTakeTurns(t *testing.T) {
	if testing.Short() {
		t.Skip("moves a gigabyte")
	}
	p := newTest(nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := p.Server()
	s.ReadTimeout = time.Hour // a busy machine is no slow sender
	var serving, sending sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	defer func() { p.Close(); _ = s.Shutdown(); serving.Wait() }()

	const clients, size = 8, 80 << 20
	head := fmt.Sprintf(`{"number":%q,"mediatype":"image","media":"`, p.User(1).Number)
	most, end := watchHeap(t)
	for range clients {
		sending.Go(func() {
			body := io.MultiReader(strings.NewReader(head), io.LimitReader(letters{}, size), strings.NewReader(`"}`))
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+l.Addr().String()+"/message/sendMedia/receptionist", body)
			if err != nil {
				t.Error(err)
				return
			}
			request.ContentLength = int64(len(head) + size + 2)
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("apikey", "key-1")
			response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			answer, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if response.StatusCode != http.StatusCreated {
				t.Errorf("status %d: %s", response.StatusCode, answer)
			}
		})
	}
	sending.Wait()
	end()
	// The allowance, and as much again that is garbage or a buffer being doubled.
	if limit := uint64(3 * allowed * unit); *most > limit {
		t.Errorf("%d MB in memory, want at most %d MB", *most>>20, limit>>20)
	}
}

// letters is text without end.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	n := copy(p, "A")
	for n < len(p) {
		n += copy(p[n:], p[:n])
	}
	return n, nil
}

// watchHeap notes the most memory in use until end.
func watchHeap(t *testing.T) (most *uint64, end func()) {
	t.Helper()
	most = new(uint64)
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			*most = max(*most, m.HeapAlloc)
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	return most, func() { close(done); watching.Wait() }
}

func TestBodiesBeyondTheLimit(t *testing.T) {
	var calls []parley.Call
	p := newTest(func(o *Options) { o.Record = func(c parley.Call) { calls = append(calls, c) } })
	for _, announced := range []string{"Content-Length: 142606337", "Transfer-Encoding: chunked"} {
		client, server := net.Pipe()
		s := p.Server()
		var serving sync.WaitGroup
		serving.Go(func() { _ = s.ServeConn(server); _ = server.Close() })
		serving.Go(func() {
			_, err := io.WriteString(client, "POST "+sendText+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+announced+"\r\n\r\n")
			piece := "100000\r\n" + strings.Repeat("a", unit) + "\r\n"
			for err == nil {
				_, err = io.WriteString(client, piece)
			}
		})
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil || response.StatusCode != fasthttp.StatusRequestEntityTooLarge || !response.Close {
			t.Errorf("%s: %v, %+v", announced, err, response)
		}
		_ = client.Close()
		serving.Wait()
	}
	if len(calls) != 2 || calls[0].Failure == "" || calls[0].Status != fasthttp.StatusRequestEntityTooLarge {
		t.Errorf("recorded as %+v", calls)
	}
	if n := len(p.large.taken); n != 0 {
		t.Errorf("%d units of the allowance were not given back", n)
	}
}

func TestAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, closed := newAllowance(), make(chan struct{})
		if !a.take(allowed-1, closed) {
			t.Fatal("nothing to take of a full allowance")
		}
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if !a.take(2, closed) {
				t.Error("not taken, though it was given back")
			}
		})
		synctest.Wait()
		a.give(1)
		waiting.Wait()
		waiting.Go(func() {
			if a.take(allowed, closed) {
				t.Error("taken, though there was not enough")
			}
		})
		synctest.Wait()
		close(closed)
		waiting.Wait()
		if n := len(a.taken); n != allowed {
			t.Errorf("%d units in use, want %d", n, allowed)
		}
	})
}
