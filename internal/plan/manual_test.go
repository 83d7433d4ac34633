package plan

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"parley"
)

// key is a key in the source of the full example, at a place where keys are fixed.
type key struct {
	name   string
	line   int // from 0
	column int // from 0
	beside []string
}

// fixedKeys returns the keys of the full example that are not of the user's choice.
func fixedKeys(t *testing.T, src string) []key {
	t.Helper()
	root, problem := document("parley.yaml", []byte(src))
	if problem != nil {
		t.Fatal(problem)
	}
	free := regexp.MustCompile(`^(dependencies|target\.env|target\.evolution\.headers|checks(\..*)?|.*\.header|.*\.json|.*\.arguments)$`)
	var keys []key
	var walk func(n *yaml.Node, path string)
	walk = func(n *yaml.Node, path string) {
		for i, c := range n.Content {
			switch {
			case n.Kind == yaml.SequenceNode:
				walk(c, fmt.Sprintf("%s[%d]", path, i))
			case i%2 == 1:
				walk(c, join(path, n.Content[i-1].Value))
			case !free.MatchString(path):
				var beside []string
				for j := 0; j < len(n.Content); j += 2 {
					beside = append(beside, n.Content[j].Value)
				}
				keys = append(keys, key{c.Value, c.Line - 1, c.Column - 1, beside})
			}
		}
	}
	walk(root, "")
	return keys
}

// misspelt returns the ways to get one letter wrong.
func misspelt(word string) []string {
	var all []string
	for i := range word {
		all = append(all, word[:i]+word[i+1:])
		for _, letter := range []string{"x"} {
			all = append(all, word[:i]+letter+word[i+1:], word[:i]+letter+word[i:])
		}
		if i > 0 {
			all = append(all, word[:i-1]+word[i:i+1]+word[i-1:i]+word[i+1:])
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(w string) bool { return w == word || w == "" })
}

// TestEveryMisspeltKeyIsRecognised gets one letter of one key of the full example wrong, in
// every way, and wants to be asked for the right one at the right place.
func TestEveryMisspeltKeyIsRecognised(t *testing.T) {
	src := example(t)
	lines := strings.Split(src, "\n")
	keys := fixedKeys(t, src)
	if len(keys) < 80 {
		t.Fatalf("only %d keys", len(keys))
	}
	tried, done := 0, map[string]bool{}
	for _, k := range keys {
		if id := fmt.Sprint(k.name, k.beside); done[id] {
			continue // the same key of the same kind of mapping
		}
		done[fmt.Sprint(k.name, k.beside)] = true
		for _, wrong := range misspelt(k.name) {
			if slices.Contains(k.beside, wrong) {
				continue
			}
			line := lines[k.line]
			changed := slices.Clone(lines)
			changed[k.line] = line[:k.column] + wrong + line[k.column+len(k.name):]
			tried++
			_, err := Parse("parley.yaml", []byte(strings.Join(changed, "\n")), "/srv/bot", noEnvironment)
			errs, _ := errors.AsType[Errors](err)
			if !slices.ContainsFunc(errs, func(e *Error) bool {
				return e.Line == k.line+1 && e.Column == k.column+1 && e.Problem == "unknown key" && strings.HasPrefix(e.Hint, "did you mean") && strings.Contains(e.Hint, `"`+k.name+`"`)
			}) {
				t.Errorf("line %d: %s for %s: %v", k.line+1, wrong, k.name, err)
			}
		}
	}
	t.Logf("%d different keys, %d ways to misspell them", len(done), tried)
}

// TestManualIsComplete asks the reader itself for its keys, by putting an
// unknown one into every mapping of the full example: the page must name each.
func TestManualIsComplete(t *testing.T) {
	page, src := manual(t), example(t)
	lines := strings.Split(src, "\n")
	known := map[string]bool{}
	for _, k := range fixedKeys(t, src) {
		line := lines[k.line]
		changed := slices.Clone(lines)
		changed[k.line] = line[:k.column] + "qqqqqqqqqqqqqqqq" + line[k.column+len(k.name):]
		_, err := Parse("parley.yaml", []byte(strings.Join(changed, "\n")), "/srv/bot", noEnvironment)
		errs, _ := errors.AsType[Errors](err)
		for _, e := range errs {
			if list, ok := strings.CutPrefix(e.Hint, "known keys: "); ok {
				for name := range strings.SplitSeq(list, ", ") {
					known[name] = true
				}
			}
		}
	}
	if len(known) < 60 {
		t.Errorf("only %d keys are known", len(known))
	}
	for name := range known {
		if !regexp.MustCompile("[`{.]" + name + "[`:]").MatchString(page) {
			t.Errorf("docs/plan.md does not explain %s", name)
		}
		if !regexp.MustCompile(`\b` + name + `:`).MatchString(src) {
			t.Errorf("the full example of docs/plan.md lacks %s", name)
		}
	}
}

// TestManualListsMetrics holds the table of metrics against the catalogue.
func TestManualListsMetrics(t *testing.T) {
	units := map[parley.Unit]string{parley.Seconds: "duration", parley.Ratio: "share", parley.Count: "count", parley.PerHour: "rate", parley.Dollars: "amount"}
	for _, m := range parley.Metrics() {
		distribution := "no"
		if m.Quantiles {
			distribution = "yes"
		}
		row := fmt.Sprintf("| `%s` | %s | %s | %s%s. |\n", m.Name, units[m.Unit], distribution, strings.ToUpper(m.Means[:1]), m.Means[1:])
		if !strings.Contains(manual(t), row) {
			t.Errorf("docs/plan.md lacks the row:\n%s", row)
		}
	}
}
