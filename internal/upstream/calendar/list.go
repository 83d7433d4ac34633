package calendar

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"sort"
	"time"
)

// What one page looks at. A page that has looked at as many ends there, with a token for the rest, as Google's do.
const (
	mostScanned = 20_000 // events
	mostDays    = 4_000  // of events that are there from the start
)

// list answers events.list: by time, or what has changed.
func (x *call) list() (answer, *apiError) {
	c, err := x.store.calendar(x.route.calendar, false)
	if err != nil {
		return answer{}, err
	}
	zone, err := x.responseZone()
	if err != nil {
		return answer{}, err
	}
	now := time.Now()
	q, err := x.parseList(c, now)
	if err != nil {
		return answer{}, err
	}
	page := x.page(c, &q)
	etag := page.etag(x.query.Encode())
	if x.sameAs(etag) {
		return answer{status: http.StatusNotModified, etag: etag}, nil
	}
	items := make([]map[string]any, len(page.events))
	for i, e := range page.events {
		if e.status == cancelled && !q.showDeleted {
			items[i] = e.gravestone()
		} else {
			items[i] = e.wire(c, zone)
		}
	}
	body := map[string]any{
		"kind": "calendar#events", "etag": etag, "summary": c.email, "updated": page.updated.UTC().Format(milliFormat),
		"timeZone": x.zones.home.String(), "accessRole": "owner", "defaultReminders": []any{}, "items": items,
	}
	switch {
	case page.next != nil:
		next := *page.next
		next.Kind, next.Calendar, next.Since, next.Sync, next.From, next.To = pageKind, c.hash, page.since, q.sync, q.from, q.to
		body["nextPageToken"] = x.seal.close(next)
	case q.syncable:
		body["nextSyncToken"] = x.seal.close(cursor{Kind: syncKind, Calendar: c.hash, Version: page.since, From: q.from, To: q.to, Issued: now.Unix()})
	}
	return answer{status: http.StatusOK, etag: etag, body: encode(body)}, nil
}

// page is one page of a list.
type page struct {
	events  []*event
	next    *cursor // nil on the last page
	version int64   // of the calendar
	since   int64   // its version when the first page was made
	updated time.Time
}

// etag follows from the calendar's version and the query.
func (p *page) etag(query string) string {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d %s", p.version, query) // never fails
	return fmt.Sprintf(`"p%x"`, h.Sum64())
}

// page collects the events of a page, and one more to know whether there is another.
func (s *Server) page(c *calendar, q *listQuery) page {
	var background found
	if !q.at.History {
		background = s.backgroundPage(c, q)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := page{version: c.version, since: cmp.Or(q.at.Since, c.version), updated: c.updated}
	background.events = slices.DeleteFunc(background.events, func(e *event) bool { _, changed := c.events[e.id]; return changed })
	switch {
	case q.at.History:
		p.history(c, q, q.at.Version)
	case q.byUpdate:
		// What is there from the start was updated before all else.
		if p.byTime(q, background); p.next == nil && len(p.events) < q.most {
			p.history(c, q, 0)
		} else if p.next == nil {
			p.next = &cursor{History: true}
		}
	default:
		sources := []found{background, treePage(&c.live, q)}
		if q.showDeleted {
			sources = append(sources, treePage(&c.gone, q))
		}
		p.byTime(q, sources...)
	}
	return p
}

// found are events of one source, in order. If it was not read to its end, all up to reached are there.
type found struct {
	events  []*event
	reached *position
}

// backgroundPage reads the events that are there from the start.
func (s *Server) backgroundPage(c *calendar, q *listQuery) (f found) {
	reached := s.background.visit(c, q.backFrom, q.backTo, q.at.At, mostDays, f.collect(q))
	if f.reached == nil {
		f.reached = reached
	}
	return f
}

// treePage reads the events of an index.
func treePage(x *index, q *listQuery) (f found) {
	x.visit(q.from, q.to, q.at.At, f.collect(q))
	return f
}

// collect returns the function that takes the events of a source, until there are enough.
func (f *found) collect(q *listQuery) func(*event) bool {
	scanned := 0
	return func(e *event) bool {
		scanned++
		if q.wants(e) {
			f.events = append(f.events, e)
		}
		if len(f.events) > q.most || scanned >= mostScanned {
			at := e.position()
			f.reached = &at
			return false
		}
		return true
	}
}

// byTime makes the page of what sources have found.
func (p *page) byTime(q *listQuery, sources ...found) {
	var reached *position
	for _, f := range sources {
		p.events = append(p.events, f.events...)
		if f.reached != nil && (reached == nil || f.reached.before(*reached)) {
			reached = f.reached
		}
	}
	slices.SortFunc(p.events, func(a, b *event) int {
		return cmp.Or(cmp.Compare(a.start.at, b.start.at), cmp.Compare(a.id, b.id))
	})
	if reached != nil {
		p.events = p.events[:sort.Search(len(p.events), func(i int) bool { return reached.before(p.events[i].position()) })]
		p.next = &cursor{At: *reached}
	}
	if len(p.events) > q.most {
		p.events = p.events[:q.most]
		p.next = &cursor{At: p.events[q.most-1].position()}
	}
}

// history adds what has changed in the calendar after a version, in order of the changes.
func (p *page) history(c *calendar, q *listQuery, after int64) {
	first := sort.Search(len(c.changes), func(i int) bool { return c.changes[i].version > after })
	for _, h := range c.changes[first:] {
		e := c.events[h.id]
		gone := q.sync && e.status == cancelled
		if e.version != h.version || q.sync && h.version > p.since || !gone && !q.covers(e) || !q.wants(e) {
			continue
		}
		if len(p.events) == q.most {
			p.next = &cursor{History: true, Version: p.events[q.most-1].version}
			return
		}
		p.events = append(p.events, e)
	}
}
