package calendar

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/internal/plan"
)

func TestInsert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.Calendar{TimeZone: "America/Sao_Paulo"}})
		time.Sleep(90 * time.Second)
		got := b.ok(200, "POST", events, `{"id":"abc12","summary":"Visit","start":{"dateTime":"2026-11-24T10:00:00","timeZone":"America/Sao_Paulo"},
			"end":{"dateTime":"2026-11-24T14:00:00.5Z"},"attendees":[{"email":"ana@example.com"}],"kind":"x","unknown":1,"description":null,
			"extendedProperties":{"private":{"number":"999000000000001"}}}`)
		want := map[string]any{
			"kind": "calendar#event", "id": "abc12", "status": "confirmed", "summary": "Visit", "etag": got["etag"],
			"htmlLink": got["htmlLink"], "created": "2000-01-01T00:01:30.000Z", "updated": "2000-01-01T00:01:30.000Z",
			"creator":            map[string]any{"email": "user@example.com"},
			"organizer":          map[string]any{"email": accountEmail, "self": true},
			"start":              map[string]any{"dateTime": "2026-11-24T10:00:00-03:00", "timeZone": "America/Sao_Paulo"},
			"end":                map[string]any{"dateTime": "2026-11-24T11:00:00-03:00"},
			"iCalUID":            "abc12@google.com",
			"sequence":           0.0,
			"attendees":          []any{map[string]any{"email": "ana@example.com", "responseStatus": "needsAction"}},
			"extendedProperties": map[string]any{"private": map[string]any{"number": "999000000000001"}},
			"reminders":          map[string]any{"useDefault": true},
			"eventType":          "default",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
		resp, _ := b.call("GET", events+"/abc12?timeZone=Europe/Berlin", "")
		if resp.Header.Get("Etag") != got["etag"] || resp.Header.Get("Content-Type") != "application/json; charset=UTF-8" {
			t.Errorf("header %v", resp.Header)
		}
		if e := b.ok(200, "GET", events+"/abc12?timeZone=Europe/Berlin", ""); e["start"].(map[string]any)["dateTime"] != "2026-11-24T14:00:00+01:00" {
			t.Errorf("start %v", e["start"])
		}
		// The primary calendar goes by its owner's address, with and without the path before it.
		b.ok(200, "GET", "/calendars/"+strings.ReplaceAll(accountEmail, "@", "%40")+"/events/abc12", "")
		if id := b.ok(200, "POST", events, `{"start":{"date":"2026-11-24"},"end":{"date":"2026-11-25"}}`)["id"].(string); len(id) != 26 || !validID(id) {
			t.Errorf("id %q", id)
		}
	})
}

func TestRefusedWrites(t *testing.T) {
	const times = `"start":{"dateTime":"2026-11-24T10:00:00Z"},"end":{"dateTime":"2026-11-24T11:00:00Z"}`
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.Calendar{Calendars: []string{"primary"}}})
		b.ok(200, "POST", events, `{"id":"taken1",`+times+`}`)
		b.ok(204, "DELETE", events+"/"+b.book("primary", "2026-11-24T10:00:00Z", `,"id":"gone1"`), "")
		for _, test := range []struct {
			status             int
			reason, path, body string
		}{
			{400, "parseError", events, `{`},
			{400, "parseError", events, `[]`},
			{400, "parseError", events, `{} {}`},
			{400, "parseError", events, `null`},
			{400, "required", events, ``},
			{400, "required", events, `{"start":{"dateTime":"2026-11-24T10:00:00Z"}}`},
			{400, "required", events, `{"end":{"dateTime":"2026-11-24T10:00:00Z"}}`},
			{400, "required", events, `{"start":{},"end":{}}`},
			{400, "required", events, `{"start":{"dateTime":"2026-11-24T10:00:00"},"end":{"dateTime":"2026-11-24T11:00:00"}}`},
			{400, "invalid", events, `{"start":"now","end":"then"}`},
			{400, "badRequest", events, `{"start":{"dateTime":"tomorrow"},"end":{"dateTime":"tomorrow"}}`},
			{400, "badRequest", events, `{"start":{"dateTime":5},"end":{"dateTime":"2026-11-24T11:00:00Z"}}`},
			{400, "invalid", events, `{"start":{"date":"24/11/2026"},"end":{"date":"2026-11-24"}}`},
			{400, "invalid", events, `{"start":{"date":"2026-11-24"},"end":{"dateTime":"2026-11-24T11:00:00Z"}}`},
			{400, "invalid", events, `{"start":{"date":"2026-11-24","dateTime":"2026-11-24T10:00:00Z"},"end":{"dateTime":"2026-11-24T11:00:00Z"}}`},
			{400, "invalid", events, `{"start":{"dateTime":"2026-11-24T10:00:00","timeZone":"Mars"},"end":{"dateTime":"2026-11-24T11:00:00Z"}}`},
			{400, "timeRangeEmpty", events, `{"start":{"dateTime":"2026-11-24T10:00:00Z"},"end":{"dateTime":"2026-11-24T09:00:00Z"}}`},
			{400, "invalid", events, `{"id":"x",` + times + `}`},
			{400, "invalid", events, `{"id":"with-hyphen",` + times + `}`},
			{400, "invalid", events, `{"id":"zzzzzz",` + times + `}`},
			{400, "invalid", events, `{"id":7,` + times + `}`},
			{400, "invalid", events, `{"summary":7,` + times + `}`},
			{400, "invalid", events, `{"status":"maybe",` + times + `}`},
			{400, "invalid", events, `{"transparency":"glassy",` + times + `}`},
			{400, "invalid", events, `{"attendees":{"email":"a@b"},` + times + `}`},
			{400, "required", events, `{"attendees":[{"displayName":"Ana"}],` + times + `}`},
			{400, "invalid", events, `{"attendees":["a@b"],` + times + `}`},
			{400, "invalid", events, `{"attendees":[{"email":"ana"}],` + times + `}`},
			{400, "maxAttendeesExceeded", events, `{"attendees":[` + strings.Repeat(`{"email":"a@b"},`, 200) + `{"email":"a@b"}],` + times + `}`},
			{400, "invalid", events, `{"extendedProperties":{"private":{"n":5}},` + times + `}`},
			{400, "invalid", events, `{"extendedProperties":{"shared":[]},` + times + `}`},
			{400, "invalid", events, `{"recurrence":["RRULE:FREQ=DAILY"],` + times + `}`},
			{409, "duplicate", events, `{"id":"taken1",` + times + `}`},
			{409, "duplicate", events, `{"id":"gone1",` + times + `}`},
			{404, "notFound", "/calendar/v3/calendars/other/events", `{` + times + `}`},
			{413, "uploadTooLarge", events, `{"summary":"` + strings.Repeat("x", maxBody) + `"}`},
		} {
			b.refused(test.status, test.reason, "POST", test.path, test.body)
		}
		b.refused(404, "notFound", "GET", events+"/unknown", "")
		b.refused(404, "notFound", "PATCH", events+"/unknown", "{}")
		b.refused(404, "notFound", "PUT", events+"/unknown", "{"+times+"}")
		b.refused(404, "notFound", "DELETE", events+"/unknown", "")
		b.refused(410, "deleted", "DELETE", events+"/gone1", "")
		b.refused(400, "required", "PUT", events+"/taken1", `{"summary":"all gone"}`)
		b.refused(400, "timeRangeEmpty", "PATCH", events+"/taken1", `{"end":{"dateTime":"2026-11-24T09:00:00Z"}}`)
		b.refused(404, "notFound", "GET", "/calendar/v3/colors", "")
		b.refused(404, "notFound", "DELETE", events, "")
		// A service account that acts as itself invites nobody; one that acts for a user does.
		b.token = b.mint(grant{User: accountEmail, Service: true, Scopes: []string{scopeBase}})
		b.refused(403, "forbiddenForServiceAccounts", "POST", events, `{"attendees":[{"email":"a@b"}],`+times+`}`)
		b.refused(403, "forbiddenForServiceAccounts", "PATCH", events+"/taken1", `{"attendees":[{"email":"a@b"}]}`)
		b.ok(200, "POST", events, `{"attendees":[],`+times+`}`)
	})
}

func TestChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		id := b.book("primary", "2026-11-24T10:00:00Z", `,"summary":"Visit","location":"Room 1","extendedProperties":{"private":{"a":"1","b":"2"}}`)
		path := events + "/" + id
		first := b.ok(200, "GET", path, "")
		time.Sleep(time.Second)
		patched := b.ok(200, "PATCH", path, `{"summary":"Longer visit","location":null,"extendedProperties":{"private":{"b":null,"c":"3"}},"end":{"dateTime":"2026-11-24T12:00:00Z"}}`)
		_, located := patched["location"]
		if patched["summary"] != "Longer visit" || located || patched["sequence"] != 1.0 || patched["etag"] == first["etag"] || patched["created"] != first["created"] ||
			patched["updated"] == first["updated"] || patched["start"].(map[string]any)["dateTime"] != "2026-11-24T10:00:00Z" {
			t.Errorf("patched %v", patched)
		}
		if diff := cmp.Diff(map[string]any{"private": map[string]any{"a": "1", "c": "3"}}, patched["extendedProperties"]); diff != "" {
			t.Error(diff)
		}
		// From a time to a day takes a null, as with Google's own libraries.
		b.refused(400, "invalid", "PATCH", path, `{"start":{"date":"2026-11-24"},"end":{"date":"2026-11-25"}}`)
		whole := b.ok(200, "PATCH", path, `{"start":{"date":"2026-11-24","dateTime":null},"end":{"date":"2026-11-25","dateTime":null}}`)
		if diff := cmp.Diff(map[string]any{"date": "2026-11-24"}, whole["start"]); diff != "" {
			t.Error(diff)
		}
		updated := b.ok(200, "PUT", path, `{"start":{"dateTime":"2026-11-24T10:00:00Z"},"end":{"dateTime":"2026-11-24T11:00:00Z"},"status":"tentative"}`)
		if _, kept := updated["summary"]; kept || updated["status"] != "tentative" || updated["created"] != first["created"] {
			t.Errorf("updated %v", updated)
		}
		if resp, _ := b.call("POST", path, `{"summary":"By another way"}`, "X-HTTP-Method-Override: PATCH"); resp.StatusCode != 200 {
			t.Errorf("method override: status %d", resp.StatusCode)
		}
		b.ok(204, "DELETE", path+"?sendUpdates=all", "")
		if e := b.ok(200, "GET", path, ""); e["status"] != "cancelled" || e["summary"] != "By another way" {
			t.Errorf("deleted %v", e)
		}
		if e := b.ok(200, "PATCH", path, `{"status":"confirmed"}`); e["status"] != "confirmed" {
			t.Errorf("brought back %v", e)
		}
	})
}

func TestETags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		path := events + "/" + b.book("primary", "2026-11-24T10:00:00Z", "")
		old := b.ok(200, "GET", path, "")["etag"].(string)
		b.ok(304, "GET", path, "", "If-None-Match: "+old)
		b.ok(304, "GET", path, "", `If-None-Match: "1", W/`+old)
		b.ok(200, "GET", path, "", `If-None-Match: "1"`)
		b.ok(200, "PATCH", path, `{"summary":"a"}`, "If-Match: "+old)
		b.ok(200, "GET", path, "", "If-None-Match: "+old)
		b.refused(412, "conditionNotMet", "PATCH", path, `{"summary":"b"}`, "If-Match: "+old)
		b.refused(412, "conditionNotMet", "PUT", path, `{}`, "If-Match: "+old)
		b.refused(412, "conditionNotMet", "DELETE", path, "", "If-Match: "+old)
		b.ok(200, "PATCH", path, `{"summary":"b"}`, "If-Match: *")
		for _, path := range []string{events, "/calendar/v3/calendars/primary", "/calendar/v3/users/me/calendarList"} {
			resp, _ := b.call("GET", path, "")
			b.ok(304, "GET", path, "", "If-None-Match: "+resp.Header.Get("Etag"))
		}
		resp, _ := b.call("GET", events, "")
		b.ok(204, "DELETE", path, "")
		b.ok(200, "GET", events, "", "If-None-Match: "+resp.Header.Get("Etag"))
	})
}

func TestCalendars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.Calendar{Calendars: []string{"primary", "chair-2@practice.example", "en.brazilian#holiday@group.v.calendar.google.com"}, TimeZone: "America/Sao_Paulo"}})
		list := b.ok(200, "GET", "/calendar/v3/users/me/calendarList?maxResults=2", "")
		if diff := cmp.Diff([]string{accountEmail, "chair-2@practice.example"}, idsOf(list)); diff != "" || list["nextSyncToken"] != nil {
			t.Errorf("first page %v\n%s", list, diff)
		}
		list = b.ok(200, "GET", "/calendar/v3/users/me/calendarList?pageToken="+list["nextPageToken"].(string), "")
		if diff := cmp.Diff([]string{"en.brazilian#holiday@group.v.calendar.google.com"}, idsOf(list)); diff != "" {
			t.Error(diff)
		}
		if list = b.ok(200, "GET", "/calendar/v3/users/me/calendarList?syncToken="+list["nextSyncToken"].(string), ""); len(idsOf(list)) != 0 {
			t.Errorf("nothing is new: %v", list)
		}
		b.refused(410, "fullSyncRequired", "GET", "/calendar/v3/users/me/calendarList?syncToken=x", "")
		b.refused(400, "invalid", "GET", "/calendar/v3/users/me/calendarList?pageToken=x", "")
		b.refused(400, "invalid", "GET", "/calendar/v3/users/me/calendarList?maxResults=0", "")
		if c := b.ok(200, "GET", "/calendar/v3/calendars/en.brazilian%23holiday@group.v.calendar.google.com", ""); c["timeZone"] != "America/Sao_Paulo" || c["kind"] != "calendar#calendar" {
			t.Errorf("calendar %v", c)
		}
		b.refused(404, "notFound", "GET", "/calendar/v3/calendars/nobody@practice.example", "")

		// Without a list any calendar exists; those written to are listed.
		b = newBench(t, Options{})
		b.ok(200, "GET", "/calendar/v3/calendars/read@practice.example/events", "")
		b.book("z@practice.example", "2026-11-24T10:00:00Z", "")
		b.book("a@practice.example", "2026-11-24T10:00:00Z", "")
		list = b.ok(200, "GET", "/calendar/v3/users/me/calendarList", "")
		if diff := cmp.Diff([]string{accountEmail, "z@practice.example", "a@practice.example"}, idsOf(list)); diff != "" {
			t.Error(diff)
		}
		b.book("new@practice.example", "2026-11-24T10:00:00Z", "")
		list = b.ok(200, "GET", "/calendar/v3/users/me/calendarList?syncToken="+list["nextSyncToken"].(string), "")
		if diff := cmp.Diff([]string{"new@practice.example"}, idsOf(list)); diff != "" {
			t.Error(diff)
		}
	})
}

// What a run may store is bounded.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		id := b.book("primary", "2026-11-24T10:00:00Z", "")
		b.server.store.bytes = mostBytes - 100
		b.refused(403, "quotaExceeded", "POST", events, `{"start":{"date":"2026-11-24"},"end":{"date":"2026-11-25"}}`)
		b.refused(403, "quotaExceeded", "PATCH", events+"/"+id, `{"summary":"`+strings.Repeat("x", 200)+`"}`)
		b.ok(204, "DELETE", events+"/"+id, "")
		for n := range mostCalendars {
			b.server.store.calendars[string(rune(n))] = nil
		}
		b.refused(403, "quotaExceeded", "POST", "/calendar/v3/calendars/another/events", `{}`)
	})
}
