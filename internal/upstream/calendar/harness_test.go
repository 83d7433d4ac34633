package calendar

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
	"parley/internal/upstreamtest"
)

// testAccount is made once: keys take a while.
var testAccount = sync.OnceValues(newAccount)

// bench is the simulator with a client, in memory.
type bench struct {
	*upstreamtest.Bench
	t      *testing.T
	server *Server
	token  string // sent with every request, "" for none
}

func newBench(t *testing.T, o Options) *bench {
	t.Helper()
	b := &bench{t: t}
	b.Bench = upstreamtest.New(t, func(record func(parley.Call)) upstreamtest.Service {
		o.Wire, o.Record = "calendar", record
		b.server = New(o)
		return b.server
	})
	account, err := testAccount()
	if err != nil {
		t.Fatal(err)
	}
	uri := "http://service/token"
	b.server.account.Store(account)
	b.server.tokenURI.Store(&uri)
	b.token = b.mint(grant{User: "user@example.com", Scopes: []string{scopeBase}})
	return b
}

// mint makes an access token that outlives the test.
func (b *bench) mint(g grant) string {
	g.Kind, g.Expires = accessKind, time.Now().Add(1000*24*time.Hour).Unix()
	return tokenPrefix + b.server.seal.close(g)
}

// call makes a request with headers given as "Name: value".
func (b *bench) call(method, path, body string, headers ...string) (*http.Response, []byte) {
	b.t.Helper()
	r := b.Request(b.t.Context(), method, path, body)
	if b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return b.Do(r)
}

// ok makes a request that must be answered with a status, and reads the JSON of the answer.
func (b *bench) ok(status int, method, path, body string, headers ...string) map[string]any {
	b.t.Helper()
	resp, data := b.call(method, path, body, headers...)
	if resp.StatusCode != status {
		b.t.Fatalf("%s %s: status %d, want %d: %s", method, path, resp.StatusCode, status, data)
	}
	if len(data) == 0 {
		return nil
	}
	var o map[string]any
	if err := json.Unmarshal(data, &o); err != nil {
		b.t.Fatalf("%s %s: %v in %s", method, path, err, data)
	}
	return o
}

// refused makes a request that must be refused for a reason.
func (b *bench) refused(status int, reason, method, path, body string, headers ...string) {
	b.t.Helper()
	resp, data := b.call(method, path, body, headers...)
	var e struct {
		Error struct {
			Errors  []errorItem
			Code    int
			Message string
		}
	}
	if err := json.Unmarshal(data, &e); err != nil || len(e.Error.Errors) != 1 {
		b.t.Errorf("%s %s: status %d, not an error of Google's: %s", method, path, resp.StatusCode, data)
		return
	}
	if item := e.Error.Errors[0]; resp.StatusCode != status || e.Error.Code != status || item.Reason != reason || item.Message != e.Error.Message || item.Message == "" {
		b.t.Errorf("%s %s: status %d, want %d %s: %s", method, path, resp.StatusCode, status, reason, data)
	}
}

const events = "/calendar/v3/calendars/primary/events"

// book inserts an event of an hour and returns its id.
func (b *bench) book(calendar, start, more string) string {
	b.t.Helper()
	at, err := time.Parse(time.RFC3339, start)
	if err != nil {
		b.t.Fatal(err)
	}
	e := b.ok(200, "POST", "/calendar/v3/calendars/"+calendar+"/events",
		`{"start":{"dateTime":"`+start+`"},"end":{"dateTime":"`+at.Add(time.Hour).Format(time.RFC3339)+`"}`+more+`}`)
	return e["id"].(string)
}

// ids lists the ids, or the starts, of the items of a list.
func texts(list map[string]any, read func(item map[string]any) any) (all []string) {
	for _, item := range list["items"].([]any) {
		text, _ := read(item.(map[string]any)).(string)
		all = append(all, text)
	}
	return all
}

func idsOf(list map[string]any) []string {
	return texts(list, func(item map[string]any) any { return item["id"] })
}

func rules(t *testing.T, all ...string) (list []fault.Rule) {
	t.Helper()
	for _, text := range all {
		r, err := fault.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// slow has latencies without chance.
func slow() plan.Calendar {
	return plan.Calendar{Latency: fault.Constant(100 * time.Millisecond), WriteLatency: fault.Constant(300 * time.Millisecond)}
}
