package wires

import (
	"time"

	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// Calls are small as long as neither their bytes, asked and brought, nor the number of rows or elements tells in their time.
const (
	smallBytes = 16 << 10
	smallRows  = 100
)

// What a bot may take to make a value and to read it, at the slow end: a validating parser of JSON, a mapper of rows to objects. What it
// takes beyond is work of another kind.
const (
	workOfByte = 100 * time.Nanosecond
	workOfRow  = 50 * time.Microsecond
)

// usual is what small calls take on a wire, and the bot's own time around them: what is beyond that in a large one is transfer, and
// making and reading what is transferred.
type usual struct{ call, before, after time.Duration }

// usualOf are the medians over the small calls on a wire, of the turns looked at.
func usualOf(e *diagnose.Evidence, wire string) usual {
	var calls, before, after []float64
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		for i := range w.Calls {
			c := &w.Calls[i]
			if c.Wire != wire || !sized(c) || c.RequestBytes+c.ResponseBytes > smallBytes || c.Rows > smallRows {
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

// less is what would go from a turn had some of its calls been small. What takes long in the bot is before a call that says much, and
// after one that brings much.
func (u usual) less(e *diagnose.Evidence, turn int, large []int) map[int]anatomy.Less {
	out := map[int]anatomy.Less{}
	w, replay := &e.Turns()[turn], e.Replay(turn)
	for _, i := range large {
		c := &w.Calls[i]
		l := out[i]
		l.Call = u.transfer(c)
		most := time.Duration(c.RequestBytes+c.ResponseBytes)*workOfByte + time.Duration(c.Rows)*workOfRow
		if c.RequestBytes > c.ResponseBytes {
			l.Gap = max(l.Gap, min(most, replay.Gap(i)-u.before)) // it may be the time after a large one as well
		} else if next := replay.Next(i); next >= 0 {
			after := out[next]
			after.Gap = max(after.Gap, min(most, replay.Gap(next)-u.after))
			out[next] = after
		}
		out[i] = l
	}
	return out
}

// transfer is the part of a call that is due to its size. What a database takes until the first row is work that it would do for
// fewer rows as well, as far as is known; Redis does not begin before it has all.
func (u usual) transfer(c *anatomy.TurnCall) time.Duration {
	beyond := max(0, length(c)-u.call)
	if c.Layer == "postgres" && c.FirstByte >= c.Start && c.RequestBytes <= c.ResponseBytes {
		return min(beyond, c.End-c.FirstByte)
	}
	return beyond
}

// usuals keeps what is usual by wire.
type usuals map[string]usual

func (u usuals) of(e *diagnose.Evidence, wire string) usual {
	known, ok := u[wire]
	if !ok {
		known = usualOf(e, wire)
		u[wire] = known
	}
	return known
}
