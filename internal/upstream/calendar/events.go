package calendar

import (
	"maps"
	"net/http"
	"strings"
	"time"
)

const idAlphabet = "0123456789abcdefghijklmnopqrstuv" // base32hex

// newID is one that the server chooses: 26 letters, as Google's.
func (x *call) newID() string {
	id := make([]byte, 26)
	for i := range id {
		id[i] = idAlphabet[x.Random.IntN(len(idAlphabet))]
	}
	return string(id)
}

// responseZone is the zone in which the answer writes times.
func (x *call) responseZone() (*time.Location, *apiError) {
	name := x.query.Get("timeZone")
	if name == "" {
		return x.zones.home, nil
	}
	if l := x.zones.load(name); l != nil {
		return l, nil
	}
	return nil, invalidParameter("timeZone", "Invalid value for: timeZone")
}

func (x *call) eventAnswer(c *calendar, e *event) (answer, *apiError) {
	zone, err := x.responseZone()
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, etag: e.etag(), body: encode(e.wire(c, zone))}, nil
}

// draft reads the event in the request's body.
func (x *call) draft(o map[string]any) (*event, *apiError) {
	d, err := x.zones.check(o)
	if err != nil {
		return nil, err
	}
	// A patch adds to what is there, so that the size of its body says nothing.
	size := len(encode(d.fields))
	if size > maxBody {
		return nil, tooLarge()
	}
	return &event{
		fields: d.fields, start: d.start, end: d.end, status: d.status,
		creator: x.grant.User, bytes: int64(size) + eventOverhead,
	}, nil
}

// mayInvite refuses guests whom a service account that acts as itself invites.
func (x *call) mayInvite(o map[string]any) *apiError {
	if list, _ := o["attendees"].([]any); len(list) > 0 && x.grant.Service {
		return noDelegation()
	}
	return nil
}

func (x *call) insertEvent() (answer, *apiError) {
	c, err := x.store.calendar(x.route.calendar, true)
	if err != nil {
		return answer{}, err
	}
	o, err := decodeObject(x.body)
	if err != nil {
		return answer{}, err
	}
	id, given := o["id"].(string)
	switch {
	case o["id"] != nil && !given, given && !validID(id):
		return answer{}, invalid("Invalid resource id value.")
	case !given:
		id = x.newID()
	}
	e, err := x.draft(o)
	if err == nil {
		err = x.mayInvite(o)
	}
	if err != nil {
		return answer{}, err
	}
	e.id = id
	if err := x.insert(c, e, time.Now()); err != nil {
		return answer{}, err
	}
	return x.eventAnswer(c, e)
}

func (x *call) getEvent() (answer, *apiError) {
	c, err := x.store.calendar(x.route.calendar, false)
	if err != nil {
		return answer{}, err
	}
	c.mu.Lock()
	e := c.find(x.route.event, &x.background)
	c.mu.Unlock()
	switch {
	case e == nil:
		return answer{}, notFound()
	case x.sameAs(e.etag()):
		return answer{status: http.StatusNotModified, etag: e.etag()}, nil
	}
	return x.eventAnswer(c, e)
}

// changeEvent is a patch or an update, which differ in what becomes of fields that are not given.
func (x *call) changeEvent() (answer, *apiError) {
	c, err := x.store.calendar(x.route.calendar, true)
	if err != nil {
		return answer{}, err
	}
	o, err := decodeObject(x.body)
	if err == nil {
		err = x.mayInvite(o)
	}
	if err != nil {
		return answer{}, err
	}
	e, err := x.modify(c, x.route.event, time.Now(), func(old *event) (*event, *apiError) {
		if err := x.matches(old.etag()); err != nil {
			return nil, err
		}
		if x.route.operation == opPatch {
			return x.draft(merge(old.object(x.zones.home), o))
		}
		return x.draft(o)
	})
	if err != nil {
		return answer{}, err
	}
	return x.eventAnswer(c, e)
}

// object is the event as a client might have written it.
func (e *event) object(home *time.Location) map[string]any {
	o := make(map[string]any, len(e.fields)+3)
	maps.Copy(o, e.fields)
	o["status"] = e.status
	for name, m := range map[string]moment{"start": e.start, "end": e.end} {
		part := make(map[string]any, 2)
		for key, value := range m.wire(home) {
			part[key] = value
		}
		o[name] = part
	}
	return o
}

func (x *call) deleteEvent() (answer, *apiError) {
	c, err := x.store.calendar(x.route.calendar, true)
	if err != nil {
		return answer{}, err
	}
	_, err = x.modify(c, x.route.event, time.Now(), func(old *event) (*event, *apiError) {
		if old.status == cancelled {
			return nil, deleted()
		}
		if err := x.matches(old.etag()); err != nil {
			return nil, err
		}
		e := *old
		e.status = cancelled
		return &e, nil
	})
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, nil
}

// matches holds an ETag against If-Match.
func (x *call) matches(etag string) *apiError {
	if wanted := x.R.Header.Values("If-Match"); len(wanted) > 0 && !contains(wanted, etag) {
		return conditionNotMet()
	}
	return nil
}

// sameAs holds an ETag against If-None-Match.
func (x *call) sameAs(etag string) bool { return contains(x.R.Header.Values("If-None-Match"), etag) }

// contains reports whether an ETag stands in lists of them.
func contains(lists []string, etag string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
			if one == "*" || one == etag || `"`+one+`"` == etag {
				return true
			}
		}
	}
	return false
}
