package calendar

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/internal/plan"
	"parley/internal/upstream"
)

// busy asks for one calendar's busy times, "start/end" each.
func (b *bench) busy(body string) (spans []string) {
	b.t.Helper()
	answer := b.ok(200, "POST", "/calendar/v3/freeBusy", body)
	for _, c := range answer["calendars"].(map[string]any) {
		for _, item := range c.(map[string]any)["busy"].([]any) {
			p := item.(map[string]any)
			spans = append(spans, p["start"].(string)+"/"+p["end"].(string))
		}
	}
	return spans
}

func TestFreeBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.Calendar{TimeZone: "America/Sao_Paulo", Calendars: []string{"primary"}}})
		b.book("primary", "2026-11-24T10:00:00Z", "")
		b.book("primary", "2026-11-24T10:30:00Z", "")                              // overlaps
		b.book("primary", "2026-11-24T11:30:00Z", `,"status":"tentative"`)         // touches
		b.book("primary", "2026-11-24T14:00:00Z", `,"transparency":"transparent"`) // blocks nothing
		b.ok(204, "DELETE", events+"/"+b.book("primary", "2026-11-24T15:00:00Z", ""), "")
		b.ok(200, "POST", events, `{"start":{"date":"2026-11-26"},"end":{"date":"2026-11-27"}}`)
		b.ok(200, "POST", events, `{"start":{"dateTime":"2026-11-24T20:00:00Z"},"end":{"dateTime":"2026-11-24T20:00:00Z"}}`) // takes no time
		for body, want := range map[string]string{
			`"timeMin":"2026-11-24T00:00:00Z","timeMax":"2026-11-25T00:00:00Z"`:                                     "2026-11-24T10:00:00Z/2026-11-24T12:30:00Z",
			`"timeMin":"2026-11-24T07:00:00-03:00","timeMax":"2026-11-25T00:00:00Z","timeZone":"America/Sao_Paulo"`: "2026-11-24T07:00:00-03:00/2026-11-24T09:30:00-03:00",
			`"timeMin":"2026-11-24T10:15:00Z","timeMax":"2026-11-24T12:00:00Z"`:                                     "2026-11-24T10:15:00Z/2026-11-24T12:00:00Z",
			`"timeMin":"2026-11-24T12:30:00Z","timeMax":"2026-11-25T00:00:00Z"`:                                     "",
			`"timeMin":"2026-11-26T00:00:00Z","timeMax":"2026-11-28T00:00:00Z"`:                                     "2026-11-26T03:00:00Z/2026-11-27T03:00:00Z",
		} {
			if got := strings.Join(b.busy(`{`+body+`,"items":[{"id":"primary"}]}`), " "); got != want {
				t.Errorf("%s: %s, want %s", body, got, want)
			}
		}
		answer := b.ok(200, "POST", "/freeBusy", `{"timeMin":"2026-11-24T00:00:00Z","timeMax":"2026-11-24T01:00:00Z","items":[{"id":"primary"},{"id":"nobody"}]}`)
		want := map[string]any{
			"kind": "calendar#freeBusy", "timeMin": "2026-11-24T00:00:00.000Z", "timeMax": "2026-11-24T01:00:00.000Z",
			"calendars": map[string]any{
				"primary": map[string]any{"busy": []any{}},
				"nobody":  map[string]any{"busy": []any{}, "errors": []any{map[string]any{"domain": "global", "reason": "notFound"}}},
			},
		}
		if diff := cmp.Diff(want, answer); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		for body, reason := range map[string]string{
			`{`:                                  "parseError",
			`{"timeMin":5}`:                      "parseError",
			`{}`:                                 "required",
			`{"timeMin":"2026-11-24T00:00:00Z"}`: "required",
			`{"timeMin":"2026-11-24T00:00:00","timeMax":"2026-11-25T00:00:00"}`:                        "badRequest",
			`{"timeMin":"2026-11-25T00:00:00Z","timeMax":"2026-11-25T00:00:00Z"}`:                      "timeRangeEmpty",
			`{"timeMin":"2026-01-01T00:00:00Z","timeMax":"2026-04-01T00:00:01Z"}`:                      "timeRangeTooLong",
			`{"timeMin":"2026-11-24T00:00:00Z","timeMax":"2026-11-25T00:00:00Z","timeZone":"Nowhere"}`: "invalid",
		} {
			b.refused(400, reason, "POST", "/calendar/v3/freeBusy", body)
		}
		b.ok(200, "POST", "/calendar/v3/freeBusy", `{"timeMin":"2026-01-01T00:00:00Z","timeMax":"2026-04-01T00:00:00Z"}`)
	})
}

func TestTooManyCalendars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		var items []string
		for n := range 52 {
			items = append(items, fmt.Sprintf(`{"id":"c%d"}`, n))
		}
		for most, want := range map[string]int{"": 2, `"calendarExpansionMax":50,`: 2, `"calendarExpansionMax":500,`: 2, `"calendarExpansionMax":10,`: 42} {
			_, data := b.call("POST", "/calendar/v3/freeBusy", `{`+most+`"timeMin":"2026-11-24T00:00:00Z","timeMax":"2026-11-25T00:00:00Z","items":[`+strings.Join(items, ",")+`]}`)
			if n := strings.Count(string(data), "tooManyCalendarsRequested"); n != want {
				t.Errorf("%q: %d calendars too many, want %d", most, n, want)
			}
		}
	})
}

// Free/busy is what the events say, minute by minute.
func TestFreeBusyIsThatOfTheEvents(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := New(Options{Options: upstream.Options{Seed: rapid.Uint64().Draw(r, "seed")}, Config: plan.Calendar{Busy: rapid.SampledFrom([]float64{0, 0.3, 1}).Draw(r, "busy")}})
		c, refused := s.store.calendar(primary, true)
		if refused != nil {
			r.Fatal(refused.message)
		}
		monday := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
		now := monday
		const minutes = 3 * 24 * 60
		for n := range rapid.IntRange(0, 60).Draw(r, "writes") {
			from := monday.Unix() + 60*rapid.Int64Range(-600, minutes).Draw(r, "from")
			e := &event{
				id: fmt.Sprintf("event%02d", rapid.IntRange(0, 20).Draw(r, "id")), status: rapid.SampledFrom([]string{confirmed, tentative, cancelled}).Draw(r, "status"),
				start: moment{at: from}, end: moment{at: from + 60*rapid.Int64Range(0, 400).Draw(r, "length")}, fields: map[string]any{},
			}
			if rapid.Bool().Draw(r, "transparent") {
				e.fields["transparency"] = transparent
			}
			now = now.Add(time.Second)
			if n%5 == 4 { // one that was there from the start changes
				if day := s.background.day(c, monday.AddDate(0, 0, rapid.IntRange(0, 2).Draw(r, "day"))); len(day) > 0 {
					e.id = day[rapid.IntRange(0, len(day)-1).Draw(r, "of")].id
				}
			}
			if s.insert(c, e, now) != nil {
				_, refused = s.modify(c, e.id, now, func(*event) (*event, *apiError) { return e, nil })
			}
			if refused != nil {
				r.Fatal(refused.message)
			}
		}
		asked := span{monday.Unix() + 60*rapid.Int64Range(0, minutes-1).Draw(r, "asked from"), 0}
		asked.to = asked.from + 60*rapid.Int64Range(1, minutes).Draw(r, "asked for")
		var there []*event
		for _, e := range c.events {
			there = append(there, e)
		}
		for day := range 7 {
			for _, e := range s.background.day(c, monday.AddDate(0, 0, day)) {
				if c.events[e.id] == nil {
					there = append(there, e)
				}
			}
		}
		got := s.busySpans(c, asked)
		last := asked.from - 1
		for _, g := range got {
			if g.from <= last || g.to <= g.from || g.to > asked.to {
				r.Fatalf("spans %v of %v: not in order, or touching, or out of range", got, asked)
			}
			last = g.to
		}
		for at := asked.from; at < asked.to; at += 60 {
			var want, have bool
			for _, e := range there {
				want = want || e.busy() && e.start.at <= at && at < e.end.at
			}
			for _, g := range got {
				have = have || g.from <= at && at < g.to
			}
			if want != have {
				r.Fatalf("minute %v: busy %v, want %v", time.Unix(at, 0).UTC(), have, want)
			}
		}
	})
}

// A query looks at the events it is about, however many there are.
func TestFreeBusyOfAFullCalendar(t *testing.T) {
	s := New(Options{})
	c, _ := s.store.calendar(primary, true)
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const n = 100_000
	for i := range n {
		at := start.Unix() + 3600*int64(i)
		e := &event{id: fmt.Sprintf("event%d", random.Uint64()), start: moment{at: at}, end: moment{at: at + 1800}, status: confirmed}
		if err := s.insert(c, e, start); err != nil {
			t.Fatal(err.message)
		}
	}
	visited := 0
	at := start.Unix() + 3600*n/2
	var count func(x *node)
	count = func(x *node) {
		if x == nil || x.latest <= at {
			return
		}
		visited++
		count(x.left)
		if x.at.Start < at+86400 {
			count(x.right)
		}
	}
	count(c.live.root)
	if spans := s.busySpans(c, span{at, at + 86400}); len(spans) != 24 {
		t.Errorf("%d spans, want 24", len(spans))
	}
	if visited > 200 {
		t.Errorf("%d of %d nodes looked at for 24 events", visited, n)
	}
}

func BenchmarkFreeBusy(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := New(Options{Config: plan.Calendar{Busy: 0.3}})
			c, _ := s.store.calendar(primary, true)
			start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			for i := range n {
				at := start.Unix() + 3600*int64(i)
				if s.insert(c, &event{id: fmt.Sprintf("event%d", i), start: moment{at: at}, end: moment{at: at + 1800}, status: confirmed}, start) != nil {
					b.Fatal("no room")
				}
			}
			at := start.Unix() + 3600*int64(n)/2
			for b.Loop() {
				s.busySpans(c, span{at, at + 7*86400})
			}
		})
	}
}

func FuzzFreeBusy(f *testing.F) {
	f.Add(`{"timeMin":"2026-11-24T00:00:00Z","timeMax":"2026-11-25T00:00:00Z","timeZone":"Europe/Berlin","items":[{"id":"primary"}]}`)
	f.Add(`{"timeMin":"0001-01-01T00:00:00Z","timeMax":"0001-01-02T00:00:00+23:59","items":[{"id":"x"}],"calendarExpansionMax":-1}`)
	s := New(Options{Config: plan.Calendar{Busy: 0.5}})
	f.Fuzz(func(t *testing.T, body string) {
		a, err := (&call{Server: s, body: []byte(body)}).freeBusy()
		if err == nil && !json.Valid(a.body) {
			t.Errorf("answer %s", a.body)
		}
	})
}
