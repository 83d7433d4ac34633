package plan

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// amender changes a text at the places of YAML nodes.
type amender struct {
	src   []byte
	lines []int // where each begins; the first is behind a byte order mark
	edits []textEdit
}

// textEdit puts text in place of src[from:to]. Edits at one place are made in the order they came.
type textEdit struct {
	from, to int
	text     string
}

func newAmender(src []byte) *amender {
	a := &amender{src: src, lines: []int{0}}
	if bytes.HasPrefix(src, []byte("\uFEFF")) {
		a.lines[0] = len("\uFEFF")
	}
	for i := 0; i < len(src); i++ {
		if src[i] == '\r' && i+1 < len(src) && src[i+1] == '\n' {
			i++
		}
		if src[i] == '\n' || src[i] == '\r' {
			a.lines = append(a.lines, i+1)
		}
	}
	return a
}

// normalised is the text as [Parse] gives it to YAML.
func normalised(src []byte) []byte {
	src = bytes.TrimPrefix(src, []byte("\uFEFF"))
	return bytes.ReplaceAll(bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
}

// offset returns where a line and column are, both counted from 1, columns in characters. A column beyond the line's end is its end.
func (a *amender) offset(line, column int) int {
	if line > len(a.lines) {
		return len(a.src)
	}
	at := a.lines[line-1]
	for ; column > 1 && at < len(a.src) && a.src[at] != '\n' && a.src[at] != '\r'; column-- {
		_, size := utf8.DecodeRune(a.src[at:])
		at += size
	}
	return at
}

func (a *amender) edit(from, to int, text string) {
	a.edits = append(a.edits, textEdit{from, to, text})
}

// apply returns the text with all edits made.
func (a *amender) apply() []byte {
	slices.SortStableFunc(a.edits, func(x, y textEdit) int { return x.from - y.from })
	var out []byte
	done := 0
	for _, e := range a.edits {
		out = append(append(out, a.src[done:e.from]...), e.text...)
		done = e.to
	}
	return append(out, a.src[done:]...)
}

var errSpan = errors.New("its value is written in a way that cannot be changed in place")

// span finds the text of a scalar on one line.
func (a *amender) span(n *yaml.Node) (from, to int, err error) {
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return 0, 0, errSpan
	}
	from = a.offset(n.Line, n.Column)
	rest := a.src[from:]
	if i := bytes.IndexAny(rest, "\r\n"); i >= 0 {
		rest = rest[:i]
	}
	switch {
	case len(rest) > 1 && rest[0] == '"':
		for i := 1; i < len(rest); i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return from, from + i + 1, nil
			}
		}
	case len(rest) > 1 && rest[0] == '\'':
		for i := 1; i < len(rest); i++ {
			if rest[i] != '\'' {
				continue
			}
			if i+1 < len(rest) && rest[i+1] == '\'' {
				i++
				continue
			}
			return from, from + i + 1, nil
		}
	case n.Value != "" && bytes.HasPrefix(rest, []byte(n.Value)) && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0:
		return from, from + len(n.Value), nil
	}
	return 0, 0, errSpan
}

// replace puts another value in a scalar's place, within quotes if the old one was.
func (a *amender) replace(old *yaml.Node, value string, flow bool) error {
	from, to, err := a.span(old)
	if err != nil {
		return err
	}
	switch quote := a.src[from]; {
	case quote == '"' || quote == '\'':
		value = string(quote) + value + string(quote)
	case flow:
		value = quoted(value)
	}
	a.edit(from, to, value)
	return nil
}

// quoted is a value as it can stand within { }.
func quoted(value string) string {
	if strings.ContainsAny(value, ",[]{}:#") {
		return `"` + value + `"`
	}
	return value
}

func flowing(settings []Setting) string {
	list := make([]string, len(settings))
	for i, s := range settings {
		list[i] = s.Key + ": " + quoted(s.Value)
	}
	return strings.Join(list, ", ")
}

// insertFlow adds keys to a mapping within { }, before the others.
func (a *amender) insertFlow(mapping *yaml.Node, settings []Setting) {
	at := a.offset(mapping.Line, mapping.Column)
	if i := bytes.IndexByte(a.src[at:], '{'); i >= 0 { // behind an anchor
		at += i + 1
	}
	text := flowing(settings)
	if len(mapping.Content) > 0 {
		text += ", "
	}
	a.edit(at, at, text)
}

// insertLines adds keys on lines of their own below a line.
func (a *amender) insertLines(line, indent int, settings []Setting) {
	for _, s := range settings {
		a.insertText(line, strings.Repeat(" ", indent)+s.Key+": "+s.Value)
	}
}

// insertText adds a line below another, ended as that one is.
func (a *amender) insertText(line int, text string) {
	if line >= len(a.lines) { // the last line has no end
		a.edit(len(a.src), len(a.src), "\n"+text)
		return
	}
	at, end := a.lines[line], "\n"
	if at >= 2 && a.src[at-2] == '\r' && a.src[at-1] == '\n' {
		end = "\r\n"
	}
	a.edit(at, at, text+end)
}
