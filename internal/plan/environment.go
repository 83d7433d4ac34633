package plan

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// portReference stands for the free port parley picks for the bot. Within the target
// it stays in the plan as it is, whatever the environment holds.
const portReference = "${PORT}"

// variableName is what the name of an environment variable may be.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// environment replaces references to parley's own environment, and remembers
// what it gave out so that it can be hidden again.
type environment struct {
	get   func(string) (string, bool)
	taken map[string]string
}

// portUse says what ${PORT} is at some place of the plan.
type portUse int

const (
	portVariable portUse = iota // a variable like any other
	portPicked                  // the port parley picks: it stays as it is
	portRefused                 // misleading
)

// portUseAt returns what ${PORT} is at a path.
func portUseAt(path string) portUse {
	if !strings.HasPrefix(path, "target.") {
		return portVariable
	}
	for _, place := range []string{"webhook", "ready", "command", "setup", "env"} {
		if strings.HasPrefix(path, "target."+place) {
			return portPicked
		}
	}
	return portRefused
}

// expand replaces ${NAME} and ${NAME:-default} in the text of a value at path; $${
// stands for a plain ${. The error is a *flaw.
func (e *environment) expand(text, path string) (string, error) {
	var b strings.Builder
	for pos := 0; ; {
		at := strings.Index(text[pos:], "${")
		if at < 0 {
			b.WriteString(text[pos:])
			return b.String(), nil
		}
		at += pos
		if at > pos && text[at-1] == '$' {
			b.WriteString(text[pos:at-1] + "${")
			pos = at + 2
			continue
		}
		b.WriteString(text[pos:at])
		length := strings.IndexByte(text[at:], '}')
		if length < 0 {
			return "", &flaw{at, "${ is never closed", "write ${NAME}, or $${ for a plain ${"}
		}
		value, problem, hint := e.lookup(text[at+2:at+length], portUseAt(path))
		if problem != "" {
			return "", &flaw{at, problem, hint}
		}
		b.WriteString(value)
		pos = at + length + 1
	}
}

// lookup returns the value of what stands between ${ and }.
func (e *environment) lookup(reference string, port portUse) (value, problem, hint string) {
	name, fallback, hasFallback := strings.Cut(reference, ":-")
	switch {
	case !variableName.MatchString(name):
		return "", fmt.Sprintf("${%s} names no variable", reference), "write ${NAME} or ${NAME:-default}, or $${ for a plain ${"
	case name == "PORT" && port == portRefused:
		return "", "${PORT} has no meaning here", "within target it can stand in webhook, ready, command, setup and env"
	case name == "PORT" && port == portPicked && hasFallback:
		return "", "${PORT} is the port parley picks and takes no default", "write ${PORT}, or the port itself"
	case name == "PORT" && port == portPicked:
		return portReference, "", ""
	}
	value, ok := e.get(name)
	switch {
	case hasFallback && value == "":
		return fallback, "", ""
	case !ok:
		return "", fmt.Sprintf("the environment variable %s is not set", name), fmt.Sprintf("set it, or give a default: ${%s:-value}", name)
	}
	e.taken[name] = value
	return value, "", ""
}

// shortestHidden is the length from which values of the environment are hidden
// again. Anything shorter is no secret, and stands in too many other words.
const shortestHidden = 4

// hide puts the names of variables back where their values stand in text.
func (e *environment) hide(text string) string { return e.hider().Replace(text) }

// hider returns a replacer of the values given out by their references. A value
// that contains another is replaced as a whole.
func (e *environment) hider() *strings.Replacer {
	names := make([]string, 0, len(e.taken))
	for name, value := range e.taken {
		if len(value) >= shortestHidden {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(e.taken[b]), len(e.taken[a])), cmp.Compare(a, b))
	})
	pairs := make([]string, 0, 2*len(names))
	for _, name := range names {
		pairs = append(pairs, e.taken[name], "${"+name+"}")
	}
	return strings.NewReplacer(pairs...)
}
