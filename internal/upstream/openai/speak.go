package openai

import (
	"encoding/json"
	"slices"
	"time"

	"parley/internal/plan"
)

// utterance is what the model says: text, or calls of tools.
type utterance struct {
	text  string
	calls []intent
}

// intent is a call of a tool.
type intent struct {
	tool      string
	arguments map[string]any
}

// speaker decides what the model says to a request. It is deterministic: the same
// request on the same day is answered in the same words.
type speaker struct {
	req     *chatRequest
	script  []plan.Line
	said    string // the user's last message
	today   time.Time
	offered []tool // those that may be called
	forced  bool   // one of them must be
}

func newSpeaker(req *chatRequest, script []plan.Line, today time.Time) *speaker {
	p := &speaker{req: req, script: script, said: req.lastUser(), today: today}
	switch c := req.ToolChoice; c.mode {
	case "none":
	case "function":
		p.offered = slices.DeleteFunc(slices.Clone(req.Tools), func(t tool) bool { return t.Function.Name != c.name })
		p.forced = true
	default:
		p.offered, p.forced = req.Tools, c.mode == "required"
	}
	return p
}

// speak tries, in this order: the script, a tool the user's words ask for (or the
// request insists on), the result of the tools just called, a plain sentence.
func (p *speaker) speak() utterance {
	result, answered := p.req.toolResult()
	if u, ok := p.recite(answered); ok {
		return u
	}
	if len(p.offered) > 0 && (p.forced || !answered) {
		if u, ok := p.reach(); ok {
			return u
		}
	}
	if answered {
		return utterance{text: p.formatted(tell(result))}
	}
	return utterance{text: p.formatted(reply(p.said))}
}

// recite speaks the first line of the script that applies.
func (p *speaker) recite(answered bool) (utterance, bool) {
	for _, line := range p.script {
		groups := line.When.FindStringSubmatchIndex(p.said)
		if groups == nil {
			continue
		}
		expand := func(template string) string {
			return string(line.When.ExpandString(nil, template, p.said, groups))
		}
		switch f := p.offer(line.Call); {
		case line.Call == "" && !p.forced:
			return utterance{text: p.formatted(expand(line.Say))}, true
		case f != nil && (!answered || p.forced):
			return utterance{calls: []intent{p.call(f, expandedAll(line.Arguments, expand))}}, true
		}
	}
	return utterance{}, false
}

func (p *speaker) offer(name string) *function {
	for i := range p.offered {
		if p.offered[i].Function.Name == name {
			return &p.offered[i].Function
		}
	}
	return nil
}

// expanded fills the groups of a match into all texts of a value.
func expanded(v any, expand func(string) string) any {
	switch v := v.(type) {
	case string:
		return expand(v)
	case map[string]any:
		return expandedAll(v, expand)
	case []any:
		filled := make([]any, len(v))
		for i, item := range v {
			filled[i] = expanded(item, expand)
		}
		return filled
	default:
		return v
	}
}

func expandedAll(values map[string]any, expand func(string) string) map[string]any {
	filled := make(map[string]any, len(values))
	for key, v := range values {
		filled[key] = expanded(v, expand)
	}
	return filled
}

// most is the largest number of tools called at once without a script.
const most = 3

// reach picks the tools the user's words ask for, best first. Tools whose claim rests on
// words another tool has already claimed are left alone.
func (p *speaker) reach() (utterance, bool) {
	type claim struct {
		f     *function
		score int
		words []string
	}
	words := significant(ending(p.said))
	claims := make([]claim, len(p.offered))
	for i := range p.offered {
		f := &p.offered[i].Function
		score, shared := affinity(words, f)
		claims[i] = claim{f, score, shared}
	}
	slices.SortStableFunc(claims, func(a, b claim) int { return b.score - a.score })
	var u utterance
	taken := map[string]bool{}
	for _, c := range claims {
		if c.score < plausible && (!p.forced || len(u.calls) > 0) {
			break
		}
		if slices.ContainsFunc(c.words, func(w string) bool { return taken[w] }) {
			continue
		}
		for _, w := range c.words {
			taken[w] = true
		}
		u.calls = append(u.calls, p.call(c.f, nil))
		alone := p.req.ParallelToolCalls != nil && !*p.req.ParallelToolCalls || p.req.ToolChoice.mode == "function"
		if alone || len(u.calls) == most {
			break
		}
	}
	return u, len(u.calls) > 0
}

// call completes the given arguments from the tool's schema.
func (p *speaker) call(f *function, given map[string]any) intent {
	m := newMaker(f.Parameters, p.said, p.today)
	arguments := m.object(m.root, given)
	return intent{tool: f.Name, arguments: arguments}
}

// formatted puts text into the response format the request asks for. Text that is an object already stays as it is.
func (p *speaker) formatted(text string) string {
	f := p.req.ResponseFormat
	if f == nil || f.Type != "json_object" && f.Type != "json_schema" {
		return text
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &object) == nil {
		return text
	}
	var v any = map[string]any{"reply": text}
	if f.Type == "json_schema" {
		m := newMaker(f.JSONSchema.Schema, p.said, p.today)
		m.sentence = text
		v = m.value(m.root, "reply", 0)
	}
	return jsonOf(v)
}
