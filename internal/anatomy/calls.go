package anatomy

import (
	"cmp"
	"slices"
	"time"

	"parley"
	"parley/internal/stats"
)

// callCount gathers the calls of the judged turns, and those tied to no turn
// that began in the judged phases.
type callCount struct {
	scene      *scene
	turns      *judgedTurns
	operations map[operation]int32
	upstreams  []upstreamCount
	spans      []callSpan
	// within counts the calls of the judged phases, tied those of them tied to a turn.
	within, tied int
	model, send  *stats.Series
	calendar, db *stats.Series
	visits       *visitCount
	money        *moneyCount // nil without prices
	body         *body
	// all counts the calls of the judged turns and those of the judged phases that are tied to no turn.
	all int
}

type operation struct{ wire, name string }

// callSpan is one call, or one reply on its way to the user, in 24 bytes: there are millions.
type callSpan struct {
	turn       int32 // place among the judged turns, -1 for none
	upstream   int32 // place among the upstreams
	start, end time.Duration
}

type upstreamCount struct {
	operation
	calls, tied, failed, retries int
	met                          bool // a call of it was seen, and so layer is known
	layer                        layer
	// flights and opened count, of the calls tied to judged turns, the first ones of a flight and on a connection.
	flights, opened int
	// Calls that no turn waited for: tied to none, and those that wait for work.
	untied, blocking           int
	untiedTook, blockingTook   time.Duration
	model, database            bool // calls to a language model, statements to a database
	delivery                   bool // not calls: replies on their way from the platform to the user
	latency                    *stats.Series
	took                       time.Duration
	prompt, cached, completion int64
}

func newCallCount(s *scene, turns *judgedTurns, visits *visitCount, b *body) *callCount {
	span := s.judged.span()
	c := &callCount{
		scene: s, turns: turns, operations: map[operation]int32{},
		model: seriesFor(s.run, "llm", span), send: seriesFor(s.run, "send", span), calendar: seriesFor(s.run, "calendar", span), db: seriesFor(s.run, "db", span),
		visits: visits, money: newMoneyCount(s.run, visits), body: b,
	}
	b.calls = c
	return c
}

func (c *callCount) add(call *parley.Call) {
	i := c.upstream(operation{call.Wire, call.Operation})
	if u := &c.upstreams[i]; !u.met {
		u.met, u.layer = true, c.scene.layerOf(call)
	}
	opened, flew := c.body.call(call, i)
	within := c.scene.judged.contains(call.Start)
	c.within += one(within)
	c.tied += one(within && call.Turn != 0)
	turn := int32(-1)
	if call.Turn != 0 {
		place, known := c.turns.index[call.Turn]
		if known {
			c.money.tied(call, place.visit)
		}
		if !known || place.span < 0 {
			return
		}
		turn = place.span
	} else if !within {
		return
	} else {
		c.visits.untied(call)
		c.money.untied(call)
	}
	c.money.model(call)
	u := &c.upstreams[i]
	c.all++
	u.calls++
	u.tied += one(turn >= 0)
	u.flights += one(turn >= 0 && flew)
	u.opened += one(turn >= 0 && opened)
	u.failed += one(call.Failure != "" || call.End == parley.None)
	u.retries += one(call.Retry > 0)
	u.prompt += call.PromptTokens
	u.cached += call.CachedTokens
	u.completion += call.CompletionTokens
	u.model = u.model || c.scene.toModel(call)
	u.database = u.database || c.scene.kinds[wireName(call.Wire)] == databaseKind

	// When the bot gave up on a call without an end is not known: it lasted until its last sign of life at least.
	took, censored := length(call), call.End == parley.None
	u.latency.Add(call.Start, took, censored)
	if call.Blocking {
		u.blocking++
		u.blockingTook += took
		return // it waited for work, and nobody waited for it
	}
	if turn < 0 {
		u.untied++
		u.untiedTook += took
	}
	u.took += took
	switch {
	case u.model:
		c.model.Add(call.Start, took, censored)
	case wireName(call.Wire) == c.scene.platform:
		c.send.Add(call.Start, took, censored)
	case c.scene.kinds[wireName(call.Wire)] == "calendar":
		c.calendar.Add(call.Start, took, censored)
	case u.database && call.Operation != connecting:
		c.db.Add(call.Start, took, censored)
	}
	c.spans = append(c.spans, callSpan{turn, i, call.Start, call.Start + took})
}

// databaseKind is the kind of wires that statements are sent on; connecting is the call on one that sends none.
const (
	databaseKind = "postgres"
	connecting   = "connect"
)

// reply enters a reply: until it is delivered, the answer is the platform's.
func (c *callCount) reply(r *parley.Reply) {
	place, known := c.turns.index[r.Turn]
	switch {
	case known:
		c.money.message(place.visit)
	case r.Turn == 0 && c.scene.judged.contains(r.Received):
		c.money.untiedMessage()
	}
	c.body.reply(r)
	if !known || place.span < 0 || r.Delivered <= r.Received {
		return
	}
	c.spans = append(c.spans, callSpan{place.span, c.delivery(), r.Received, r.Delivered})
}

// delivery is the place of what stands for replies on their way to the user.
func (c *callCount) delivery() int32 {
	i := c.upstream(operation{wire: c.scene.platform})
	c.upstreams[i].delivery, c.upstreams[i].layer = true, sendingLayer
	return i
}

// upstream returns the place of an operation.
func (c *callCount) upstream(op operation) int32 {
	if i, ok := c.operations[op]; ok {
		return i
	}
	i := int32(len(c.upstreams))
	c.operations[op] = i
	span := c.scene.judged.span()
	c.upstreams = append(c.upstreams, upstreamCount{operation: op, latency: stats.NewSeries(span.from, span.to)})
	return i
}

// result is the upstreams, the costliest first.
func (c *callCount) result() []Upstream {
	starts := make([][]time.Duration, len(c.upstreams))
	ends := make([][]time.Duration, len(c.upstreams))
	for _, s := range c.spans {
		starts[s.upstream] = append(starts[s.upstream], s.start)
		ends[s.upstream] = append(ends[s.upstream], s.end)
	}
	order := make([]int, 0, len(c.upstreams))
	for i, u := range c.upstreams {
		if u.calls > 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := &c.upstreams[a], &c.upstreams[b]
		return cmp.Or(cmp.Compare(y.took, x.took), cmp.Compare(x.wire, y.wire), cmp.Compare(x.name, y.name))
	})
	out := make([]Upstream, 0, len(order))
	for _, i := range order {
		u := c.describe(&c.upstreams[i])
		u.PeakInFlight = mostAtOnce(starts[i], ends[i])
		out = append(out, u)
	}
	return out
}

func (c *callCount) describe(u *upstreamCount) Upstream {
	calls := float64(u.calls)
	out := Upstream{
		Wire: u.wire, Operation: u.name, Kind: c.scene.kinds[wireName(u.wire)],
		Calls: u.calls, Failed: u.failed, Retries: u.retries,
		Latency: waitsOf(u.latency), Assumed: c.scene.assumed[wireName(u.wire)],
		PromptTokens: float64(u.prompt) / calls, CachedTokens: float64(u.cached) / calls, CompletionTokens: float64(u.completion) / calls,
	}
	if turns := len(c.turns.spans); turns > 0 {
		out.PerTurn = float64(u.tied) / float64(turns)
	}
	return out
}
