package anatomy

import (
	"cmp"
	"slices"
	"time"

	"parley"
	"parley/internal/stats"
)

// Body is how turns are put together: which calls they are made of, and what the answer waited for.
type Body struct {
	// Typical is the answered turn nearest the middle, of the solo phase if there was one: of the turns with the most frequent
	// numbers of calls, the one nearest their medians. Slow is the judged turn that 99 in a hundred answered ones are no slower than,
	// Difference what set it apart from its peers. Each is nil if there is none.
	Typical    *Waterfall  `json:"typical,omitempty"`
	Slow       *Waterfall  `json:"slow,omitempty"`
	Difference *Difference `json:"difference,omitempty"`
	// Layers are those of the judged turns with time or calls, in the order of reports.
	Layers []Layer `json:"layers"`
	// Loads are the solo and steady phases and the steps of ramps, in the order of time.
	Loads []Load `json:"loads"`
	// Background are the calls of the judged phases that belong to no turn, and those that wait for work, most calls first.
	Background []Background `json:"background"`
}

// Layer is what one layer has to do with the judged turns.
type Layer struct {
	Name string `json:"name"`
	// Calls, Flights (round trips) and Opened (connections) are per judged turn.
	Calls   float64 `json:"calls_per_turn"`
	Flights float64 `json:"flights_per_turn"`
	Opened  float64 `json:"connections_opened_per_turn"`
	// Mean and P95 are seconds of an answered turn's critical path, Share is the part of the mean reply; the means sum to the
	// mean reply of the answered turns. P95 is a floor if the sample cannot carry it.
	Mean  parley.Estimate `json:"mean"`
	P95   parley.Estimate `json:"p95"`
	Share float64         `json:"share"`
	// Assumed: it holds a latency model of parley's, not a measurement of the service.
	Assumed bool `json:"assumed"`
}

// Background is work that no turn is known to have waited for.
type Background struct {
	Wire      string `json:"wire"`
	Operation string `json:"operation"`
	Calls     int    `json:"calls"`
	// PerMinute is of the judged phases, Share of all calls in them. Seconds is the mean of a call.
	PerMinute float64 `json:"per_minute"`
	Share     float64 `json:"share"`
	Seconds   float64 `json:"seconds"`
	// Blocking: they wait for work by their nature, and their time is no latency.
	Blocking bool `json:"blocking,omitempty"`
}

// turnKind is a step of a script.
type turnKind struct {
	scenario string
	ordinal  int32
}

// body gathers what a Body is made of.
type body struct {
	scene *scene
	calls *callCount
	kinds []turnKind
	index map[turnKind]int32 // into kinds
	conns connections
	loads []loadCount
	// The solo phase, unless it is the judged one.
	solo      []judgedTurn
	soloIndex map[int64]int32
	soloSpans []callSpan
}

func newBody(s *scene) *body {
	return &body{scene: s, index: map[turnKind]int32{}, soloIndex: map[int64]int32{}, loads: loadsOf(s)}
}

// turn takes in a turn that was said, and returns the place of its kind.
func (b *body) turn(t *parley.Turn) int32 {
	kind := turnKind{t.Scenario, t.Ordinal}
	place, known := b.index[kind]
	if !known {
		place = int32(len(b.kinds))
		b.index[kind] = place
		b.kinds = append(b.kinds, kind)
	}
	if b.scene.solo.names[t.Phase] && !b.scene.judged.names[t.Phase] {
		b.soloIndex[t.ID] = int32(len(b.solo))
		b.solo = append(b.solo, newJudgedTurn(t))
	}
	return place
}

// call takes in a call, and says whether it is the first on its connection and of its flight.
func (b *body) call(c *parley.Call, upstream int32) (opened, flew bool) {
	took := length(c)
	if !c.Blocking {
		for i := range b.loads {
			b.loads[i].call(wireName(c.Wire), c.Start, c.Start+took)
		}
	}
	if place, ok := b.soloIndex[c.Turn]; ok && !c.Blocking {
		b.soloSpans = append(b.soloSpans, callSpan{place, upstream, c.Start, c.Start + took})
	}
	return b.conns.meet(c.Wire, c)
}

// reply takes in the delivery of a reply in the solo phase.
func (b *body) reply(r *parley.Reply) {
	if place, ok := b.soloIndex[r.Turn]; ok && r.Delivered > r.Received {
		b.soloSpans = append(b.soloSpans, callSpan{place, b.calls.delivery(), r.Received, r.Delivered})
	}
}

// length is how long the bot waited for a call; of one without an end, until its last sign of life.
func length(c *parley.Call) time.Duration {
	if c.End == parley.None {
		return max(0, c.FirstByte-c.Start)
	}
	return max(0, c.End-c.Start)
}

// dissector takes turns apart, by their ids; it is told the judged turns and those of the solo phase.
type dissector func(scene *scene, judged, solo []judgedTurn, ids []int64) []Waterfall

// result puts it together.
func (b *body) result(judged *laid, dissect dissector) *Body {
	out := &Body{Background: b.background()}
	for i := range b.loads {
		out.Loads = append(out.Loads, b.loads[i].result())
	}
	layers := newLayerTimes(b.scene.judged.span())
	all := judged.compose(b.calls.upstreams, layers.add)
	out.Layers = b.layers(layers)
	var ids []int64
	middle, isTypical := b.typical(judged, all)
	if isTypical {
		ids = append(ids, middle)
	}
	byReply(all)
	slow, isSlow := slowOne(all)
	if isSlow {
		peers, among := b.middlePeers(all, slow, judged.turns)
		out.Difference = b.difference(judged, slow, peers, among)
		ids = append(ids, judged.turns[slow.turn].id)
	}
	for _, w := range dissect(b.scene, judged.turns, b.solo, ids) {
		if isTypical && w.Turn == middle {
			out.Typical = new(w)
		}
		if isSlow && w.Turn == ids[len(ids)-1] {
			out.Slow = new(w)
		}
	}
	if out.empty() {
		return nil
	}
	return out
}

// typical returns the id of the turn that stands for all: one of the solo phase, or of the judged turns if there was none.
func (b *body) typical(judged *laid, all []composition) (id int64, found bool) {
	alone := layOut(b.solo, b.soloSpans)
	if c, ok := typical(alone.compose(b.calls.upstreams, func(*judgedTurn, []piece) {})); ok {
		return b.solo[c.turn].id, true
	}
	if c, ok := typical(all); ok {
		return judged.turns[c.turn].id, true
	}
	return 0, false
}

// empty reports whether there is nothing to tell: without a single call turns have no anatomy.
func (b *Body) empty() bool {
	calls := len(b.Background)
	for _, l := range b.Layers {
		calls += one(l.Calls > 0)
	}
	return calls == 0
}

// layerTimes gathers the times of the answered turns by layer.
type layerTimes struct {
	series [layerCount]*stats.Series
	total  time.Duration
	spent  [layerCount]time.Duration
	called [layerCount]time.Duration // of spent, in calls
}

func newLayerTimes(span stretch) *layerTimes {
	l := &layerTimes{}
	for i := range l.series {
		l.series[i] = stats.NewSeries(span.from, span.to)
	}
	return l
}

func (l *layerTimes) add(t *judgedTurn, path []piece) {
	times := [layerCount]time.Duration{}
	for _, p := range path {
		times[p.layer] += p.to - p.from
		if p.ref >= 0 {
			l.called[p.layer] += p.to - p.from
		}
	}
	for i, d := range times {
		l.series[i].Add(t.due, d, false)
		l.spent[i] += d
		l.total += d
	}
}

func (b *body) layers(times *layerTimes) []Layer {
	var out []Layer
	turns := float64(len(b.calls.turns.spans))
	for l := range layerCount {
		layer := Layer{Name: l.String()}
		calls := 0
		for i := range b.calls.upstreams {
			u := &b.calls.upstreams[i]
			if u.layer != l || u.calls == 0 {
				continue
			}
			calls += u.tied
			layer.Calls += float64(u.tied) / turns
			layer.Flights += float64(u.flights) / turns
			layer.Opened += float64(u.opened) / turns
			layer.Assumed = layer.Assumed || times.called[l] > 0 && b.scene.assumed[wireName(u.wire)]
		}
		if calls == 0 && times.spent[l] == 0 {
			continue
		}
		if w := waitsOf(times.series[l]); w.N > 0 {
			layer.Mean = w.Mean
			e, carried := w.Quantile("p95")
			e.Floor = !carried
			layer.P95 = e
		}
		if times.total > 0 {
			layer.Share = float64(times.spent[l]) / float64(times.total)
		}
		out = append(out, layer)
	}
	return out
}

// background lists the calls of the judged phases that no turn waited for.
func (b *body) background() []Background {
	var out []Background
	add := func(u *upstreamCount, n int, took time.Duration, blocking bool) {
		if n == 0 {
			return
		}
		row := Background{Wire: u.wire, Operation: u.name, Calls: n, Seconds: took.Seconds() / float64(n), Blocking: blocking}
		if minutes := b.scene.judged.length().Minutes(); minutes > 0 {
			row.PerMinute = float64(n) / minutes
		}
		if b.calls.all > 0 {
			row.Share = float64(n) / float64(b.calls.all)
		}
		out = append(out, row)
	}
	for i := range b.calls.upstreams {
		u := &b.calls.upstreams[i]
		add(u, u.untied, u.untiedTook, false)
		add(u, u.blocking, u.blockingTook, true)
	}
	slices.SortFunc(out, func(a, b Background) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Wire, b.Wire), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Seconds, b.Seconds))
	})
	return out
}
