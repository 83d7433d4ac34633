package report

import (
	"html"
	"math"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// svg collects the elements of one image. Colours and type come from the page's
// style sheet by class; only geometry is written here.
type svg struct {
	b    strings.Builder
	w, h float64
}

func newSVG(w, h float64) *svg { return &svg{w: w, h: h} }

// image closes the drawing. The label is what a screen reader says of it; attrs
// are further attributes of the root element, already escaped.
func (g *svg) image(class, label, attrs string) string {
	return `<svg class="` + class + `" viewBox="0 0 ` + px(g.w) + ` ` + px(g.h) + `" role="img" aria-label="` +
		html.EscapeString(label) + `"` + attrs + `>` + g.b.String() + `</svg>`
}

// describe says at length what the picture shows.
func (g *svg) describe(text string) {
	g.b.WriteString(`<desc>` + html.EscapeString(text) + `</desc>`)
}

// px writes a coordinate with one decimal. A coordinate that is no number
// would void the whole image, so it becomes 0.
func px(v float64) string {
	if !finite(v) {
		return "0"
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

func (g *svg) rect(class string, x, y, w, h float64, title string) {
	g.b.WriteString(`<rect class="` + class + `" x="` + px(x) + `" y="` + px(y) + `" width="` + px(max(w, 0)) + `" height="` + px(max(h, 0)) + `"`)
	if title == "" {
		g.b.WriteString(`/>`)
		return
	}
	g.b.WriteString(`><title>` + html.EscapeString(title) + `</title></rect>`)
}

func (g *svg) line(class string, x1, y1, x2, y2 float64) {
	g.b.WriteString(`<line class="` + class + `" x1="` + px(x1) + `" y1="` + px(y1) + `" x2="` + px(x2) + `" y2="` + px(y2) + `"/>`)
}

func (g *svg) path(class, d string) {
	if d != "" {
		g.b.WriteString(`<path class="` + class + `" d="` + d + `"/>`)
	}
}

func (g *svg) circle(class string, x, y, r float64, title string) {
	g.b.WriteString(`<circle class="` + class + `" cx="` + px(x) + `" cy="` + px(y) + `" r="` + px(r) + `"><title>` +
		html.EscapeString(title) + `</title></circle>`)
}

// text writes s; anchor is start, middle or end.
func (g *svg) text(class string, x, y float64, anchor, s string) {
	g.b.WriteString(`<text class="` + class + `" x="` + px(x) + `" y="` + px(y) + `" text-anchor="` + anchor + `">` +
		html.EscapeString(s) + `</text>`)
}

// textWidth estimates the width of s in the labels' type size.
func textWidth(s string) float64 { return float64(ansi.StringWidth(s)) * 6.5 }

// trace is a line through points; a gap in the data is a gap in the line.
type trace struct {
	b    strings.Builder
	down bool // the pen is on the paper
	lone bool // the last point has no neighbour yet
}

func (t *trace) to(x, y float64) {
	if t.down {
		t.b.WriteByte('L')
	} else {
		t.b.WriteByte('M')
	}
	t.lone, t.down = !t.down, true
	t.b.WriteString(px(x) + " " + px(y))
}

// lift interrupts the line. A point between two gaps becomes a short dash, or
// nobody would see it.
func (t *trace) lift() {
	if t.lone {
		t.b.WriteString("m-3 0h6")
	}
	t.down, t.lone = false, false
}

// String ends the line.
func (t *trace) String() string {
	t.lift()
	return t.b.String()
}
