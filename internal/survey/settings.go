package survey

import (
	"cmp"
	"regexp"
	"strings"
)

var (
	settingsClass = regexp.MustCompile(`(?m)^[ \t]*class\s+(\w+)\(([^)]*\bBaseSettings\b[^)]*)\)\s*:`)
	settingsField = regexp.MustCompile(`(?m)^([ \t]+)([a-zA-Z]\w*)[ \t]*:[ \t]*([^=\n]+?)[ \t]*(?:=[ \t]*(.*))?$`)
	envPrefix     = regexp.MustCompile(`env_prefix\s*[=:]\s*["'](\w*)["']|["']env_prefix["']\s*:\s*["'](\w*)["']`)
	fieldAlias    = regexp.MustCompile(`(?:validation_alias|alias|env)\s*=\s*(?:AliasChoices\(\s*|\[\s*)?["'](\w+)["']`)
	fieldDefault  = regexp.MustCompile(`^(?:Field\(\s*(?:default\s*=\s*)?)?(?:SecretStr\(\s*)?(?:["']([^"']*)["']|([\w.]+))`)
)

// settings reads the classes that pydantic fills from the environment: a field's variable is its
// name behind the class's prefix, or its alias, in any case.
func (s *scene) settings(f *file) {
	for _, class := range settingsClass.FindAllStringIndex(f.code, -1) {
		start, end := f.indented(class[0] + indent(f.code[class[0]:]))
		body := f.code[start:end]
		prefix := ""
		if m := envPrefix.FindStringSubmatch(body); m != nil {
			prefix = m[1] + m[2]
		}
		depth := -1
		for _, m := range settingsField.FindAllStringSubmatchIndex(body, -1) {
			width := m[3] - m[2]
			if depth < 0 {
				depth = width
			}
			field := body[m[4]:m[5]]
			if width != depth || field == "model_config" || len(f.within(start+m[4])) > 0 {
				continue
			}
			value := ""
			if m[8] >= 0 {
				value = s.fieldValue(f, start+m[8])
			}
			s.setting(f, prefix, field, body[m[6]:m[7]], value, m[8] >= 0, start+m[4])
		}
	}
}

// fieldValue returns what stands after "=", to the end of its brackets.
func (s *scene) fieldValue(f *file, at int) string {
	line, _, _ := strings.Cut(f.code[at:], "\n")
	for _, g := range f.groups {
		if g.open >= at && g.open < at+len(line) && g.end > at+len(line) {
			return f.code[at:min(g.end+1, at+1000)]
		}
	}
	return line
}

// setting adds one field.
func (s *scene) setting(f *file, prefix, field, kind, value string, given bool, at int) {
	name := strings.ToUpper(prefix + field)
	if m := fieldAlias.FindStringSubmatch(value); m != nil {
		name = m[1]
	}
	v := s.variable(name, f.place(at))
	if v == nil {
		return
	}
	v.At, v.Read = f.place(at), true
	v.Number = regexp.MustCompile(`^(int|float|Positive\w+|NonNegative\w+)\b`).MatchString(kind)
	optional := strings.Contains(kind, "Optional") || strings.Contains(kind, "None")
	inner := regexp.MustCompile(`^Field\(\s*(\.\.\.|\w+\s*=)`).FindStringSubmatch(value)
	switch {
	case !given, inner != nil && inner[1] == "...", inner != nil && !strings.Contains(value, "default"):
		v.Required = !optional || !given && !strings.Contains(kind, "Optional")
	default:
		if m := fieldDefault.FindStringSubmatch(value); m != nil && m[2] != "None" && m[2] != "Field" {
			s.note(v, cmp.Or(m[1], f.constant(m[2])))
		}
		v.HasDefault = !strings.HasPrefix(value, "None") && value != `""` && value != "''"
	}
	s.aliases[field] = append(s.aliases[field], alias{variable: v, file: f, local: common(field)})
}
