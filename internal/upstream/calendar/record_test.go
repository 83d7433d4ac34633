package calendar

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley"
	"parley/internal/fingerprint"
	"parley/internal/plan"
	"parley/internal/upstream"
)

// Each call is recorded under Google's name of its method and takes exactly the latency of its kind.
func TestOperationsAndLatency(t *testing.T) {
	const body = `{"start":{"date":"2026-11-24"},"end":{"date":"2026-11-25"}}`
	for _, test := range []struct {
		method, path, body, operation string
		status                        int32
		latency                       time.Duration
	}{
		{"POST", "/token", "grant_type=refresh_token&refresh_token=x&client_id=y", "token", 200, 100 * time.Millisecond},
		{"POST", "/calendar/v3/freeBusy", `{"timeMin":"2026-11-24T00:00:00Z","timeMax":"2026-11-25T00:00:00Z"}`, "freebusy.query", 200, 100 * time.Millisecond},
		{"GET", events, "", "events.list", 200, 100 * time.Millisecond},
		{"POST", events, body, "events.insert", 200, 300 * time.Millisecond},
		{"GET", events + "/there1", "", "events.get", 200, 100 * time.Millisecond},
		{"PATCH", events + "/there1", "{}", "events.patch", 200, 300 * time.Millisecond},
		{"PUT", events + "/there1", body, "events.update", 200, 300 * time.Millisecond},
		{"DELETE", events + "/there1", "", "events.delete", 204, 300 * time.Millisecond},
		{"GET", "/calendar/v3/users/me/calendarList", "", "calendarList.list", 200, 100 * time.Millisecond},
		{"GET", "/calendar/v3/calendars/primary", "", "calendars.get", 200, 100 * time.Millisecond},
		{"GET", "/users/me/calendarList/", "", "calendarList.list", 200, 100 * time.Millisecond},
		{"GET", "/calendar/calendars/primary", "", "calendars.get", 200, 100 * time.Millisecond},
		{"GET", events + "/missing", "", "events.get", 404, 100 * time.Millisecond},
		{"POST", events, "{", "events.insert", 400, 300 * time.Millisecond},
		{"POST", events + "/quickAdd", "", "POST /calendar/v3/calendars/*/events/*", 404, 0},
		{"GET", "/calendar/v3/calendars/ana@example.com/acl", "", "GET /calendar/v3/calendars/*/acl", 404, 0},
		{"BREW", events, "", "BREW /calendar/v3/calendars/*/events", 404, 0},
		{"GET", "/", "", "GET /calendar/v3/", 404, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Config: slow()})
			c, _ := b.server.store.calendar(primary, true)
			if err := b.server.insert(c, &event{id: "there1", status: confirmed, fields: map[string]any{}}, time.Now()); err != nil {
				t.Fatal(err.message)
			}
			start := time.Now()
			b.call(test.method, test.path, test.body)
			if took := time.Since(start); took != test.latency {
				t.Errorf("%s %s took %v, want %v", test.method, test.path, took, test.latency)
			}
			synctest.Wait()
			got := b.Only()
			if got.Operation != test.operation || got.Status != test.status || got.Imposed != test.latency || got.Duration() != test.latency || got.Wire != "calendar" ||
				got.RequestBytes != int64(len(test.body)) || (got.Failure == "") != (test.status < 400) || got.Conn != 1 {
				t.Errorf("%s %s: %+v", test.method, test.path, got)
			}
		})
	}
}

// A user's number ties a call to its turn wherever it stands.
func TestIdentities(t *testing.T) {
	finder, err := fingerprint.NewFinder(fingerprint.Pattern{Prefix: "999", Rest: 12, Class: fingerprint.Digits})
	if err != nil {
		t.Fatal(err)
	}
	key := parley.NewKey()
	const number = "999000000000001"
	for _, test := range []struct{ method, path, body string }{
		{"POST", events, `{"summary":"Visit of +` + number + `"}`},
		{"POST", events, `{"extendedProperties":{"private":{"wa":"` + number + `"}}}`},
		{"POST", events, `{"attendees":[{"email":"` + number + `@example.com"}]}`},
		{"GET", events + "?q=%2B" + number, ""},
		{"GET", events + "?privateExtendedProperty=wa%3D" + number, ""},
		{"GET", events + "/wa" + number, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Options: upstream.Options{Key: key, Finder: finder, Attribute: func(c *parley.Call, _ []fingerprint.Field) uint64 {
				if ids := c.Identities; len(ids) == 1 && ids[0] == key.Hash(number) && c.Words == 0 {
					c.Turn, c.By = 5, parley.ByIdentity
				}
				return 0
			}}})
			b.call(test.method, test.path, test.body)
			synctest.Wait()
			if c := b.Only(); c.Turn != 5 || c.By != parley.ByIdentity {
				t.Errorf("%s %s %s: %+v", test.method, test.path, test.body, c)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	const body = `{"start":{"date":"2026-11-24"},"end":{"date":"2026-11-25"}}`
	for rule, reason := range map[string]string{
		"status 403 on events.insert": "rateLimitExceeded",
		"status 429 on events.*":      "rateLimitExceeded",
		"status 401":                  "authError",
		"status 404":                  "notFound",
		"status 409":                  "conflict",
		"status 410":                  "deleted",
		"status 412":                  "conditionNotMet",
		"status 418":                  "badRequest",
		"status 500":                  "backendError",
		"status 503 on events.insert": "backendError",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Config: plan.Calendar{Faults: rules(t, rule)}})
			status := rules(t, rule)[0].String()[len("status "):][:3]
			resp, data := b.call("POST", events, body)
			var e struct{ Error struct{ Errors []errorItem } }
			if err := json.Unmarshal(data, &e); err != nil || len(e.Error.Errors) != 1 || e.Error.Errors[0].Reason != reason || !strings.HasPrefix(resp.Status, status) {
				t.Errorf("%s: %s %s", rule, resp.Status, data)
			}
			synctest.Wait()
			if c := b.Only(); c.Fault == "" || c.Failure != "status "+status {
				t.Errorf("%s: %+v", rule, c)
			}
			if c, _ := b.server.store.calendar(primary, false); len(c.events) != 0 {
				t.Errorf("%s: an event was stored", rule)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.Calendar{Faults: rules(t, "every 2nd status 503 on token", "status 500 on events.insert")}})
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {"y"}}
		b.fetch(form)
		if status, answer := b.fetch(form); status != 503 || answer["error"] != "internal_failure" {
			t.Errorf("%d %v", status, answer)
		}
		b.ok(200, "GET", events, "") // a rule on one operation leaves the others alone
	})
	// The answer is damaged; the event is there all the same.
	for _, rule := range []string{"malformed", "cut", "drip 100B/s"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Config: plan.Calendar{Faults: rules(t, rule+" on events.insert")}})
			r := b.Request(t.Context(), "POST", events, body)
			r.Header.Set("Authorization", "Bearer "+b.token)
			if resp, err := b.Client.Do(r); err == nil {
				var o map[string]any
				err = json.NewDecoder(resp.Body).Decode(&o)
				if whole := rule == "drip 100B/s"; (err == nil) != whole {
					t.Errorf("%s: %v", rule, err)
				}
				resp.Body.Close()
			}
			if n := len(idsOf(b.ok(200, "GET", events, ""))); n != 1 {
				t.Errorf("%s: %d events", rule, n)
			}
		})
	}
}

// A bot that gives up waiting has booked all the same, as with the real service: its second try books twice.
func TestImpatientBot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: slow()})
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		r := b.Request(ctx, "POST", events, `{"start":{"date":"2026-11-24"},"end":{"date":"2026-11-25"}}`)
		r.Header.Set("Authorization", "Bearer "+b.token)
		if resp, err := b.Client.Do(r); err == nil {
			t.Errorf("status %d", resp.StatusCode)
		}
		synctest.Wait()
		if c := b.Only(); c.Failure != "client went away" || c.Status != 0 {
			t.Errorf("%+v", c)
		}
		if n := len(idsOf(b.ok(200, "GET", events, ""))); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

// Google's libraries say which try a call is.
func TestRetries(t *testing.T) {
	for header, want := range map[string]int32{
		"": 0, "gl-go/1.26 gdcl/0.310": 0, "gccl-invocation-id/x gccl-attempt-count/1": 0, "gccl-attempt-count/3 gl-go/1.26": 2, "gccl-attempt-count/9999999": 0,
	} {
		if got := attempt(header); got != want {
			t.Errorf("%q: %d, want %d", header, got, want)
		}
	}
}

func TestPretty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		_, pretty := b.call("GET", "/calendar/v3/calendars/primary", "")
		_, short := b.call("GET", "/calendar/v3/calendars/primary?prettyPrint=false", "")
		if !strings.HasPrefix(string(pretty), "{\n \"") || strings.Contains(string(short), "\n") {
			t.Errorf("%s\n%s", pretty, short)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add("GET", "/calendar/v3/calendars/primary/events?timeMin=2026-11-24T00:00:00Z&maxResults=3&orderBy=startTime&singleEvents=true", "")
	f.Add("POST", "/calendars/a%2Fb/events", `{"start":{"date":"2026-11-24"},"end":{"dateTime":"2026-11-24T10:00:00","timeZone":"Europe/Berlin"},"attendees":[{"email":"a@b"}]}`)
	f.Add("PATCH", "/calendars/primary/events/there1", `{"start":{"dateTime":null,"date":"0001-01-01"},"extendedProperties":{"private":null}}`)
	f.Add("GET", "/calendars/primary/events?pageToken=x&syncToken=y&timeZone=../x", "")
	f.Add("POST", "/token", "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c")
	s := New(Options{Config: plan.Calendar{Busy: 0.5}})
	if _, err := s.KeyFile("http://service/token"); err != nil {
		f.Fatal(err)
	}
	token := tokenPrefix + s.seal.close(grant{Kind: accessKind, User: "u", Scopes: []string{scopeBase}, Expires: 1 << 40})
	f.Fuzz(func(t *testing.T, method, target, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Path == "" || strings.HasPrefix(u.Path, "/batch") {
			return
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Method, r.URL, r.RequestURI = method, u, target
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) || w.Code >= 500 {
			t.Errorf("%s %s: %d %s", method, target, w.Code, w.Body)
		}
	})
}
