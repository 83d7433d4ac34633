package relay

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
	"parley/internal/recording"
	"parley/internal/upstreamtest"
)

// far is a real service, as the relay sees it.
type far struct {
	http.HandlerFunc
	mu   sync.Mutex
	seen []*http.Request
}

func (f *far) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.seen = append(f.seen, r)
	f.mu.Unlock()
	f.HandlerFunc(w, r)
}

func (f *far) ConnContext(ctx context.Context, _ net.Conn) context.Context { return ctx }

func (f *far) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.seen)
}

// bench is a relay between a client and a service, in memory.
type bench struct {
	*upstreamtest.Bench
	far     *far
	relay   *Relay
	notices []Notice
}

// prices knows one model: a cent a prompt token, ten cents a completion token.
func prices(model string) (parley.ModelPrice, bool) {
	p := parley.ModelPrice{Model: model, Known: true, Input: 0.01, Cached: 0.005, CacheWrite: 0.01, Output: 0.1}
	return p, model == "gpt-4o-mini"
}

func newBench(t *testing.T, o Options, serve http.HandlerFunc) *bench {
	t.Helper()
	b := &bench{far: &far{HandlerFunc: serve}}
	if o.Transport == nil {
		o.Transport = upstreamtest.New(t, func(func(parley.Call)) upstreamtest.Service { return b.far }).Client.Transport
	}
	if o.Config.To == "" {
		o.Config.To = "http://service.example/v1"
	}
	var mu sync.Mutex
	o.Notify = func(n Notice) {
		mu.Lock()
		defer mu.Unlock()
		b.notices = append(b.notices, n)
	}
	if o.Price == nil {
		o.Price = prices
	}
	b.Bench = upstreamtest.New(t, func(record func(parley.Call)) upstreamtest.Service {
		o.Wire, o.Record = "it", record
		r, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		b.relay = r
		return r
	})
	return b
}

func chat(words, more string) string {
	return fmt.Sprintf(`{"model":"gpt-4o-mini","messages":[{"role":"user","content":%q}]%s}`, words, more)
}

const answered = `{"id":"1","choices":[{"message":{"content":"Hello"}}],"usage":{"prompt_tokens":12,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}`

func answer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, answered)
}

func (b *bench) post(t *testing.T, path, body string) (*http.Response, []byte) {
	t.Helper()
	r := b.Request(t.Context(), http.MethodPost, path, body)
	r.Header.Set("Authorization", "Bearer sk-of-the-bot")
	return b.Do(r)
}

func TestPassesBothWaysUnchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := bytes.Repeat([]byte("\x00\xff{not json\n"), 10_000)
		b := newBench(t, Options{Kind: "http", Config: plan.Relay{AllowWrites: true, To: "http://service.example/base"}}, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || !bytes.Equal(body, raw) || r.Host != "service.example" || r.URL.String() != "/base/a%2Fb/c?q=1&q=2" || r.Method != http.MethodPut {
				t.Errorf("%s %s of %s, %d bytes: %v", r.Method, r.URL, r.Host, len(body), err)
			}
			if r.Header.Get("X-Mine") != "yes" || r.Header.Get("Authorization") != "Bearer sk-of-the-bot" || r.Header.Get("X-Hop") != "" || r.Header.Get("Keep-Alive") != "" || len(r.Header["User-Agent"]) > 0 {
				t.Errorf("headers %v", r.Header)
			}
			w.Header().Set("X-Theirs", "indeed")
			w.Header().Set("Alt-Svc", `h3=":443"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write(raw)
		})
		r := b.Request(t.Context(), http.MethodPut, "/base/a%2Fb/c?q=1&q=2", string(raw))
		r.Header = http.Header{"X-Mine": {"yes"}, "Authorization": {"Bearer sk-of-the-bot"}, "Connection": {"X-Hop"}, "X-Hop": {"1"}, "Keep-Alive": {"5"}, "User-Agent": {""}}
		resp, body := b.Do(r)
		if resp.StatusCode != http.StatusAccepted || !bytes.Equal(body, raw) || resp.ContentLength != int64(len(raw)) {
			t.Errorf("status %d, %d bytes of %d", resp.StatusCode, len(body), resp.ContentLength)
		}
		if resp.Header.Get("X-Theirs") != "indeed" || resp.Header.Get("Alt-Svc") != "" {
			t.Errorf("headers %v", resp.Header)
		}
		synctest.Wait()
		if c := b.Only(); c.Operation != "PUT /*/c" || c.Status != 202 || c.Failure != "" || c.RequestBytes != int64(len(raw)) || c.ResponseBytes != int64(len(raw)) {
			t.Errorf("recorded %+v", c)
		}
	})
}

func TestStreamsPieceByPiece(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, usage := range []string{`data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}` + "\n\n", ""} {
			b := newBench(t, Options{Kind: "openai"}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
				for _, piece := range []string{`data: {"choices":[{"delta":{"content":"Hello"}}]}` + "\n\n", `data: {"choices":[{"delta":{"content":" there"}}]}` + "\n\n", usage + "data: [DONE]\n\n"} {
					time.Sleep(300 * time.Millisecond)
					_, _ = io.WriteString(w, piece)
					_ = http.NewResponseController(w).Flush()
				}
			})
			start := time.Now()
			resp, err := b.Client.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", chat("hi", `,"stream":true`)))
			if err != nil {
				t.Fatal(err)
			}
			var at []time.Duration
			for buf := make([]byte, 4096); ; {
				n, err := resp.Body.Read(buf)
				if n > 0 {
					at = append(at, time.Since(start))
				}
				if err != nil {
					break
				}
			}
			_ = resp.Body.Close()
			synctest.Wait()
			ms := time.Millisecond
			if diff := cmp.Diff([]time.Duration{300 * ms, 600 * ms, 900 * ms}, at); diff != "" {
				t.Errorf("pieces came at (-want +got):\n%s", diff)
			}
			c := b.Only()
			if c.FirstByte-c.Start != 300*ms || c.Duration() != 900*ms || c.CompletionTokens != 2 || c.PromptTokens < 8 || c.PromptTokens > 9 || c.Imposed != 0 {
				t.Errorf("recorded %+v", c)
			}
		}
	})
}

func TestUsage(t *testing.T) {
	zip := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, text)
		_ = w.Close()
		return b.String()
	}
	for name, test := range map[string]struct {
		accept, encoding, body string
		known                  bool
	}{
		"plain":              {"", "", answered, true},
		"packed":             {"gzip, deflate, br", "gzip", zip(answered), true},
		"a bomb":             {"gzip", "gzip", zip(strings.Repeat(" ", 9<<20) + answered), false},
		"not what it claims": {"gzip", "gzip", answered, false},
		"of another service": {"", "", `{"usage":"none"}`, false},
		"nonsense":           {"", "", `{"usage":{"prompt_tokens":-5,"completion_tokens":1e300}}`, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Kind: "openai", Config: plan.Relay{Spend: 1000}}, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("Accept-Encoding"); test.accept != "" && got != "gzip" || test.accept == "" && got != "" {
					t.Errorf("%s: asked for %q", name, got)
				}
				w.Header().Set("Content-Type", "application/json")
				if test.encoding != "" {
					w.Header().Set("Content-Encoding", test.encoding)
				}
				_, _ = io.WriteString(w, test.body)
			})
			r := b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", chat("hi", `,"max_tokens":10`))
			if test.accept != "" {
				r.Header.Set("Accept-Encoding", test.accept)
			}
			if resp, body := b.Do(r); string(body) != test.body || resp.Header.Get("Content-Encoding") != test.encoding {
				t.Errorf("%s: the body is not as it was", name)
			}
			synctest.Wait()
			spent, _ := b.relay.Spent()
			c := b.Only()
			if test.known && (c.PromptTokens != 12 || c.CompletionTokens != 3 || c.CachedTokens != 4 || fmt.Sprintf("%.4f", spent) != "0.4000") {
				t.Errorf("%s: %f spent, recorded %+v", name, spent, c)
			}
			// 64 + 16 + 2 prompt tokens at most, and ten of the completion.
			if !test.known && (c.PromptTokens != 0 || fmt.Sprintf("%.4f", spent) != "1.8200") {
				t.Errorf("%s: %f spent, recorded %+v", name, spent, c)
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	for _, test := range []struct{ header, value, key, want, query string }{
		{"Authorization", "Bearer sk-bot", "", "Bearer sk-bot", ""},
		{"Authorization", "Bearer sk-bot", "sk-plan", "Bearer sk-plan", ""},
		{"Api-Key", "bot", "sk-plan", "sk-plan", ""},
		{"X-Api-Key", "bot", "sk-plan", "sk-plan", ""},
		{"Authorization", "", "sk-plan", "Bearer sk-plan", ""},
		{"Authorization", "", "sk-plan", "", "key=sk-plan"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Kind: "http", Config: plan.Relay{Key: plan.Secret(test.key)}}, func(_ http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get(test.header); got != test.want || r.URL.RawQuery != test.query {
					t.Errorf("%+v: sent %q, query %q", test, got, r.URL.RawQuery)
				}
				if test.key != "" && strings.Contains(fmt.Sprint(r.Header), "bot") {
					t.Errorf("%+v: the bot's own credential was passed on: %v", test, r.Header)
				}
			})
			path := "/v1/a"
			if test.query != "" {
				path += "?key=bot"
			}
			r := b.Request(t.Context(), http.MethodGet, path, "")
			if test.value != "" {
				r.Header.Set(test.header, test.value)
			}
			b.Do(r)
		})
	}
}

// What is not passed on, and what is said about it.
func TestRefusals(t *testing.T) {
	long := chat("hi", `,"max_tokens":10`)
	for _, test := range []struct {
		kind, method, path, body string
		relay                    plan.Relay
		failure, notice          string // no failure: it passes
	}{
		{"openai", "POST", "/v1/chat/completions", long, plan.Relay{Spend: 2}, "", ""},
		{"openai", "GET", "/v1/models", "", plan.Relay{Spend: 0.01}, "", ""},
		{"openai", "POST", "/v1/files", "{}", plan.Relay{Spend: 9}, "refused: write", "allow_writes"},
		{"openai", "DELETE", "/v1/files/file-1", "", plan.Relay{Spend: 9}, "refused: write", "allow_writes"},
		{"openai", "DELETE", "/v1/files/file-1", "", plan.Relay{Spend: 9, AllowWrites: true}, "", ""},
		{"openai", "POST", "/v1/responses", `{"model":"gpt-4o-mini","input":"hi"}`, plan.Relay{Spend: 9999}, "refused: write", "allow_writes"},
		{"openai", "POST", "/v1/responses", `{"model":"gpt-4o-mini","input":"hi"}`, plan.Relay{Spend: 9999, AllowWrites: true}, "", ""},
		{"openai", "POST", "/v1/images/generations", `{}`, plan.Relay{Spend: 9999, AllowWrites: true}, "refused: cost unknown", "does not know its price"},
		{"openai", "POST", "/v1/chat/completions", `{"model":"gpt-9","messages":[]}`, plan.Relay{Spend: 9}, "refused: no price", "gpt-9"},
		{"openai", "POST", "/v1/chat/completions", `{"messages":[]}`, plan.Relay{Spend: 9}, "refused: no price", "no price"},
		{"openai", "POST", "/v1/chat/completions", `{"model":`, plan.Relay{Spend: 9}, "refused: cost unknown", "cannot be read"},
		{"openai", "POST", "/v1/chat/completions", chat("hi", `,"web_search_options":{}`), plan.Relay{Spend: 9999}, "refused: cost unknown", "web_search_options"},
		{"openai", "POST", "/v1/chat/completions", chat("hi", `,"service_tier":"priority"`), plan.Relay{Spend: 9999}, "refused: cost unknown", "priority"},
		{"openai", "POST", "/v1/chat/completions", chat("hi", ""), plan.Relay{Spend: 1000}, "refused: spend ceiling", "max_completion_tokens"},
		{"openai", "POST", "/v1/chat/completions", long, plan.Relay{Spend: 1.5}, "refused: spend ceiling", "$1.5"},
		{"openai", "POST", "/v1/chat/completions", chat("hi", `,"max_tokens":10,"n":2`), plan.Relay{Spend: 2}, "refused: spend ceiling", "could cost up to"},
		{"calendar", "POST", "/calendar/v3/freeBusy", `{}`, plan.Relay{Calls: 9}, "", ""},
		{"calendar", "POST", "/calendar/v3/calendars/primary/events", `{}`, plan.Relay{Calls: 9}, "refused: write", "events.insert"},
		{"http", "OPTIONS", "/x", "", plan.Relay{Calls: 9}, "", ""},
		{"http", "PATCH", "/x", "", plan.Relay{Calls: 9}, "refused: write", "allow_writes"},
		{"http", "PATCH", "/x", "", plan.Relay{Calls: 9, AllowWrites: true}, "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Kind: test.kind, Config: test.relay}, answer)
			resp, body := b.Do(b.Request(t.Context(), test.method, test.path, test.body))
			synctest.Wait()
			call := b.Only()
			if call.Failure != test.failure {
				t.Errorf("%s %s: failure %q, want %q", test.method, test.path, call.Failure, test.failure)
			}
			if test.failure == "" {
				if resp.StatusCode != http.StatusOK || len(b.notices) > 0 || b.far.asked() != 1 {
					t.Errorf("%s %s: status %d, notices %+v", test.method, test.path, resp.StatusCode, b.notices)
				}
				return
			}
			var e struct {
				Error struct{ Message, Code string }
			}
			if err := json.Unmarshal(body, &e); err != nil || e.Error.Message == "" || e.Error.Code == "" || resp.StatusCode != http.StatusForbidden || call.Status != 403 {
				t.Errorf("%s %s: status %d, %s", test.method, test.path, resp.StatusCode, body)
			}
			if len(b.notices) != 1 || !strings.Contains(b.notices[0].What+b.notices[0].Hint, test.notice) || b.far.asked() != 0 {
				t.Errorf("%s %s: notices %+v, %d calls passed on", test.method, test.path, b.notices, b.far.asked())
			}
		})
	}
}

// However many calls come at once, no more is spent than the plan allows, and no call that fits is refused.
func TestCeilingsAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Each call is 82 prompt tokens at most and 10 of completion: $1.82; it costs $0.40 in the end.
		b := newBench(t, Options{Kind: "openai", Config: plan.Relay{Spend: 10}}, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			answer(w, r)
		})
		ask := func(n int) (passed int) {
			var wg sync.WaitGroup
			var mu sync.Mutex
			for range n {
				wg.Go(func() {
					if resp, _ := b.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", chat("hi", `,"max_tokens":10`))); resp.StatusCode == http.StatusOK {
						mu.Lock()
						passed++
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			synctest.Wait() // a call is settled after its last byte
			return passed
		}
		// Five worst cases fit into $10, 9.10; then 2.00 are spent and four fit into the rest, and so on.
		for i, want := range []int{5, 4, 3, 2, 2, 1, 1, 1, 1, 1, 0, 0} {
			if got := ask(40); got != want {
				t.Errorf("round %d: %d passed, want %d", i, got, want)
			}
		}
		if spent, calls := b.relay.Spent(); fmt.Sprintf("%.2f", spent) != "8.40" || calls != 21 || b.far.asked() != 21 {
			t.Errorf("%.4f spent in %d calls", spent, calls)
		}
		if len(b.notices) != 1 || !b.notices[0].Ceiling {
			t.Errorf("notices %+v", b.notices)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Kind: "http", Config: plan.Relay{Calls: 7}}, answer)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { b.Do(b.Request(t.Context(), http.MethodGet, "/v1/x", "")) })
		}
		wg.Wait()
		if b.far.asked() != 7 || len(b.notices) != 1 || !b.notices[0].Ceiling {
			t.Errorf("%d calls were passed on, notices %+v", b.far.asked(), b.notices)
		}
	})
}

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

func TestKeep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "it.jsonl")
	keep, err := recording.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Kind: "openai", Config: plan.Relay{Spend: 1000, Key: "sk-of-the-plan"}, Keep: keep}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("fail") != "" {
				http.Error(w, "your key "+r.Header.Get("Authorization")+" is wrong", http.StatusUnauthorized)
				return
			}
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Set-Cookie", "session=abc")
			for _, piece := range []string{`data: {"choices":[{"delta":{"content":"one"}}]}`, "data: [DONE]"} {
				time.Sleep(time.Second)
				_, _ = io.WriteString(w, piece+"\n\n")
				_ = http.NewResponseController(w).Flush()
			}
		})
		b.post(t, "/v1/chat/completions?user=5&api_key=sk-in-query", chat("my password is in {\\\"password\\\": \\\"hunter2\\\"}", `,"stream":true,"max_tokens":10`))
		b.post(t, "/v1/chat/completions?fail=1", chat("hi", `,"max_tokens":10`))
	})
	if err := keep.Close(); err != nil {
		t.Fatal(err)
	}
	var kept []recording.Exchange
	r, err := recording.Open(path, func(_ int, x *recording.Exchange) { kept = append(kept, *x) })
	if err != nil || len(kept) != 2 {
		t.Fatalf("%d exchanges, %v", len(kept), err)
	}
	defer r.Close()
	first := kept[0]
	if first.Operation != "POST /v1/chat/completions" || first.Target != "/chat/completions?user=5&api_key=%3Csecret%3E" && first.Target != "/chat/completions?api_key=%3Csecret%3E&user=5" {
		t.Errorf("kept %s %s", first.Operation, first.Target)
	}
	var at []time.Duration
	for _, p := range first.Response.Pieces {
		at = append(at, p.At)
	}
	if diff := cmp.Diff([]time.Duration{time.Second, 2 * time.Second}, at); diff != "" {
		t.Errorf("pieces (-want +got):\n%s", diff)
	}
	text, err := json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"sk-of-the-plan", "sk-of-the-bot", "sk-in-query", "session=abc"} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("%s was kept: %s", secret, text)
		}
	}
}

// A write that passes itself off as a read.
func TestMethodInAHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Kind: "calendar", Config: plan.Relay{Calls: 9}}, answer)
		for override, passed := range map[string]int{"DELETE": 0, "get": 1} {
			before := b.far.asked()
			r := b.Request(t.Context(), http.MethodGet, "/calendar/v3/calendars/primary/events/e1", "")
			r.Header.Set("X-HTTP-Method-Override", override)
			b.Do(r)
			if got := b.far.asked() - before; got != passed {
				t.Errorf("%s: %d passed", override, got)
			}
		}
	})
}

func TestOperations(t *testing.T) {
	for _, test := range []struct{ kind, method, path, want string }{
		{"openai", "POST", "/chat/completions", "POST /v1/chat/completions"},
		{"openai", "GET", "/models/gpt-4o", "GET /v1/models/*"},
		{"openai", "GET", "/files/file-123", "GET /v1/files/*"},
		{"calendar", "GET", "/calendars/a%40b.example/events", "events.list"},
		{"calendar", "PUT", "/calendar/v3/calendars/primary/events/e1", "events.update"},
		{"calendar", "POST", "/calendars/primary/clear", "POST /calendars/primary/clear"},
		{"http", "GET", "/v2/orders/42/lines/7", "GET /v2/orders/*/lines/*"},
	} {
		if got := operation(test.kind, test.method, test.path); got != test.want {
			t.Errorf("%s %s of %s: %s, want %s", test.method, test.path, test.kind, got, test.want)
		}
	}
}
