package openai

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Bounds of what is made from a schema: optional parts end at deep, everything
// at deepest, and no value has more than largest parts.
const (
	deep    = 4
	deepest = 10
	largest = 2000
)

// maker makes values that conform to a JSON schema, with values found in the
// user's words where a property's name or format calls for them. It knows types, enum, const,
// required, formats, bounds, nesting, arrays, local $ref, and anyOf, oneOf and
// allOf; it does not know pattern, if/then and the like.
type maker struct {
	root     map[string]any
	said     string
	facts    facts
	sentence string // for properties that are a reply to the user
	parts    int
}

func newMaker(schema json.RawMessage, said string, today time.Time) *maker {
	m := &maker{said: said, facts: findFacts(ending(said), today)}
	if json.Unmarshal(schema, &m.root) != nil {
		m.root = nil // anything goes
	}
	return m
}

// value makes a value for the property of that name.
func (m *maker) value(schema map[string]any, name string, depth int) any {
	m.parts++
	if depth > deepest || m.parts > largest {
		return nil
	}
	schema = m.resolve(schema)
	if fixed, ok := schema["const"]; ok {
		return fixed
	}
	if options, ok := schema["enum"].([]any); ok && len(options) > 0 {
		return m.choose(options)
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if options, ok := schema[key].([]any); ok {
			return m.value(pickOption(options, depth > deep), name, depth+1)
		}
	}
	switch typeOf(schema) {
	case "object":
		return m.members(schema, nil, depth)
	case "array":
		return m.items(schema, name, depth)
	case "integer":
		return m.number(schema, true)
	case "number":
		return m.number(schema, false)
	case "boolean":
		return true
	case "null":
		return nil
	default:
		return fit(m.text(schema, strings.ToLower(name)), schema)
	}
}

// object makes an object that holds the given members and, beside them, those it must have.
func (m *maker) object(schema, given map[string]any) map[string]any {
	return m.members(m.resolve(schema), given, 0)
}

func (m *maker) members(schema, given map[string]any, depth int) map[string]any {
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	made := make(map[string]any, len(required))
	for _, name := range sortedKeys(properties) {
		property, _ := properties[name].(map[string]any)
		if _, ok := given[name]; ok {
			continue
		}
		if slices.Contains(required, any(name)) || depth <= deep && m.knows(m.resolve(property), strings.ToLower(name)) {
			made[name] = m.value(property, name, depth+1)
		}
	}
	maps.Copy(made, given)
	return made
}

// knows reports whether the user's words hold a value for an optional property.
func (m *maker) knows(schema map[string]any, name string) bool {
	switch kind := m.kind(schema, name); {
	case typeOf(schema) != "string":
		return false
	case kind == "email":
		return m.facts.email != ""
	case kind == "name":
		return m.facts.name != ""
	case kind == "date":
		return m.facts.dated
	case kind == "date-time", kind == "time":
		return m.facts.clock != ""
	default:
		return false
	}
}

// resolve follows local references and merges allOf into one schema.
func (m *maker) resolve(schema map[string]any) map[string]any {
	for range deepest {
		ref, ok := schema["$ref"].(string)
		if !ok {
			break
		}
		schema = m.lookup(ref)
	}
	all, ok := schema["allOf"].([]any)
	if !ok {
		return schema
	}
	merged := map[string]any{}
	properties := map[string]any{}
	var required []any
	for _, part := range append([]any{schema}, all...) {
		part, _ := part.(map[string]any)
		if ref, ok := part["$ref"].(string); ok {
			part = m.lookup(ref)
		}
		maps.Copy(merged, part)
		own, _ := part["properties"].(map[string]any)
		maps.Copy(properties, own)
		names, _ := part["required"].([]any)
		required = append(required, names...)
	}
	delete(merged, "allOf")
	if len(properties) > 0 {
		merged["properties"], merged["required"] = properties, required
	}
	return merged
}

// lookup finds "#/$defs/name" and the like, an empty schema if it is not there.
func (m *maker) lookup(ref string) map[string]any {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	at := m.root
	for step := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if step == "" {
			continue
		}
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		at, _ = at[step].(map[string]any)
	}
	return at
}

// typeOf is the schema's type; of several, the first that is not null.
func typeOf(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		for _, item := range t {
			if name, ok := item.(string); ok && name != "null" {
				return name
			}
		}
		return "null"
	}
	switch {
	case schema["properties"] != nil:
		return "object"
	case schema["items"] != nil:
		return "array"
	default:
		return "string"
	}
}

// pickOption takes the first option that is not null, or null itself to come to an end.
func pickOption(options []any, preferNull bool) map[string]any {
	var first map[string]any
	for _, o := range options {
		o, _ := o.(map[string]any)
		if isNull := typeOf(o) == "null"; isNull == preferNull {
			return o
		}
		if first == nil {
			first = o
		}
	}
	return first
}

// choose takes the option the user named, else the first.
func (m *maker) choose(options []any) any {
	said := strings.ToLower(m.said)
	for _, o := range options {
		if text, ok := o.(string); ok && text != "" && strings.Contains(said, strings.ToLower(strings.ReplaceAll(text, "_", " "))) {
			return o
		}
	}
	return options[0]
}

func (m *maker) items(schema map[string]any, name string, depth int) []any {
	least, most := bound(schema, "minItems", 0), bound(schema, "maxItems", math.Inf(1))
	n := max(least, 1)
	if depth > deep {
		n = least
	}
	n = min(n, most, 100)
	item, _ := schema["items"].(map[string]any)
	list := make([]any, 0, int(n))
	for range int(n) {
		list = append(list, m.value(item, strings.TrimSuffix(name, "s"), depth+1))
	}
	return list
}

// number takes the number the user said if it is within bounds, else the nearest to 1 that is.
func (m *maker) number(schema map[string]any, whole bool) any {
	step := bound(schema, "multipleOf", 0)
	if step <= 0 && whole {
		step = 1
	}
	low, high := bound(schema, "minimum", math.Inf(-1)), bound(schema, "maximum", math.Inf(1))
	nudge := cmp.Or(step, 1e-3)
	low = max(low, bound(schema, "exclusiveMinimum", math.Inf(-1))+nudge)
	high = min(high, bound(schema, "exclusiveMaximum", math.Inf(1))-nudge)
	v := 1.0
	if m.facts.numbered && m.facts.number >= low && m.facts.number <= high {
		v = m.facts.number
	}
	v = min(max(v, low), high)
	if step > 0 {
		if up := math.Ceil(v/step) * step; up <= high && !math.IsInf(up, 0) {
			v = up
		} else if down := math.Floor(v/step) * step; !math.IsInf(down, 0) {
			v = down
		}
	}
	if whole && math.Abs(v) < 1<<53 {
		return int64(v)
	}
	return v
}

func bound(schema map[string]any, key string, absent float64) float64 {
	if v, ok := schema[key].(float64); ok {
		return v
	}
	return absent
}

// kind is what a text is about: its format, or what the property's name says.
func (m *maker) kind(schema map[string]any, name string) string {
	if format, ok := schema["format"].(string); ok {
		return format
	}
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) })
	}
	switch {
	case has("email", "e-mail", "attendee"):
		return "email"
	case has("datetime", "date_time", "start", "end") && !has("friend", "calendar", "gender", "attend", "send"):
		return "date-time"
	case has("date", "day") && !has("update"):
		return "date"
	case has("time", "hour") && !has("timezone", "time_zone"):
		return "time"
	case has("timezone", "time_zone"):
		return "timezone"
	case has("phone", "mobile"):
		return "phone"
	case has("name"):
		return "name"
	case has("reply", "response", "answer", "message", "content"):
		return "reply"
	default:
		return ""
	}
}

func (m *maker) text(schema map[string]any, name string) string {
	said := cmp.Or(shortened(m.said, 80), "example")
	switch m.kind(schema, name) {
	case "email":
		return cmp.Or(m.facts.email, "guest@example.com")
	case "date":
		return m.facts.date.Format(time.DateOnly)
	case "date-time":
		at := m.facts.moment()
		if strings.Contains(name, "end") {
			at = at.Add(30 * time.Minute)
		}
		return at.Format(time.RFC3339)
	case "time":
		return cmp.Or(m.facts.clock, "10:00")
	case "timezone":
		return "UTC"
	case "phone":
		return "+15555550100" // of the block kept for fiction
	case "name":
		return cmp.Or(m.facts.name, "Alex Guest")
	case "uuid":
		return "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
	case "uri", "url":
		return "https://example.com/"
	case "reply":
		return cmp.Or(m.sentence, said)
	default:
		return said
	}
}

// fit makes text as long as the schema wants it.
func fit(text string, schema map[string]any) string {
	least, most := bound(schema, "minLength", 0), bound(schema, "maxLength", math.Inf(1))
	runes := []rune(text)
	if float64(len(runes)) > most {
		runes = runes[:max(0, int(most))]
	}
	for float64(len(runes)) < min(least, 10_000) {
		runes = append(runes, '.')
	}
	return string(runes)
}
