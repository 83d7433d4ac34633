package evolution

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// check says what is wrong with a JSON value, nothing if it is as it should be.
type check interface {
	wrong(path string, v any) []string
}

// complain words one complaint.
func complain(path, want string, v any) []string {
	got, err := json.Marshal(v)
	if err != nil {
		got = fmt.Appendf(nil, "%v", v)
	}
	return []string{fmt.Sprintf("%s: want %s, is %s", path, want, got)}
}

// shaped decodes a document, keeping whole numbers whole, and checks it.
func shaped(document string, c check) []string {
	var v any
	decoder := json.NewDecoder(strings.NewReader(document))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		return []string{fmt.Sprintf("no JSON: %v: %q", err, document)}
	}
	if decoder.More() {
		return []string{"something follows the document: " + document}
	}
	return c.wrong("$", v)
}

// object has exactly these members, but for optional ones.
type object map[string]check

func (o object) wrong(path string, v any) (out []string) {
	members, ok := v.(map[string]any)
	if !ok {
		return complain(path, "an object", v)
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		value, there := members[name]
		_, mayMiss := o[name].(optional)
		switch {
		case there:
			out = append(out, o[name].wrong(path+"."+name, value)...)
		case !mayMiss:
			out = append(out, path+"."+name+" is missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if o[name] == nil {
			out = append(out, path+"."+name+" is not documented")
		}
	}
	return out
}

// optional marks a member that need not be there.
type optional struct{ check }

// list has exactly these elements.
type list []check

func (l list) wrong(path string, v any) (out []string) {
	elements, ok := v.([]any)
	if !ok || len(elements) != len(l) {
		return complain(path, fmt.Sprintf("%d elements", len(l)), v)
	}
	for i, c := range l {
		out = append(out, c.wrong(fmt.Sprintf("%s[%d]", path, i), elements[i])...)
	}
	return out
}

// nested is one element in arrays of any depth, as validators' complaints are.
type nested struct{ check }

func (n nested) wrong(path string, v any) []string {
	elements, ok := v.([]any)
	if !ok || len(elements) != 1 {
		return complain(path, "an array of one", v)
	}
	if _, deeper := elements[0].([]any); deeper {
		return n.wrong(path+"[0]", elements[0])
	}
	return n.check.wrong(path+"[0]", elements[0])
}

// text is exactly this string.
type text string

func (w text) wrong(path string, v any) []string {
	if v != string(w) {
		return complain(path, fmt.Sprintf("%q", string(w)), v)
	}
	return nil
}

// pattern is a string that matches.
type pattern struct{ *regexp.Regexp }

func like(expression string) pattern { return pattern{regexp.MustCompile("^(?:" + expression + ")$")} }

func (p pattern) wrong(path string, v any) []string {
	if s, ok := v.(string); !ok || !p.MatchString(s) {
		return complain(path, p.String(), v)
	}
	return nil
}

// truth is exactly this truth value.
type truth bool

func (b truth) wrong(path string, v any) []string {
	if v != bool(b) {
		return complain(path, fmt.Sprint(bool(b)), v)
	}
	return nil
}

// number is exactly this number.
type number float64

func (n number) wrong(path string, v any) []string {
	given, ok := v.(json.Number)
	if f, err := given.Float64(); !ok || err != nil || f != float64(n) {
		return complain(path, fmt.Sprint(float64(n)), v)
	}
	return nil
}

// null is null.
type null struct{}

func (null) wrong(path string, v any) []string {
	if v != nil {
		return complain(path, "null", v)
	}
	return nil
}

// anything is any value but null.
type anything struct{}

func (anything) wrong(path string, v any) []string {
	if v == nil {
		return complain(path, "anything", v)
	}
	return nil
}

// unixSeconds is a whole number of seconds near a moment.
type unixSeconds struct{ near time.Time }

func (u unixSeconds) wrong(path string, v any) []string {
	given, ok := v.(json.Number)
	seconds, err := given.Int64()
	if !ok || err != nil || time.Unix(seconds, 0).Sub(u.near).Abs() > tolerance {
		return complain(path, fmt.Sprintf("whole seconds near %d", u.near.Unix()), v)
	}
	return nil
}

// wallClock is a moment of the place's clock which wrongly claims to be UTC.
type wallClock struct {
	near  time.Time
	place *time.Location
}

func (w wallClock) wrong(path string, v any) []string {
	s, _ := v.(string)
	at, err := time.ParseInLocation("2006-01-02T15:04:05.000Z", s, w.place)
	if err != nil || at.Sub(w.near).Abs() > tolerance {
		return complain(path, "a moment near "+w.near.In(w.place).Format("2006-01-02T15:04:05.000Z"), v)
	}
	return nil
}

// tolerance is for webhooks that were on their way; repeated ones state when the message was said.
const tolerance = 10 * time.Second
