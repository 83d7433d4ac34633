package calendar

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	confirmed   = "confirmed"
	tentative   = "tentative"
	cancelled   = "cancelled"
	transparent = "transparent"
)

// event is one entry of a calendar. It never changes: a write makes another one.
type event struct {
	id         string
	fields     map[string]any // what the client wrote, checked
	start, end moment
	status     string
	// version is what the ETag says; it grows with every change of the calendar.
	version          int64
	created, updated time.Time
	sequence         int
	creator          string
	bytes            int64 // of memory, about
}

// busy reports whether the event blocks its time.
func (e *event) busy() bool {
	return e.status != cancelled && e.fields["transparency"] != transparent
}

func (e *event) etag() string { return `"` + strconv.FormatInt(e.version, 10) + `"` }

// kindOfField says of each field that a client may write what JSON type it has. What is not
// in it is read-only, unknown or about things the simulator does not have, and is dropped.
func kindOfField(name string) string {
	switch name {
	case "summary", "description", "location", "colorId", "status", "transparency", "visibility", "iCalUID", "eventType":
		return "string"
	case "guestsCanInviteOthers", "guestsCanModify", "guestsCanSeeOtherGuests", "anyoneCanAddSelf":
		return "bool"
	case "sequence":
		return "number"
	case "extendedProperties", "reminders", "source", "start", "end":
		return "object"
	case "attendees", "recurrence", "attachments":
		return "array"
	}
	return ""
}

// valuesOf lists the values that a field may have, nil for any.
func valuesOf(name string) []string {
	switch name {
	case "status":
		return []string{confirmed, tentative, cancelled}
	case "transparency":
		return []string{"opaque", transparent}
	case "visibility":
		return []string{"default", "public", "private", "confidential"}
	case "eventType":
		return []string{"default", "focusTime", "outOfOffice", "workingLocation", "birthday", "fromGmail"}
	}
	return nil
}

// decodeObject reads a JSON object and nothing after it. An empty body is an empty object, as it is to Google.
func decodeObject(body []byte) (map[string]any, *apiError) {
	if len(bytes.TrimSpace(body)) == 0 {
		return map[string]any{}, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var o map[string]any
	if err := d.Decode(&o); err != nil || o == nil {
		return nil, parseError()
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, parseError()
	}
	return o, nil
}

// merge is a patch of RFC 7396, which is what Google's is: objects are merged, arrays replaced, nulls remove.
func merge(into, patch map[string]any) map[string]any {
	merged := maps.Clone(into)
	if merged == nil {
		merged = make(map[string]any, len(patch))
	}
	for key, value := range patch {
		switch v := value.(type) {
		case nil:
			delete(merged, key)
		case map[string]any:
			old, _ := merged[key].(map[string]any)
			merged[key] = merge(old, v)
		default:
			merged[key] = v
		}
	}
	return merged
}

// draft is an event as a client wants it, checked.
type draft struct {
	fields     map[string]any
	start, end moment
	status     string
}

// check reads the fields of an event: their types, their values and the order of its times.
func (z *zones) check(o map[string]any) (draft, *apiError) {
	d := draft{fields: make(map[string]any, len(o)), status: confirmed}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		value := o[name]
		if kind := kindOfField(name); kind == "" || value == nil {
			continue
		} else if !isKind(value, kind) {
			return draft{}, invalid("Invalid value for: " + name)
		}
		if values := valuesOf(name); values != nil && !slices.Contains(values, value.(string)) {
			return draft{}, invalid("Invalid value for: " + name)
		}
		d.fields[name] = value
	}
	var err *apiError
	if err = checkParts(d.fields); err != nil {
		return draft{}, err
	}
	if d.end, err = z.eventMoment(o["end"], "end"); err != nil {
		return draft{}, err
	}
	if d.start, err = z.eventMoment(o["start"], "start"); err != nil {
		return draft{}, err
	}
	switch {
	case (d.start.date == "") != (d.end.date == ""):
		return draft{}, invalid("Start and end times must either both be date or both be dateTime.")
	case d.end.at < d.start.at:
		return draft{}, timeRangeEmpty()
	}
	if status, given := d.fields["status"].(string); given {
		d.status = status
	}
	for _, computed := range []string{"start", "end", "status", "sequence"} {
		delete(d.fields, computed)
	}
	return d, nil
}

func isKind(value any, kind string) bool {
	switch value.(type) {
	case string:
		return kind == "string"
	case bool:
		return kind == "bool"
	case json.Number:
		return kind == "number"
	case map[string]any:
		return kind == "object"
	case []any:
		return kind == "array"
	}
	return false
}

// checkParts looks into the fields that are made of others, and fills in what Google would.
func checkParts(fields map[string]any) *apiError {
	if list, given := fields["recurrence"].([]any); given {
		if len(list) > 0 {
			return invalid("Recurring events are not simulated: insert every occurrence as an event of its own.")
		}
		delete(fields, "recurrence")
	}
	if list, given := fields["attendees"].([]any); given {
		attendees, err := checkAttendees(list)
		if err != nil {
			return err
		}
		fields["attendees"] = attendees
	}
	properties, _ := fields["extendedProperties"].(map[string]any)
	for _, scope := range []string{"private", "shared"} {
		part, ok := properties[scope].(map[string]any)
		if !ok && properties[scope] != nil {
			return invalid("Invalid value for: extendedProperties." + scope)
		}
		for _, value := range part {
			if _, isText := value.(string); !isText {
				return invalid("Invalid value for: extendedProperties." + scope)
			}
		}
	}
	return nil
}

// mostAttendees is Google's limit for an event.
const mostAttendees = 200

func checkAttendees(list []any) ([]any, *apiError) {
	if len(list) > mostAttendees {
		return nil, newError(http.StatusBadRequest, "calendar", "maxAttendeesExceeded", "Too many attendees.")
	}
	checked := make([]any, 0, len(list))
	for _, item := range list {
		o, ok := item.(map[string]any)
		if !ok {
			return nil, invalid("Invalid value for: attendees")
		}
		email, _ := o["email"].(string)
		switch {
		case email == "":
			return nil, required("Missing attendee email.")
		case !strings.Contains(email, "@"):
			return nil, invalid("Invalid attendee email.")
		}
		o = maps.Clone(o)
		if o["responseStatus"] == nil {
			o["responseStatus"] = "needsAction"
		}
		checked = append(checked, o)
	}
	return checked, nil
}

// wire is the event as the API writes it.
func (e *event) wire(c *calendar, in *time.Location) map[string]any {
	w := make(map[string]any, len(e.fields)+16)
	maps.Copy(w, e.fields)
	owner := map[string]any{"email": c.email, "self": true}
	w["kind"] = "calendar#event"
	w["etag"] = e.etag()
	w["id"] = e.id
	w["status"] = e.status
	w["htmlLink"] = "https://www.google.com/calendar/event?eid=" + base64.RawURLEncoding.EncodeToString([]byte(e.id+" "+c.email))
	w["created"] = e.created.UTC().Format(milliFormat)
	w["updated"] = e.updated.UTC().Format(milliFormat)
	w["creator"] = map[string]any{"email": e.creator}
	w["organizer"] = owner
	w["start"] = e.start.wire(in)
	w["end"] = e.end.wire(in)
	w["sequence"] = e.sequence
	if w["iCalUID"] == nil {
		w["iCalUID"] = e.id + "@google.com"
	}
	if w["reminders"] == nil {
		w["reminders"] = map[string]any{"useDefault": true}
	}
	if w["eventType"] == nil {
		w["eventType"] = "default"
	}
	return w
}

// gravestone is all that a synchronisation tells of a deleted event.
func (e *event) gravestone() map[string]any {
	return map[string]any{"kind": "calendar#event", "etag": e.etag(), "id": e.id, "status": cancelled}
}

// validID reports whether a client may choose the id: base32hex in small letters, 5 to 1024 of them.
func validID(id string) bool {
	return len(id) >= 5 && len(id) <= longestSegment &&
		!strings.ContainsFunc(id, func(c rune) bool { return (c < '0' || c > '9') && (c < 'a' || c > 'v') })
}

// matches reports whether all words of a search stand in the event, in any case.
func (e *event) matches(words []string) bool {
	if len(words) == 0 {
		return true
	}
	var text strings.Builder
	for _, name := range []string{"summary", "description", "location"} {
		part, _ := e.fields[name].(string)
		text.WriteString(strings.ToLower(part) + "\n")
	}
	attendees, _ := e.fields["attendees"].([]any)
	for _, item := range attendees {
		o, _ := item.(map[string]any)
		for _, name := range []string{"email", "displayName"} {
			part, _ := o[name].(string)
			text.WriteString(strings.ToLower(part) + "\n")
		}
	}
	all := text.String()
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(all, word) })
}

// has reports whether the event has all of the extended properties, given as name=value.
func (e *event) has(scope string, wanted []string) bool {
	properties, _ := e.fields["extendedProperties"].(map[string]any)
	part, _ := properties[scope].(map[string]any)
	return !slices.ContainsFunc(wanted, func(text string) bool {
		name, value, _ := strings.Cut(text, "=")
		return part[name] != any(value)
	})
}
