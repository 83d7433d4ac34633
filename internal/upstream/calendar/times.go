package calendar

import (
	"sync"
	"time"
)

const (
	dateFormat  = "2006-01-02"
	localFormat = "2006-01-02T15:04:05.999999999"
	milliFormat = "2006-01-02T15:04:05.000Z"
	daySeconds  = 24 * 60 * 60
)

// Times outside of these years cannot be written in the form of RFC 3339 in every zone.
const (
	firstYear = 1
	lastYear  = 9998
)

// parseInstant reads a time of RFC 3339, whose offset is mandatory, in seconds since 1970. Parts of a
// second are dropped, as Google does.
func parseInstant(text string) (int64, bool) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < firstYear || t.Year() > lastYear {
		return 0, false
	}
	return t.Unix(), true
}

// moment is the start or the end of an event: a day, or a time.
type moment struct {
	at   int64  // seconds since 1970; of a day, its beginning in the calendar's zone
	date string // "" for a time
	zone string // as the client named it
}

// eventMoment reads the start or end of an event. which is "start" or "end", as Google's messages say.
func (z *zones) eventMoment(v any, which string) (moment, *apiError) {
	o, ok := v.(map[string]any)
	if !ok {
		return moment{}, required("Missing " + which + " time.")
	}
	date, dated := o["date"].(string)
	text, timed := o["dateTime"].(string)
	name, named := o["timeZone"].(string)
	for _, key := range []string{"date", "dateTime", "timeZone"} {
		if _, isText := o[key].(string); o[key] != nil && !isText {
			return moment{}, badRequest()
		}
	}
	location := z.home
	if named {
		if location = z.load(name); location == nil {
			return moment{}, invalid("Invalid time zone definition for " + which + " time.")
		}
	}
	switch {
	case dated && timed:
		return moment{}, invalid("Invalid " + which + " time.")
	case dated:
		t, err := time.ParseInLocation(dateFormat, date, z.home)
		if err != nil || t.Year() < firstYear || t.Year() > lastYear {
			return moment{}, invalid("Invalid " + which + " time.")
		}
		return moment{at: t.Unix(), date: date, zone: name}, nil
	case !timed:
		return moment{}, required("Missing " + which + " time.")
	}
	if at, ok := parseInstant(text); ok {
		return moment{at: at, zone: name}, nil
	}
	t, err := time.ParseInLocation(localFormat, text, location)
	switch {
	case err != nil || t.Year() < firstYear || t.Year() > lastYear:
		return moment{}, badRequest()
	case !named:
		return moment{}, required("Missing time zone definition for " + which + " time.")
	}
	return moment{at: t.Unix(), zone: name}, nil
}

// wire is the moment as the API writes it.
func (m *moment) wire(in *time.Location) map[string]string {
	w := make(map[string]string, 2)
	if m.date != "" {
		w["date"] = m.date
	} else {
		w["dateTime"] = time.Unix(m.at, 0).In(in).Format(time.RFC3339)
	}
	if m.zone != "" {
		w["timeZone"] = m.zone
	}
	return w
}

// zones are the time zones in use.
type zones struct {
	home *time.Location // the calendars'
	mu   sync.Mutex
	// loaded remembers zones by name: reading one takes a while. Only zones that exist are in it, so that it
	// cannot grow beyond the database's.
	loaded map[string]*time.Location
}

// newZones takes a name that the plan has checked, "" for UTC.
func newZones(home string) *zones {
	z := &zones{loaded: make(map[string]*time.Location)}
	if z.home = z.load(home); z.home == nil {
		z.home = time.UTC
	}
	return z
}

// load returns the zone of a name, nil if there is none.
func (z *zones) load(name string) *time.Location {
	switch name {
	case "", "Local":
		return nil
	case "UTC", "GMT", "Z":
		return time.UTC
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if l, known := z.loaded[name]; known {
		return l
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	z.loaded[name] = l
	return l
}
