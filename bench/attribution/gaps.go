package main

import (
	"slices"
	"time"

	"parley"
)

// gaps counts the stretches of the bot's own time between two calls of one turn, by the record alone, and the share of them
// that the log has at the same length. It is of turns with one user alone.
func (e *evidence) gaps(solo *parley.Phase, spans []*span, turnOf map[string]int64) (n int, agree float64) {
	byTurn := map[int64][]int{}
	for i := range e.calls {
		c := &e.calls[i]
		if c.Turn != 0 && c.End != parley.None && within(solo, c.Start) {
			byTurn[c.Turn] = append(byTurn[c.Turn], i)
		}
	}
	right := 0
	for turn, calls := range byTurn {
		slices.SortFunc(calls, func(a, b int) int { return int(e.calls[a].Start - e.calls[b].Start) })
		for k := 1; k < len(calls); k++ {
			before, after := calls[k-1], calls[k]
			length := e.calls[after].Start - e.calls[before].End
			if length <= 0 {
				continue // they overlap: none of the time between is the bot's alone
			}
			n++
			from, to := spans[before], spans[after]
			if !of(from) || !of(to) || turnOf[from.Message] != turn || turnOf[to.Message] != turn {
				continue // a call that is not of this turn: the gap does not exist
			}
			if from == to {
				right++ // between two round trips of one call of the bot's
				continue
			}
			if agrees(length, to.Sent-from.Received) {
				right++
			}
		}
	}
	return n, share(right, n)
}

// agrees reports whether a length is the true one but for 2 ms or 5 %.
func agrees(length, truth time.Duration) bool {
	return (length - truth).Abs() <= max(2*time.Millisecond, truth/20)
}
