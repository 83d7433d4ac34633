package calendar

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"parley/internal/plan"
)

// The index finds what a walk over all events finds, in order, and stays flat.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var x index
		there := make(map[string]*event)
		for range rapid.IntRange(0, 300).Draw(r, "writes") {
			id := fmt.Sprint(rapid.IntRange(0, 99).Draw(r, "id"))
			if old := there[id]; old != nil {
				x.remove(old)
				delete(there, id)
			}
			if rapid.Bool().Draw(r, "insert") {
				at := rapid.Int64Range(0, 50).Draw(r, "start")
				there[id] = &event{id: id, start: moment{at: at}, end: moment{at: at + rapid.Int64Range(0, 20).Draw(r, "length")}}
				x.insert(there[id])
			}
			x.remove(&event{id: "never there", start: moment{at: 7}})
		}
		from, to := rapid.Int64Range(-5, 60).Draw(r, "from"), rapid.Int64Range(-5, 60).Draw(r, "to")
		after := position{rapid.Int64Range(-1, 50).Draw(r, "after"), fmt.Sprint(rapid.IntRange(0, 99).Draw(r, "after id"))}
		most := rapid.IntRange(1, 100).Draw(r, "most")
		var want, got []position
		for _, e := range there {
			if e.end.at > from && e.start.at < to && after.before(e.position()) {
				want = append(want, e.position())
			}
		}
		slices.SortFunc(want, func(a, b position) int {
			if a.before(b) {
				return -1
			}
			return 1
		})
		x.visit(from, to, after, func(e *event) bool {
			got = append(got, e.position())
			return len(got) < most
		})
		if want = want[:min(most, len(want))]; !slices.Equal(got, want) {
			r.Fatalf("found %v, want %v", got, want)
		}
		if d := depth(x.root); float64(d) > 6*math.Log2(float64(len(there)+2)) {
			r.Fatalf("%d events, %d deep", len(there), d)
		}
	})
}

func depth(n *node) int {
	if n == nil {
		return 0
	}
	return 1 + max(depth(n.left), depth(n.right))
}

// The history of a calendar does not outgrow its events.
func TestHistoryIsBounded(t *testing.T) {
	s := New(Options{})
	c, _ := s.store.calendar(primary, true)
	for n := range 100_000 {
		e := &event{id: fmt.Sprintf("event%d", n%10), status: confirmed}
		if s.insert(c, e, s.store.since) != nil {
			if _, err := s.modify(c, e.id, s.store.since, func(*event) (*event, *apiError) { return e, nil }); err != nil {
				t.Fatal(err.message)
			}
		}
	}
	if len(c.changes) > 100 || !slices.IsSortedFunc(c.changes, func(a, b change) int { return int(a.version - b.version) }) {
		t.Errorf("%d changes of 10 events", len(c.changes))
	}
}

// Many who book at once get one event each, and of those who want the same id one gets it.
func TestConcurrentBookings(t *testing.T) {
	s := New(Options{Config: plan.Calendar{Busy: 0.5}})
	c, _ := s.store.calendar(primary, true)
	const workers, each = 8, 200
	var same atomic.Int64
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for n := range each {
				at := s.store.since.Unix() + int64(n)*1800
				for _, id := range []string{fmt.Sprintf("own%d%d", w, n), fmt.Sprintf("same%d", n)} {
					e := &event{id: id, start: moment{at: at}, end: moment{at: at + 1800}, status: confirmed, fields: map[string]any{}}
					if s.insert(c, e, s.store.since) == nil && id[0] == 's' {
						same.Add(1)
					}
				}
				s.busySpans(c, span{at, at + daySeconds})
				s.page(c, &listQuery{from: at, to: at + daySeconds, backFrom: at, backTo: at + daySeconds, most: 100, updatedMin: math.MinInt64, at: cursor{At: beginning()}})
			}
		})
	}
	all.Wait()
	if same.Load() != each || len(c.events) > (workers+1)*each || len(c.changes) < len(c.events) {
		t.Errorf("%d of %d shared ids given out, %d events", same.Load(), each, len(c.events))
	}
	indexed := 0
	c.live.visit(math.MinInt64, math.MaxInt64, beginning(), func(*event) bool { indexed++; return true })
	if indexed != len(c.events) || c.version != c.changes[len(c.changes)-1].version {
		t.Errorf("%d events, %d in the index", len(c.events), indexed)
	}
}
