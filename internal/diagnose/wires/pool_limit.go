package wires

import (
	"fmt"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// poolLimit looks for a limit before a dependency: turns wait with nothing of theirs under way while a fixed number of calls, or of connections, is
// in use, and go on as soon as one is free. That the bot as a whole stands meanwhile is blocked-loop's, that turns wait before all they do is workers-limit's.
func poolLimit() diagnose.Check {
	return diagnose.Check{
		ID: "pool-limit", Title: "a pool, or another limit on calls at once, that turns wait for",
		Limits: []diagnose.Limit{
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that wait before a call on the wire"},
			{Name: "wait", Value: 0.01, Unit: parley.Seconds, Means: "how much longer than alone the bot takes before a call for it to count as a wait"},
			{Name: "covered", Value: 0.8, Unit: parley.Ratio, Means: "part of the waits during which all that can be had are in use"},
			{Name: "growth", Value: 1.5, Unit: parley.Ratio, Means: "by how much the load must grow without more calls at once before the limit counts as proven"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			s := newSharing(e, seconds(l["wait"]))
			if needs := s.keptUp(); needs != "" {
				return diagnose.Outcome{Unknown: needs}
			}
			var out diagnose.Outcome
			whole, workers := s.crew(l)
			for _, wire := range s.wires() {
				waits := s.before(wire)
				if !s.enough(waits, l["turns"]) || workers && (!whole.pool || whole.place.wire != wire) {
					continue
				}
				p := s.pool(wire, waits, l)
				if p == nil && workers {
					p = s.throughout(&whole, l)
				}
				if p != nil && !s.standsIn(wire) {
					p.alike = workers && whole.alike
					out.Suspects = append(out.Suspects, p.suspect(s, l))
				}
			}
			if len(out.Suspects) == 0 && !s.several() && s.waiting() >= diagnose.WorthSaving {
				out.Unknown = "needs more than one level of load (a solo phase before the steady one, or a ramp)"
			}
			return out
		},
	}
}

// pool is a limit before a wire.
type pool struct {
	limited
	wire  string
	conns int  // connections used; 0: turns share them
	held  bool // it is connections that are limited, which turns hold from call to call
	// proven: a higher load had no more. Alike: workers that have a connection each look the same.
	proven, alike bool
}

// pool finds the limit that explains waits before a wire; nil if none does.
func (s *sharing) pool(wire string, waits []queued, l diagnose.Limits) *pool {
	held, conns := s.held(wire)
	p := &pool{limited: limitOf(s.calls(wire, ""), waits, s.from, s.to), wire: wire, conns: conns}
	if !p.explains(l["covered"]) {
		p.limited, p.held = limitOf(held, waits, s.from, s.to), true
		if !p.explains(l["covered"]) || !s.handedOver(wire, waits) {
			return nil
		}
	}
	proven, against := s.higher(wire, p.n, l["growth"])
	if against {
		return nil
	}
	p.proven = proven
	if len(held) == 0 {
		p.conns = 0
	}
	return p
}

// throughout is the limit of connections that turns keep until they are over, long after their last statement: who has one shows in the turns that
// are worked on at once, not in the statements. Nil if a load had more calls than that.
func (s *sharing) throughout(c *crew, l diagnose.Limits) *pool {
	_, conns := s.held(c.place.wire)
	proven, against := s.higher(c.place.wire, c.n, l["growth"])
	if against {
		return nil
	}
	return &pool{limited: c.limited, wire: c.place.wire, conns: conns, held: true, proven: proven}
}

// standsIn reports whether the bot stands while calls on a wire are under way: then it is not the wire that turns wait for.
func (s *sharing) standsIn(wire string) bool {
	const long, still = 0.02, 0.95
	for _, st := range s.standstills(long) {
		if st.wire == wire && st.stands(still) {
			return true
		}
	}
	return false
}

// handedOver reports whether most waits end as the connection that the turn gets is given up by another one.
func (s *sharing) handedOver(wire string, waits []queued) bool {
	const soon = 20 * time.Millisecond
	ends := map[int64][]use{}
	for _, u := range s.uses {
		if u.wire == wire {
			ends[u.conn] = append(ends[u.conn], u)
		}
	}
	over := 0
	for i := range waits {
		w := &s.e.Turns()[waits[i].turn]
		for _, u := range ends[w.Calls[waits[i].call].Conn] {
			if u.turn != w.Turn && u.to <= waits[i].to+clockSlack && u.to >= waits[i].to-waits[i].early-soon {
				over++
				break
			}
		}
	}
	return 2*over >= len(waits)
}

// slower is by what factor calls on a wire take longer than alone, 1 if it is not known.
func (s *sharing) slower(wire string) float64 {
	lengths := func(turns []anatomy.Waterfall) (out []float64) {
		for k := range turns {
			for i := range turns[k].Calls {
				if c := &turns[k].Calls[i]; c.Wire == wire && !c.Blocking && !c.Unfinished {
					out = append(out, length(c).Seconds())
				}
			}
		}
		return out
	}
	alone, now := median(lengths(s.e.Cases.Solo)), median(lengths(s.e.Turns()))
	if !s.habit.alone || alone < 0.001 {
		return 1
	}
	return now / alone
}

// thing is what turns wait for, and how its number is changed.
func (p *pool) thing(layer string) (what, change string) {
	label := anatomy.Label(p.wire)
	pooled := p.conns >= p.n && p.conns <= p.n+p.n/4
	switch {
	case pooled && layer == "postgres":
		return "connection to " + label, "raise the pool's size (asyncpg max_size, SQLAlchemy pool_size and max_overflow, node-postgres max) within what the server's max_connections allows, and give connections back before calls to other services"
	case pooled && layer == "redis":
		return "connection to " + label, "raise the pool's max_connections, or send the commands of a turn in one pipeline, so that connections come back sooner"
	case pooled:
		return "connection to " + label, "raise the client's limit on connections (httpx.Limits(max_connections), aiohttp TCPConnector(limit), Node's Agent maxSockets), and use one client for all turns"
	default:
		return "call to " + label, "raise the limit on calls at once: a semaphore, the client's limit on connections, or the number of workers that make these calls"
	}
}

func (p *pool) suspect(s *sharing, l diagnose.Limits) diagnose.Suspect {
	saved, shown := p.saved(s.e)
	layer := ""
	for i := range s.waits {
		if s.waits[i].place.wire == p.wire {
			layer = s.e.Turns()[s.waits[i].turn].Calls[s.waits[i].call].Layer
			break
		}
	}
	thing, change := p.thing(layer)
	mean, n := p.meanWait(), len(s.e.Turns())
	certainty, levels := 0.65, "only one level of load was played: that the number is fixed is inferred from who waits when"
	switch {
	case p.proven:
		certainty, levels = 0.95, ""
	case s.habit.alone:
		certainty, levels = 0.8, "no higher load was played, so that the number was not seen to hold as load grew"
	}
	slow, alike := "", ""
	if factor := s.slower(p.wire); factor >= 2 {
		certainty = min(certainty, 0.5)
		slow = fmt.Sprintf("calls there take %s times as long as alone: the service itself may be what is slow, and the waits follow from it", number(factor))
	}
	if p.alike {
		certainty = min(certainty, 0.7)
		alike = fmt.Sprintf("%d workers of which each has a connection look the same", p.n)
	}
	measured := []parley.Measure{
		{What: "part of the waits during which all were in use", Value: diagnose.Exactly(p.covered, len(p.waits)), Unit: parley.Ratio, Threshold: l["covered"]},
		{What: "in use at once, at most", Value: diagnose.Exactly(float64(p.n), n), Unit: parley.Count},
		{What: "wait of a turn that waits", Value: mean, Unit: parley.Seconds},
		{What: "part of the time with all in use", Value: diagnose.Exactly(p.filled, n), Unit: parley.Ratio},
	}
	if p.conns > 0 {
		measured = append(measured, parley.Measure{What: "connections used", Value: diagnose.Exactly(float64(p.conns), n), Unit: parley.Count})
	}
	return diagnose.Suspect{
		Shown: shown, Saved: saved, Certainty: certainty,
		Finding: parley.Finding{
			Layer: layer, Wire: p.wire,
			What: fmt.Sprintf("Turns wait for a %s: no more than %d %s in use at once, and %s of the turns wait %s for one",
				thing, p.n, plural(p.n, "is", "are"), percent(share(len(shown), n)), lasting(mean.Value)),
			Why:      "the answer stands still until another turn gives one back; the more people write, the longer it takes",
			Change:   change,
			Measured: measured,
			Doubt:    doubts(levels, slow, alike, "what the service takes when more reaches it at once was not seen", assumption(s.e, p.wire)),
		},
	}
}

// plural picks the form of a word.
func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}
