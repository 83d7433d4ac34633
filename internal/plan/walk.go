package plan

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxVisits bounds the walk: aliases of aliases can make a small file stand for a huge one.
const maxVisits = 200_000

// position is a place in the file, counted from 1.
type position struct{ line, column int }

func positionOf(n *yaml.Node) position { return position{n.Line, n.Column} }

// value is a node with its place in the file and in the plan. The node of an
// alias is the one it stands for; its place is that of the alias.
type value struct {
	node *yaml.Node
	at   position
	path string
}

// field is a known key of a mapping, and what to do with its value.
type field struct {
	key  string
	read func(value)
}

// decoder walks over the nodes of a plan. It goes on after an error, so that
// one reading reports all of them.
type decoder struct {
	file  string
	dir   string // where relative paths start
	lines []string
	env   *environment
	// instead starts the bot in place of the plan's, if it is not empty.
	instead []string
	errs    Errors
	where   map[string]position // of each value met, by path
	visits  int
}

func newDecoder(file string, src []byte, getenv func(string) (string, bool)) *decoder {
	return &decoder{
		file:  file,
		lines: strings.Split(string(src), "\n"),
		env:   &environment{get: getenv, taken: map[string]string{}},
		where: map[string]position{},
	}
}

// fail reports a problem with a value.
func (d *decoder) fail(v value, hint, problem string, args ...any) {
	d.failAt(v.at, v.path, hint, fmt.Sprintf(problem, args...))
}

func (d *decoder) failAt(at position, path, hint, problem string) {
	d.errs = append(d.errs, &Error{
		File: d.file, Line: max(1, at.line), Column: max(1, at.column),
		Path: path, Problem: d.printable(problem), Hint: d.printable(hint),
	})
}

// printable makes a text of the plan fit for an error: no value of the
// environment stands in it, and it has an end.
func (d *decoder) printable(text string) string {
	const most = 300
	text = d.env.hide(text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return text
}

// failPath reports a problem with what may not stand in the file: the place is
// that of the nearest value around it which does.
func (d *decoder) failPath(path, hint, problem string, args ...any) {
	at, ok := position{1, 1}, false
	for around := path; !ok && around != ""; {
		if at, ok = d.where[around]; !ok {
			around = around[:max(0, strings.LastIndexAny(around, ".["))]
		}
	}
	if !ok {
		at = d.where[""]
	}
	d.failAt(at, path, hint, fmt.Sprintf(problem, args...))
}

// given reports whether the file holds a value at path.
func (d *decoder) given(path string) bool {
	_, ok := d.where[path]
	return ok
}

// visit notes a value on the way down. It reports false if the value cannot be
// looked at, having said why.
func (d *decoder) visit(v value) bool {
	d.visits++
	switch {
	case d.visits == maxVisits:
		d.fail(v, "use fewer aliases", "the plan holds more than %d values", maxVisits)
		return false
	case d.visits > maxVisits:
		return false
	}
	d.where[v.path] = v.at
	switch tag := v.node.ShortTag(); tag {
	case "!!map", "!!seq", "!!str", "!!int", "!!float", "!!bool", "!!timestamp", "!!merge":
		return true
	case "!!null":
		d.fail(v, "give it one, or remove the key", "has no value")
	default:
		d.fail(v, "remove it", "the tag %s has no meaning in a plan", tag)
	}
	return false
}

// child returns the value below v.
func child(n *yaml.Node, path string) value {
	v := value{node: n, at: positionOf(n), path: path}
	if n.Kind == yaml.AliasNode {
		v.node = n.Alias
	}
	return v
}

// entries yields the keys and values of a mapping, each key once. The values are not visited yet.
func (d *decoder) entries(v value, what string) iter.Seq2[value, value] {
	return func(yield func(key, value value) bool) {
		if v.node.Kind != yaml.MappingNode {
			d.fail(v, "", "must be %s, not %s", what, kindOf(v.node))
			return
		}
		first := map[string]int{}
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			k := child(v.node.Content[i], v.path)
			if k.node.Kind != yaml.ScalarNode {
				d.fail(k, "", "a key must be a word, not %s", kindOf(k.node))
				continue
			}
			k.path = join(v.path, k.node.Value)
			if k.node.ShortTag() == "!!merge" {
				d.fail(k, "write the keys out, or use an alias for the whole value", "merge keys are not read")
				continue
			}
			if line, again := first[k.node.Value]; again {
				d.fail(k, "keep one", "duplicate key, first given in line %d", line)
				continue
			}
			first[k.node.Value] = k.at.line
			if !yield(k, child(v.node.Content[i+1], k.path)) {
				return
			}
		}
	}
}

// object reads a mapping whose keys are known.
func (d *decoder) object(v value, fields ...field) { d.objectOr(v, nil, fields...) }

// objectOr is object with keys that are explained rather than read, and never suggested.
func (d *decoder) objectOr(v value, refused []field, fields ...field) {
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.key
	}
	for key, c := range d.entries(v, "a mapping") {
		is := func(f field) bool { return f.key == key.node.Value }
		if i := slices.IndexFunc(fields, is); i >= 0 {
			if d.visit(c) {
				fields[i].read(c)
			}
		} else if i := slices.IndexFunc(refused, is); i >= 0 {
			refused[i].read(c)
		} else {
			d.fail(key, suggest(key.node.Value, known, "keys"), "unknown key")
		}
	}
}

// items yields the elements of a list, or the value itself if it is a single
// scalar: "env: X" is "env: [X]".
func (d *decoder) items(v value) iter.Seq[value] {
	return func(yield func(value) bool) {
		switch v.node.Kind {
		case yaml.ScalarNode:
			yield(v)
		case yaml.SequenceNode:
			if len(v.node.Content) == 0 {
				d.fail(v, "", "the list is empty")
			}
			for i, n := range v.node.Content {
				if c := child(n, fmt.Sprintf("%s[%d]", v.path, i)); d.visit(c) && !yield(c) {
					return
				}
			}
		default:
			d.fail(v, "begin each entry with a dash of its own", "must be a list, not %s", kindOf(v.node))
		}
	}
}

// join appends a key to a path.
func join(path, key string) string {
	switch {
	case !plainKey(key):
		return fmt.Sprintf("%s[%q]", path, key)
	case path == "":
		return key
	}
	return path + "." + key
}

// plainKey reports whether a key can stand in a path as it is.
func plainKey(key string) bool {
	for _, r := range key {
		if r <= ' ' || strings.ContainsRune(`.[]":`, r) {
			return false
		}
	}
	return key != "" && len(key) <= 64
}

// kindOf names what a node is.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}
