package calendar

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

const (
	// longestFreeBusy is the longest range that may be asked about, in seconds.
	longestFreeBusy = 90 * daySeconds
	mostExpanded    = 50 // calendars of one query
)

type freeBusyRequest struct {
	TimeMin  *string `json:"timeMin"`
	TimeMax  *string `json:"timeMax"`
	TimeZone string  `json:"timeZone"`
	Most     int     `json:"calendarExpansionMax"`
	Items    []struct {
		ID string `json:"id"`
	} `json:"items"`
}

type freeBusyCalendar struct {
	Errors []freeBusyError `json:"errors,omitempty"`
	Busy   []period        `json:"busy"`
}

type freeBusyError struct {
	Domain string `json:"domain"`
	Reason string `json:"reason"`
}

type period struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

// span is a stretch of time, in seconds since 1970.
type span struct{ from, to int64 }

// freeBusy answers which times are taken.
func (x *call) freeBusy() (answer, *apiError) {
	var q freeBusyRequest
	if err := json.Unmarshal(x.body, &q); err != nil {
		return answer{}, parseError()
	}
	switch {
	case q.TimeMin == nil:
		return answer{}, required("Missing timeMin parameter.")
	case q.TimeMax == nil:
		return answer{}, required("Missing timeMax parameter.")
	}
	from, okFrom := parseInstant(*q.TimeMin)
	to, okTo := parseInstant(*q.TimeMax)
	zone := time.UTC
	if q.TimeZone != "" {
		zone = x.zones.load(q.TimeZone)
	}
	switch {
	case !okFrom || !okTo:
		return answer{}, badRequest()
	case zone == nil:
		return answer{}, invalid("Invalid value for: timeZone")
	case to <= from:
		return answer{}, timeRangeEmpty()
	case to-from > longestFreeBusy:
		return answer{}, timeRangeTooLong()
	}
	most := mostExpanded
	if q.Most > 0 {
		most = min(q.Most, most)
	}
	calendars := make(map[string]freeBusyCalendar, min(len(q.Items), most))
	for i, item := range q.Items {
		calendars[item.ID] = x.freeBusyOf(item.ID, i >= most, span{from, to}, zone)
	}
	return answer{status: http.StatusOK, body: encode(struct {
		Kind      string                      `json:"kind"`
		TimeMin   string                      `json:"timeMin"`
		TimeMax   string                      `json:"timeMax"`
		Calendars map[string]freeBusyCalendar `json:"calendars"`
	}{"calendar#freeBusy", instant(from, time.UTC), instant(to, time.UTC), calendars})}, nil
}

// instant is a time as the API writes it where it stands by itself: with milliseconds in UTC.
func instant(at int64, in *time.Location) string {
	if in == time.UTC {
		return time.Unix(at, 0).UTC().Format(milliFormat)
	}
	return time.Unix(at, 0).In(in).Format(time.RFC3339)
}

func (x *call) freeBusyOf(id string, tooMany bool, asked span, zone *time.Location) freeBusyCalendar {
	refuse := func(reason string) freeBusyCalendar {
		return freeBusyCalendar{Errors: []freeBusyError{{"global", reason}}, Busy: []period{}}
	}
	if tooMany {
		return refuse("tooManyCalendarsRequested")
	}
	c, err := x.store.calendar(id, false)
	if err != nil || id == "" {
		return refuse("notFound")
	}
	answered := freeBusyCalendar{Busy: []period{}}
	for _, s := range x.busySpans(c, asked) {
		answered.Busy = append(answered.Busy, period{
			time.Unix(s.from, 0).In(zone).Format(time.RFC3339), time.Unix(s.to, 0).In(zone).Format(time.RFC3339),
		})
	}
	return answered
}

// busySpans returns when a calendar is busy within a range, as few spans as say it.
func (s *Server) busySpans(c *calendar, asked span) []span {
	var background []*event
	s.background.visit(c, asked.from, asked.to, beginning(), longestFreeBusy/daySeconds+4, func(e *event) bool {
		background = append(background, e)
		return true
	})
	var spans []span
	c.mu.Lock()
	c.live.visit(asked.from, asked.to, beginning(), func(e *event) bool {
		// They come in order, so that those which overlap merge at once: a thousand
		// appointments at the same time take the room of one.
		if n := len(spans); n > 0 && e.busy() && e.start.at <= spans[n-1].to {
			spans[n-1].to = max(spans[n-1].to, e.end.at)
		} else if e.busy() {
			spans = append(spans, span{e.start.at, e.end.at})
		}
		return true
	})
	for _, e := range background {
		if _, changed := c.events[e.id]; !changed {
			spans = append(spans, span{e.start.at, e.end.at})
		}
	}
	c.mu.Unlock()
	return union(spans, asked)
}

// union joins spans that overlap or touch, and cuts them to a range.
func union(spans []span, within span) []span {
	slices.SortFunc(spans, func(a, b span) int {
		switch {
		case a.from < b.from:
			return -1
		case a.from > b.from:
			return 1
		}
		return 0
	})
	var joined []span
	for _, s := range spans {
		s.from, s.to = max(s.from, within.from), min(s.to, within.to)
		if s.from >= s.to {
			continue
		}
		if n := len(joined); n > 0 && s.from <= joined[n-1].to {
			joined[n-1].to = max(joined[n-1].to, s.to)
		} else {
			joined = append(joined, s)
		}
	}
	return joined
}
