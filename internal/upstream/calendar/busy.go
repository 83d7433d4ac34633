package calendar

import (
	"encoding/base32"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"
)

// The working day of every calendar, in its own zone: Monday to Friday, in slots of half an hour.
const (
	opens       = 9 // o'clock
	closes      = 17
	slotMinutes = 30
	slots       = (closes - opens) * 60 / slotMinutes
	// longestTaken is the longest of the events that are there from the start, in slots.
	longestTaken = 2
)

// background are the events that are there from the start. They are computed from the seed, the calendar
// and the day, so that any day of any year has them and none takes memory.
type background struct {
	seed  uint64
	share float64 // of working hours
	home  *time.Location
	since time.Time // when the simulation began
}

// day returns the events of a calendar on the day, in the calendars' zone, that holds an instant, in order.
func (b *background) day(c *calendar, at time.Time) []*event {
	year, month, date := at.In(b.home).Date()
	weekday := time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Weekday()
	if b.share <= 0 || weekday == time.Saturday || weekday == time.Sunday || year < firstYear || year > lastYear {
		return nil
	}
	number := uint64(time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Unix() / daySeconds)
	r := rand.New(rand.NewPCG(b.seed^c.hash, number))
	taken := b.taken(r)
	var events []*event
	for slot := 0; slot < slots; {
		length := 0
		wanted := 1 + r.IntN(longestTaken)
		for slot+length < slots && taken[slot+length] && length < wanted {
			length++
		}
		if length > 0 {
			from := time.Date(year, month, date, opens, slot*slotMinutes, 0, 0, b.home).Unix()
			to := time.Date(year, month, date, opens, (slot+length)*slotMinutes, 0, 0, b.home).Unix()
			events = append(events, b.event(c, number, slot, from, to))
		}
		slot += max(1, length)
	}
	return events
}

// taken draws which slots of a day are taken: as many as the share says, the fraction of one by chance.
func (b *background) taken(r *rand.Rand) (taken [slots]bool) {
	exact := b.share * slots
	n := int(exact)
	if r.Float64() < exact-float64(n) {
		n++
	}
	for _, slot := range r.Perm(slots)[:min(n, slots)] {
		taken[slot] = true
	}
	return taken
}

// event is one of them. Its id says which one it is.
func (b *background) event(c *calendar, day uint64, slot int, from, to int64) *event {
	return &event{
		id:     backgroundID(c, day, slot),
		fields: map[string]any{"summary": "Reserved"},
		start:  moment{at: from}, end: moment{at: to},
		status: confirmed, creator: c.email,
		version: int64(day)<<8 | int64(slot), created: b.since, updated: b.since,
	}
}

const backgroundPrefix = "taken"

// backgroundID is the day, the slot and eight bytes of the calendar's hash, in base32hex as all ids are.
func backgroundID(c *calendar, day uint64, slot int) string {
	var text [13]byte
	binary.BigEndian.PutUint32(text[0:], uint32(day))
	text[4] = byte(slot)
	binary.BigEndian.PutUint64(text[5:], c.hash)
	return backgroundPrefix + strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(text[:]))
}

// find returns the event of an id, nil if it is none of them.
func (b *background) find(c *calendar, id string) *event {
	encoded, ours := strings.CutPrefix(id, backgroundPrefix)
	if !ours || b.share <= 0 {
		return nil
	}
	text, err := base32.HexEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(encoded))
	if err != nil || len(text) != 13 {
		return nil
	}
	// The day is one of the calendars' zone; its number was counted in UTC.
	year, month, date := time.Unix(int64(int32(binary.BigEndian.Uint32(text)))*daySeconds, 0).UTC().Date()
	for _, e := range b.day(c, time.Date(year, month, date, 12, 0, 0, 0, b.home)) {
		if e.id == id {
			return e
		}
	}
	return nil
}

// visit calls yield with the events that end after from, start before to and come after a position, in
// order, until it returns false. It looks at mostDays days; reached is where it stopped for that, nil if it did not.
func (b *background) visit(c *calendar, from, to int64, after position, mostDays int, yield func(*event) bool) (reached *position) {
	if b.share <= 0 {
		return nil
	}
	first := time.Unix(max(from, after.Start, time.Date(firstYear, 1, 3, 0, 0, 0, 0, time.UTC).Unix()), 0).In(b.home)
	year, month, date := first.Date()
	for n := range mostDays + 1 {
		noon := time.Date(year, month, date+n, 12, 0, 0, 0, b.home)
		midnight := time.Date(year, month, date+n, 0, 0, 0, 0, b.home).Unix()
		if midnight >= to || noon.Year() > lastYear {
			return nil
		}
		if n == mostDays {
			return &position{Start: midnight}
		}
		for _, e := range b.day(c, noon) {
			if e.end.at > from && e.start.at < to && after.before(e.position()) && !yield(e) {
				return nil
			}
		}
	}
	return nil
}

// hashOf is that of a calendar's id.
func hashOf(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // never fails
	return h.Sum64()
}
