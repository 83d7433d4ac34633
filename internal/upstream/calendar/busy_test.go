package calendar

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/plan"
	"parley/internal/upstream"
)

// Of the working hours of a year the share is taken, of each working day nearly the share, and nothing else.
func TestBackgroundTakesItsShare(t *testing.T) {
	for _, share := range []float64{0, 0.01, 0.3, 0.5, 0.97, 1} {
		s := New(Options{Options: upstream.Options{Seed: 7}, Config: plan.Calendar{Busy: share, TimeZone: "America/Sao_Paulo"}})
		c := newCalendar(primary, s.store.since)
		var taken, days int
		for n := range 364 {
			day := time.Date(2027, 1, 1+n, 0, 0, 0, 0, s.zones.home)
			weekend := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
			slotsTaken, last := 0, day.Unix()
			for _, e := range s.background.day(c, day) {
				from, to := time.Unix(e.start.at, 0).In(s.zones.home), time.Unix(e.end.at, 0).In(s.zones.home)
				if from.Hour() < opens || to.Hour()*60+to.Minute() > closes*60 || e.start.at < last || weekend || from.Day() != day.Day() {
					t.Fatalf("%v: from %v to %v", day, from, to)
				}
				last = e.end.at
				slotsTaken += int(e.end.at-e.start.at) / (60 * slotMinutes)
			}
			if !weekend {
				days++
				taken += slotsTaken
				if math.Abs(float64(slotsTaken)-share*slots) >= 1 {
					t.Errorf("share %v, %v: %d of %d slots", share, day, slotsTaken, slots)
				}
			}
		}
		// The rounding of a day has a variance of at most a quarter of a slot.
		if got, sd := float64(taken)/float64(days*slots), 0.5/slots/math.Sqrt(float64(days)); math.Abs(got-share) > 4*sd {
			t.Errorf("share %v: %v of the year", share, got)
		}
	}
}

// The same seed fills the same calendar alike, whenever one looks; another seed or calendar is filled otherwise.
func TestBackgroundFollowsFromTheSeed(t *testing.T) {
	day := time.Date(2031, 3, 4, 12, 0, 0, 0, time.UTC)
	starts := func(seed uint64, id string) (all []int64) {
		s := New(Options{Options: upstream.Options{Seed: seed}, Config: plan.Calendar{Busy: 0.5}})
		for _, e := range s.background.day(newCalendar(id, s.store.since), day) {
			all = append(all, e.start.at, e.end.at)
		}
		return all
	}
	if len(starts(1, primary)) == 0 || !slices.Equal(starts(1, primary), starts(1, primary)) {
		t.Error("the same seed fills a day differently")
	}
	if slices.Equal(starts(1, primary), starts(2, primary)) || slices.Equal(starts(1, primary), starts(1, "other")) {
		t.Error("another seed or calendar fills a day alike")
	}
}

// What is there from the start is read, changed and deleted like anything else, in the far past and future, too.
func TestBackgroundEvents(t *testing.T) {
	for _, day := range []string{"1931-11-24", "2026-11-24", "9000-11-24"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Config: plan.Calendar{Busy: 0.6, TimeZone: "America/Sao_Paulo"}})
			of := "?timeMin=" + day + "T00:00:00Z&timeMax=" + day + "T23:59:59Z&singleEvents=true&orderBy=startTime"
			query := `{"timeMin":"` + day + `T00:00:00Z","timeMax":"` + day + `T23:59:59Z","items":[{"id":"primary"}]}`
			list := b.ok(200, "GET", events+of, "")
			ids := idsOf(list)
			if len(ids) < 5 || len(b.busy(query)) == 0 {
				t.Fatalf("%s: %v", day, list)
			}
			got := b.ok(200, "GET", events+"/"+ids[0], "")
			if got["id"] != ids[0] || got["summary"] != "Reserved" {
				t.Errorf("event %v", got)
			}
			b.refused(404, "notFound", "GET", "/calendar/v3/calendars/other/events/"+ids[0], "")
			for _, id := range ids {
				b.ok(204, "DELETE", events+"/"+id, "")
			}
			if left := idsOf(b.ok(200, "GET", events+of, "")); len(left) > 0 || len(b.busy(query)) > 0 {
				t.Errorf("left %v", left)
			}
			b.refused(409, "duplicate", "POST", events, `{"id":"`+ids[0]+`","start":{"date":"2026-11-24"},"end":{"date":"2026-11-25"}}`)
			b.ok(200, "PATCH", events+"/"+ids[1], `{"status":"confirmed","summary":"Back"}`)
			if back := b.busy(query); len(back) != 1 {
				t.Errorf("back %v", back)
			}
		})
	}
}
