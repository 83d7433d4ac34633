package report

import (
	"slices"
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// column describes one column of a grid.
type column struct {
	Head  string
	Right bool // numbers are set flush right
	// Drop is when the column gives way in a narrow terminal: the largest first, 0 never.
	Drop int
}

// grid sets rows in columns within a width. When nothing more can be dropped,
// the widest column is shortened.
type grid struct {
	Columns []column
	Rows    [][]cell
}

// cell is plain text with the style that is put on after it has been measured.
type cell struct {
	Text  string
	Style lipgloss.Style
}

// gridGap is the space between two columns.
const gridGap = 2

// lines sets the grid, without trailing spaces.
func (g grid) lines(width int, head lipgloss.Style) []string {
	widths := g.widths()
	for total(widths) > width {
		i := g.mostExpendable(widths)
		if i < 0 {
			shorten(widths, total(widths)-width)
			break
		}
		widths[i] = 0
	}
	var out []string
	if slices.ContainsFunc(g.Columns, func(c column) bool { return c.Head != "" }) {
		heads := make([]cell, len(g.Columns))
		for i, c := range g.Columns {
			heads[i] = cell{c.Head, head}
		}
		out = append(out, g.line(heads, widths))
	}
	for _, row := range g.Rows {
		out = append(out, g.line(row, widths))
	}
	return out
}

// widths measures the columns; one whose cells are all empty has none.
func (g grid) widths() []int {
	widths := make([]int, len(g.Columns))
	for _, row := range g.Rows {
		for i, c := range row {
			widths[i] = max(widths[i], ansi.StringWidth(clean(c.Text)))
		}
	}
	for i, c := range g.Columns {
		if widths[i] > 0 {
			widths[i] = max(widths[i], ansi.StringWidth(c.Head))
		}
	}
	return widths
}

// mostExpendable is the column that is to be dropped next, -1 if none may be.
func (g grid) mostExpendable(widths []int) int {
	found := -1
	for i, c := range g.Columns {
		if c.Drop > 0 && widths[i] > 0 && (found < 0 || c.Drop > g.Columns[found].Drop) {
			found = i
		}
	}
	return found
}

// shorten takes excess cells from the widest columns, one by one.
func shorten(widths []int, excess int) {
	for range excess {
		widest := slices.Index(widths, slices.Max(widths))
		widths[widest] = max(1, widths[widest]-1)
	}
}

func total(widths []int) int {
	sum := -gridGap
	for _, w := range widths {
		if w > 0 {
			sum += w + gridGap
		}
	}
	return sum
}

func (g grid) line(cells []cell, widths []int) string {
	var b strings.Builder
	pending := 0 // spaces owed; written only before text, so that none trails
	for i, c := range cells {
		if widths[i] == 0 {
			continue
		}
		text := ansi.Truncate(clean(c.Text), widths[i], "…")
		pad := widths[i] - ansi.StringWidth(text)
		if g.Columns[i].Right {
			pending, pad = pending+pad, 0
		}
		if text != "" {
			b.WriteString(strings.Repeat(" ", pending))
			b.WriteString(c.Style.Render(text))
			pending = 0
		}
		pending += pad + gridGap
	}
	return b.String()
}

// wrap breaks text into lines of at most width cells.
func wrap(text string, width int) []string {
	return strings.Split(ansi.Wrap(clean(text), width, ""), "\n")
}

// clip shortens text to width cells.
func clip(text string, width int) string {
	return ansi.Truncate(clean(text), max(width, 1), "…")
}

// clean takes out control characters, which in a name from outside could
// move the cursor or retitle the terminal.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		default:
			return r
		}
	}, text)
}
