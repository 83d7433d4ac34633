package anatomy

import (
	"time"

	"parley"
)

// judgedTurns remembers of every judged turn what its calls are laid against, and of every turn whose it is.
type judgedTurns struct {
	index map[int64]turnPlace // by turn id
	spans []judgedTurn
}

// turnPlace is where a turn stands among the judged ones, -1 if it is none, and its conversation among the visits.
type turnPlace struct{ span, visit int32 }

type judgedTurn struct {
	due, spoken time.Duration
	answered    time.Duration // None unless it was answered
	// The user waited for the platform to repeat a webhook from retryFrom until retryTo.
	retryFrom, retryTo time.Duration
}

// add remembers a turn of a visit.
func (j *judgedTurns) add(t *parley.Turn, visit int32, judged bool) {
	if j.index == nil {
		j.index = map[int64]turnPlace{}
	}
	if !judged {
		j.index[t.ID] = turnPlace{-1, visit}
		return
	}
	span := judgedTurn{due: t.Due, spoken: t.Spoken, answered: parley.None}
	if t.Outcome == parley.Answered {
		span.answered = max(t.AnsweredAt, t.Spoken)
	}
	// Until a repeated webhook was taken at last, what no call fills is the platform's pause.
	if t.Attempts > t.Said && t.Acked != parley.None {
		span.retryFrom, span.retryTo = t.Spoken, t.Acked
	}
	j.index[t.ID] = turnPlace{int32(len(j.spans)), visit}
	j.spans = append(j.spans, span)
}
