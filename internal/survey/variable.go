package survey

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"
)

// Variable is an environment variable of the bot.
type Variable struct {
	Name string `json:"name"`
	// At is where the bot reads it, or else the first file that names it.
	At Place `json:"at"`
	// Service and Part say what it carries; an empty Service that nothing shows what.
	Service Service `json:"service,omitempty"`
	Part    Part    `json:"part,omitempty"`
	// Why is what shows it, and WhyAt where. A Guess rests on the name alone.
	Why   string `json:"why,omitempty"`
	WhyAt Place  `json:"why_at,omitzero"`
	Guess bool   `json:"guess,omitempty"`
	// Required: the bot does not start without it. HasDefault: the source says what it is otherwise.
	Required   bool `json:"required,omitempty"`
	HasDefault bool `json:"has_default,omitempty"`
	// Default is that, or the value of an example file, if it can be no secret.
	Default string `json:"default,omitempty"`
	// Shape is how the bot wants an address.
	Shape Shape `json:"shape,omitzero"`
	// Read: the bot's source reads it. Set: an .env file names it.
	Read bool  `json:"read"`
	Set  Place `json:"set,omitzero"`
	// Number: the source turns it into a number.
	Number bool `json:"number,omitempty"`

	score int
}

// Part is what of a service's address or credentials a variable carries.
type Part string

// The parts.
const (
	URL      Part = "url"
	Host     Part = "host"
	Port     Part = "port"
	User     Part = "user"
	Password Part = "password"
	Database Part = "database"
	Key      Part = "key"
	Instance Part = "instance"
	Model    Part = "model"
	Options  Part = "options" // anything else
)

// Shape is the form of an address, without anything secret.
type Shape struct {
	Scheme string `json:"scheme,omitempty"` // "postgresql+asyncpg"
	// Path is the URL's, if Known: the bot may want "/v1", nothing, or the whole of an endpoint.
	Path  string `json:"path,omitempty"`
	Known bool   `json:"known,omitempty"`
	// Bare: host and port without a scheme.
	Bare bool `json:"bare,omitempty"`
}

// shapeOf takes the shape of an address.
func shapeOf(value string) Shape {
	u, err := url.Parse(value)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return Shape{}
	}
	return Shape{Scheme: u.Scheme, Path: openPath(u.Path), Known: true}
}

// word matches a segment of a path that names a resource: "v1beta", "completions", "sendText".
var word = regexp.MustCompile(`^(?:v\d\w{0,6}|[a-z]{1,24}(?:[A-Z][a-z]+)*(?:[-_.][a-z]+)*)$`)

// openPath is a path with a star for what is no word: the addresses of some services hold a key there.
func openPath(path string) string {
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for i, part := range parts {
		if part != "" && !word.MatchString(part) {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}

// keep keeps the shape of an address, the first that is known.
func (v *Variable) keep(value string) {
	if shape := shapeOf(value); shape.Known && !v.Shape.Known {
		v.Shape = shape
	} else if strings.HasPrefix(value, "sqlite") && v.Shape.Scheme == "" {
		v.Shape.Scheme = "sqlite"
	}
}

// compareVariables orders variables: those with a service first, then by place.
func compareVariables(a, b *Variable) int {
	rank := func(v *Variable) int {
		if v.Service == "" {
			return 1
		}
		return 0
	}
	return cmp.Or(rank(a)-rank(b), cmp.Compare(a.Service, b.Service), cmp.Compare(a.At.File, b.At.File), a.At.Line-b.At.Line, cmp.Compare(a.Name, b.Name))
}

// maxVariables bounds how many are kept.
const maxVariables = 500

// variableName matches what a shell takes for one: compose files can have anything in that place.
var variableName = regexp.MustCompile(`^[A-Za-z_]\w{0,79}$`)

// variable returns the one of a name, which it adds if need be; nil when there are too many.
func (s *scene) variable(name string, at Place) *Variable {
	if v, ok := s.vars[name]; ok {
		return v
	}
	if len(s.vars) >= maxVariables || !variableName.MatchString(name) || ambient(name) {
		return nil
	}
	v := &Variable{Name: name, At: at}
	s.vars[name] = v
	return v
}

var ambientNames = regexp.MustCompile(`^(PATH|HOME|USER|PWD|SHELL|LANG|LC_\w+|TERM|TZ|TMPDIR|HOSTNAME|CI|GO(PATH|ROOT|OS|ARCH|FLAGS)|` +
	`PYTHON\w*|PIP_\w+|NODE_PATH|NODE_OPTIONS|npm_\w+|VIRTUAL_ENV|DJANGO_SETTINGS_MODULE|COMPOSE_\w+|DOCKER_\w+)$`)

// ambient are variables of the system, of the language or of a build, which are no settings of the bot.
func ambient(name string) bool {
	return ambientNames.MatchString(name)
}

// secretName matches names whose values may be secrets, whatever they look like.
var secretName = regexp.MustCompile(`(?i)(KEY|TOKEN|SECRET|PASS|PWD|CREDENTIAL|PRIVATE|AUTH|SALT|DSN|SIGNATURE|COOKIE|JWT|SID$|CERT)`)

// plainValue matches values that are settings: words, numbers, paths, addresses without a password.
var plainValue = regexp.MustCompile(`^[A-Za-z0-9 _./:+,-]{1,80}$`)

// Keys are long and have digits. A number of nine digits and more may be somebody's.
var (
	longValue  = regexp.MustCompile(`[A-Za-z0-9_-]{24,}`)
	digits     = regexp.MustCompile(`\d.*\d.*\d`)
	longNumber = regexp.MustCompile(`(?:\d[ .-]?){9,}`)
)

// harmless returns a value if it can be no secret, else nothing.
func harmless(name, value string) string {
	value = strings.TrimSpace(value)
	switch {
	case secretName.MatchString(name), !plainValue.MatchString(value):
		return ""
	case strings.HasPrefix(value, "sk-"), longValue.MatchString(value) && digits.MatchString(value), longNumber.MatchString(value):
		return ""
	}
	if u, err := url.Parse(value); err == nil && u.Host != "" && strings.Contains(openPath(u.Path), "*") {
		return ""
	}
	return value
}

// SecretLooking reports whether a variable's name says that it holds a secret.
func (v *Variable) SecretLooking() bool { return secretName.MatchString(v.Name) }
