package anatomy

import (
	"time"

	"parley"
	"parley/internal/stats"
)

// bucketWidth is the width of the points of a series over time: a round
// length which gives 48 to 120 of them, one second at least. More would show
// the chance in single messages rather than the course of the run.
func bucketWidth(elapsed time.Duration) time.Duration {
	for _, seconds := range []int{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600} {
		if w := time.Duration(seconds) * time.Second; elapsed <= 120*w {
			return w
		}
	}
	return max(time.Hour, elapsed/120).Round(time.Hour)
}

// rateCount gathers the rates over time.
type rateCount struct {
	elapsed time.Duration
	width   time.Duration
	points  []rateBucket
}

type rateBucket struct {
	due, sent, acked, answered int
	waiting                    time.Duration // by turns that wait through part of the bucket
	through                    int           // difference in the number of those that wait through all of it
	failed                     int
	reply                      *stats.Series
}

func newRateCount(elapsed time.Duration) *rateCount {
	r := &rateCount{elapsed: elapsed, width: bucketWidth(elapsed)}
	r.points = make([]rateBucket, max(1, int((elapsed+r.width-1)/r.width)))
	return r
}

// at is the bucket of an instant.
func (r *rateCount) at(d time.Duration) *rateBucket { return &r.points[r.index(d)] }

func (r *rateCount) index(d time.Duration) int {
	return min(max(0, int(d/r.width)), len(r.points)-1)
}

func (r *rateCount) add(t *parley.Turn) {
	if t.Outcome == parley.Unsent {
		r.at(t.Due).due++ // what it would have said is not known: one message at least
		return
	}
	said := int(t.Said)
	r.at(t.Due).due += said
	if t.Sent != parley.None {
		r.at(t.Sent).sent += said
	}
	if t.Acked != parley.None {
		r.at(t.Acked).acked += said
	}
	until := end(t, r.elapsed)
	if t.Outcome == parley.Answered {
		r.at(t.AnsweredAt).answered += said
		until = t.AnsweredAt
	}
	r.wait(t.Spoken, until)
	b := r.at(t.Spoken)
	b.failed += one(t.Failed())
	if b.reply == nil {
		b.reply = stats.NewSeries(0, 0)
	}
	wait, censored := replyWait(t, r.elapsed)
	b.reply.Add(0, wait, censored)
}

// wait enters a turn that waited between two instants.
func (r *rateCount) wait(from, to time.Duration) {
	to = min(to, r.width*time.Duration(len(r.points)))
	if from >= to {
		return
	}
	first, last := r.index(from), r.index(to-1)
	if first == last {
		r.points[first].waiting += to - from
		return
	}
	r.points[first].waiting += r.width*time.Duration(first+1) - from
	r.points[last].waiting += to - r.width*time.Duration(last)
	r.points[first+1].through++
	r.points[last].through--
}

func (r *rateCount) result() []RatePoint {
	out := make([]RatePoint, len(r.points))
	through := 0
	for i, b := range r.points {
		through += b.through
		start := r.width * time.Duration(i)
		// The last bucket ends with the record.
		width := min(r.width, max(r.elapsed-start, time.Millisecond))
		seconds := width.Seconds()
		out[i] = RatePoint{
			At: start, Width: width,
			Offered: float64(b.due) / seconds, Sent: float64(b.sent) / seconds,
			Acked: float64(b.acked) / seconds, Answered: float64(b.answered) / seconds,
			InFlight: float64(through) + b.waiting.Seconds()/seconds,
			Failed:   b.failed,
		}
		if b.reply != nil {
			survival := b.reply.Survival()
			out[i].N = b.reply.Count()
			out[i].ReplyP50, _ = survival.Value(0.5)
			out[i].ReplyP95, _ = survival.Value(0.95)
		}
	}
	return out
}
