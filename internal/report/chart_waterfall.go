package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"parley"
	"parley/internal/anatomy"
)

const (
	fallTop    = 26.0 // room for the axis
	fallRowGap = 30.0 // from row to row: a line of text above a bar
	fallBar    = 9.0
	fallLeast  = 1.5 // width of the shortest bar
)

// fallWidths are half of the page, beside another waterfall, and a telephone.
func fallWidths() [2]canvas {
	return [2]canvas{{class: "chart wide", width: 480, ticks: 5}, {class: "chart narrow", width: 360, ticks: 4}}
}

// waterfallChart draws one turn: its webhook and replies, the time without a call, and a row for each call or several alike.
func waterfallChart(f *fallStory) figureSet {
	c := fallWidths()
	return figureSet{Wide: drawFall(c[0], f), Narrow: drawFall(c[1], f)}
}

// fallPlot is a waterfall being drawn.
type fallPlot struct {
	g      *svg
	x      scale
	bottom float64
}

func drawFall(c canvas, f *fallStory) string {
	from, to := fallSpan(f)
	rows := len(f.Rows) + 2
	p := fallPlot{g: newSVG(c.width, fallTop+fallRowGap*float64(rows)+8), x: scale{from: from, to: to, a: 1, b: c.width - 1}}
	p.bottom = fallTop + fallRowGap*float64(rows) + 4
	_, step := niceTop(to-from, c.ticks)
	for v := step * ceilDiv(from, step); v <= to; v += step {
		p.g.line("gridline", p.x.at(v), fallTop-6, p.x.at(v), p.bottom)
		anchor := "middle"
		switch {
		case p.x.at(v) < 20:
			anchor = "start"
		case p.x.at(v) > c.width-24:
			anchor = "end"
		}
		p.g.text("tick", p.x.at(v), 12, anchor, signlessTick(v))
	}
	p.marks(f, fallTop)
	p.idle(f, fallTop+fallRowGap)
	for i := range f.Rows {
		p.row(c, f, &f.Rows[i], fallTop+fallRowGap*float64(i+2))
	}
	if len(f.Path) > 0 {
		p.g.line("fall-end", p.x.clamped(f.Reply.Seconds()), fallTop-6, p.x.clamped(f.Reply.Seconds()), p.bottom)
	}
	p.g.describe(fallWords(f))
	return p.g.image(c.class+" fall", capital(f.Title)+" as a waterfall: "+duration(f.Reply)+" from the user's last word to the answer. "+f.Summary+".", "")
}

// ceilDiv is how many whole steps lie below from, towards zero from above.
func ceilDiv(from, step float64) float64 {
	n := float64(int(from / step))
	if n*step < from {
		n++
	}
	return n
}

// signlessTick labels a moment; those before the last word carry a minus.
func signlessTick(v float64) string {
	if v < 0 {
		return "−" + tickLabel(-v, parley.Seconds)
	}
	return tickLabel(v, parley.Seconds)
}

// fallSpan is what the axis spans, in seconds: all that belongs to the turn, but not long after the answer unless it makes a finding.
func fallSpan(f *fallStory) (from, to float64) {
	reply := f.Reply.Seconds()
	last := reply
	for _, c := range f.Calls {
		from, last = min(from, c.Start.Seconds()), max(last, c.End.Seconds())
	}
	for _, m := range f.Marks {
		from = min(from, m.At.Seconds())
	}
	from = max(from, -max(reply, .001)) // what lies long before is cut off
	to = min(last, reply*1.15)
	for i := range f.Making { // work after the answer may be what a finding is about
		if i < len(f.Calls) {
			to = max(to, min(f.Calls[i].End.Seconds(), reply*3))
		}
	}
	return from, max(to, from+.001)
}

// bar draws a stretch, which is cut off at the ends of the axis.
func (p *fallPlot) bar(class string, y float64, from, to time.Duration, title string) {
	if to.Seconds() < p.x.from || from.Seconds() > p.x.to {
		return
	}
	a, b := p.x.clamped(from.Seconds()), p.x.clamped(to.Seconds())
	if b-a < fallLeast {
		b = min(a+fallLeast, p.x.b)
		a = b - fallLeast
	}
	p.g.rect(class, a, y, b-a, fallBar, title)
}

// marks is the row of the webhook and the replies.
func (p *fallPlot) marks(f *fallStory, top float64) {
	p.g.text("row-name", p.x.a, top+11, "start", "webhook and replies")
	y := top + 15
	p.g.line("fall-line", p.x.a, y+fallBar/2, p.x.b, y+fallBar/2)
	for _, m := range f.Marks {
		at := m.At.Seconds()
		if at < p.x.from || at > p.x.to {
			continue
		}
		class := "mark mark-out"
		if strings.HasPrefix(m.What, "reply") || m.What == "answered" {
			class = "mark mark-in"
		}
		p.g.circle(class, min(max(p.x.at(at), p.x.a+4), p.x.b-4), y+fallBar/2, 4, markWords(m))
	}
}

func markWords(m anatomy.Mark) string {
	text := m.What
	if m.Fate != "" {
		text += " (" + m.Fate + ")"
	}
	return text + " at " + moment(m.At)
}

// moment writes a moment of a turn.
func moment(at time.Duration) string {
	if at < 0 {
		return "−" + duration(-at)
	}
	return duration(at)
}

// idle is the row of the time without a call.
func (p *fallPlot) idle(f *fallStory, top float64) {
	p.g.text("row-name", p.x.a, top+11, "start", "between the calls")
	sum := time.Duration(0)
	for _, piece := range f.idle() {
		sum += piece.To - piece.From
		p.bar("fall-"+piece.Layer, top+15, piece.From, piece.To, f.idleWords(piece))
	}
	if sum > 0 {
		p.g.text("fall-time", p.x.b, top+11, "end", duration(sum))
	}
}

// idleWords says whose a stretch without a call is, and what lay around it.
func (f *fallStory) idleWords(p anatomy.Piece) string {
	text := fmt.Sprintf("%s: %s, from %s to %s", anatomy.LayerLabel(p.Layer), duration(p.To-p.From), moment(p.From), moment(p.To))
	if p.After >= 0 && p.After < len(f.Calls) {
		text += ", after " + callName(&f.Calls[p.After])
	}
	if p.Before >= 0 && p.Before < len(f.Calls) {
		text += ", before " + callName(&f.Calls[p.Before])
	}
	return text
}

// callName is short enough for a text under the pointer: a turn may have hundreds of calls, and a statement be long.
func callName(c *anatomy.TurnCall) string {
	return ansi.Truncate(clean(c.Wire+" "+c.Operation), 80, "…")
}

// row is one call, or several alike; those that make a finding lie on a band.
func (p *fallPlot) row(c canvas, f *fallStory, r *fallRow, top float64) {
	if r.Marked > 0 {
		p.g.rect("fall-band", 0, top-1, c.width, fallRowGap-2, "")
	}
	took := duration(r.Took)
	if r.Failed {
		took += ", failed"
	}
	room := int((c.width - 1.25*textWidth(took) - 16) / 7.4)
	p.g.text("row-name", p.x.a, top+11, "start", ansi.Truncate(clean(r.Name), max(room, 8), "…"))
	p.g.text("fall-time", p.x.b, top+11, "end", took)
	for i := range r.Calls {
		call := &r.Calls[i]
		class := "fall-call"
		if call.OnPath > 0 {
			class = "fall-path"
		}
		if call.Failure != "" || call.Status >= 400 || call.Unfinished {
			class += " fall-failed"
		}
		if f.Making[r.First+i] {
			class += " fall-making"
		}
		p.bar(class, top+15, call.Start, call.End, callWords(call))
	}
}

// callWords is all there is to say of a call in a line.
func callWords(c *anatomy.TurnCall) string {
	text := fmt.Sprintf("%s: %s, from %s to %s", callName(c), duration(c.End-c.Start), moment(c.Start), moment(c.End))
	if c.FirstByte >= c.Start && c.FirstByte < c.End {
		text += ", first byte at " + moment(c.FirstByte)
	}
	switch {
	case c.OnPath == 0:
		text += ", not waited for"
	case c.OnPath < c.End-c.Start:
		text += ", waited for " + duration(c.OnPath) + " of it"
	}
	if c.Failure != "" {
		text += ", " + c.Failure
	}
	return text
}

// fallWords tells the critical path for those who cannot see it.
func fallWords(f *fallStory) string {
	var parts []string
	for _, l := range f.Layers {
		parts = append(parts, l.What+" "+l.Turn)
	}
	return "On the critical path: " + strings.Join(parts, ", ") + "."
}

// inFlightChart sets the calls under way on each wire, mean, against the offered load; empty for fewer than three loads.
func inFlightChart(sum *anatomy.Summary, wires []string) string {
	if sum.Anatomy == nil || len(sum.Anatomy.Loads) < 3 || len(wires) > mostWires {
		return ""
	}
	r := &anatomy.Ramp{}
	if sum.Ramp != nil {
		r.Knee = sum.Ramp.Knee
	}
	highest := 0.0
	for _, l := range sum.Anatomy.Loads {
		r.Steps = append(r.Steps, anatomy.RampStep{Offered: l.Offered})
		for _, f := range l.InFlight {
			highest = max(highest, f.Mean)
		}
	}
	if highest == 0 {
		return ""
	}
	p := newPlane(r, highest, parley.Count, "calls under way, mean")
	for i, wire := range wires {
		class := fmt.Sprintf("wire-%d", i)
		var line trace
		points := byOffered(sum.Anatomy.Loads, wire)
		for _, l := range points {
			line.to(p.x.at(l.Offered), p.y.at(l.InFlight[0].Mean))
		}
		p.g.path("line "+class, line.String())
		for _, l := range points {
			p.g.circle("point "+class, p.x.at(l.Offered), p.y.at(l.InFlight[0].Mean), 4,
				fmt.Sprintf("%s, %s: %s calls under way on average, at most %s", l.Name, wire, perTurn(l.InFlight[0].Mean), count(l.InFlight[0].Peak)))
		}
	}
	return p.g.image("chart plane", "Calls under way on each wire against messages offered per hour.", "")
}

// mostWires is how many lines a picture of wires holds.
const mostWires = 6
