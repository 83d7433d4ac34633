package anatomy

import (
	"time"

	"parley"
)

// judgedTurns remembers of every judged turn what its calls are laid against.
type judgedTurns struct {
	index map[int64]int32 // place by turn id
	spans []judgedTurn
}

type judgedTurn struct {
	due, spoken time.Duration
	answered    time.Duration // None unless it was answered
	// The user waited for the platform to repeat a webhook from retryFrom until retryTo.
	retryFrom, retryTo time.Duration
}

func (j *judgedTurns) add(t *parley.Turn) {
	if j.index == nil {
		j.index = map[int64]int32{}
	}
	span := judgedTurn{due: t.Due, spoken: t.Spoken, answered: parley.None}
	if t.Outcome == parley.Answered {
		span.answered = max(t.AnsweredAt, t.Spoken)
	}
	// Until a repeated webhook was taken at last, what no call fills is the platform's pause.
	if t.Attempts > t.Said && t.Acked != parley.None {
		span.retryFrom, span.retryTo = t.Spoken, t.Acked
	}
	j.index[t.ID] = int32(len(j.spans))
	j.spans = append(j.spans, span)
}

// conversations remembers from when to when each conversation was open.
type conversations struct {
	index map[int64]int32
	open  []stretch
}

func (c *conversations) add(t *parley.Turn, elapsed time.Duration) {
	if t.Outcome == parley.Unsent {
		return
	}
	if c.index == nil {
		c.index = map[int64]int32{}
	}
	until := end(t, elapsed)
	i, known := c.index[t.Conversation]
	if !known {
		c.index[t.Conversation] = int32(len(c.open))
		c.open = append(c.open, stretch{t.Due, until})
		return
	}
	o := &c.open[i]
	o.from, o.to = min(o.from, t.Due), max(o.to, until)
}
