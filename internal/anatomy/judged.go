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

// judgedTurn is what is kept of a turn, in 80 bytes: there are millions.
type judgedTurn struct {
	id          int64
	due, spoken time.Duration
	answered    time.Duration // None unless it was answered
	// sent is when the first webhook was written, acked when the last one was acknowledged, None if never.
	sent, acked time.Duration
	// The user waited for the platform to repeat a webhook from retryFrom until retryTo.
	retryFrom, retryTo time.Duration
	kind               int32 // place of its kind among all kinds, as add was told
}

// newJudgedTurn keeps of a turn what its calls are laid against.
func newJudgedTurn(t *parley.Turn) judgedTurn {
	span := judgedTurn{id: t.ID, due: t.Due, spoken: t.Spoken, answered: parley.None, sent: t.Sent, acked: t.Acked}
	if t.Outcome == parley.Answered {
		span.answered = max(t.AnsweredAt, t.Spoken)
	}
	// Until a repeated webhook was taken at last, what no call fills is the platform's pause.
	if t.Attempts > t.Said && t.Acked != parley.None {
		span.retryFrom, span.retryTo = t.Spoken, t.Acked
	}
	return span
}

// add remembers a turn of a visit; kind is that of the turn among the steps of all scripts.
func (j *judgedTurns) add(t *parley.Turn, visit int32, judged bool, kind int32) {
	if j.index == nil {
		j.index = map[int64]turnPlace{}
	}
	if !judged {
		j.index[t.ID] = turnPlace{-1, visit}
		return
	}
	j.index[t.ID] = turnPlace{int32(len(j.spans)), visit}
	span := newJudgedTurn(t)
	span.kind = kind
	j.spans = append(j.spans, span)
}
