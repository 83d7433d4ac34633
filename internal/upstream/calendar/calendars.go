package calendar

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
)

// name is what people call the calendar.
func (c *calendar) name() string {
	name, _, _ := strings.Cut(c.email, "@")
	return name
}

// etagOf makes an ETag of what a thing consists of.
func etagOf(parts ...any) string {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, parts...) // never fails
	return fmt.Sprintf(`"%x"`, h.Sum64())
}

// address is the calendar's id as the API shows it.
func (c *calendar) address() string {
	if c.id == primary {
		return c.email
	}
	return c.id
}

func (x *call) getCalendar() (answer, *apiError) {
	c, err := x.store.calendar(x.route.calendar, false)
	if err != nil {
		return answer{}, err
	}
	etag := etagOf("calendar", c.id)
	if x.sameAs(etag) {
		return answer{status: http.StatusNotModified, etag: etag}, nil
	}
	return answer{status: http.StatusOK, etag: etag, body: encode(map[string]any{
		"kind": "calendar#calendar", "etag": etag, "id": c.address(), "summary": c.name(), "timeZone": x.zones.home.String(),
		"conferenceProperties": map[string]any{"allowedConferenceSolutionTypes": []string{"hangoutsMeet"}},
	})}, nil
}

const (
	defaultCalendarPage = 100
	largestCalendarPage = 250
)

// calendarCursor is how far into the list of calendars a token leads: calendars are only ever added, at its end.
type calendarCursor struct {
	Kind string `json:"k"`
	At   int    `json:"a"`
}

const (
	calendarPageKind = "calendars"
	calendarSyncKind = "calendars known"
)

func (x *call) calendarList() (answer, *apiError) {
	most := defaultCalendarPage
	if text := x.query.Get("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return answer{}, invalidParameter("maxResults", "Invalid value for: maxResults")
		}
		most = min(n, largestCalendarPage)
	}
	var from calendarCursor
	if token := x.query.Get("syncToken"); token != "" && (!x.seal.open(token, &from) || from.Kind != calendarSyncKind) {
		return answer{}, fullSyncRequired()
	}
	if token := x.query.Get("pageToken"); token != "" && (!x.seal.open(token, &from) || from.Kind != calendarPageKind) {
		return answer{}, invalidParameter("pageToken", "Invalid page token value.")
	}
	ids := x.store.ids()
	etag := etagOf("list", ids, x.query.Encode())
	if x.sameAs(etag) {
		return answer{status: http.StatusNotModified, etag: etag}, nil
	}
	last := min(from.At+most, len(ids))
	items := make([]map[string]any, 0, last-from.At)
	for _, id := range ids[from.At:last] {
		items = append(items, x.calendarEntry(newCalendar(id, x.store.since)))
	}
	body := map[string]any{"kind": "calendar#calendarList", "etag": etag, "items": items}
	if last < len(ids) {
		body["nextPageToken"] = x.seal.close(calendarCursor{calendarPageKind, last})
	} else {
		body["nextSyncToken"] = x.seal.close(calendarCursor{calendarSyncKind, last})
	}
	return answer{status: http.StatusOK, etag: etag, body: encode(body)}, nil
}

// calendarEntry is a calendar as it stands in its user's list.
func (x *call) calendarEntry(c *calendar) map[string]any {
	entry := map[string]any{
		"kind": "calendar#calendarListEntry", "etag": etagOf("entry", c.id), "id": c.address(), "summary": c.name(),
		"timeZone": x.zones.home.String(), "colorId": "1", "backgroundColor": "#ac725e", "foregroundColor": "#1d1d1d",
		"selected": true, "accessRole": "owner", "defaultReminders": []any{},
		"conferenceProperties": map[string]any{"allowedConferenceSolutionTypes": []string{"hangoutsMeet"}},
	}
	if c.id == primary {
		entry["primary"] = true
	}
	return entry
}
