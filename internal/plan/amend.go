package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Setting is a key of a dependency's simulate with its value, as text; with a Route ("GET /v1/orders/*") it is that of the
// first route which answers it.
type Setting struct{ Route, Key, Value string }

// ErrNotSimulated says that a plan has no simulation of the dependency to amend.
var ErrNotSimulated = errors.New("the plan does not simulate it")

// Amend sets keys of a dependency's simulate in the text of a plan that is read without errors, and changes nothing else of it: comments,
// order, quotes and line ends stay. Settings of routes that the plan does not have are returned in left. A dependency that is relayed is
// turned into a simulated one, its keys of the relay commented out, if simulate says so; otherwise the error is ErrNotSimulated. Other
// errors say why the text cannot be changed at the place. The result is to be parsed before it is used.
func Amend(src []byte, dependency string, settings []Setting, simulate bool) (text []byte, left []Setting, err error) {
	a := newAmender(src)
	root, problem := document("the plan", normalised(src))
	if problem != nil {
		return nil, nil, problem
	}
	_, dependencies := entry(root, "dependencies")
	_, at := entry(dependencies, dependency)
	if at == nil || at.Kind != yaml.MappingNode {
		return nil, nil, fmt.Errorf("the plan writes no dependency %q out: %w", dependency, ErrNotSimulated)
	}
	key, value := entry(at, "simulate")
	switch {
	case value == nil && !simulate:
		return nil, nil, ErrNotSimulated
	case value == nil:
		left, err = a.turn(at, settings)
	case value.Kind == yaml.MappingNode:
		left, err = a.model(key, value, settings)
	case value.Kind == yaml.ScalarNode:
		left, err = a.unfold(at, key, value, settings)
	default:
		err = errors.New("simulate is an alias: what it stands for may be meant for others, too")
	}
	if err != nil {
		return nil, nil, err
	}
	return a.apply(), left, nil
}

// entry returns a key of a mapping and its value, nil if there is none.
func entry(mapping *yaml.Node, name string) (key, value *yaml.Node) {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i], mapping.Content[i+1]
		}
	}
	return nil, nil
}

func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

// model sets keys of a simulate that is written out.
func (a *amender) model(key, value *yaml.Node, settings []Setting) (left []Setting, err error) {
	var fresh []Setting
	taken := map[*yaml.Node]bool{}
	for _, s := range settings {
		if s.Route != "" {
			item := routeFor(value, s.Route)
			if item == nil || taken[item] {
				left = append(left, s)
				continue
			}
			taken[item] = true
			if err := a.route(item, s); err != nil {
				return nil, err
			}
			continue
		}
		if _, old := entry(value, s.Key); old == nil {
			fresh = append(fresh, s)
		} else if err := a.replace(old, s.Value, isFlow(value)); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Key, err)
		}
	}
	switch {
	case len(fresh) == 0:
	case isFlow(value):
		a.insertFlow(value, fresh)
	case len(value.Content) > 0:
		a.insertLines(key.Line, value.Content[0].Column-1, fresh)
	}
	return left, nil
}

// routeFor is the route of a simulate that answers an operation first.
func routeFor(simulate *yaml.Node, operation string) *yaml.Node {
	_, routes := entry(simulate, "routes")
	method, path, ok := strings.Cut(operation, " ")
	if routes == nil || routes.Kind != yaml.SequenceNode || !ok {
		return nil
	}
	for _, item := range routes.Content {
		if _, on := entry(item, "on"); on != nil && on.Kind == yaml.ScalarNode {
			r := Route{}
			var err error
			if r.Method, r.Path, err = routePattern(on.Value); err == nil && r.Matches(method, path) {
				return item
			}
		}
	}
	return nil
}

// route sets a key of a route.
func (a *amender) route(item *yaml.Node, s Setting) error {
	_, old := entry(item, s.Key)
	_, on := entry(item, "on")
	switch {
	case old != nil:
		return a.replace(old, s.Value, isFlow(item))
	case isFlow(item):
		a.insertFlow(item, []Setting{s})
	default:
		if _, _, err := a.span(on); err != nil {
			return fmt.Errorf("the route %s: %w", s.Route, err)
		}
		a.insertLines(on.Line, item.Content[0].Column-1, []Setting{s})
	}
	return nil
}

// unfold turns "simulate: true" into a mapping.
func (a *amender) unfold(dependency, key, value *yaml.Node, settings []Setting) (left []Setting, err error) {
	own := slices.DeleteFunc(slices.Clone(settings), func(s Setting) bool { return s.Route != "" })
	left = slices.DeleteFunc(slices.Clone(settings), func(s Setting) bool { return s.Route == "" })
	from, to, err := a.span(value)
	if err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	if isFlow(dependency) {
		a.edit(from, to, "{"+flowing(own)+"}")
		return left, nil
	}
	for from > 0 && a.src[from-1] == ' ' {
		from--
	}
	a.edit(from, to, "")
	a.insertLines(value.Line, key.Column+1, own)
	return left, nil
}

// turn comments the keys of a relay out, and writes a simulate below them.
func (a *amender) turn(dependency *yaml.Node, settings []Setting) (left []Setting, err error) {
	if isFlow(dependency) {
		return nil, errors.New("it is written within { }: write its keys on lines of their own first")
	}
	last := 0
	for i := 0; i+1 < len(dependency.Content); i += 2 {
		key, value := dependency.Content[i], dependency.Content[i+1]
		if !slices.Contains(relayKeys(), key.Value) {
			continue
		}
		end := lastLine(value)
		for line := key.Line; line <= end; line++ {
			at := a.offset(line, key.Column)
			a.edit(at, at, "# ")
		}
		last = max(last, end)
	}
	if last == 0 {
		return nil, errors.New("it is neither simulated nor relayed")
	}
	own := slices.DeleteFunc(slices.Clone(settings), func(s Setting) bool { return s.Route != "" })
	column := dependency.Content[0].Column - 1
	a.insertText(last, strings.Repeat(" ", column)+"simulate:")
	a.insertLines(last, column+2, own)
	return slices.DeleteFunc(slices.Clone(settings), func(s Setting) bool { return s.Route == "" }), nil
}

func relayKeys() []string {
	return []string{"relay", "address", "spend", "calls", "allow_writes", "key", "keep", "faults"}
}

// lastLine is the last line that a value begins on.
func lastLine(n *yaml.Node) int {
	last := n.Line
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}
