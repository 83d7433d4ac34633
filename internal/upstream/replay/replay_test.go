package replay

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/fault"
	"parley/internal/recording"
	"parley/internal/upstreamtest"
)

// behind answers what the recording does not hold.
type behind struct{ bodies []string }

func (b *behind) ConnContext(ctx context.Context, _ net.Conn) context.Context { return ctx }
func (b *behind) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.bodies = append(b.bodies, string(body))
	w.WriteHeader(http.StatusTeapot)
}

func record(t *testing.T, exchanges ...recording.Exchange) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it.jsonl")
	w, err := recording.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range exchanges {
		if err := w.Append(&x); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func exchange(method, target, body string, status int, contentType string, pieces ...recording.Piece) recording.Exchange {
	x := recording.Exchange{Method: method, Target: target, Status: status}
	if body != "" {
		x.Request = recording.Message{Header: map[string]string{"Content-Type": "application/json"}, Pieces: []recording.Piece{{Data: recording.Data(body)}}}
	}
	x.Response = recording.Message{Header: map[string]string{"Content-Type": contentType}, Pieces: pieces, After: time.Second}
	return x
}

func piece(at time.Duration, data string) recording.Piece {
	return recording.Piece{At: at, Data: recording.Data(data)}
}

func serve(t *testing.T, o Options, exchanges ...recording.Exchange) (*upstreamtest.Bench, *Replay, *behind) {
	t.Helper()
	next := &behind{}
	o.Path, o.Next = record(t, exchanges...), next
	var r *Replay
	b := upstreamtest.New(t, func(record func(parley.Call)) upstreamtest.Service {
		o.Wire, o.Record = "it", record
		var err error
		if r, err = New(o); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() })
		return r
	})
	return b, r, next
}

const question = `{"model":"gpt-4o-mini","temperature":0.2,"messages":[
 {"role":"system","content":"It is 2026-11-01T10:00:00Z. Customer 999123456789012, case 6f1f2a3e-1111-2222-3333-0123456789ab."},
 {"role":"user","content":"Do you have time at 14:30?"},
 {"role":"assistant","content":null,"tool_calls":[{"id":"call_abcdefgh1","type":"function","function":{"name":"find","arguments":"{\"day\": \"2026-11-02\", \"n\": 2}"}}]},
 {"role":"tool","tool_call_id":"call_abcdefgh1","content":"{\"free\": [\"15:00\"], \"id\": 1762000000}"}],
 "tools":[{"type":"function","function":{"name":"find","parameters":{"type":"object","properties":{"day":{},"n":{}}}}}]}`

// The same question in another run: other days, ids, numbers, order of keys, parameters that do not matter.
const asked = `{"tools":[{"function":{"parameters":{"properties":{"n":{},"day":{}},"type":"object"},"name":"find"},"type":"function"}],"user":"999000000000017",
 "model":"gpt-4o-mini","messages":[
 {"content":"It is 2027-03-09T08:15:12.5Z. Customer 999000000000017, case 00000000-aaaa-bbbb-cccc-0123456789ab.","role":"system"},
 {"role":"user","content":"Do you have time at 14:30?"},
 {"role":"assistant","tool_calls":[{"id":"call_zzzzzzzz9","type":"function","function":{"name":"find","arguments":"{\"n\":2,\"day\":\"2027-03-10\"}"}}]},
 {"role":"tool","tool_call_id":"call_zzzzzzzz9","content":"{\"id\":1800000000,\"free\":[\"15:00\"]}"}]}`

const reply = `{"choices":[{"message":{"content":"Yes"}}],"usage":{"prompt_tokens":90,"completion_tokens":2}}`

func TestSameMeaning(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want int
	}{
		"as it was":         {question, http.StatusOK},
		"of another run":    {asked, http.StatusOK},
		"another time":      {strings.Replace(asked, "14:30", "14:45", 1), http.StatusTeapot},
		"another model":     {strings.Replace(asked, "gpt-4o-mini", "gpt-4o", 1), http.StatusTeapot},
		"another tool":      {strings.Replace(asked, `"n":{}`, `"m":{}`, 1), http.StatusTeapot},
		"another result":    {strings.Replace(asked, "15:00", "16:00", 1), http.StatusTeapot},
		"as a stream":       {strings.Replace(asked, `{"tools"`, `{"stream":true,"tools"`, 1), http.StatusTeapot},
		"another count":     {strings.Replace(asked, `\"n\":2`, `\"n\":3`, 1), http.StatusTeapot},
		"not a question":    {`{"model":`, http.StatusTeapot},
		"no question":       {``, http.StatusTeapot},
		"one message fewer": {`{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Do you have time at 14:30?"}]}`, http.StatusTeapot},
	} {
		synctest.Test(t, func(t *testing.T) {
			b, r, next := serve(t, Options{Kind: "openai"}, exchange("POST", "/chat/completions", question, 200, "application/json", piece(1500*time.Millisecond, reply)))
			resp, body := b.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", test.body))
			synctest.Wait()
			if resp.StatusCode != test.want {
				t.Errorf("%s: status %d, want %d", name, resp.StatusCode, test.want)
			}
			if test.want == http.StatusTeapot {
				if diff := cmp.Diff([]string{test.body}, next.bodies); diff != "" || r.Tally() != (Tally{Left: 1}) || len(b.Recorded()) > 0 {
					t.Errorf("%s: the simulation got (-want +got):\n%s", name, diff)
				}
				return
			}
			c := b.Only()
			if string(body) != reply || c.Duration() != 1500*time.Millisecond || c.Imposed != c.Duration() || c.PromptTokens != 90 || c.CompletionTokens != 2 || c.Model != "gpt-4o-mini" || c.Operation != "POST /v1/chat/completions" {
				t.Errorf("%s: %s, recorded %+v", name, body, c)
			}
			if r.Tally() != (Tally{Exact: 1}) {
				t.Errorf("%s: %+v", name, r.Tally())
			}
		})
	}
}

func TestRecordedOrderAndPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		say := func(word string) recording.Exchange {
			return exchange("POST", "/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`, 200, "text/event-stream",
				piece(time.Second, "data: "+word+"\n\n"), piece(3*time.Second, "data: [DONE]\n\n"))
		}
		b, _, _ := serve(t, Options{Kind: "openai"}, say("one"), say("two"))
		for _, want := range []string{"one", "two", "one"} {
			start := time.Now()
			resp, err := b.Client.Do(b.Request(t.Context(), http.MethodPost, "/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`))
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 100)
			n, err := resp.Body.Read(buf)
			if got := string(buf[:n]); got != "data: "+want+"\n\n" || err != nil || time.Since(start) != time.Second {
				t.Errorf("%q after %v, want %s: %v", got, time.Since(start), want, err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if time.Since(start) != 3*time.Second {
				t.Errorf("the stream took %v", time.Since(start))
			}
		}
	})
}

func TestNearest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r, next := serve(t, Options{Kind: "http"},
			exchange("GET", "/customers/17?full=1&page=2", "", 200, "application/json", piece(time.Second, `{"id":17}`)),
			exchange("GET", "/customers/18", "", 200, "application/json", piece(2*time.Second, `{"id":18}`)),
			exchange("POST", "/orders", `{"b":1,"a":"x"}`, 201, "application/json", piece(time.Second, `{}`)),
			exchange("DELETE", "/orders/1", "", 204, ""),
		)
		for _, test := range []struct {
			method, path, body, want string
			status                   int
			lasts                    time.Duration
		}{
			{"GET", "/customers/17?page=2&full=1", "", `{"id":17}`, 200, time.Second},
			{"GET", "/customers/18", "", `{"id":18}`, 200, 2 * time.Second},
			{"GET", "/customers/99", "", `{"id":17}`, 200, time.Second},
			{"GET", "/customers/99", "", `{"id":18}`, 200, 2 * time.Second},
			{"POST", "/orders", `{"a": "x", "b": 1}`, `{}`, 201, time.Second},
			{"DELETE", "/orders/1", "", "", 204, time.Second},
			{"GET", "/orders", "", "", 418, 0},
		} {
			start := time.Now()
			resp, body := b.Do(b.Request(t.Context(), test.method, test.path, test.body))
			if resp.StatusCode != test.status || string(body) != test.want || time.Since(start) != test.lasts {
				t.Errorf("%s %s: %d %s after %v", test.method, test.path, resp.StatusCode, body, time.Since(start))
			}
		}
		if got := r.Tally(); got != (Tally{Exact: 4, Nearest: 2, Left: 1}) || len(next.bodies) != 1 {
			t.Errorf("%+v", got)
		}
		synctest.Wait()
		if op := b.Recorded()[0].Operation; op != "GET /customers/*" {
			t.Errorf("operation %s", op)
		}
	})
}

func TestKeyAndFaults(t *testing.T) {
	rule, err := fault.ParseRule("every 2nd cut")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		o := Options{Kind: "openai", Key: "sk-right"}
		o.Faults = []fault.Rule{rule}
		b, _, next := serve(t, o, exchange("POST", "/chat/completions", question, 200, "application/json", piece(0, reply)))
		ask := func(key string) (int, error) {
			r := b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", asked)
			r.Header.Set("Authorization", "Bearer "+key)
			resp, err := b.Client.Do(r)
			if err != nil {
				return 0, err
			}
			defer resp.Body.Close()
			_, err = io.ReadAll(resp.Body)
			return resp.StatusCode, err
		}
		if status, _ := ask("sk-wrong"); status != http.StatusTeapot || len(next.bodies) != 1 {
			t.Errorf("a wrong key: status %d", status)
		}
		if status, err := ask("sk-right"); status != http.StatusOK || err != nil {
			t.Errorf("the first: %d, %v", status, err)
		}
		if _, err := ask("sk-right"); err == nil {
			t.Error("the second was not cut")
		}
	})
}

func TestNoRecording(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	other := filepath.Join(t.TempDir(), "other")
	for path, text := range map[string]string{empty: "", other: "name,price\n1,2\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{empty: "holds no exchange", other: "line 1 is not an exchange", "/does/not/exist": "no such file"} {
		if _, err := New(Options{Path: path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSteady(t *testing.T) {
	for text, want := range map[string]string{
		"at 14:30 on friday": "at 14:30 on friday",
		"2026-11-22":         "<*>",
		"it is 2026-11-22T10:00:00.123+01:00 now": "it is <*> now",
		"on 22/11/2026":                            "on <*>",
		"call +999123456789012":                    "call +<*>",
		"id 3EB0A1B2C3D4E5F601":                    "id <*>",
		"chatcmpl-AbCdEfGhIj and call_0123456789x": "<*> and <*>",
		"order 4711 costs 120":                     "order 4711 costs 120",
	} {
		if got := steady(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzModelKey(f *testing.F) {
	f.Add(question, "application/json")
	f.Add(`{"messages":[{"content":[{"type":"text","text":"2026-01-01"}]}]}`, "application/json")
	f.Add("--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nabc\r\n--x--", "multipart/form-data; boundary=x")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		for _, path := range []string{"/chat/completions", "/embeddings", "/audio/transcriptions", "/responses", "/other?a=1"} {
			first, second := modelKey("POST", path, contentType, []byte(body)), modelKey("POST", path, contentType, []byte(body))
			if first != second {
				t.Error("the key of a request is not always the same")
			}
		}
		if plainKey("POST", "/a", contentType, []byte(body)) == plainKey("POST", "/b", contentType, []byte(body)) {
			t.Error("two paths have one key")
		}
	})
}
