package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/fault"
	"parley/internal/plan"
)

func TestRedirects(t *testing.T) {
	for _, test := range []struct {
		status             int
		location, want     string
		blocked            bool
		wantStatus, notice int
	}{
		{307, "/v1/other?a=1", "/v1/other?a=1", false, 307, 0},
		{301, "http://service.example/v1/x", "/v1/x", false, 301, 0},
		{302, "https://elsewhere.example/x?token=secret", "", true, 502, 1},
		{302, "https://service.example/x", "", true, 502, 1}, // another scheme is another door
		{201, "http://service.example/v1/files/1", "/v1/files/1", false, 201, 0},
		{201, "http://elsewhere.example/1", "", false, 201, 0},
		{201, "http://service.example//elsewhere.example/1", "", false, 201, 0}, // what was made is made
		{201, "http://[nowhere", "", false, 201, 0},
		{302, "http://[nowhere", "", true, 502, 1},
		{302, "http://service.example", "/", false, 302, 0},
		{302, "http://service.example//elsewhere.example/x?token=secret", "", true, 502, 1}, // without the host it would name another
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Kind: "http"}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", test.location)
				w.WriteHeader(test.status)
			})
			resp, body := b.Do(b.Request(t.Context(), http.MethodGet, "/v1/x", ""))
			synctest.Wait()
			if resp.StatusCode != test.wantStatus || resp.Header.Get("Location") != test.want || len(b.notices) != test.notice || b.far.asked() != 1 {
				t.Errorf("%s: status %d, location %q, notices %+v", test.location, resp.StatusCode, resp.Header.Get("Location"), b.notices)
			}
			if test.blocked && (b.Only().Failure != "upstream redirected" || strings.Contains(string(body)+fmt.Sprint(b.notices), "secret")) {
				t.Errorf("%s: %s, recorded %+v", test.location, body, b.Only())
			}
		})
	}
}

// rude is a service that is not one: each connection gets what say writes.
func rude(say func(net.Conn)) *http.Transport {
	return &http.Transport{
		DisableCompression: true, MaxResponseHeaderBytes: 1 << 16,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				go func() { _, _ = io.Copy(io.Discard, far) }() // ends when the connection does
				time.Sleep(time.Second)                         // by then the request is there
				say(far)
			}()
			return near, nil
		},
	}
}

func TestBadServices(t *testing.T) {
	forever := func(c net.Conn, p string) {
		for {
			if _, err := io.WriteString(c, p); err != nil {
				return
			}
		}
	}
	for name, test := range map[string]struct {
		say     func(net.Conn)
		status  int // 0: the bot sees a broken answer
		failure string
		lasts   time.Duration
	}{
		"garbage":  {func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n\r\n") }, 502, "upstream broken", time.Second},
		"hangs up": {func(net.Conn) {}, 502, "upstream broken", time.Second},
		"endless head": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			forever(c, "X-A: aaaaaaaaaaaaaaaa\r\n")
		}, 502, "upstream broken", time.Second},
		"silent": {func(net.Conn) { time.Sleep(time.Hour) }, 504, "upstream timeout", time.Minute},
		"silent midway": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
			time.Sleep(time.Hour)
		}, 0, "upstream timeout", time.Minute + time.Second},
		"dies midway": {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") }, 0, "upstream died", time.Second},
		"dies in chunks": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
		}, 0, "upstream died", time.Second},
		"slow loris": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
			for range 4 {
				time.Sleep(50 * time.Second)
				_, _ = io.WriteString(c, "x")
			}
		}, 200, "", 201 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, Options{Kind: "openai", Config: plan.Relay{Spend: 1000}, Transport: rude(test.say), Patience: time.Minute}, nil)
				resp, err := b.Client.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", chat("hi", `,"max_tokens":10`)))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				synctest.Wait()
				call := b.Only()
				if call.Failure != test.failure || call.Duration() != test.lasts {
					t.Errorf("recorded %+v", call)
				}
				if test.status == 0 && err == nil || test.status != 0 && (err != nil || resp.StatusCode != test.status) {
					t.Errorf("status %d, %q, %v", resp.StatusCode, body, err)
				}
				if spent, _ := b.relay.Spent(); fmt.Sprintf("%.2f", spent) != "1.82" { // it may have been served
					t.Errorf("%f spent", spent)
				}
				time.Sleep(2 * time.Hour) // services that sleep wake up
			})
		})
	}
}

func TestUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Kind: "openai", Config: plan.Relay{Spend: 1000}, Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
			},
		}}, nil)
		for range 3 {
			if resp, _ := b.post(t, "/v1/chat/completions", chat("hi", `,"max_tokens":10`)); resp.StatusCode != http.StatusBadGateway {
				t.Errorf("status %d", resp.StatusCode)
			}
		}
		synctest.Wait()
		if spent, _ := b.relay.Spent(); spent != 0 || len(b.notices) != 1 || b.Recorded()[0].Failure != "upstream unreachable" {
			t.Errorf("%f spent, notices %+v", spent, b.notices)
		}
	})
}

func TestClientGoneEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Duration, 1)
		start := time.Now()
		b := newBench(t, Options{Kind: "openai", Config: plan.Relay{Spend: 1000}}, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // a server watches the connection once it has the body
			<-r.Context().Done()
			ended <- time.Since(start)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if resp, err := b.Client.Do(b.Request(ctx, http.MethodPost, "/v1/chat/completions", chat("hi", `,"max_tokens":10`))); err == nil {
			_ = resp.Body.Close()
			t.Error("answered")
		}
		if at := <-ended; at != 3*time.Second {
			t.Errorf("the service heard of it after %v", at)
		}
		synctest.Wait()
		if c := b.Only(); c.Failure != "client went away" {
			t.Errorf("recorded %+v", c)
		}
	})
}

// Clients hang up once a stream has said that it is over. That is no client that went away.
func TestClientGoneAfterTheEnd(t *testing.T) {
	for end, failure := range map[string]string{"data: [DONE]\n\n": "", "data: {}\n\n": "client went away"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Kind: "openai", Config: plan.Relay{Spend: 1000}}, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, `data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}`+"\n\n"+end)
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done() // the connection stays open
			})
			resp, err := b.Client.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", chat("hi", `,"stream":true,"max_tokens":10`)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAtLeast(resp.Body, make([]byte, 4096), 70+len(end)); err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			synctest.Wait()
			if c := b.Only(); c.Failure != failure || failure == "" && c.CompletionTokens != 2 {
				t.Errorf("after %q: recorded %+v", end, c)
			}
		})
	}
}

func TestFaultsOnTop(t *testing.T) {
	rule := func(text string) []fault.Rule {
		r, err := fault.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		return []fault.Rule{r}
	}
	for text, want := range map[string]struct {
		status  int
		failure string
		passed  int
		broken  bool
		lasts   time.Duration
	}{
		"status 503": {503, "status 503", 0, false, 0},
		"delay 2s":   {200, "", 1, false, 2 * time.Second},
		"cut":        {200, "cut", 1, true, 0},
		"malformed":  {200, "malformed", 1, false, 0},
		"drip 60B/s": {200, "", 1, false, 2300 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := Options{Kind: "openai", Config: plan.Relay{Spend: 1000}}
			o.Faults = rule(text)
			b := newBench(t, o, answer)
			resp, err := b.Client.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", chat("hi", `,"max_tokens":10`)))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			synctest.Wait()
			c := b.Only()
			if resp.StatusCode != want.status || c.Failure != want.failure || c.Fault != text || b.far.asked() != want.passed || (err != nil) != want.broken {
				t.Errorf("%s: status %d, %v, recorded %+v", text, resp.StatusCode, err, c)
			}
			if short := len(body) < len(answered); want.passed == 1 && short != (want.failure != "") {
				t.Errorf("%s: %d bytes of %d", text, len(body), len(answered))
			}
			if d := c.Duration(); d < want.lasts || d > want.lasts+500*time.Millisecond {
				t.Errorf("%s took %v", text, d)
			}
		})
	}
}

// A stream has no length: it is struck within one of its pieces, or at its end.
func TestFaultsOnStreams(t *testing.T) {
	for _, pieces := range []int{1, 40} {
		for _, effect := range []string{"cut", "malformed"} {
			synctest.Test(t, func(t *testing.T) {
				rule, err := fault.ParseRule(effect)
				if err != nil {
					t.Fatal(err)
				}
				o := Options{Kind: "openai", Config: plan.Relay{Spend: 1000}}
				o.Faults = []fault.Rule{rule}
				b := newBench(t, o, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "text/event-stream")
					for range pieces {
						_, _ = io.WriteString(w, "data: {}\n\n")
						_ = http.NewResponseController(w).Flush()
						time.Sleep(time.Millisecond)
					}
				})
				resp, err := b.Client.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", chat("hi", `,"stream":true,"max_tokens":10`)))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				synctest.Wait()
				if c := b.Only(); c.Failure != effect || (err != nil) != (effect == "cut") || pieces > 1 && len(body) >= 10*pieces || len(body) == 0 {
					t.Errorf("%s of %d pieces: %d bytes, %v, recorded %+v", effect, pieces, len(body), err, c)
				}
			})
		}
	}
}
