package stub

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/fault"
	"parley/internal/fingerprint"
	"parley/internal/plan"
	"parley/internal/upstream"
	"parley/internal/upstreamtest"
)

// config is that of a plan's service, as the plan's own reader makes it.
func config(t *testing.T, simulate string) plan.HTTP {
	t.Helper()
	text := "target: {webhook: 'http://127.0.0.1:8000/'}\nscenarios: [turns: [Hi]]\ndependencies:\n  it: {kind: http, env: IT_URL, simulate: " + simulate + "}\n"
	p, err := plan.Parse("test", []byte(text), t.TempDir(), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return p.Dependencies[0].HTTP
}

func serve(t *testing.T, o Options) *upstreamtest.Bench {
	t.Helper()
	return upstreamtest.New(t, func(record func(parley.Call)) upstreamtest.Service {
		o.Wire, o.Record = "it", record
		return New(o)
	})
}

const routes = `{latency: 30ms, routes: [
  {on: GET /v1/customers/*, json: {id: c-1, plan: gold}},
  {on: POST /v1/invoices, status: 201, header: {Location: /v1/invoices/1}, json: {id: 1}, latency: 200ms},
  {on: DELETE /v1/invoices/*, status: 204},
  {on: /files/**, text: a file},
  {on: /health, text: ok}]}`

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		method, path        string
		status              int
		operation, body     string
		header, value       string
		latency             time.Duration
		failure             string
		contentType, length string
	}{
		{method: "GET", path: "/v1/customers/17?full=1", status: 200, operation: "GET /v1/customers/*", body: `{"id":"c-1","plan":"gold"}`, contentType: "application/json", length: "26", latency: 30 * time.Millisecond},
		{method: "HEAD", path: "/v1/customers/17", status: 200, operation: "HEAD /v1/customers/*", contentType: "application/json", length: "26", latency: 30 * time.Millisecond},
		{method: "POST", path: "/v1/invoices", status: 201, operation: "POST /v1/invoices", body: `{"id":1}`, header: "Location", value: "/v1/invoices/1", latency: 200 * time.Millisecond},
		{method: "DELETE", path: "/v1/invoices/9/", status: 204, operation: "DELETE /v1/invoices/*", latency: 30 * time.Millisecond},
		{method: "PUT", path: "/files/a/b/c.txt", status: 200, operation: "PUT /files/**", body: "a file", latency: 30 * time.Millisecond},
		{method: "GET", path: "/files", status: 200, operation: "GET /files/**", body: "a file", latency: 30 * time.Millisecond},
		{method: "OPTIONS", path: "/v1/customers/17", status: 204, operation: "OPTIONS /v1/customers/*", header: "Allow", value: "GET, HEAD, OPTIONS"},
		{method: "POST", path: "/v1/customers/17", status: 405, operation: "POST /v1/customers/*", header: "Allow", value: "GET, HEAD, OPTIONS", failure: "status 405",
			body: `{"error":{"message":"no route of the plan answers POST here","status":405,"routes":["GET /v1/customers/*","DELETE /v1/invoices/*","POST /v1/invoices"]}}`},
		{method: "GET", path: "/v1/custommers/5511988887777", status: 404, operation: "GET /v1/custommers/*", failure: "status 404",
			body: `{"error":{"message":"no route of the plan answers GET /v1/custommers/*","status":404,"routes":["GET /v1/customers/*","DELETE /v1/invoices/*","POST /v1/invoices"]}}`},
		{method: "GET", path: "/v1/customers/a%2Fb", status: 200, operation: "GET /v1/customers/*", body: `{"id":"c-1","plan":"gold"}`, latency: 30 * time.Millisecond},
		{method: "GET", path: "/v1/customers/", status: 404, operation: "GET /v1/customers", failure: "status 404",
			body: `{"error":{"message":"no route of the plan answers GET /v1/customers","status":404,"routes":["GET /v1/customers/*","DELETE /v1/invoices/*","POST /v1/invoices"]}}`},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, Options{Config: config(t, routes)})
				resp, body := b.Do(b.Request(t.Context(), test.method, test.path, ""))
				synctest.Wait()
				call := b.Only()
				if resp.StatusCode != test.status || string(body) != test.body {
					t.Errorf("status %d, body %s", resp.StatusCode, body)
				}
				if call.Operation != test.operation || call.Duration() != test.latency || call.Failure != test.failure || int(call.Status) != test.status || call.FirstByte == parley.None {
					t.Errorf("recorded %+v", call)
				}
				h := resp.Header
				if h.Get(test.header) != test.value || test.contentType != "" && h.Get("Content-Type") != test.contentType || test.length != "" && h.Get("Content-Length") != test.length {
					t.Errorf("headers %v", h)
				}
			})
		})
	}
}

func TestFirstRouteWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Config: config(t, `{routes: [{on: GET /a/b, text: exact}, {on: GET /a/*, text: star}, {on: /**, text: rest}]}`)})
		for path, want := range map[string]string{"/a/b": "exact", "/a/c": "star", "/a": "rest", "/": "rest", "/a/b/c": "rest"} {
			if _, body := b.Do(b.Request(t.Context(), http.MethodGet, path, "")); string(body) != want {
				t.Errorf("%s: %s, want %s", path, body, want)
			}
		}
	})
}

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Config: config(t, `{routes: [{on: GET /a, text: 0123456789}, {on: GET /b, text: 0123456789}], faults: ["status 503 on GET /a", "cut on GET /b", "delay 1s on GET /a"]}`)})
		resp, body := b.Do(b.Request(t.Context(), http.MethodGet, "/a", ""))
		if resp.StatusCode != http.StatusServiceUnavailable || !json.Valid(body) {
			t.Errorf("status %d, %s", resp.StatusCode, body)
		}
		resp, err := b.Client.Do(b.Request(t.Context(), http.MethodGet, "/b", ""))
		if err != nil {
			t.Fatal(err)
		}
		part, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(part) == 0 || len(part) == 10 {
			t.Errorf("a cut answer is %q: %v", part, err)
		}
		synctest.Wait()
		calls := b.Recorded()
		if c := calls[0]; c.Fault != "status 503 + delay 1s" || c.Duration() != time.Second || c.Failure != "status 503" {
			t.Errorf("recorded %+v", c)
		}
		if c := calls[1]; c.Fault != "cut" || c.Failure != "cut" {
			t.Errorf("recorded %+v", c)
		}
	})
}

func TestIdentities(t *testing.T) {
	finder, err := fingerprint.NewFinder(fingerprint.Pattern{Prefix: "999", Rest: 12, Class: fingerprint.Digits})
	if err != nil {
		t.Fatal(err)
	}
	key := parley.NewKey()
	const number = "999123456789012"
	want := []uint64{key.Hash(number)}
	for name, change := range map[string]func(*http.Request){
		"url":  func(r *http.Request) { r.URL.RawQuery = "phone=" + number },
		"path": func(r *http.Request) { r.URL.Path = "/customers/" + number },
		"body": func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(`{"phone": "` + number + `"}`))
			r.ContentLength = 28
		},
		"header": func(r *http.Request) { r.Header.Set("X-Customer", number) },
		"secret": func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+number) },
	} {
		synctest.Test(t, func(t *testing.T) {
			var seen [][]uint64
			b := serve(t, Options{Config: config(t, routes), Options: upstream.Options{Finder: finder, Key: key,
				Attribute: func(c *parley.Call, _ []fingerprint.Field) uint64 {
					seen = append(seen, c.Identities)
					c.Turn, c.By = 7, parley.ByIdentity
					return 0
				}}})
			r := b.Request(t.Context(), http.MethodPost, "/v1/invoices", "")
			change(r)
			b.Do(r)
			synctest.Wait()
			expected := want
			if name == "secret" {
				expected = nil
			}
			if diff := cmp.Diff([][]uint64{expected}, seen); diff != "" || b.Only().Turn != 7 {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if strings.Contains(b.Only().Operation, number) {
				t.Errorf("the operation names a user: %s", b.Only().Operation)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Config: config(t, routes)})
		resp, _ := b.Do(b.Request(t.Context(), http.MethodPost, "/v1/invoices", strings.Repeat("x", maxBody+1)))
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", resp.StatusCode)
		}
	})
}

func TestClientGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Config: plan.HTTP{Latency: fault.Constant(time.Minute), Routes: []plan.Route{{Method: "*", Path: "/a", Status: 200}}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if resp, err := b.Client.Do(b.Request(ctx, http.MethodGet, "/a", "")); err == nil {
			_ = resp.Body.Close()
			t.Error("answered before its latency was over")
		}
		synctest.Wait()
		if c := b.Only(); c.Failure != "client went away" || c.End != time.Second {
			t.Errorf("recorded %+v", c)
		}
	})
}
