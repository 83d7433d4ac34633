package relay

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
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
	for _, secret := range []string{"sk-of-the-plan", "sk-of-the-bot", "sk-in-query", "session=abc", "hunter2"} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("%s was kept: %s", secret, text)
		}
	}
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
		{"http", strings.Repeat("X", 9000), "/a", "XXXXXXXXXXXXXXXX /a"},
	} {
		if got := operation(test.kind, test.method, test.path); got != test.want {
			t.Errorf("%s %s of %s: %s, want %s", test.method, test.path, test.kind, got, test.want)
		}
	}
}

// The base is a folder of the service: what only begins like it is another.
func TestOperationsBelowTheBase(t *testing.T) {
	for path, want := range map[string]string{"/v1/a": "GET /a", "/v1": "GET /", "/v1beta/a": "GET /*/a", "/a": "GET /a"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Kind: "http"}, func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path != path {
					t.Errorf("%s was asked for as %s", path, r.URL.Path)
				}
			})
			b.Do(b.Request(t.Context(), http.MethodGet, path, ""))
			synctest.Wait()
			if got := b.Only().Operation; got != want {
				t.Errorf("%s: %s, want %s", path, got, want)
			}
		})
	}
}
