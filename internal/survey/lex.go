package survey

import (
	"regexp"
	"slices"
	"strings"
)

// language is one whose source is read.
type language int

const (
	none language = iota
	python
	node
	golang
)

func (l language) String() string {
	return [...]string{"", "Python", "Node.js", "Go"}[l]
}

// file is a source file, cut into what the scanners need. It is no parser: a file
// that is broken, or cleverer than it expects, gives fewer findings and no error.
type file struct {
	name string
	lang language
	// code is the text with comments blanked out, of the same length; bare is code with the insides
	// of strings blanked out too.
	code, bare string
	starts     []int   // offsets of the lines
	groups     []group // brackets that close, by where they open
	words      map[string][]int
}

// group is what stands between a bracket at open and its partner at end.
type group struct{ open, end int }

var identifier = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// scan cuts up a file.
func scan(name string, lang language, text string) *file {
	f := &file{name: name, lang: lang, words: map[string][]int{}}
	f.code, f.bare = blank(text, lang)
	f.starts = []int{0}
	for i := range len(text) {
		if text[i] == '\n' {
			f.starts = append(f.starts, i+1)
		}
	}
	f.groups = brackets(f.bare)
	for _, m := range identifier.FindAllStringIndex(f.code, -1) {
		word := f.code[m[0]:m[1]]
		f.words[word] = append(f.words[word], m[0])
	}
	return f
}

// line returns the line of an offset, from 1.
func (f *file) line(offset int) int {
	i, found := slices.BinarySearch(f.starts, offset)
	if found {
		return i + 1
	}
	return i
}

func (f *file) place(offset int) Place { return Place{f.name, f.line(offset)} }

// lineText returns the code of the line at an offset.
func (f *file) lineText(offset int) string {
	n := f.line(offset)
	end := len(f.code)
	if n < len(f.starts) {
		end = f.starts[n]
	}
	return f.code[f.starts[n-1]:end]
}

// within returns the groups around an offset, innermost first.
func (f *file) within(offset int) (around []group) {
	for _, g := range f.groups {
		if g.open >= offset {
			break
		}
		if g.end > offset {
			around = append(around, g)
		}
	}
	slices.Reverse(around)
	return around
}

// callee returns the dotted name before an opening bracket.
func (f *file) callee(open int) string {
	start := open
	for start > 0 && (isWord(f.code[start-1]) || f.code[start-1] == '.') {
		start--
	}
	return f.code[start:open]
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// block returns the region of a definition that begins at an offset: its brackets' insides, or in
// Python the lines indented deeper.
func (f *file) block(offset int) (start, end int) {
	if f.lang == python {
		return f.indented(offset)
	}
	for _, g := range f.groups {
		if g.open >= offset && f.code[g.open] == '{' {
			return offset, g.end
		}
	}
	return offset, min(len(f.code), offset+maxLine)
}

// indented returns the lines from the one of offset on that are deeper than it.
func (f *file) indented(offset int) (start, end int) {
	n := f.line(offset)
	start = f.starts[n-1]
	depth := indent(f.code[start:])
	for ; n < len(f.starts); n++ {
		text := f.code[f.starts[n]:]
		if line, _, _ := strings.Cut(text, "\n"); strings.TrimSpace(line) == "" || strings.HasPrefix(strings.TrimSpace(line), ")") {
			continue
		}
		if indent(text) <= depth {
			return start, f.starts[n]
		}
	}
	return start, len(f.code)
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// brackets pairs the brackets of text without strings. One that closes nothing is passed over.
func brackets(bare string) []group {
	var open []int
	var all []group
	for i := range len(bare) {
		switch bare[i] {
		case '(', '[', '{':
			open = append(open, i)
		case ')', ']', '}':
			for j := len(open) - 1; j >= max(0, len(open)-maxUnclosed); j-- {
				if partners(bare[open[j]], bare[i]) {
					all = append(all, group{open[j], i})
					open = open[:j]
					break
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b group) int { return a.open - b.open })
	return all
}

// maxUnclosed is how many brackets that nothing closes are passed over for the partner of one.
const maxUnclosed = 32

func partners(open, end byte) bool {
	return open == '(' && end == ')' || open == '[' && end == ']' || open == '{' && end == '}'
}

// blank returns text with comments blanked out, and that again with the insides of strings
// blanked out. Line breaks stay.
func blank(text string, lang language) (code, bare string) {
	c, b := []byte(text), []byte(text)
	wipe := func(to []byte, from, end int) {
		for i := from; i < end; i++ {
			if to[i] != '\n' {
				to[i] = ' '
			}
		}
	}
	for i := 0; i < len(text); {
		if end := comment(text[i:], lang); end > 0 {
			wipe(c, i, i+end)
			wipe(b, i, i+end)
			i += end
			continue
		}
		if end := quoted(text[i:], lang); end > 0 {
			wipe(b, i+1, max(i+1, i+end-1))
			i += end
			continue
		}
		i++
	}
	return string(c), string(b)
}

// comment returns the length of the comment at the start of text, 0 if there is none.
func comment(text string, lang language) int {
	line := strings.IndexByte(text, '\n')
	if line < 0 {
		line = len(text)
	}
	switch {
	case lang == python && text[0] == '#':
		return line
	case lang != python && strings.HasPrefix(text, "//"):
		return line
	case lang != python && strings.HasPrefix(text, "/*"):
		if end := strings.Index(text[2:], "*/"); end >= 0 {
			return end + 4
		}
		return len(text)
	}
	return 0
}

// quoted returns the length of the string at the start of text, 0 if there is none. One that
// is never closed ends with its line.
func quoted(text string, lang language) int {
	quote := text[:1]
	many := false
	switch {
	case lang == python && (strings.HasPrefix(text, `"""`) || strings.HasPrefix(text, "'''")):
		quote, many = text[:3], true
	case quote == "`" && lang != python:
		many = true
	case quote != `"` && quote != "'":
		return 0
	}
	raw := quote == "`" && lang == golang
	for i := len(quote); i < len(text); i++ {
		switch {
		case text[i] == '\\' && !raw:
			i++
		case text[i] == '\n' && !many:
			return i
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote)
		}
	}
	return len(text)
}
