package anatomy

import (
	"cmp"
	"slices"
	"time"

	"parley"
	"parley/internal/stats"
)

// splitCount lays the calls of each answered turn over the time its user waited.
type splitCount struct {
	calls *callCount
	wires []string // by place of the upstream
	spent map[string]time.Duration
	bot   time.Duration
	retry time.Duration
	turns int
	// perTurn and dbPerTurn are the time with a call to a language model, and to a database.
	perTurn, dbPerTurn *stats.Series
}

// split divides the time of the answered turns among the wires, and returns it
// with the time per turn in language models and in databases.
//
// Each instant counts to the call that began first of those going on then.
// Instants without a call are the bot's own, or the platform's while it waits to repeat a webhook.
func (c *callCount) split(turns *laid) (parts []Part, model, db *stats.Series) {
	span := c.scene.judged.span()
	s := &splitCount{calls: c, spent: map[string]time.Duration{}, perTurn: seriesFor(c.scene.run, "llm_per_turn", span), dbPerTurn: seriesFor(c.scene.run, "db_per_turn", span)}
	for _, u := range c.upstreams {
		s.wires = append(s.wires, wireName(u.wire))
	}
	for i := range c.turns.spans {
		group := turns.group(i)
		slices.SortFunc(group, func(a, b callSpan) int {
			return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
		})
		s.busy(s.perTurn, &c.turns.spans[i], group, func(u *upstreamCount) bool { return u.model })
		s.busy(s.dbPerTurn, &c.turns.spans[i], group, func(u *upstreamCount) bool { return u.database })
		s.turn(&c.turns.spans[i], group)
	}
	return s.parts(), s.perTurn, s.dbPerTurn
}

// turn adds one turn whose spans are sorted by start.
func (s *splitCount) turn(t *judgedTurn, spans []callSpan) {
	if t.answered == parley.None {
		return
	}
	s.turns++
	now := t.spoken
	for _, span := range spans {
		from, to := max(span.start, now), min(span.end, t.answered)
		if from >= to {
			continue
		}
		s.idle(t, now, from)
		s.spent[s.wires[span.upstream]] += to - from
		now = to
	}
	s.idle(t, now, t.answered)
}

// idle adds a stretch without calls.
func (s *splitCount) idle(t *judgedTurn, from, to time.Duration) {
	retry := max(0, min(to, t.retryTo)-max(from, t.retryFrom))
	s.retry += retry
	s.bot += max(0, to-from) - retry
}

// busy adds the time of a turn with a call to one of certain upstreams, if the turn had one.
func (s *splitCount) busy(into *stats.Series, t *judgedTurn, spans []callSpan, among func(*upstreamCount) bool) {
	var busy time.Duration
	now, found := time.Duration(0), false
	for _, span := range spans {
		if among(&s.calls.upstreams[span.upstream]) {
			found = true
			busy += max(0, span.end-max(span.start, now))
			now = max(now, span.end)
		}
	}
	if found {
		into.Add(t.due, busy, false)
	}
}

// parts are the shares, the largest first; the bot's own is always there.
func (s *splitCount) parts() []Part {
	if s.turns == 0 {
		return nil
	}
	s.spent["bot"] += s.bot
	s.spent["retry"] += s.retry
	total := time.Duration(0)
	for _, d := range s.spent {
		total += d
	}
	var out []Part
	for name, d := range s.spent {
		if d == 0 && name != "bot" {
			continue
		}
		part := Part{Name: name, Label: Label(name), Seconds: d.Seconds() / float64(s.turns), Assumed: s.calls.scene.assumed[name]}
		if name == "bot" {
			part.Label = botLabel(s.unheard())
		}
		if total > 0 {
			part.Share = float64(d) / float64(total)
		}
		out = append(out, part)
	}
	slices.SortFunc(out, func(a, b Part) int {
		return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// unheard are the real dependencies of which no call was seen.
func (s *splitCount) unheard() []string {
	var names []string
	for _, name := range s.calls.scene.real {
		if !slices.Contains(s.wires, name) {
			names = append(names, name)
		}
	}
	return names
}
