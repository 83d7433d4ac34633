package main

import (
	"cmp"
	"slices"
	"time"

	"parley"
)

// Slack is how far the readings of two processes may be apart: on a busy machine one may look at the clock
// some time after what it times.
const slack = 20 * time.Millisecond

// users says by the bot's log which message belongs to which turn of the record. The record holds no numbers and no ids,
// only hashes that nobody can make again, so that users are told by when they spoke: parley's webhook begins before the bot
// has it and ends after the bot let it go. Users who could be several are left out.
func (e *evidence) users() (turnOf map[string]int64, unknown int) {
	said := map[string][]span{}
	for _, s := range e.spans {
		if s.Name == "webhook" && s.Message != "" {
			said[s.User] = append(said[s.User], s)
		}
	}
	recorded := map[uint64][]parley.Turn{}
	for _, t := range e.turns {
		if t.Outcome != parley.Unsent {
			recorded[t.User] = append(recorded[t.User], t)
		}
	}
	for _, turns := range recorded {
		slices.SortFunc(turns, func(a, b parley.Turn) int { return int(a.Sent - b.Sent) })
	}
	turnOf = map[string]int64{}
	// Who is found leaves fewer for the others to be.
	for found := true; found; {
		found = false
		for user, webhooks := range said {
			hash, only := fitting(webhooks, recorded)
			if !only {
				continue
			}
			for _, turn := range recorded[hash] {
				for _, w := range webhooks[:turn.Said] {
					turnOf[w.Message] = turn.ID
				}
				webhooks = webhooks[turn.Said:]
			}
			delete(recorded, hash)
			delete(said, user)
			found = true
		}
	}
	return turnOf, len(said)
}

// fitting returns the user of the record whose turns a user's webhooks can be; only is false if there is none or several.
func fitting(webhooks []span, recorded map[uint64][]parley.Turn) (user uint64, only bool) {
	n := 0
	for hash, turns := range recorded {
		if spoke(webhooks, turns) {
			user = hash
			n++
		}
	}
	return user, n == 1
}

// spoke reports whether the webhooks are those of the turns: as many, and each turn's within the time in which it was said.
func spoke(webhooks []span, turns []parley.Turn) bool {
	const apart = slack / 10
	for _, t := range turns {
		n := int(t.Said)
		if n == 0 || n > len(webhooks) {
			return false
		}
		if webhooks[0].Start < t.Sent-apart || t.Acked != parley.None && webhooks[n-1].End > t.Acked+apart {
			return false
		}
		webhooks = webhooks[n:]
	}
	return len(webhooks) == 0
}

// spansOfCalls finds for each call of the record the span in which the bot made it, nil for what the bot does not know of.
// A connection carries one call after the other, so that the time tells which it is; which connection of the record is
// which of the bot, most of their calls say.
func (e *evidence) spansOfCalls() []*span {
	of := make([]*span, len(e.calls))
	carried := map[connection][]*span{}
	byWire := map[string][]*span{}
	for i := range e.spans {
		if c, ok := e.spans[i].connection(); ok {
			carried[c] = append(carried[c], &e.spans[i])
			byWire[c.wire] = append(byWire[c.wire], &e.spans[i])
		}
	}
	for conn, calls := range e.callsByConnection() {
		votes := map[connection]float64{}
		for _, i := range calls {
			for _, s := range around(byWire[conn.wire], &e.calls[i]) {
				c, _ := s.connection()
				votes[c] += fit(s, &e.calls[i])
			}
		}
		var best connection
		for c, n := range votes {
			if n > votes[best] {
				best = c
			}
		}
		for _, i := range calls {
			if s := around(carried[best], &e.calls[i]); len(s) > 0 {
				of[i] = slices.MaxFunc(s, func(a, b *span) int { return cmp.Compare(fit(a, &e.calls[i]), fit(b, &e.calls[i])) })
			}
		}
	}
	return of
}

// fit is how well a call fits into a span, 1 if they begin and end together.
func fit(s *span, c *parley.Call) float64 {
	apart := (c.Start - s.Start).Abs() + (s.End - c.Start - c.Duration()).Abs()
	return 1 / (1 + apart.Seconds()/0.002)
}

// tapped is a connection of the record.
type tapped struct {
	wire string
	conn int64
}

// callsByConnection are the indices of the calls on each.
func (e *evidence) callsByConnection() map[tapped][]int {
	by := map[tapped][]int{}
	for i := range e.calls {
		t := tapped{wireOf(&e.calls[i]), e.calls[i].Conn}
		by[t] = append(by[t], i)
	}
	return by
}

// around returns the spans, sorted by their start, that hold the middle of a call.
func around(spans []*span, c *parley.Call) (holding []*span) {
	const longest = time.Minute
	middle := c.Start + c.Duration()/2
	from, _ := slices.BinarySearchFunc(spans, middle-longest, func(s *span, at time.Duration) int { return int(s.Start - at) })
	for _, s := range spans[from:] {
		if s.Start > middle {
			break
		}
		if s.End >= middle && c.Start >= s.Start-slack && c.Start+c.Duration() <= s.End+slack {
			holding = append(holding, s)
		}
	}
	return holding
}
