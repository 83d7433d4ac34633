package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"parley/internal/fault"
)

// scenarios reads the kinds of conversation.
func (d *decoder) scenarios(v value, into *[]Scenario) {
	if v.node.Kind == yaml.ScalarNode {
		d.fail(v, "", "must be a list, not %s", kindOf(v.node))
		return
	}
	places := map[string]value{}
	for item := range d.items(v) {
		s := d.scenario(item, fmt.Sprintf("scenario-%d", len(*into)+1))
		if first, again := places[s.Name]; again {
			d.failPath(join(item.path, "name"), "names tell scenarios apart in reports", "the name %q is taken by %s", s.Name, first.path)
		} else {
			places[s.Name] = item
		}
		*into = append(*into, s)
	}
}

func (d *decoder) scenario(v value, name string) Scenario {
	s := Scenario{Name: name, Weight: 1}
	habits := defaultTurn()
	var turns value
	fields := append(d.habits(&habits),
		field{"name", scalar(d, &s.Name, matching(`[^\s](.{0,62}[^\s])?`, "use up to 64 characters"))},
		field{"weight", scalar(d, &s.Weight, factor(0, 1e6))},
		field{"gap", scalar(d, &habits.Gap, fault.ParseDist)},
		field{"goal", func(v value) { s.Goal = d.goal(v) }},
		field{"turns", func(v value) { turns = v }},
	)
	d.object(v, fields...)
	if turns.node == nil {
		if !d.given(join(v.path, "turns")) {
			d.fail(v, "add turns: what the user says", "has no turns")
		}
		return s
	}
	// The turns come last: they begin with the scenario's habits, wherever those stand.
	for item := range d.items(turns) {
		s.Turns = append(s.Turns, d.turn(item, habits))
	}
	return s
}

// habits returns the keys a scenario and its turns have in common.
func (d *decoder) habits(t *Turn) []field {
	return []field{
		{"think", scalar(d, &t.Think, fault.ParseDist)},
		{"patience", scalar(d, &t.Patience, span(100*time.Millisecond, time.Hour))},
		{"answered", func(v value) { d.answered(v, &t.Answered) }},
	}
}

// turn reads "Hi", {say: Hi}, {say: [Hi, Hello]}, {voice: [Hi, Hello]} or {burst: [Hi, are you there?]}.
func (d *decoder) turn(v value, t Turn) Turn {
	if v.node.Kind == yaml.ScalarNode {
		var text string
		scalar(d, &text, message)(v)
		t.Say = [][]string{{text}}
		return t
	}
	var say, voice, burst []string
	before := len(d.errs)
	d.object(v, append(d.habits(&t),
		field{"say", list(d, &say, message)},
		field{"voice", list(d, &voice, message)},
		field{"burst", list(d, &burst, message)},
		field{"gap", scalar(d, &t.Gap, fault.ParseDist)},
	)...)
	if burst != nil {
		t.Say = [][]string{burst}
	}
	t.Voice = voice != nil
	for _, text := range append(say, voice...) {
		t.Say = append(t.Say, []string{text})
	}
	switch {
	case len(d.errs) > before:
	case say != nil && burst != nil:
		d.fail(v, "make it two turns", "has both say and burst")
	case voice != nil && (say != nil || burst != nil):
		d.fail(v, "make it two turns", "is both spoken and written")
	case say == nil && burst == nil && voice == nil:
		d.fail(v, "add say, burst or voice", "says nothing")
	case burst == nil && d.given(join(v.path, "gap")):
		d.failPath(join(v.path, "gap"), "write burst for several messages in a row", "there is no gap in a single message")
	}
	return t
}

// answered reads first, "quiet 2s", {quiet: 2s} or {pattern: "..."}.
func (d *decoder) answered(v value, rule *AnswerRule) {
	quiet := span(time.Millisecond, time.Hour)
	if v.node.Kind == yaml.ScalarNode {
		scalar(d, rule, func(s string) (AnswerRule, error) {
			if s == "first" {
				return AnswerRule{Mode: "first"}, nil
			}
			if length, ok := strings.CutPrefix(s, "quiet "); ok {
				q, err := quiet(strings.TrimSpace(length))
				return AnswerRule{Mode: "quiet", Quiet: q}, err
			}
			return AnswerRule{}, flawf(`write first, "quiet 2s" or {pattern: "..."}`, "%q does not say which reply is the answer", s)
		})(v)
		return
	}
	got := AnswerRule{}
	before := len(d.errs)
	d.object(v,
		field{"pattern", scalar(d, &got.Pattern, expression)},
		field{"quiet", scalar(d, &got.Quiet, quiet)},
	)
	switch {
	case len(d.errs) > before:
		return
	case (got.Pattern == nil) == (got.Quiet == 0):
		d.fail(v, "", "needs either pattern or quiet")
		return
	case got.Pattern != nil:
		got.Mode = "pattern"
	default:
		got.Mode = "quiet"
	}
	*rule = got
}

// placeholder is a word in braces within a message.
var placeholder = regexp.MustCompile(`\{([A-Za-z_]+)\}`)

// message checks one message of a user: that it says something, and that the
// driver knows how to fill its placeholders.
func message(s string) (string, error) {
	known := []string{"name", "day", "time", "email", "number"}
	if _, err := anyText(s); err != nil {
		return "", err
	}
	for _, at := range placeholder.FindAllStringSubmatchIndex(s, -1) {
		if word := s[at[2]:at[3]]; !slices.Contains(known, word) {
			return "", &flaw{at[0], fmt.Sprintf("nothing fills {%s}", word), suggest(word, known, "placeholders")}
		}
	}
	return s, nil
}
