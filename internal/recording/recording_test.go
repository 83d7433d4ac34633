package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func example(i int) *Exchange {
	return &Exchange{
		Start: time.Duration(i) * time.Second, Operation: "GET /a", Method: "GET", Target: fmt.Sprintf("/a?i=%d", i), Status: 200,
		Request: Message{Hash: "00"},
		Response: Message{
			Header: map[string]string{"Content-Type": "text/event-stream"}, Bytes: 6, After: time.Millisecond,
			Pieces: []Piece{{time.Second, Data("ab\n")}, {2 * time.Second, Data("\x00\xff\n")}},
		},
	}
}

func write(t *testing.T, path string, n int) *Writer {
	t.Helper()
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := w.Append(example(i)); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func read(t *testing.T, path string) (list []Exchange, damaged int) {
	t.Helper()
	r, err := Open(path, func(_ int, x *Exchange) { list = append(list, *x) })
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range list {
		again, err := r.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&list[i], again); diff != "" {
			t.Errorf("exchange %d read again (-first +again):\n%s", i, diff)
		}
	}
	return list, r.Damaged
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	w := write(t, path, 3)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	list, damaged := read(t, path)
	want := example(1)
	want.Version = Version
	if diff := cmp.Diff(*want, list[1]); diff != "" || len(list) != 3 || damaged != 0 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := w.Append(example(0)); err == nil {
		t.Error("a closed recording takes exchanges")
	}
	if _, err := Create(path); err == nil {
		t.Error("a recording was written over")
	}
}

// Whatever byte a crash ends the file at, the exchanges before it are there.
func TestTornAnywhere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.jsonl")
	if err := write(t, path, 3).Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	torn := filepath.Join(dir, "torn")
	for n := range len(whole) {
		if err := os.WriteFile(torn, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		list, damaged := read(t, torn)
		if want := bytes.Count(whole[:n], []byte("\n")); len(list) != want || damaged != 0 {
			t.Fatalf("cut at byte %d: %d exchanges, want %d; %d damaged", n, len(list), want, damaged)
		}
	}
}

func TestPassedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	if err := write(t, path, 1).Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	more := func(old, other string) string {
		changed := strings.Replace(good, old, other, 1)
		if changed == good {
			t.Fatalf("no %s in %s", old, good)
		}
		return changed
	}
	lines := good + // damaged: four
		"{\"v\":1,\n" + more(`"GET"`, `""`) + more(`1000000000`, `3000000000`) + more(`"base64":"`, `"base64":"?`) +
		// whole, but not to be replayed: three
		more(`"v":1`, `"v":2`) + more(`"status":200`, `"status":0`) + more(`"bytes":6`, `"bytes":6,"truncated":true`) +
		good
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, damaged := read(t, path); len(list) != 2 || damaged != 4 {
		t.Errorf("%d exchanges, %d damaged", len(list), damaged)
	}
}

func TestFull(t *testing.T) {
	w := write(t, filepath.Join(t.TempDir(), "x.jsonl"), 1)
	defer w.Close()
	w.limit = w.size + 10
	for range 2 {
		if err := w.Append(example(1)); !errors.Is(err, ErrFull) {
			t.Errorf("error %v", err)
		}
	}
}

func TestManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	w := write(t, path, 0)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if err := w.Append(example(i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if list, damaged := read(t, path); len(list) != 50 || damaged != 0 {
		t.Errorf("%d exchanges, %d damaged", len(list), damaged)
	}
}

func TestRedact(t *testing.T) {
	r := NewRedactor("sk-plan-key", "abc").With(http.Header{"Authorization": {"Bearer sk-bot-key"}, "X-Api-Key": {"another-key"}})
	for _, test := range []struct{ contentType, body, want string }{
		{"application/json", `{"access_token":"ya29.x\"y","expires_in":3599}`, `{"access_token":"<secret>","expires_in":3599}`},
		{"application/json", `{"Password" : "p", "user": "u"}`, `{"Password" : "<secret>", "user": "u"}`},
		{"application/json", `{"note":"use sk-bot-key or sk-plan-key or another-key, abc"}`, `{"note":"use <secret> or <secret> or <secret>, abc"}`},
		{"application/json", `{"accessToken":"a","clientSecret":"b","privateKey":"c","db_password":"d","nextPageToken":"e","max_tokens":5}`,
			`{"accessToken":"<secret>","clientSecret":"<secret>","privateKey":"<secret>","db_password":"<secret>","nextPageToken":"e","max_tokens":5}`},
		{"application/json", `{"pin":1,"password":20261101,"secret":null}`, `{"pin":1,"password":"<secret>","secret":null}`},
		// The log probabilities of OpenAI call what the model said tokens.
		{"application/json", `{"token":"eyJhbGciOiJIUzI1NiJ9.e30.x"},{"token":" Hello"}`, `{"token":"<secret>"},{"token":" Hello"}`},
		// A call of a tool has its arguments as a text, and that quoted once more.
		{"application/json", `{"arguments":"{\"user\": \"u\", \"password\": \"p\\\"q\\n\", \"a\": 1}"}`,
			`{"arguments":"{\"user\": \"u\", \"password\": \"<secret>\", \"a\": 1}"}`},
		{"application/json", `{"a":"{\"password\":\"x\\","b":"\"c\""}`, `{"a":"{\"password\":\"x\\","b":"\"c\""}`}, // torn within
		{"application/json", `{"a":"{\"b\":\"{\\\"secret\\\":\\\"x\\\"}\"}"}`, `{"a":"{\"b\":\"{\\\"secret\\\":\\\"<secret>\\\"}\"}"}`},
		{"text/event-stream", "data: {\"password\":\"x\"}\n\ndata: {\"password\":\"", "data: {\"password\":\"<secret>\"}\n\ndata: {\"password\":\""},
		{"application/x-www-form-urlencoded", "access%5Ftoken=x#id_token=y&z", "access%5Ftoken=%3Csecret%3E#id_token=%3Csecret%3E&z"},
		{"application/x-www-form-urlencoded", "accessToken=x&passwords=3", "accessToken=%3Csecret%3E&passwords=3"},
		{"application/x-www-form-urlencoded", "grant_type=x&assertion=eyJh.b.c&a=1", "grant_type=x&assertion=%3Csecret%3E&a=1"},
		{"text/plain", "client_secret=x", "client_secret=x"},
	} {
		body := []byte(test.body)
		if got := string(r.Body(test.contentType, body)); got != test.want || string(body) != test.body {
			t.Errorf("%s: %s, want %s", test.body, got, test.want)
		}
	}
	for target, want := range map[string]string{
		"/a?key=AIza&b=1":           "/a?key=%3Csecret%3E&b=1",
		"/a?b=1&access_token=t&c=2": "/a?b=1&access_token=%3Csecret%3E&c=2",
		"/keys/sk-plan-key":         "/keys/<secret>",
		"/a?monkey=1":               "/a?monkey=1",
		"/a#access_token=t":         "/a#access_token=%3Csecret%3E",
	} {
		if got := r.Target(target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	h := r.Header(http.Header{"Set-Cookie": {"a=b"}, "Content-Type": {"text/plain"}, "Location": {"/x?token=1"}, "Authorization": {"x"}})
	if diff := cmp.Diff(map[string]string{"Content-Type": "text/plain", "Location": "/x?token=%3Csecret%3E"}, h); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestWholeIsBounded(t *testing.T) {
	m := Redactor{}.Whole(http.Header{}, bytes.Repeat([]byte("x"), MaxBody+1))
	if !m.Truncated || len(m.Body()) != MaxBody || m.Bytes != MaxBody+1 || m.Hash == "" {
		t.Errorf("%d of %d bytes, truncated %v", len(m.Body()), m.Bytes, m.Truncated)
	}
}

func FuzzOpen(f *testing.F) {
	line, err := json.Marshal(example(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(bytes.Replace(line, []byte(`"v":0`), []byte(`"v":1`), 1), '\n'))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &Recording{}
		if r.index(bytes.NewReader(text), func(int, *Exchange) {}) != nil {
			return
		}
		for _, line := range r.lines {
			x, err := decode(text[line.offset : line.offset+int64(line.length)])
			if err != nil {
				t.Fatalf("an exchange that was read once cannot be read again: %v", err)
			}
			if x.Status < 200 || x.Response.Truncated || x.Method == "" {
				t.Errorf("not to be replayed: %+v", x)
			}
		}
	})
}

func FuzzRedact(f *testing.F) {
	f.Add(`{"password":"x","a":["b"]}`)
	f.Add(`{"a":"{\"token\":\"aaaaaaaaaaaaaaaaaaaaaaa\\\\\",\"password\":5}"}`)
	f.Fuzz(func(t *testing.T, body string) {
		out := NewRedactor().Body("application/json", []byte(body))
		if json.Valid([]byte(body)) && !json.Valid(out) {
			t.Errorf("%s became %s, which is not JSON", body, out)
		}
	})
}
