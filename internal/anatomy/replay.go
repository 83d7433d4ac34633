package anatomy

import (
	"cmp"
	"slices"
	"time"
)

// Replay says when a turn would have been answered had its calls taken less time. It takes the turn as it was recorded: each call
// began when those that it could have waited for were over, plus the bot's own time between. What overlapped, overlaps still, so that
// a gain ends where a sibling takes longer; a call that nothing waited for gains nothing.
type Replay struct {
	turn *Waterfall
	// order is the calls by their starts; after holds for each the calls it waited for, gap the time from the last of their ends.
	order []int
	after [][]int32
	gap   []time.Duration
	// answer is the call that brought the answer, -1 if that is unknown: then the answer waited for last, and rest is the time from there.
	answer int
	last   []int32
	rest   time.Duration

	start, end []time.Duration // of the replayed calls
}

// Less is how much shorter a call would have been, and the bot's own time before it.
type Less struct{ Call, Gap time.Duration }

// NewReplay prepares the replay of a turn.
func NewReplay(w *Waterfall) *Replay {
	n := len(w.Calls)
	r := &Replay{turn: w, after: make([][]int32, n), gap: make([]time.Duration, n), answer: -1, start: make([]time.Duration, n), end: make([]time.Duration, n)}
	for i := range n {
		r.order = append(r.order, i)
	}
	slices.SortStableFunc(r.order, func(a, b int) int { return cmp.Compare(w.Calls[a].Start, w.Calls[b].Start) })
	ends := slices.Clone(r.order)
	slices.SortStableFunc(ends, func(a, b int) int { return cmp.Compare(w.Calls[a].End, w.Calls[b].End) })
	for _, i := range r.order {
		r.after[i], r.gap[i] = r.before(ends, i, w.Calls[i].Start)
	}
	if len(w.Path) > 0 {
		if p := w.Path[len(w.Path)-1]; p.Call >= 0 {
			r.answer = p.Call
		} else {
			r.last, r.rest = r.before(ends, -1, w.Reply)
		}
	}
	return r
}

// before returns what led to a moment: the call that had ended last, and those that were under way together with it and had
// ended, too; and the time since.
func (r *Replay) before(ends []int, self int, at time.Duration) (after []int32, gap time.Duration) {
	calls := r.turn.Calls
	place, _ := slices.BinarySearchFunc(ends, at+clockSlack, func(i int, at time.Duration) int { return cmp.Compare(calls[i].End, at) })
	since := time.Duration(0)
	for k := place - 1; k >= 0; k-- {
		c := &calls[ends[k]]
		if len(after) > 0 && c.End <= since {
			break
		}
		if ends[k] == self || c.Blocking || c.Start >= at {
			continue
		}
		if len(after) == 0 {
			gap, since = at-c.End, c.Start
		}
		after = append(after, int32(ends[k]))
	}
	if len(after) == 0 {
		gap = at
	}
	return after, gap
}

// Reply returns the time to the answer with shorter calls, not below 0. A turn without an answer keeps the time waited, less what the
// last calls would have gained.
func (r *Replay) Reply(less func(call int) Less) time.Duration {
	calls := r.turn.Calls
	for _, i := range r.order {
		l := less(i)
		gap := r.gap[i]
		if l.Gap > 0 {
			gap = max(min(gap, 0), gap-l.Gap)
		}
		r.start[i] = r.from(r.after[i]) + gap
		r.end[i] = r.start[i] + max(0, calls[i].End-calls[i].Start-l.Call)
	}
	if r.answer >= 0 {
		a := &calls[r.answer]
		left := max(0, r.turn.Reply-a.Start-less(r.answer).Call)
		return max(0, min(r.turn.Reply, r.start[r.answer]+left))
	}
	if len(r.last) == 0 {
		return r.turn.Reply
	}
	return max(0, min(r.turn.Reply, r.from(r.last)+r.rest))
}

// from is when the last of some calls is over in the replay; 0, the user's last word, if there are none.
func (r *Replay) from(after []int32) time.Duration {
	if len(after) == 0 {
		return 0
	}
	latest := r.end[after[0]]
	for _, i := range after[1:] {
		latest = max(latest, r.end[i])
	}
	return latest
}

// Saved is by how much earlier the answer would have come.
func (r *Replay) Saved(less func(call int) Less) time.Duration { return r.turn.Reply - r.Reply(less) }

// Gap is the bot's own time before a call: since the last of the calls that it could have waited for was over, or since the user's last
// word. It is negative, by no more than clocks differ, if that was noted late.
func (r *Replay) Gap(call int) time.Duration { return r.gap[call] }

// Next is the call that first waited for another one, -1 if none did.
func (r *Replay) Next(call int) int {
	for _, i := range r.order {
		if len(r.after[i]) > 0 && r.after[i][0] == int32(call) {
			return i
		}
	}
	return -1
}

// Whole is a call that was not made at all.
func (r *Replay) Whole(call int) Less {
	c := &r.turn.Calls[call]
	return Less{Call: c.End - c.Start}
}
