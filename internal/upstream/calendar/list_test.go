package calendar

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/internal/plan"
)

// all reads a list page by page and returns its ids and the sync token at its end.
func (b *bench) all(query string) (ids []string, sync string) {
	b.t.Helper()
	page := ""
	for range 10_000 {
		list := b.ok(200, "GET", events+"?"+query+page, "")
		ids = append(ids, idsOf(list)...)
		next, more := list["nextPageToken"].(string)
		sync, _ = list["nextSyncToken"].(string)
		if more && sync != "" {
			b.t.Fatalf("a token to synchronise before the last page: %v", list)
		}
		if !more {
			return ids, sync
		}
		page = "&pageToken=" + next
	}
	b.t.Fatal("the list does not end")
	return nil, ""
}

func TestListSelects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		b.book("primary", "2026-11-24T10:00:00Z", `,"id":"visit1","summary":"Check-up","attendees":[{"email":"ana@example.com","displayName":"Ana Lima"}]`)
		b.book("primary", "2026-11-24T12:00:00Z", `,"id":"visit2","description":"about 999000000000001","extendedProperties":{"private":{"chair":"2"},"shared":{"x":"y"}}`)
		b.book("primary", "2026-11-23T10:00:00Z", `,"id":"visit3","iCalUID":"own@example.com","eventType":"outOfOffice"`)
		b.book("other", "2026-11-24T10:00:00Z", `,"id":"visit4"`)
		b.book("primary", "2026-11-25T10:00:00Z", `,"id":"visit5"`)
		time.Sleep(time.Hour)
		b.ok(204, "DELETE", events+"/visit5", "")
		for query, want := range map[string]string{
			"":                             "visit3 visit1 visit2",
			"timeMin=2026-11-24T11:00:00Z": "visit2", // the end is exclusive
			"timeMin=2026-11-24T10:59:59Z": "visit1 visit2",
			"timeMax=2026-11-24T12:00:00Z": "visit3 visit1",
			"timeMax=2026-11-24T12:00:01Z": "visit3 visit1 visit2",
			"timeMin=2026-11-24T00:00:00-03:00&timeMax=2026-11-25T00:00:00-03:00&singleEvents=true&orderBy=startTime": "visit1 visit2",
			"q=CHECK-UP":                                                    "visit1",
			"q=lima+check":                                                  "visit1",
			"q=lima+999000000000001":                                        "",
			"q=999000000000001":                                             "visit2",
			"iCalUID=own@example.com":                                       "visit3",
			"iCalUID=visit1@google.com":                                     "visit1",
			"privateExtendedProperty=chair%3D2":                             "visit2",
			"privateExtendedProperty=chair%3D3":                             "",
			"sharedExtendedProperty=x%3Dy":                                  "visit2",
			"eventTypes=outOfOffice":                                        "visit3",
			"eventTypes=default&eventTypes=outOfOffice":                     "visit3 visit1 visit2",
			"showDeleted=true":                                              "visit3 visit1 visit2 visit5",
			"updatedMin=2000-01-01T00:30:00Z":                               "visit5",
			"orderBy=updated":                                               "visit1 visit2 visit3",
			"orderBy=updated&showDeleted=true":                              "visit1 visit2 visit3 visit5",
			"orderBy=updated&timeMin=2026-11-24T00:00:00Z":                  "visit1 visit2",
			"timeMin=2026-11-24T11:00:00.999Z&timeMax=2026-11-24T12:00:01Z": "visit2",
		} {
			if ids, _ := b.all(query); strings.Join(ids, " ") != want {
				t.Errorf("%s: %v, want %s", query, ids, want)
			}
			// Nothing changes if the pages are of one event.
			if ids, _ := b.all(query + "&maxResults=1"); strings.Join(ids, " ") != want {
				t.Errorf("%s, one by one: %v, want %s", query, ids, want)
			}
		}
		for query, reason := range map[string]string{
			"timeMin=2026-11-24":          "badRequest",
			"timeMin=2026-11-24T11:00:00": "badRequest",
			"timeMax=soon":                "badRequest",
			"updatedMin=soon":             "badRequest",
			"timeMin=2026-11-24T11:00:00Z&timeMax=2026-11-24T11:00:00Z": "timeRangeEmpty",
			"timeMin=2026-11-24T11:00:00Z&timeMax=2026-11-24T10:00:00Z": "timeRangeEmpty",
			"orderBy=startTime":    "invalid",
			"orderBy=endTime":      "invalid",
			"maxResults=0":         "invalid",
			"maxResults=many":      "invalid",
			"singleEvents=perhaps": "invalid",
			"showDeleted=perhaps":  "invalid",
			"timeZone=Mars":        "invalid",
			"pageToken=x":          "invalid",
		} {
			b.refused(400, reason, "GET", events+"?"+query, "")
		}
		b.ok(200, "GET", events+"?maxResults=1000000", "")
	})
}

func TestSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.Calendar{Busy: 0.5}})
		b.book("primary", "2026-11-24T10:00:00Z", `,"id":"visit1"`)
		b.book("primary", "2026-11-24T11:00:00Z", `,"id":"visit2"`)
		before, token := b.all("maxResults=2500")
		if !slices.Contains(before, "visit1") || len(before) < 800 {
			t.Fatalf("%d events", len(before))
		}
		changes := func(query string) []string {
			ids, next := b.all("syncToken=" + token + query)
			if token = next; token == "" {
				t.Fatal("no token")
			}
			return ids
		}
		if ids := changes(""); len(ids) != 0 {
			t.Errorf("nothing has changed: %v", ids)
		}
		b.ok(200, "PATCH", events+"/visit2", `{"summary":"a"}`)
		b.ok(200, "PATCH", events+"/visit1", `{"summary":"a"}`)
		b.ok(200, "PATCH", events+"/visit2", `{"summary":"b"}`)
		b.ok(204, "DELETE", events+"/"+before[0], "") // one that was there from the start
		if ids := changes("&maxResults=1"); !slices.Equal(ids, []string{"visit1", "visit2", before[0]}) {
			t.Errorf("changed %v", ids)
		}
		b.ok(204, "DELETE", events+"/visit1", "")
		list := b.ok(200, "GET", events+"?syncToken="+token, "")
		e := list["items"].([]any)[0].(map[string]any)
		if diff := cmp.Diff(map[string]any{"kind": "calendar#event", "id": "visit1", "status": "cancelled", "etag": e["etag"]}, e); diff != "" {
			t.Errorf("deleted event (-want +got):\n%s", diff)
		}
		if e := b.ok(200, "GET", events+"?showDeleted=true&syncToken="+token, "")["items"].([]any)[0].(map[string]any); e["summary"] != "a" {
			t.Errorf("deleted event %v", e)
		}

		for _, query := range []string{"timeMin=2026-11-24T11:00:00Z", "timeMax=2026-11-24T11:00:00Z", "q=x", "iCalUID=x", "orderBy=updated", "updatedMin=2026-11-24T11:00:00Z", "privateExtendedProperty=a%3Db", "showDeleted=false"} {
			b.refused(400, "badRequest", "GET", events+"?"+query+"&syncToken="+token, "")
		}
		page := b.ok(200, "GET", events+"?maxResults=1", "")["nextPageToken"].(string)
		for _, bad := range []string{"x", page, b.token} {
			b.refused(410, "fullSyncRequired", "GET", events+"?syncToken="+bad, "")
		}
		b.refused(410, "fullSyncRequired", "GET", "/calendar/v3/calendars/other/events?syncToken="+token, "")
		time.Sleep(syncTokenLife)
		b.ok(200, "GET", events+"?syncToken="+token, "")
		time.Sleep(time.Second)
		b.refused(410, "fullSyncRequired", "GET", events+"?syncToken="+token, "")
	})
}

// A token of a list within bounds goes on within them; what left the calendar is told wherever it was.
func TestSyncWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		b.book("primary", "2026-11-23T10:00:00Z", `,"id":"before1"`)
		_, token := b.all("timeMin=2026-11-24T00:00:00Z")
		b.book("primary", "2026-11-24T10:00:00Z", `,"id":"inside1"`)
		b.book("primary", "2026-11-23T10:00:00Z", `,"id":"before2"`)
		b.ok(204, "DELETE", events+"/before1", "")
		if ids, _ := b.all("syncToken=" + token); !slices.Equal(ids, []string{"inside1", "before1"}) {
			t.Errorf("changed %v", ids)
		}
	})
}

// A client that synchronises ends with what is there, whatever is written between its pages.
func TestSyncConverges(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Config: plan.Calendar{Busy: 0.1}})
			write := func() {
				id := fmt.Sprintf("event%d", rapid.IntRange(0, 9).Draw(r, "id"))
				body := fmt.Sprintf(`{"id":%q,"start":{"date":"2000-01-%02d"},"end":{"date":"2000-01-31"}}`, id, rapid.IntRange(1, 30).Draw(r, "day"))
				switch rapid.IntRange(0, 2).Draw(r, "write") {
				case 0:
					b.call("POST", events, body)
				case 1:
					b.call("PUT", events+"/"+id, body)
				default:
					b.call("DELETE", events+"/"+id, "")
				}
			}
			mirror := make(map[string]string) // etags by id
			query := "timeMin=2000-01-01T00:00:00Z&timeMax=2000-02-01T00:00:00Z"
			for range rapid.IntRange(1, 4).Draw(r, "rounds") {
				for page := ""; ; {
					list := b.ok(200, "GET", events+"?maxResults=3&"+query+page, "")
					for _, item := range list["items"].([]any) {
						e := item.(map[string]any)
						if delete(mirror, e["id"].(string)); e["status"] != cancelled {
							mirror[e["id"].(string)] = e["etag"].(string)
						}
					}
					if next, more := list["nextPageToken"].(string); more {
						page = "&pageToken=" + next
						write()
						continue
					}
					query = "syncToken=" + list["nextSyncToken"].(string)
					break
				}
				for range rapid.IntRange(0, 5).Draw(r, "writes") {
					write()
				}
			}
			for page := ""; ; {
				list := b.ok(200, "GET", events+"?"+query+page, "")
				for _, item := range list["items"].([]any) {
					e := item.(map[string]any)
					if delete(mirror, e["id"].(string)); e["status"] != cancelled {
						mirror[e["id"].(string)] = e["etag"].(string)
					}
				}
				if next, more := list["nextPageToken"].(string); more {
					page = "&pageToken=" + next
					continue
				}
				break
			}
			there := make(map[string]string)
			list := b.ok(200, "GET", events+"?maxResults=2500&timeMin=2000-01-01T00:00:00Z&timeMax=2000-02-01T00:00:00Z", "")
			for _, item := range list["items"].([]any) {
				e := item.(map[string]any)
				there[e["id"].(string)] = e["etag"].(string)
			}
			if diff := cmp.Diff(there, mirror); diff != "" {
				r.Errorf("the client has something else (-there +client):\n%s", diff)
			}
		})
	})
}

// A page that would look at too much ends early, and the list is whole all the same.
func TestEndlessList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.Calendar{Busy: 0.001}})
		query := url.Values{"timeMin": {"1900-01-01T00:00:00Z"}, "timeMax": {"2100-01-01T00:00:00Z"}, "q": {"nothing such"}}.Encode()
		list := b.ok(200, "GET", events+"?"+query, "")
		if len(list["items"].([]any)) != 0 || list["nextPageToken"] == nil {
			t.Errorf("page %v", list)
		}
		if ids, _ := b.all(query + "&orderBy=updated"); len(ids) != 0 {
			t.Errorf("%v", ids)
		}
		// 52,000 working days of 16 slots, a thousandth of which is taken.
		if ids, _ := b.all("maxResults=2500&timeMin=1900-01-01T00:00:00Z&timeMax=2100-01-01T00:00:00Z"); len(ids) < 700 || len(ids) > 970 {
			t.Errorf("%d events in 200 years", len(ids))
		}
	})
}
