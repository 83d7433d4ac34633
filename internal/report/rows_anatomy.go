package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
)

// anatomyStory is how turns are put together; nil if no call was recorded.
type anatomyStory struct {
	Falls      []*fallStory
	Layers     []layerRow
	Assumed    bool
	Difference *differenceStory
	Loads      []loadRow
	Wires      []string // the columns of Loads
	Background []backgroundRow
	More       int // rows of background left out
}

// layerRow is what one layer has to do with the judged turns.
type layerRow struct {
	Name, Key              string
	Calls, Flights, Opened string
	Mean, P95              figure
	Share                  string
	Assumed                bool
}

// differenceStory says where a slow turn's time went beside its peers.
type differenceStory struct {
	Sentence string
	Causes   []causeRow
	Layers   []causeRow
}

// causeRow is one layer or operation of a difference.
type causeRow struct {
	More       string // "+1.20 s"
	What, Note string // "openai POST /v1/chat/completions", "4 calls, its peers 2"
	Key        string // of the definition, of a layer
	Turn       string
	Peers      string
}

// loadRow is what was under way under one load.
type loadRow struct {
	Name, Offered string
	InFlight      []string // in the order of wires: "3.2, at most 9"
}

// backgroundRow is one operation that no turn waited for.
type backgroundRow struct {
	anatomy.Background
	Minute, Of, Took string
}

// Bounds of what reports list.
const (
	mostBackground = 12
	mostCauses     = 5
)

func tellAnatomy(sum *anatomy.Summary) *anatomyStory {
	b := sum.Anatomy
	if b == nil {
		return nil
	}
	out := &anatomyStory{}
	if b.Typical != nil {
		out.Falls = append(out.Falls, tellFall("a typical turn", "typical_turn", b.Typical))
	}
	if b.Slow != nil && (b.Typical == nil || b.Slow.Turn != b.Typical.Turn) {
		out.Falls = append(out.Falls, tellFall("the p99 turn", "slow_turn", b.Slow))
	}
	for _, l := range b.Layers {
		out.Assumed = out.Assumed || l.Assumed
		out.Layers = append(out.Layers, layerRow{
			Name: anatomy.LayerLabel(l.Name), Key: layerKey(l.Name), Assumed: l.Assumed,
			Calls: perTurnOrNothing(l.Calls), Flights: perTurnOrNothing(l.Flights), Opened: perTurnOrNothing(l.Opened),
			Mean: estimate(l.Mean, parley.Seconds), P95: estimate(l.P95, parley.Seconds), Share: parley.ShortenFigure(quantity(l.Share, parley.Ratio)),
		})
	}
	out.Difference = tellDifference(b.Difference)
	out.Loads, out.Wires = loadRows(b.Loads)
	for i, g := range b.Background {
		if i == mostBackground {
			out.More = len(b.Background) - i
			break
		}
		out.Background = append(out.Background, backgroundRow{
			g, perTurn(g.PerMinute), parley.ShortenFigure(quantity(g.Share, parley.Ratio)), seconds(g.Seconds),
		})
	}
	return out
}

// layerKey leads to the definition of a layer.
func layerKey(name string) string { return "layer_" + name }

func perTurnOrNothing(v float64) string {
	if v == 0 {
		return nothing
	}
	return perTurn(v)
}

// tellDifference returns nil if the turn had no peers, or is no slower than they.
func tellDifference(d *anatomy.Difference) *differenceStory {
	if d == nil || d.Reply <= d.Peers {
		return nil
	}
	more := d.Reply - d.Peers
	among := map[string]string{
		"step": "at the same step of the same script", "scenario": "of the same scenario", "all": "of any scenario",
	}[d.Among]
	out := &differenceStory{Sentence: fmt.Sprintf("The p99 turn took %s, %s longer than %s, the mean of the %s in the middle of all others %s.",
		seconds(d.Reply), seconds(more), seconds(d.Peers), plural(d.N, "turn"), among)}
	rest := more
	for _, c := range d.Causes {
		if len(out.Causes) == mostCauses || math.Abs(c.More()) < more/50 {
			break
		}
		rest -= c.More()
		row := causeOf(&c)
		row.What = causeName(&c)
		out.Causes = append(out.Causes, row)
	}
	if math.Abs(rest) >= more/50 {
		out.Causes = append(out.Causes, causeRow{More: signed(rest), What: "everything else"})
	}
	for _, c := range d.Layers {
		row := causeOf(&c)
		row.What, row.Key = anatomy.LayerLabel(c.Layer), layerKey(c.Layer)
		out.Layers = append(out.Layers, row)
	}
	return out
}

func causeOf(c *anatomy.Cause) causeRow {
	row := causeRow{More: signed(c.More()), Turn: seconds(c.Seconds), Peers: seconds(c.Peers)}
	if math.Abs(float64(c.Calls)-c.PeerCalls) >= .5 {
		row.Note = fmt.Sprintf("%s, its peers %s", plural(c.Calls, "call"), number(math.Round(c.PeerCalls*10)/10))
	}
	return row
}

// causeName says which operation a cause is, or what the bot's own time led to.
func causeName(c *anatomy.Cause) string {
	operation := strings.TrimSpace(c.Wire + " " + c.Operation)
	switch {
	case c.Layer != "bot":
		if operation == "" {
			return anatomy.LayerLabel(c.Layer)
		}
		return operation
	case operation == "":
		return "the bot itself, before the answer"
	default:
		return "the bot itself, before " + operation
	}
}

// signed writes a difference of times with its sign.
func signed(v float64) string {
	switch {
	case math.Abs(v) < .5e-6:
		return "0"
	case v < 0:
		return "−" + seconds(-v)
	}
	return "+" + seconds(v)
}

// loadRows lists the loads under which calls were made, a column for each wire.
func loadRows(loads []anatomy.Load) (rows []loadRow, wires []string) {
	place := map[string]int{}
	for _, l := range loads {
		for _, f := range l.InFlight {
			if _, known := place[f.Wire]; !known {
				place[f.Wire] = len(wires)
				wires = append(wires, f.Wire)
			}
		}
	}
	if len(wires) == 0 {
		return nil, nil
	}
	for _, l := range loads {
		row := loadRow{Name: l.Name, Offered: number(l.Offered), InFlight: make([]string, len(wires))}
		for i := range wires {
			row.InFlight[i] = nothing
		}
		for _, f := range l.InFlight {
			row.InFlight[place[f.Wire]] = few(f.Mean) + ", at most " + count(f.Peak)
		}
		rows = append(rows, row)
	}
	return rows, wires
}

// few writes a mean number of calls; one that is next to nothing as such.
func few(v float64) string {
	if v > 0 && v < .01 {
		return "< 0.01"
	}
	return perTurn(v)
}

// fallStory is one turn taken apart.
type fallStory struct {
	*anatomy.Waterfall
	Title, Key string
	Which      string // "book, turn 2 of its conversation, phase solo; turn 41 of the record"
	Summary    string // "14 calls in 12 round trips, 1 connection opened"
	Webhook    string // "sent after 2 ms, acknowledged after 21 ms"
	Rows       []fallRow
	Layers     []causeRow
	Notes      []string
	Making     map[int]bool // places of the calls that make a finding
}

// fallRow is a call, several like it one after the other, or the bot's own time.
type fallRow struct {
	Name   string // "openai POST /v1/chat/completions", with " ×3"
	Layer  string
	Calls  []anatomy.TurnCall // none for time without one
	From   time.Duration
	To     time.Duration
	Took   time.Duration // that any of its calls was under way
	OnPath time.Duration
	First  int    // place of its first call among the turn's; the others follow
	Marked int    // of its calls, those that make a finding
	Note   string // "1,210 tokens in, 85 out", "status 500", ...
	Failed bool
}

// mostFallRows bounds the rows of a waterfall.
const mostFallRows = 40

func tellFall(title, key string, w *anatomy.Waterfall) *fallStory {
	f := newFall(title, key, w)
	if more := len(f.Rows) - mostFallRows; more > 0 {
		f.Notes = append([]string{plural(more, "row") + " of later calls left out here; the JSON report has them."}, f.Notes...)
		f.Rows = f.Rows[:mostFallRows]
	}
	return f
}

// newFall has a row for all calls.
func newFall(title, key string, w *anatomy.Waterfall) *fallStory {
	f := &fallStory{Waterfall: w, Title: title, Key: key, Rows: callRows(w.Calls)}
	f.Which = fmt.Sprintf("%s, turn %d of its conversation, phase %s; turn %d of the record", w.Scenario, w.Ordinal+1, w.Phase, w.Turn)
	calls, flights, opened := w.Count()
	f.Summary = plural(calls, "call") + " in " + plural(flights, "round trip")
	if opened > 0 {
		f.Summary += ", " + plural(opened, "connection") + " opened"
	}
	f.Webhook = webhookWords(w)
	for _, l := range w.Layers {
		row := causeRow{What: anatomy.LayerLabel(l.Layer), Key: layerKey(l.Layer), Turn: duration(l.Time)}
		if l.Calls > 0 {
			row.Note = plural(l.Calls, "call")
		}
		f.Layers = append(f.Layers, row)
	}
	switch {
	case w.More > 0:
		f.Notes = append(f.Notes, plural(w.More, "call")+" beyond the first 500 are left out.")
	case w.Incomplete:
		f.Notes = append(f.Notes, "Incomplete: "+parley.ShortenFigure(quantity(w.Untied, parley.Ratio))+
			" of the calls made meanwhile could be tied to no turn, and some may be of this one; their time passes for the bot's own.")
	}
	if len(w.Path) == 0 && w.Outcome != parley.Answered {
		f.Notes = append(f.Notes, "It was not answered, so nothing determined the moment of its answer.")
	}
	return f
}

// webhookWords says when the webhook was sent and acknowledged.
func webhookWords(w *anatomy.Waterfall) string {
	var parts []string
	for _, m := range w.Marks {
		if m.What != "sent" && m.What != "acknowledged" {
			continue
		}
		when := "after " + duration(m.At)
		if m.At < 0 {
			when = duration(-m.At) + " before the last word"
		}
		parts = append(parts, m.What+" "+when)
	}
	return strings.Join(parts, ", ")
}

// callRows joins calls of one operation that follow each other.
func callRows(calls []anatomy.TurnCall) (rows []fallRow) {
	for i, c := range calls {
		name := c.Wire + " " + c.Operation
		if n := len(rows); n > 0 && rows[n-1].Name == name {
			rows[n-1].take(c)
			continue
		}
		rows = append(rows, fallRow{Name: name, Layer: c.Layer, From: c.Start, To: c.Start, First: i})
		rows[len(rows)-1].take(c)
	}
	for i := range rows {
		rows[i].Note = rowNote(&rows[i])
		if n := len(rows[i].Calls); n > 1 {
			rows[i].Name += fmt.Sprintf(" ×%d", n)
		}
	}
	return rows
}

func (r *fallRow) take(c anatomy.TurnCall) {
	r.Calls = append(r.Calls, c)
	r.Took += max(0, c.End-max(c.Start, r.To))
	r.To = max(r.To, c.End)
	r.OnPath += c.OnPath
	r.Failed = r.Failed || c.Failure != "" || c.Unfinished || c.Status >= 400
}

// rowNote says what is worth knowing of a row's calls beyond their times.
func rowNote(r *fallRow) string {
	var prompt, cached, completion, retried int64
	opened, blocking := 0, false
	var failures []string
	for _, c := range r.Calls {
		prompt, cached, completion = prompt+c.Prompt, cached+c.Cached, completion+c.Completion
		blocking = blocking || c.Blocking
		if c.Retry > 0 {
			retried++
		}
		if c.Opened {
			opened++
		}
		switch {
		case c.Failure != "":
			failures = append(failures, c.Failure)
		case c.Status >= 400:
			failures = append(failures, fmt.Sprint("status ", c.Status))
		case c.Unfinished:
			failures = append(failures, "no end seen")
		}
	}
	var parts []string
	if len(failures) > 0 {
		parts = append(parts, failures[0])
	}
	if retried > 0 {
		parts = append(parts, "repeated")
	}
	if prompt+completion > 0 {
		parts = append(parts, tokenWords(prompt, cached, completion))
	}
	if opened > 0 {
		parts = append(parts, plural(opened, "connection")+" opened")
	}
	if blocking {
		parts = append(parts, "waits for work")
	}
	return strings.Join(parts, ", ")
}

// tokenWords says how long a prompt and its completion were.
func tokenWords(prompt, cached, completion int64) string {
	text := count(prompt) + " tokens in"
	if cached > 0 {
		text += " (" + count(cached) + " cached)"
	}
	return text + ", " + count(completion) + " out"
}

// idle are the pieces of the path without a call, joined by layer.
func (f *fallStory) idle() (pieces []anatomy.Piece) {
	for _, p := range f.Path {
		if p.Call < 0 {
			pieces = append(pieces, p)
		}
	}
	return pieces
}

// byOffered are the loads by what they offered, each with one wire alone, which may have been idle.
func byOffered(loads []anatomy.Load, wire string) []anatomy.Load {
	out := make([]anatomy.Load, 0, len(loads))
	for _, l := range loads {
		only := anatomy.InFlight{Wire: wire}
		for _, f := range l.InFlight {
			if f.Wire == wire {
				only = f
			}
		}
		l.InFlight = []anatomy.InFlight{only}
		out = append(out, l)
	}
	slices.SortStableFunc(out, func(a, b anatomy.Load) int { return cmp.Compare(a.Offered, b.Offered) })
	return out
}
