package anatomy

import (
	"math/rand/v2"
	"testing"
	"time"
)

// turnOf is a waterfall of calls given as (start, end) in milliseconds, the last of which sends the answer.
func turnOf(spans ...[2]int) *Waterfall {
	w := &Waterfall{}
	for i, s := range spans {
		c := TurnCall{Layer: "http", Start: time.Duration(s[0]) * time.Millisecond, End: time.Duration(s[1]) * time.Millisecond}
		if i == len(spans)-1 {
			c.Layer = "sending"
		}
		w.Calls = append(w.Calls, c)
	}
	last := len(spans) - 1
	w.Reply = w.Calls[last].End
	w.Path = []Piece{{From: w.Calls[last].Start, To: w.Reply, Layer: "sending", Call: last, After: -1, Before: -1}}
	return w
}

func TestReplay(t *testing.T) {
	tests := []struct {
		name  string
		spans [][2]int
		less  map[int]Less
		want  int // ms saved
	}{
		{"one of a row goes", [][2]int{{10, 110}, {120, 220}, {230, 235}}, map[int]Less{0: {Call: 100 * time.Millisecond}}, 100},
		{"with the bot's own time before it", [][2]int{{10, 110}, {120, 220}, {230, 235}}, map[int]Less{1: {100 * time.Millisecond, time.Second}}, 110},
		{"half of it", [][2]int{{10, 110}, {120, 125}}, map[int]Less{0: {Call: 50 * time.Millisecond}}, 50},
		{"a sibling takes as long", [][2]int{{10, 110}, {10, 100}, {120, 125}}, map[int]Less{0: {Call: 100 * time.Millisecond}}, 10},
		{"the shorter sibling gains nothing", [][2]int{{10, 110}, {10, 100}, {120, 125}}, map[int]Less{1: {Call: 90 * time.Millisecond}}, 0},
		{"both go", [][2]int{{10, 110}, {10, 100}, {120, 125}}, map[int]Less{0: {Call: 100 * time.Millisecond}, 1: {Call: 90 * time.Millisecond}}, 100},
		{"nothing waited for it", [][2]int{{10, 110}, {20, 500}, {120, 125}}, map[int]Less{1: {Call: 480 * time.Millisecond}}, 0},
		{"the sending itself", [][2]int{{10, 110}, {120, 160}}, map[int]Less{1: {Call: 40 * time.Millisecond}}, 40},
		{"a longer gap than there is", [][2]int{{10, 110}, {120, 125}}, map[int]Less{0: {Gap: time.Second}}, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := NewReplay(turnOf(tt.spans...)).Saved(func(i int) Less { return tt.less[i] })
			if want := time.Duration(tt.want) * time.Millisecond; got != want {
				t.Errorf("saved %v, want %v", got, want)
			}
		})
	}
}

// TestReplayHolds: whatever the calls, a turn that changes nothing is answered when it was, and what takes less never makes it later, nor
// saves more than was taken away.
func TestReplayHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var spans [][2]int
		at := 0
		for range 1 + random.IntN(12) {
			from := at + random.IntN(30) - 15
			to := from + random.IntN(100)
			spans = append(spans, [2]int{from, to})
			if random.IntN(3) > 0 {
				at = to
			}
		}
		spans = append(spans, [2]int{max(at, 1) + 200, max(at, 1) + 205})
		w := turnOf(spans...)
		r := NewReplay(w)
		if saved := r.Saved(func(int) Less { return Less{} }); saved != 0 {
			t.Fatalf("%v: saves %v without a change", spans, saved)
		}
		taken := time.Duration(0)
		cut := make([]time.Duration, len(spans))
		for i := range cut {
			cut[i] = time.Duration(random.Int64N(1 + int64(w.Calls[i].End-w.Calls[i].Start)))
			taken += cut[i]
		}
		if saved := r.Saved(func(i int) Less { return Less{Call: cut[i]} }); saved < 0 || saved > taken {
			t.Fatalf("%v: saves %v of %v taken away", spans, saved, taken)
		}
	}
}

func TestReplayTellsWhoWaits(t *testing.T) {
	r := NewReplay(turnOf([2]int{10, 110}, [2]int{120, 150}, [2]int{120, 200}, [2]int{230, 235}))
	for call, want := range map[int]struct {
		gap  time.Duration
		next int
	}{
		0: {10 * time.Millisecond, 1}, 1: {10 * time.Millisecond, -1}, 2: {10 * time.Millisecond, 3}, 3: {30 * time.Millisecond, -1},
	} {
		if gap, next := r.Gap(call), r.Next(call); gap != want.gap || next != want.next {
			t.Errorf("call %d: gap %v, next %d; want %v, %d", call, gap, next, want.gap, want.next)
		}
	}
}
