package calendar

import (
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	primary = "primary"
	// mostCalendars and mostBytes bound what a run's events take of memory.
	mostCalendars = 10_000
	mostBytes     = 256 << 20
	// eventOverhead is what an event takes beside its fields, about, in bytes.
	eventOverhead = 600
)

// change is an entry of a calendar's history.
type change struct {
	version int64
	id      string
}

// calendar is one calendar and what was written to it.
type calendar struct {
	id    string
	email string // its owner's address, which is its id but for the primary one
	hash  uint64

	mu      sync.Mutex
	events  map[string]*event // by id; deleted ones too, and those of the background that were changed
	live    index             // that are not deleted
	gone    index             // deleted
	changes []change          // by version; one that its event has left behind is stale
	version int64             // of the latest change
	updated time.Time
}

// canonical gives the primary calendar its one name: it goes by its owner's address, too.
func canonical(id string) string {
	if id == accountEmail {
		return primary
	}
	return id
}

func newCalendar(id string, since time.Time) *calendar {
	c := &calendar{id: id, email: id, hash: hashOf(id), events: make(map[string]*event), version: since.UnixMicro(), updated: since}
	switch {
	case id == primary:
		c.email = accountEmail
	case !strings.Contains(id, "@"):
		c.email = id + "@group.calendar.google.com"
	}
	return c
}

// store holds the calendars that were written to.
type store struct {
	since     time.Time
	known     []string // canonical ids that exist; empty: any does
	mu        sync.Mutex
	calendars map[string]*calendar
	order     []string // their ids, in the order in which they came to be
	bytes     int64
}

func newStore(ids []string, since time.Time) *store {
	s := &store{since: since, calendars: make(map[string]*calendar)}
	for _, id := range ids {
		s.known = append(s.known, canonical(id))
	}
	return s
}

// calendar returns a calendar by any of its ids. One that nobody has written to is made up, and kept only if keep
// says so: reading must not fill memory.
func (s *store) calendar(id string, keep bool) (*calendar, *apiError) {
	id = canonical(id)
	if len(s.known) > 0 && !slices.Contains(s.known, id) {
		return nil, notFound()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, there := s.calendars[id]; there {
		return c, nil
	}
	c := newCalendar(id, s.since)
	if keep {
		if len(s.calendars) >= mostCalendars {
			return nil, quotaExceeded()
		}
		s.calendars[id] = c
		s.order = append(s.order, id)
	}
	return c, nil
}

// ids lists the calendars there are, as far as anybody knows.
func (s *store) ids() []string {
	if len(s.known) > 0 {
		return slices.Clone(s.known)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := []string{primary}
	for _, id := range s.order {
		if id != primary {
			ids = append(ids, id)
		}
	}
	return ids
}

// reserve takes room for an event.
func (s *store) reserve(bytes int64) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes+bytes > mostBytes {
		return quotaExceeded()
	}
	s.bytes += bytes
	return nil
}

// find returns an event, nil if there is none. The caller holds the calendar's lock.
func (c *calendar) find(id string, b *background) *event {
	if e, there := c.events[id]; there {
		return e
	}
	return b.find(c, id)
}

// put makes e the latest version of its event. The caller holds the calendar's lock.
func (c *calendar) put(e *event, now time.Time) {
	c.version = max(c.version+1, now.UnixMicro())
	c.updated = now
	e.version, e.updated = c.version, now
	if old, there := c.events[e.id]; there {
		c.live.remove(old)
		c.gone.remove(old)
	}
	c.events[e.id] = e
	if e.status == cancelled {
		c.gone.insert(e)
	} else {
		c.live.insert(e)
	}
	c.changes = append(c.changes, change{c.version, e.id})
	if len(c.changes) > 2*len(c.events)+64 {
		c.changes = slices.DeleteFunc(c.changes, func(h change) bool { return c.events[h.id].version != h.version })
	}
}

// insert adds an event under an id that is not taken.
func (s *Server) insert(c *calendar, e *event, now time.Time) *apiError {
	if err := s.store.reserve(e.bytes); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.find(e.id, &s.background) != nil {
		_ = s.store.reserve(-e.bytes) // giving back never fails
		return duplicate()
	}
	e.created = now
	c.put(e, now)
	return nil
}

// modify replaces an event by what change makes of it, in one step.
func (s *Server) modify(c *calendar, id string, now time.Time, change func(old *event) (*event, *apiError)) (*event, *apiError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.find(id, &s.background)
	if old == nil {
		return nil, notFound()
	}
	e, err := change(old)
	if err != nil {
		return nil, err
	}
	if err := s.store.reserve(e.bytes - old.bytes); err != nil {
		return nil, err
	}
	e.id, e.created, e.creator = old.id, old.created, old.creator
	e.sequence = old.sequence
	if e.start.at != old.start.at || e.end.at != old.end.at {
		e.sequence++
	}
	c.put(e, now)
	return e, nil
}
