package anatomy

import (
	"cmp"
	"slices"
	"time"

	"parley"
	"parley/internal/stats"
)

// crowdCount gathers a crowd, turn by turn.
type crowdCount struct {
	run                            *parley.Run
	window                         *window
	out                            Crowd
	conversations                  map[int64]struct{}
	reply, open, later, first, ack *stats.Series
	errors, answered               *stats.Share
	failures                       map[string]int
	scenarios                      map[string]*scenarioCount
}

type scenarioCount struct {
	turns, answered int
	reply           *stats.Series
}

func newCrowdCount(w *window, run *parley.Run) *crowdCount {
	span := w.span()
	series := func(metric string) *stats.Series { return seriesFor(run, metric, span) }
	return &crowdCount{
		run: run, window: w,
		conversations: map[int64]struct{}{},
		reply:         series("reply"), open: series(""), later: series(""), first: series("first_reply"), ack: series("ack"),
		errors: stats.NewShare(span.from, span.to), answered: stats.NewShare(span.from, span.to),
		failures: map[string]int{}, scenarios: map[string]*scenarioCount{},
	}
}

// add counts a turn, if it belongs to the crowd's phases.
func (c *crowdCount) add(t *parley.Turn) {
	if !c.window.names[t.Phase] {
		return
	}
	if t.Outcome == parley.Unsent {
		c.out.Unsent++
		return
	}
	c.conversations[t.Conversation] = struct{}{}
	c.count(t)
	c.time(t)
	answered := t.Outcome == parley.Answered
	// A turn still waiting when the record ends was neither answered nor left unanswered.
	if decided := answered || t.Outcome == parley.Abandoned; decided {
		c.answered.Add(t.Due, answered)
		c.errors.Add(t.Due, t.Failed())
	} else if t.Failed() {
		c.errors.Add(t.Due, true)
	}
}

// count adds the turn to the counts.
func (c *crowdCount) count(t *parley.Turn) {
	out := &c.out
	out.Turns++
	switch t.Outcome {
	case parley.Answered:
		out.Answered++
		out.MessagesAnswered += int(t.Said)
	case parley.Abandoned:
		out.Abandoned++
	case parley.Cut:
		out.Cut++
	case parley.Open:
		out.Open++
	case parley.Unsent: // no turn of this crowd; counted elsewhere
	}
	out.Messages += int(t.Said)
	out.Lost += one(t.Lost())
	out.Failed += one(t.Failed())
	out.Returning += one(t.Returning)
	out.Alike += one(t.Alike)
	out.Duplicates += int(t.Duplicates)
	out.Late += int(t.Late)
	out.Disordered += int(t.Disordered)
	if t.Failure != "" {
		c.failures[t.Failure]++
	}
}

// time adds the turn to the waits.
func (c *crowdCount) time(t *parley.Turn) {
	wait, censored := replyWait(t, c.run.Elapsed)
	c.reply.Add(t.Due, wait, censored)
	if t.IsOpen() {
		c.open.Add(t.Due, wait, censored)
	} else {
		c.later.Add(t.Due, wait, censored)
	}
	s := c.scenarios[t.Scenario]
	if s == nil {
		span := c.window.span()
		s = &scenarioCount{reply: stats.NewSeries(span.from, span.to)}
		c.scenarios[t.Scenario] = s
	}
	s.turns++
	s.answered += one(!censored)
	s.reply.Add(t.Due, wait, censored)

	if t.FirstReply != parley.None {
		c.first.Add(t.Due, t.FirstReply-t.Spoken, false)
	} else {
		c.first.Add(t.Due, end(t, c.run.Elapsed)-t.Spoken, true)
	}
	switch {
	case t.AckLatency != parley.None:
		c.ack.Add(t.Due, t.AckLatency, false)
	case t.Sent == parley.None:
	default:
		c.ack.Add(t.Due, end(t, c.run.Elapsed)-t.Sent, true)
	}
}

// result is the crowd, given how many conversations were open at once.
func (c *crowdCount) result(open []stretch) Crowd {
	out := c.out
	out.Conversations = len(c.conversations)
	if hours := c.window.length().Hours(); hours > 0 {
		out.PerHour = float64(out.MessagesAnswered) / hours
	}
	out.Concurrency, out.PeakConcurrency = concurrency(open, c.window.stretches)
	out.Reply, out.ReplyOpen, out.ReplyLater = judgedWaits(c.run, "reply", c.reply), waitsOf(c.open), waitsOf(c.later)
	out.FirstReply, out.Ack = judgedWaits(c.run, "first_reply", c.first), judgedWaits(c.run, "ack", c.ack)
	out.Errors, out.AnsweredOf = c.errors.Estimate(), c.answered.Estimate()
	for name, n := range c.failures {
		out.Failures = append(out.Failures, Tally{Name: name, Count: n})
	}
	slices.SortFunc(out.Failures, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	for name, s := range c.scenarios {
		out.Scenarios = append(out.Scenarios, ScenarioCrowd{Name: name, Turns: s.turns, Answered: s.answered, Reply: waitsOf(s.reply)})
	}
	slices.SortFunc(out.Scenarios, func(a, b ScenarioCrowd) int {
		return cmp.Or(cmp.Compare(b.Turns, a.Turns), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// end is when the turn ended; one whose end was not recorded was still waiting when the record ended.
func end(t *parley.Turn, elapsed time.Duration) time.Duration {
	if t.Ended == parley.None {
		return max(elapsed, t.Spoken)
	}
	return t.Ended
}

// replyWait is Turn.ReplyLatency, with open turns waiting until the end of the record.
func replyWait(t *parley.Turn, elapsed time.Duration) (wait time.Duration, censored bool) {
	if t.Outcome == parley.Answered {
		return t.ReplyLatency()
	}
	return max(0, end(t, elapsed)-t.Spoken), true
}

// concurrency is the mean and the largest number of stretches open at once within some windows of time.
func concurrency(open, windows []stretch) (mean float64, peak int) {
	var inside, length time.Duration
	starts := make([]time.Duration, 0, len(open))
	ends := make([]time.Duration, 0, len(open))
	for _, w := range windows {
		starts, ends = starts[:0], ends[:0]
		length += w.to - w.from
		for _, o := range open {
			from, to := max(o.from, w.from), min(o.to, w.to)
			if from < to {
				inside += to - from
				starts, ends = append(starts, from), append(ends, to)
			}
		}
		peak = max(peak, mostAtOnce(starts, ends))
	}
	if length > 0 {
		mean = float64(inside) / float64(length)
	}
	return mean, peak
}

// mostAtOnce is the largest number of intervals that overlap, which end
// before another begins at the same instant. It sorts both slices.
func mostAtOnce(starts, ends []time.Duration) (most int) {
	slices.Sort(starts)
	slices.Sort(ends)
	over := 0
	for i, s := range starts {
		for ends[over] <= s {
			over++
			if over == len(ends) {
				return most
			}
		}
		most = max(most, i+1-over)
	}
	return most
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
