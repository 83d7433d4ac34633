package wires

import (
	"time"

	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// smallReply is the most bytes that a call asks or brings of which size does not tell in its time.
const smallReply = 16 << 10

// usual is what calls of little size take on a wire, and the bot's own time around them: what is beyond that in a large one is
// transfer, and making and reading what is transferred.
type usual struct{ call, before, after time.Duration }

// usualOf are the medians over the small calls on a wire, of the turns looked at.
func usualOf(e *diagnose.Evidence, wire string) usual {
	var calls, before, after []float64
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		for i := range w.Calls {
			c := &w.Calls[i]
			if c.Wire != wire || !sized(c) || c.RequestBytes+c.ResponseBytes > smallReply || c.Rows > fewRows {
				continue
			}
			calls = append(calls, length(c).Seconds())
			before = append(before, e.Replay(turn).Gap(i).Seconds())
			if next := e.Replay(turn).Next(i); next >= 0 {
				after = append(after, e.Replay(turn).Gap(next).Seconds())
			}
		}
	}
	return usual{seconds(median(calls)), seconds(median(before)), seconds(median(after))}
}

// fewRows is the most rows or elements of which their number does not tell in a call's time.
const fewRows = 100

// sized reports whether a call is one whose size may tell in its time.
func sized(c *anatomy.TurnCall) bool {
	switch c.Layer {
	case "redis":
		return !c.Blocking && !redisSession(c.Operation)
	case "postgres":
		return !c.Blocking && !bookkeeping(c.Operation)
	default:
		return false
	}
}

// beyond is by how much earlier a turn would have been answered had some of its calls been small. What takes long in the bot is before a call that
// says much, and after one that brings much.
func (u usual) beyond(e *diagnose.Evidence, turn int, large []int) float64 {
	less := map[int]anatomy.Less{}
	w, replay := &e.Turns()[turn], e.Replay(turn)
	for _, i := range large {
		c := &w.Calls[i]
		l := less[i]
		l.Call = max(0, length(c)-u.call)
		if c.RequestBytes > c.ResponseBytes {
			l.Gap += max(0, replay.Gap(i)-u.before)
		}
		less[i] = l
		if next := replay.Next(i); next >= 0 && c.ResponseBytes >= c.RequestBytes {
			after := less[next]
			after.Gap += max(0, replay.Gap(next)-u.after)
			less[next] = after
		}
	}
	return e.Saved(turn, func(i int) anatomy.Less { return less[i] })
}
