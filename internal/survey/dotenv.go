package survey

import (
	"path"
	"regexp"
	"strings"
)

// isExample tells files that show which variables there are from those that hold the values of somebody's.
var isExample = regexp.MustCompile(`(?i)example|sample|template|dist$|default`)

// isEnvironment matches .env files and their examples.
var isEnvironment = regexp.MustCompile(`^(\.env(\.[\w.-]+)?|[\w.-]+\.env|env\.example)$`)

var assignment = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$`)

// examples reads the names in .env files. Values are read of example files only, and kept only if
// they can be no secret; of an address the shape is kept from either.
func (s *scene) examples() {
	for _, name := range s.names(func(name string) bool { return isEnvironment.MatchString(path.Base(name)) }) {
		n := 0
		for line := range strings.Lines(s.text[name]) {
			n++
			m := assignment.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
			if m == nil {
				continue
			}
			v := s.variable(m[1], Place{name, n})
			if v == nil {
				continue
			}
			value := strings.Trim(regexp.MustCompile(`\s+#.*$`).ReplaceAllString(m[2], ""), `"'`)
			v.keep(value)
			if isExample.MatchString(path.Base(name)) {
				s.note(v, value)
			} else if v.Set.File == "" {
				v.Set = Place{name, n}
			}
		}
	}
}
