package anatomy

import (
	"time"

	"parley"
	"parley/internal/stats"
)

// rampParts is how many equal stretches a step's answers are counted in.
const rampParts = 8

// A step shows nothing about the bot if parley left out more than this share of
// its turns, or said more than this share of them later than lateAfter.
const (
	mostUnsent = 0.01
	mostLate   = 0.10
	lateAfter  = 100 * time.Millisecond
)

// rampCount gathers the steps of a ramp. Messages count to the step in which they were due, and
// answers to the step in which they came: a bot keeps up if one follows the other.
type rampCount struct {
	phase *parley.Phase
	end   time.Duration // of the record
	steps []rampStep
}

type rampStep struct {
	from, to      time.Duration
	due, answered int // messages
	parts         [rampParts]float64
	waiting       time.Duration // by all turns, within the step
	before        int           // messages waiting when it began
	turns, failed int
	late, unsent  int
	reply         *stats.Series
}

// newRampCount returns nil without a ramp.
func newRampCount(phase *parley.Phase, elapsed time.Duration) *rampCount {
	if phase == nil {
		return nil
	}
	r := &rampCount{phase: phase, end: elapsed}
	for _, s := range phase.Steps {
		to := s.End
		if to == parley.None || to > elapsed {
			to = elapsed
		}
		if to > s.Start {
			r.steps = append(r.steps, rampStep{from: s.Start, to: to, reply: stats.NewSeries(s.Start, to)})
		}
	}
	return r
}

func (r *rampCount) add(t *parley.Turn) {
	if r == nil {
		return
	}
	until := end(t, r.end)
	if t.Outcome == parley.Answered {
		until = t.AnsweredAt
	}
	for i := range r.steps {
		s := &r.steps[i]
		if t.Due >= s.from && t.Due < s.to {
			s.begin(t, r.end)
		}
		if t.Outcome == parley.Unsent {
			continue
		}
		if from, to := max(t.Spoken, s.from), min(until, s.to); from < to {
			s.waiting += to - from
		}
		if t.Due < s.from && until > s.from {
			s.before += int(t.Said)
		}
		if t.Outcome == parley.Answered && until >= s.from && until < s.to {
			s.answered += int(t.Said)
			s.parts[int(rampParts*(until-s.from)/(s.to-s.from))] += float64(t.Said)
		}
	}
}

// begin counts a turn that was due in the step.
func (s *rampStep) begin(t *parley.Turn, elapsed time.Duration) {
	s.turns++
	if t.Outcome == parley.Unsent {
		s.due++
		s.unsent++
		return
	}
	s.due += int(t.Said)
	s.failed += one(t.Failed())
	s.late += one(t.Sent != parley.None && t.Sent-t.Due > lateAfter)
	wait, censored := replyWait(t, elapsed)
	s.reply.Add(t.Due, wait, censored)
}

func (r *rampCount) result(invalid bool) *Ramp {
	if r == nil || len(r.steps) == 0 {
		return nil
	}
	out := &Ramp{Stopped: r.phase.Stopped}
	levels := make([]stats.Level, len(r.steps))
	for i := range r.steps {
		s := &r.steps[i]
		length := s.to - s.from
		step := RampStep{
			Step: i + 1, From: s.from, To: s.to,
			Offered: float64(s.due) / length.Hours(), Answered: float64(s.answered) / length.Hours(),
			InFlight: s.waiting.Seconds() / length.Seconds(),
			Reply:    waitsOf(s.reply),
		}
		if said := s.turns - s.unsent; said > 0 {
			step.Failed = float64(s.failed) / float64(said)
		}
		out.Steps = append(out.Steps, step)
		levels[i] = stats.Level{
			For: length, Offered: float64(s.due), Served: float64(s.answered), Before: float64(s.before),
			Wait:    time.Duration(step.Reply.Mean.Value * float64(time.Second)),
			Parts:   s.parts[:],
			Limited: invalid || over(s.unsent, s.turns, mostUnsent) || over(s.late, s.turns, mostLate),
		}
	}
	knee := stats.FindKnee(levels)
	out.Why = knee.Why
	if knee.Found {
		out.Knee = &Knee{Capacity: knee.Capacity, LastGood: knee.LastGood + 1, Why: knee.Why}
		if knee.Collapse {
			out.Knee.Why += "; past its capacity the bot answers less, not more"
		}
	}
	return out
}

func over(part, whole int, share float64) bool { return float64(part) > share*float64(whole) }
