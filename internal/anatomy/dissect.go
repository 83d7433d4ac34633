package anatomy

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"parley"
)

// Dissect takes turns apart. Each sequence is read once at most and may be in any order, but for calls on one connection, which come in
// the order of their ends; of a turn there must be one row, the last. Turns that are not found are left out; the others are
// in the order of ids.
func Dissect(run *parley.Run, ids []int64, turns iter.Seq[parley.Turn], replies iter.Seq[parley.Reply], calls iter.Seq[parley.Call]) []Waterfall {
	if len(ids) == 0 {
		return nil
	}
	wanted := map[int64]*dissection{}
	for _, id := range ids {
		wanted[id] = nil
	}
	scene := newScene(run)
	missing := len(wanted)
	for t := range rows(turns) {
		if _, ok := wanted[t.ID]; ok {
			wanted[t.ID] = &dissection{scene: scene, turn: t, elapsed: run.Elapsed, wires: map[string]*tying{}}
			if missing--; missing == 0 {
				break
			}
		}
	}
	var all []*dissection
	for _, id := range slices.Compact(slices.Clone(ids)) {
		if d := wanted[id]; d != nil {
			all = append(all, d)
		}
	}
	for r := range rows(replies) {
		if d := wanted[r.Turn]; d != nil && len(d.replies) < mostTurnCalls {
			d.replies = append(d.replies, r)
		}
	}
	var conns connections
	for c := range rows(calls) {
		opened, flew := conns.meet(c.Wire, &c)
		for _, d := range all {
			d.add(&c, opened, flew)
		}
	}
	out := make([]Waterfall, 0, len(all))
	for _, d := range all {
		out = append(out, d.result())
	}
	return out
}

// dissection gathers what belongs to one turn.
type dissection struct {
	scene   *scene
	turn    parley.Turn
	elapsed time.Duration
	replies []parley.Reply
	calls   []parley.Call
	opened  []bool // by call
	flew    []bool // by call: the first of its flight
	more    int
	wires   map[string]*tying
}

// tying counts the calls of one wire that began during a turn.
type tying struct {
	all, untied int
	used        bool // by the turn
}

// end is when the user stopped waiting.
func (d *dissection) end() time.Duration {
	if d.turn.Outcome == parley.Answered {
		return max(d.turn.AnsweredAt, d.turn.Spoken)
	}
	return end(&d.turn, d.elapsed)
}

// own takes in a call of the turn.
func (d *dissection) own(c *parley.Call, opened, flew bool) {
	if len(d.calls) == mostTurnCalls {
		d.more++
		return
	}
	d.calls, d.opened, d.flew = append(d.calls, *c), append(d.opened, opened), append(d.flew, flew)
}

func (d *dissection) add(c *parley.Call, opened, flew bool) {
	if c.Turn == d.turn.ID {
		d.own(c, opened, flew)
	}
	d.tally(c)
}

// tally counts the calls that began during the turn, its own and others'.
func (d *dissection) tally(c *parley.Call) {
	mine := c.Turn == d.turn.ID
	if c.Blocking || c.Start < min(d.turn.Due, d.turn.Spoken) || c.Start > d.end() {
		return
	}
	w := d.wires[c.Wire]
	if w == nil {
		w = &tying{}
		d.wires[c.Wire] = w
	}
	w.all++
	w.untied += one(c.Turn == 0)
	w.used = w.used || mine
}

func (d *dissection) result() Waterfall {
	t := &d.turn
	w := Waterfall{
		Turn: t.ID, Conversation: t.Conversation, Scenario: t.Scenario, Ordinal: t.Ordinal, Phase: t.Phase, Step: t.Step,
		Outcome: t.Outcome, Failure: t.Failure, Spoken: t.Spoken, Reply: d.end() - t.Spoken, Said: t.Said, Attempts: t.Attempts,
		Marks: d.marks(), More: d.more, Row: *t,
	}
	d.layCalls(&w)
	d.layTime(&w)
	all, untied := 0, 0
	for _, wire := range d.wires {
		if wire.used {
			all, untied = all+wire.all, untied+wire.untied
		}
	}
	if all > 0 {
		w.Untied = float64(untied) / float64(all)
	}
	w.Incomplete = w.Untied > fewUntied || w.More > 0
	return w
}

// marks are in the order of time.
func (d *dissection) marks() []Mark {
	t := &d.turn
	var out []Mark
	note := func(what string, at time.Duration, fate string) {
		if at != parley.None {
			out = append(out, Mark{what, at - t.Spoken, fate})
		}
	}
	note("sent", t.Sent, "")
	note("acknowledged", t.Acked, "")
	for _, r := range d.replies {
		note("reply received", r.Received, r.Fate)
		note("reply delivered", r.Delivered, r.Fate)
	}
	switch t.Outcome {
	case parley.Answered:
		note("answered", d.end(), "")
	case parley.Abandoned:
		note("gave up", d.end(), "")
	case parley.Cut, parley.Open, parley.Unsent:
		note("cut off", d.end(), "")
	}
	slices.SortStableFunc(out, func(a, b Mark) int { return cmp.Compare(a.At, b.At) })
	return out
}

// layCalls puts the calls in order and in lanes.
func (d *dissection) layCalls(w *Waterfall) {
	order := make([]int, len(d.calls))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(d.calls[a].Start, d.calls[b].Start), cmp.Compare(d.calls[a].End, d.calls[b].End))
	})
	counts := [layerCount]TurnLayer{}
	var lanes []time.Duration // when each is free again
	for _, i := range order {
		c := &d.calls[i]
		l := d.scene.layerOf(c)
		counts[l].Calls++
		counts[l].Flights += one(d.flew[i])
		counts[l].Opened += one(d.opened[i])
		call := TurnCall{
			Wire: c.Wire, Operation: c.Operation, Layer: l.String(), Start: c.Start - w.Spoken, End: c.End - w.Spoken,
			FirstByte: c.FirstByte - w.Spoken, Imposed: c.Imposed, Flight: c.Flight, Conn: c.Conn, Opened: d.opened[i], By: c.By,
			Status: c.Status, Failure: c.Failure, Fault: c.Fault, Retry: c.Retry, Blocking: c.Blocking, Rows: c.Rows,
			Model: c.Model, Prompt: c.PromptTokens, Cached: c.CachedTokens, Completion: c.CompletionTokens,
			RequestBytes: c.RequestBytes, ResponseBytes: c.ResponseBytes, Content: c.Content, Pieces: c.Pieces,
			Transaction: c.Transaction, Patience: c.Patience,
		}
		if c.FirstByte == parley.None {
			call.FirstByte = call.Start - 1
		}
		if c.End == parley.None {
			call.End, call.Unfinished = max(c.Start, c.FirstByte)-w.Spoken, true
		}
		call.Lane = slices.IndexFunc(lanes, func(free time.Duration) bool { return free <= call.Start })
		if call.Lane < 0 {
			call.Lane = len(lanes)
			lanes = append(lanes, 0)
		}
		lanes[call.Lane] = call.End
		w.Calls = append(w.Calls, call)
	}
	w.Lanes = len(lanes)
	for l := range layerCount {
		counts[l].Layer = l.String()
		w.Layers = append(w.Layers, counts[l])
	}
}

// layTime finds the critical path and the gaps.
func (d *dissection) layTime(w *Waterfall) {
	t := newJudgedTurn(&d.turn)
	var f pathFinder
	for i, c := range w.Calls {
		if !c.Blocking {
			f.acts = append(f.acts, activity{start: c.Start + w.Spoken, end: c.End + w.Spoken, ref: int32(i), layer: layerNamed(c.Layer)})
		}
	}
	busy := slices.Clone(f.acts)
	for _, r := range d.replies {
		if r.Delivered > r.Received {
			f.acts = append(f.acts, activity{r.Received, r.Delivered, nobody, sendingLayer, true})
		}
	}
	for _, p := range f.find(&t) {
		if p.ref >= 0 {
			w.Calls[p.ref].OnPath += p.to - p.from
		}
		w.Layers[p.layer].Time += p.to - p.from
		w.Path = append(w.Path, d.piece(p))
	}
	for i := range w.Path { // what lies around the bot's own time
		if w.Path[i].Call >= 0 && i > 0 && w.Path[i-1].Call < 0 {
			w.Path[i-1].Before = w.Path[i].Call
		}
	}
	w.Layers = slices.DeleteFunc(w.Layers, func(l TurnLayer) bool { return l.Time == 0 && l.Calls == 0 })
	d.gaps(w, &f, &t, busy)
}

// gaps are the stretches up to the answer in which none of the calls was under way.
func (d *dissection) gaps(w *Waterfall, f *pathFinder, t *judgedTurn, busy []activity) {
	until := d.end()
	t.answered = until // of a turn without an answer: when the user stopped waiting
	life := f.life(t)
	slices.SortFunc(busy, func(a, b activity) int { return cmp.Compare(a.start, b.start) })
	f.out = f.out[:0]
	at, after := t.spoken, int32(nobody)
	idle := func(to time.Duration, before int32) {
		mark := len(f.out)
		f.idle(t, life, piece{from: at, to: to, after: after, before: before})
		slices.Reverse(f.out[mark:])
	}
	for _, a := range busy {
		if a.end <= t.spoken || a.start >= until {
			continue
		}
		idle(a.start, a.ref)
		if a.end > at {
			at, after = a.end, a.ref
		}
	}
	idle(until, nobody)
	for _, p := range f.out {
		w.Gaps = append(w.Gaps, d.piece(p))
	}
}

// piece counts from the user's last word.
func (d *dissection) piece(p piece) Piece {
	return Piece{
		From: p.from - d.turn.Spoken, To: p.to - d.turn.Spoken, Layer: p.layer.String(),
		Call: int(p.ref), After: int(p.after), Before: int(p.before),
	}
}

// layerNamed is the layer of a name.
func layerNamed(name string) layer { return layer(slices.Index(Layers(), name)) }
