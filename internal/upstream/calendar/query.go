package calendar

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPage = 250
	largestPage = 2500
	// A list without bounds sees the events that are there from the start from so long before the
	// simulation began until so long after; they go on for ever.
	unboundedBefore = 28 * daySeconds
	unboundedAfter  = 182 * daySeconds
	syncTokenLife   = 30 * 24 * time.Hour
)

// beginning is before all positions.
func beginning() position { return position{Start: math.MinInt64} }

// listQuery are the parameters of events.list.
type listQuery struct {
	from, to               int64 // events that end after from and start before to
	bounded                bool  // the client gave from or to
	backFrom, backTo       int64 // the same for the events that are there from the start
	most                   int
	byUpdate, showDeleted  bool
	words                  []string
	iCalUID                string
	privateProp, shareProp []string
	eventTypes             []string
	updatedMin             int64
	// sync: only what has changed since version at.Version. syncable: the last page gives a token for that.
	sync, syncable bool
	at             cursor
}

// cursor is where a page begins.
type cursor struct {
	Kind     string `json:"k"`
	Calendar uint64 `json:"c"`
	// At is the last place by time. History: the page is read from the calendar's history, from after Version on.
	At      position `json:"a"`
	History bool     `json:"h,omitempty"`
	Version int64    `json:"v"`
	// Since is the calendar's version when the first page was made, which the token of the last page goes on from.
	Since int64 `json:"n"`
	// From and To bound the list that a sync token goes on with, Issued is when it was, in seconds since 1970.
	From   int64 `json:"f"`
	To     int64 `json:"t"`
	Issued int64 `json:"x"`
	Sync   bool  `json:"y,omitempty"`
}

const (
	pageKind = "page"
	syncKind = "sync"
)

// parseList reads the parameters of a list of a calendar's events.
func (x *call) parseList(c *calendar, now time.Time) (listQuery, *apiError) {
	v := x.query
	q := listQuery{
		from: math.MinInt64, to: math.MaxInt64, most: defaultPage, updatedMin: math.MinInt64,
		words: strings.Fields(strings.ToLower(v.Get("q"))), iCalUID: v.Get("iCalUID"),
		privateProp: v["privateExtendedProperty"], shareProp: v["sharedExtendedProperty"], eventTypes: v["eventTypes"],
		at: cursor{At: beginning()},
	}
	for name, into := range map[string]*int64{"timeMin": &q.from, "timeMax": &q.to, "updatedMin": &q.updatedMin} {
		if text := v.Get(name); text != "" {
			at, ok := parseInstant(text)
			if !ok {
				return q, badRequest()
			}
			*into = at
		}
	}
	q.bounded = v.Get("timeMin") != "" || v.Get("timeMax") != ""
	if v.Get("timeMin") != "" && v.Get("timeMax") != "" && q.to <= q.from {
		return q, timeRangeEmpty()
	}
	var err *apiError
	if err = boolean(v, "showDeleted", &q.showDeleted); err != nil {
		return q, err
	}
	var single bool
	if err = boolean(v, "singleEvents", &single); err != nil {
		return q, err
	}
	if text := v.Get("maxResults"); text != "" {
		n, bad := strconv.Atoi(text)
		if bad != nil || n < 1 {
			return q, invalidParameter("maxResults", "Invalid value '"+clip(text, 40)+"'. Values must be within the range: [1, 2147483647]")
		}
		q.most = min(n, largestPage)
	}
	switch order := v.Get("orderBy"); {
	case order == "updated":
		q.byUpdate = true
	case order == "startTime" && !single:
		return q, invalidParameter("orderBy", "The requested ordering is not available for the particular query.")
	case order != "" && order != "startTime":
		return q, invalidParameter("orderBy", "Invalid value for: orderBy")
	}
	q.syncable = v.Get("orderBy") == "" && len(q.words) == 0 && q.iCalUID == "" && len(q.privateProp)+len(q.shareProp) == 0 && v.Get("updatedMin") == ""
	q.showDeleted = q.showDeleted || v.Get("updatedMin") != ""
	if err = x.resume(c, &q, now); err != nil {
		return q, err
	}
	q.background(x.background.since.Unix())
	return q, nil
}

// resume takes up where a page token or a sync token says.
func (x *call) resume(c *calendar, q *listQuery, now time.Time) *apiError {
	page, sync := x.query.Get("pageToken"), x.query.Get("syncToken")
	if sync != "" {
		if !q.syncable || q.bounded {
			return badRequest()
		}
		if x.query.Get("showDeleted") != "" && !q.showDeleted {
			return badRequest()
		}
		var at cursor
		age := func() time.Duration { return now.Sub(time.Unix(at.Issued, 0)) }
		if !x.seal.open(sync, &at) || at.Kind != syncKind || at.Calendar != c.hash || age() > syncTokenLife {
			return fullSyncRequired()
		}
		q.sync, q.from, q.to, q.at = true, at.From, at.To, cursor{History: true, Version: at.Version, At: beginning()}
	}
	if page != "" {
		var at cursor
		if !x.seal.open(page, &at) || at.Kind != pageKind || at.Calendar != c.hash {
			return invalidParameter("pageToken", "Invalid page token value.")
		}
		q.sync, q.at = at.Sync, at
		if at.Sync {
			q.from, q.to = at.From, at.To
		}
	}
	return nil
}

// background bounds the events that never end.
func (q *listQuery) background(since int64) {
	q.backFrom, q.backTo = q.from, q.to
	if q.from == math.MinInt64 {
		q.backFrom = since - unboundedBefore
	}
	if q.to == math.MaxInt64 {
		q.backTo = max(q.backFrom, since) + unboundedAfter
	}
}

// boolean reads a parameter that is true or false, if it is given.
func boolean(v url.Values, name string, into *bool) *apiError {
	text := v.Get(name)
	if text == "" {
		return nil
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return invalidParameter(name, "Invalid value for: "+name)
	}
	*into = b
	return nil
}

// wants reports whether an event is one of those asked for, its time aside.
func (q *listQuery) wants(e *event) bool {
	switch {
	case e.status == cancelled && !q.showDeleted && !q.sync:
		return false
	case q.updatedMin != math.MinInt64 && e.updated.Unix() < q.updatedMin:
		return false
	case q.iCalUID != "" && !e.isCalled(q.iCalUID):
		return false
	case len(q.eventTypes) > 0 && !e.isOfType(q.eventTypes):
		return false
	}
	return e.matches(q.words) && e.has("private", q.privateProp) && e.has("shared", q.shareProp)
}

// covers reports whether an event lies within the bounds of the list.
func (q *listQuery) covers(e *event) bool { return e.end.at > q.from && e.start.at < q.to }

func (e *event) isCalled(iCalUID string) bool {
	if own, given := e.fields["iCalUID"].(string); given {
		return own == iCalUID
	}
	return e.id+"@google.com" == iCalUID
}

func (e *event) isOfType(types []string) bool {
	own, given := e.fields["eventType"].(string)
	for _, t := range types {
		if t == own || !given && t == "default" {
			return true
		}
	}
	return false
}
