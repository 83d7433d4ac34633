package report

import (
	"fmt"

	"parley"
	"parley/internal/anatomy"
)

const (
	rampWidth, rampHeight = 440.0, 330.0
	rampLeft, rampRight   = 52.0, 24.0 // room for half of the last label
	rampTop, rampBottom   = 44.0, 42.0
)

// plane is the frame of the plots against the offered load.
type plane struct {
	g    *svg
	x, y scale
}

// newPlane draws axes from 0 to what the figures need. A square plane has the same scale on both axes.
func newPlane(r *anatomy.Ramp, highest float64, unit parley.Unit, title string) plane {
	g := newSVG(rampWidth, rampHeight)
	offered := 0.0
	for _, st := range r.Steps {
		offered = max(offered, st.Offered)
	}
	xEnd, xStep := niceTop(offered, 5)
	yEnd, yStep := niceTop(highest, 5)
	p := plane{g, scale{from: 0, to: xEnd, a: rampLeft, b: rampWidth - rampRight},
		scale{from: 0, to: yEnd, a: rampHeight - rampBottom, b: rampTop}}
	if k := r.Knee; k != nil {
		low, high := p.x.clamped(k.Capacity.Low), p.x.clamped(k.Capacity.High)
		if k.Capacity.HighBeyond {
			high = p.x.b
		}
		if k.Capacity.Low > 0 && high > low {
			g.rect("knee-band", low, p.y.b, high-low, p.y.a-p.y.b, "95 % interval of the knee: "+estimate(k.Capacity, parley.Count).Interval)
		}
		at := p.x.clamped(k.Capacity.Value)
		g.line("knee", at, p.y.b, at, p.y.a)
		g.text("knee-name", at, p.y.b-6, "middle", "knee "+number(k.Capacity.Value))
	}
	for k := 0; float64(k)*yStep <= yEnd*1.0001; k++ {
		v := float64(k) * yStep
		g.line("gridline", p.x.a, p.y.at(v), p.x.b, p.y.at(v))
		g.text("tick", p.x.a-8, p.y.at(v)+4, "end", tickLabel(v, unit))
	}
	for k := 0; float64(k)*xStep <= xEnd*1.0001; k++ {
		v := float64(k) * xStep
		g.line("tickmark", p.x.at(v), p.y.a, p.x.at(v), p.y.a+4)
		g.text("tick", p.x.at(v), p.y.a+18, "middle", tickLabel(v, parley.Count))
	}
	g.text("panel-title", p.x.a, 12, "start", title)
	g.text("panel-title", p.x.b, rampHeight-6, "end", "messages offered per hour")
	return p
}

// throughputChart sets what was answered against what was offered; on the
// diagonal nothing is lost.
func throughputChart(r *anatomy.Ramp) string {
	highest := 0.0
	for _, st := range r.Steps {
		highest = max(highest, st.Offered, st.Answered)
	}
	p := newPlane(r, highest, parley.Count, "messages answered per hour")
	reach := min(p.x.to, p.y.to)
	p.g.line("diagonal", p.x.at(0), p.y.at(0), p.x.at(reach), p.y.at(reach))
	var line trace
	for _, st := range r.Steps {
		line.to(p.x.at(st.Offered), p.y.at(st.Answered))
	}
	p.g.path("line answered", line.String())
	for _, st := range r.Steps {
		p.g.circle("point answered", p.x.at(st.Offered), p.y.at(st.Answered), 4.5,
			fmt.Sprintf("step %d: %s offered, %s answered", st.Step, number(st.Offered), number(st.Answered)))
	}
	return p.g.image("chart plane", "Messages answered against messages offered per hour, step by step. "+rampSentence(r), "")
}

// waitsChart sets reply p50 and p95 against the offered load. A percentile
// beyond the users' patience is drawn hollow, at the longest wait observed.
func waitsChart(r *anatomy.Ramp) string {
	highest := 0.0
	for _, st := range r.Steps {
		if q, ok := quantileOf(st.Reply, "p95"); ok {
			highest = max(highest, q.Value)
		}
		if q, ok := quantileOf(st.Reply, "p50"); ok {
			highest = max(highest, q.Value)
		}
	}
	if highest == 0 {
		return ""
	}
	p := newPlane(r, highest, parley.Seconds, "reply time")
	for _, name := range []string{"p95", "p50"} {
		var line trace
		for _, st := range r.Steps {
			if q, ok := quantileOf(st.Reply, name); ok {
				line.to(p.x.at(st.Offered), p.y.at(q.Value))
			}
		}
		p.g.path("line "+name, line.String())
		for _, st := range r.Steps {
			q, ok := quantileOf(st.Reply, name)
			if !ok {
				continue
			}
			class := "point " + name
			if q.ValueBeyond {
				class += " beyond"
			}
			p.g.circle(class, p.x.at(st.Offered), p.y.at(q.Value), 4.5,
				fmt.Sprintf("step %d: %s %s", st.Step, name, estimate(q.Estimate, parley.Seconds).Both()))
		}
	}
	return p.g.image("chart plane", "Reply p50 and p95 against messages offered per hour.", "")
}
