// Package calendar_test drives the simulated Google Calendar with Google's own clients: the one for Go, in
// virtual time and with a key file's real signatures, and the one for Python.
package calendar_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/calendar/v3"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
	"parley/internal/upstream"
	simulator "parley/internal/upstream/calendar"
)

// judge is the official client, connected to a simulator in memory.
type judge struct {
	*calendar.Service
	http  *http.Client // signs as the service does
	bare  *http.Client // does not
	mu    sync.Mutex
	calls []parley.Call
}

// pipes is a listener in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// newJudge connects a client by the key file of the simulator; how may change its sign-in.
func newJudge(t *testing.T, config plan.Calendar, endpoint string, how func(c *keyConfig)) *judge {
	t.Helper()
	j := &judge{}
	sim := simulator.New(simulator.Options{Config: config, Options: upstream.Options{Wire: "calendar", Seed: 1, Record: func(c parley.Call) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.calls = append(j.calls, c)
	}}})
	l := make(pipes)
	web := &http.Server{Handler: sim, ConnContext: sim.ConnContext}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		l <- server
		return client, nil
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := web.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	key, err := sim.KeyFile("http://simulator/token")
	if err != nil {
		t.Fatal(err)
	}
	k := &keyConfig{scopes: []string{calendar.CalendarScope}}
	if how != nil {
		how(k)
	}
	signIn, err := google.JWTConfigFromJSON(key, k.scopes...)
	if err != nil {
		t.Fatal(err)
	}
	signIn.Subject = k.subject
	if k.email != "" {
		signIn.Email = k.email
	}
	j.bare = &http.Client{Transport: transport}
	j.http = signIn.Client(context.WithValue(t.Context(), oauth2.HTTPClient, j.bare))
	if j.Service, err = calendar.NewService(t.Context(), option.WithHTTPClient(j.http), option.WithEndpoint(endpoint)); err != nil {
		t.Fatal(err)
	}
	return j
}

// keyConfig is how the client signs in.
type keyConfig struct {
	scopes         []string
	subject, email string
}

const endpoint = "http://simulator/calendar/v3/"

// recorded are the calls once the simulator is idle.
func (j *judge) recorded() []parley.Call {
	synctest.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.calls)
}

// wantError holds an error of the client against a status and a reason.
func wantError(t *testing.T, err error, status int, reason string) {
	t.Helper()
	var e *googleapi.Error
	if !errors.As(err, &e) || e.Code != status || len(e.Errors) != 1 || e.Errors[0].Reason != reason || e.Message == "" {
		t.Errorf("error %v, want %d %s", err, status, reason)
	}
}

func at(text string) *calendar.EventDateTime { return &calendar.EventDateTime{DateTime: text} }

func visit(start, end string) *calendar.Event {
	return &calendar.Event{Summary: "Visit", Start: at(start), End: at(end)}
}

// insert books an event that must be accepted.
func (j *judge) insert(t *testing.T, e *calendar.Event) *calendar.Event {
	t.Helper()
	got, err := j.Events.Insert("primary", e).Do()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestLifeOfAnEvent(t *testing.T) {
	for _, endpoint := range []string{endpoint, "http://simulator/calendar/v3", "http://simulator/"} {
		synctest.Test(t, func(t *testing.T) {
			j := newJudge(t, plan.Calendar{
				TimeZone: "America/Sao_Paulo", Latency: fault.Constant(90 * time.Millisecond), WriteLatency: fault.Constant(250 * time.Millisecond),
			}, endpoint, nil)
			e := visit("2026-11-24T10:00:00-03:00", "2026-11-24T11:00:00-03:00")
			e.Id = "visit1"
			e.ExtendedProperties = &calendar.EventExtendedProperties{Private: map[string]string{"wa": "999000000000001"}}
			booked, err := j.Events.Insert("primary", e).SendUpdates("all").Do()
			if err != nil {
				t.Fatal(err)
			}
			if booked.Id != "visit1" || booked.Status != "confirmed" || booked.Start.DateTime != "2026-11-24T10:00:00-03:00" || booked.HtmlLink == "" ||
				booked.Organizer == nil || !booked.Organizer.Self || booked.Reminders == nil || !booked.Reminders.UseDefault || booked.HTTPStatusCode != 200 || booked.Header.Get("Etag") != booked.Etag {
				t.Errorf("booked %+v", booked)
			}
			got, err := j.Events.Get("primary", "visit1").Do()
			if err != nil || got.Etag != booked.Etag || got.ExtendedProperties.Private["wa"] != "999000000000001" {
				t.Errorf("got %+v, %v", got, err)
			}
			patched, err := j.Events.Patch("primary", "visit1", &calendar.Event{
				Summary: "Whole day", Start: &calendar.EventDateTime{Date: "2026-11-24", NullFields: []string{"DateTime"}},
				End: &calendar.EventDateTime{Date: "2026-11-25", NullFields: []string{"DateTime"}},
			}).Do()
			if err != nil || patched.Start.Date != "2026-11-24" || patched.Start.DateTime != "" || patched.Sequence != 1 || patched.ExtendedProperties == nil {
				t.Errorf("patched %+v, %v", patched, err)
			}
			updated, err := j.Events.Update("primary", "visit1", visit("2026-11-24T12:00:00Z", "2026-11-24T13:00:00Z")).Do()
			if err != nil || updated.Start.DateTime != "2026-11-24T09:00:00-03:00" || updated.ExtendedProperties != nil || updated.Created != booked.Created {
				t.Errorf("updated %+v, %v", updated, err)
			}
			if err := j.Events.Delete("primary", "visit1").Do(); err != nil {
				t.Error(err)
			}
			wantError(t, j.Events.Delete("primary", "visit1").Do(), 410, "deleted")
			if gone, err := j.Events.Get("primary", "visit1").Do(); err != nil || gone.Status != "cancelled" {
				t.Errorf("gone %+v, %v", gone, err)
			}
			var operations []string
			for _, c := range j.recorded() {
				operations = append(operations, fmt.Sprint(c.Operation, " ", c.Duration()))
			}
			want := []string{
				"token 90ms", "events.insert 250ms", "events.get 90ms", "events.patch 250ms", "events.update 250ms",
				"events.delete 250ms", "events.delete 250ms", "events.get 90ms",
			}
			if !slices.Equal(operations, want) {
				t.Errorf("recorded %q, want %q", operations, want)
			}
		})
	}
}

func TestFreeBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.Calendar{Calendars: []string{"primary", "chair-2@practice.example"}}, endpoint, nil)
		j.insert(t, visit("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z"))
		j.insert(t, visit("2026-11-24T10:30:00Z", "2026-11-24T12:00:00Z"))
		free := visit("2026-11-24T14:00:00Z", "2026-11-24T15:00:00Z")
		free.Transparency = "transparent"
		j.insert(t, free)
		query := &calendar.FreeBusyRequest{
			TimeMin: "2026-11-24T00:00:00Z", TimeMax: "2026-11-25T00:00:00Z", TimeZone: "America/Sao_Paulo",
			Items: []*calendar.FreeBusyRequestItem{{Id: "primary"}, {Id: "chair-2@practice.example"}, {Id: "nobody@practice.example"}},
		}
		answer, err := j.Freebusy.Query(query).Do()
		if err != nil {
			t.Fatal(err)
		}
		own := answer.Calendars["primary"].Busy
		if len(own) != 1 || own[0].Start != "2026-11-24T07:00:00-03:00" || own[0].End != "2026-11-24T09:00:00-03:00" || len(answer.Calendars["chair-2@practice.example"].Busy) != 0 {
			t.Errorf("busy %+v", own)
		}
		if errs := answer.Calendars["nobody@practice.example"].Errors; len(errs) != 1 || errs[0].Reason != "notFound" {
			t.Errorf("errors %+v", errs)
		}
		query.TimeMax = query.TimeMin
		_, err = j.Freebusy.Query(query).Do()
		wantError(t, err, 400, "timeRangeEmpty")
	})
}

// What is there from the start is the same to both ways of looking.
func TestBusyFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.Calendar{Busy: 0.4, TimeZone: "America/Sao_Paulo"}, endpoint, nil)
		from, to := "2028-02-28T00:00:00-03:00", "2028-03-06T00:00:00-03:00"
		list, err := j.Events.List("primary").TimeMin(from).TimeMax(to).SingleEvents(true).OrderBy("startTime").Do()
		if err != nil {
			t.Fatal(err)
		}
		answer, err := j.Freebusy.Query(&calendar.FreeBusyRequest{TimeMin: from, TimeMax: to, Items: []*calendar.FreeBusyRequestItem{{Id: "primary"}}}).Do()
		if err != nil {
			t.Fatal(err)
		}
		var listed, busy time.Duration
		for _, e := range list.Items {
			listed += length(t, e.Start.DateTime, e.End.DateTime)
		}
		for _, p := range answer.Calendars["primary"].Busy {
			busy += length(t, p.Start, p.End)
		}
		// Five days of 16 slots, of which 6 or 7 are taken each.
		if listed != busy || busy < 5*6*30*time.Minute || busy > 5*7*30*time.Minute {
			t.Errorf("%v in events, %v in free/busy", listed, busy)
		}
	})
}

func length(t *testing.T, from, to string) time.Duration {
	t.Helper()
	a, err := time.Parse(time.RFC3339, from)
	if err != nil {
		t.Fatal(err)
	}
	b, err := time.Parse(time.RFC3339, to)
	if err != nil {
		t.Fatal(err)
	}
	return b.Sub(a)
}

func TestPagesAndSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.Calendar{}, endpoint, nil)
		var booked []string
		for n := range 7 {
			booked = append(booked, j.insert(t, visit(fmt.Sprintf("2026-11-24T%02d:00:00Z", 10+n), "2026-11-25T00:00:00Z")).Id)
		}
		var ids []string
		var token string
		if err := j.Events.List("primary").MaxResults(3).Pages(t.Context(), func(e *calendar.Events) error {
			for _, item := range e.Items {
				ids = append(ids, item.Id)
			}
			if (e.NextPageToken == "") != (e.NextSyncToken != "") {
				t.Errorf("tokens %q and %q", e.NextPageToken, e.NextSyncToken)
			}
			token = e.NextSyncToken
			return nil
		}); err != nil || !slices.Equal(ids, booked) {
			t.Errorf("pages %v, %v", ids, err)
		}
		if err := j.Events.Delete("primary", booked[2]).Do(); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Events.Patch("primary", booked[5], &calendar.Event{Summary: "Later"}).Do(); err != nil {
			t.Fatal(err)
		}
		changes, err := j.Events.List("primary").SyncToken(token).Do()
		if err != nil || len(changes.Items) != 2 || changes.Items[0].Id != booked[2] || changes.Items[0].Status != "cancelled" || changes.Items[1].Summary != "Later" {
			t.Errorf("changes %+v, %v", changes, err)
		}
		_, err = j.Events.List("primary").SyncToken("CPDAlvWDx70CEPDAlvWDx70C").Do()
		wantError(t, err, 410, "fullSyncRequired")
		_, err = j.Events.List("primary").SyncToken(token).TimeMin("2026-11-24T10:00:00Z").Do()
		wantError(t, err, 400, "badRequest")
		_, err = j.Events.List("primary").OrderBy("startTime").Do()
		wantError(t, err, 400, "invalid")
		_, err = j.Events.List("nobody").PageToken("x").Do()
		wantError(t, err, 400, "invalid")
	})
}

func TestETags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.Calendar{}, endpoint, nil)
		e := j.insert(t, visit("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z"))
		if _, err := j.Events.Get("primary", e.Id).IfNoneMatch(e.Etag).Do(); !googleapi.IsNotModified(err) {
			t.Errorf("unchanged: %v", err)
		}
		patch := j.Events.Patch("primary", e.Id, &calendar.Event{Summary: "Mine"})
		patch.Header().Set("If-Match", e.Etag)
		if _, err := patch.Do(); err != nil {
			t.Error(err)
		}
		_, err := patch.Do()
		wantError(t, err, 412, "conditionNotMet")
	})
}

func TestCalendars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.Calendar{Calendars: []string{"primary", "chair-2@practice.example", "pt.brazilian#holiday@group.v.calendar.google.com"}, TimeZone: "America/Sao_Paulo"}, endpoint, nil)
		var ids []string
		if err := j.CalendarList.List().MaxResults(2).Pages(t.Context(), func(l *calendar.CalendarList) error {
			for _, c := range l.Items {
				ids = append(ids, c.Id)
				if c.TimeZone != "America/Sao_Paulo" || c.AccessRole != "owner" || c.Primary != (len(ids) == 1) {
					t.Errorf("calendar %+v", c)
				}
			}
			return nil
		}); err != nil || len(ids) != 3 {
			t.Fatalf("%v, %v", ids, err)
		}
		for _, id := range append(ids, "primary") {
			c, err := j.Calendars.Get(id).Do()
			if err != nil || c.Id != id && id != "primary" {
				t.Errorf("%s: %+v, %v", id, c, err)
			}
		}
		_, err := j.Calendars.Get("nobody@practice.example").Do()
		wantError(t, err, 404, "notFound")
		_, err = j.Events.Insert("nobody@practice.example", visit("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z")).Do()
		wantError(t, err, 404, "notFound")
	})
}

func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.Calendar{}, endpoint, nil)
		e := j.insert(t, visit("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z"))
		insert := func(change func(e *calendar.Event)) error {
			e := visit("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z")
			change(e)
			_, err := j.Events.Insert("primary", e).Do()
			return err
		}
		wantError(t, insert(func(n *calendar.Event) { n.Id = e.Id }), 409, "duplicate")
		wantError(t, insert(func(n *calendar.Event) { n.Id = "UPPER" }), 400, "invalid")
		wantError(t, insert(func(n *calendar.Event) { n.End = nil }), 400, "required")
		wantError(t, insert(func(n *calendar.Event) { n.End = at("2026-11-24T09:00:00Z") }), 400, "timeRangeEmpty")
		wantError(t, insert(func(n *calendar.Event) { n.Recurrence = []string{"RRULE:FREQ=DAILY"} }), 400, "invalid")
		guests := func(n *calendar.Event) { n.Attendees = []*calendar.EventAttendee{{Email: "ana@example.com"}} }
		wantError(t, insert(guests), 403, "forbiddenForServiceAccounts")

		j = newJudge(t, plan.Calendar{}, endpoint, func(k *keyConfig) { k.subject = "desk@practice.example" })
		if err := insert(guests); err != nil {
			t.Errorf("a service account that acts for a user may invite: %v", err)
		}
		j = newJudge(t, plan.Calendar{}, endpoint, func(k *keyConfig) { k.scopes = []string{calendar.CalendarReadonlyScope} })
		wantError(t, insert(func(*calendar.Event) {}), 403, "insufficientPermissions")
		j = newJudge(t, plan.Calendar{}, endpoint, func(k *keyConfig) { k.email = "somebody@else.example" })
		var refused *oauth2.RetrieveError
		if err := insert(func(*calendar.Event) {}); !errors.As(err, &refused) || !strings.Contains(string(refused.Body), "invalid_grant") {
			t.Errorf("another account: %v", err)
		}
		unsigned, err := calendar.NewService(t.Context(), option.WithHTTPClient(j.bare), option.WithEndpoint(endpoint))
		if err != nil {
			t.Fatal(err)
		}
		_, err = unsigned.Events.List("primary").Do()
		wantError(t, err, 401, "required")
	})
}

// The client fetches a new token when the old one has expired, and only then.
func TestTokensAreReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.Calendar{}, endpoint, nil)
		for range 5 {
			if _, err := j.Events.List("primary").Do(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Minute)
		}
		tokens := 0
		for _, c := range j.recorded() {
			if c.Operation == simulator.TokenOperation {
				tokens++
			}
		}
		if tokens != 2 {
			t.Errorf("%d tokens in 80 minutes", tokens)
		}
	})
}

func TestQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.Calendar{RequestsPerMinute: 4, UserRequestsPerMinute: 2}, endpoint, nil)
		list := func(user string) error {
			call := j.Events.List("primary")
			if user == "" {
				_, err := call.Do()
				return err
			}
			_, err := call.Do(googleapi.QuotaUser(user))
			return err
		}
		for _, user := range []string{"", "", "ana"} {
			if err := list(user); err != nil {
				t.Error(err)
			}
		}
		wantError(t, list(""), 403, "userRateLimitExceeded")
		if err := list("bia"); err != nil {
			t.Error(err)
		}
		wantError(t, list("carla"), 403, "rateLimitExceeded")
		time.Sleep(time.Minute)
		if err := list(""); err != nil {
			t.Error(err)
		}
	})
}

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule, err := fault.ParseRule("every 2nd status 403 on events.insert")
		if err != nil {
			t.Fatal(err)
		}
		j := newJudge(t, plan.Calendar{Faults: []fault.Rule{rule}}, endpoint, nil)
		j.insert(t, visit("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z"))
		_, err = j.Events.Insert("primary", visit("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z")).Do()
		wantError(t, err, 403, "rateLimitExceeded")
		if list, err := j.Events.List("primary").Do(); err != nil || len(list.Items) != 1 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
