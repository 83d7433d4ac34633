package plan

import (
	"os"
	"strings"
	"testing"
)

// noEnvironment has no variables.
func noEnvironment(string) (string, bool) { return "", false }

// environmentOf has the given variables.
func environmentOf(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	}
}

// example returns the full example of docs/plan.md.
func example(t testing.TB) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/plan.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## A full example")
	_, code, _ := strings.Cut(section, "```yaml\n")
	code, _, ok := strings.Cut(code, "```")
	if !ok {
		t.Fatal("docs/plan.md holds no full example")
	}
	return code
}

func parse(t testing.TB, src string) *Plan {
	t.Helper()
	p, err := Parse("parley.yaml", []byte(src), "/srv/receptionist", noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestExampleOfTheManual(t *testing.T) {
	p := parse(t, example(t))
	t.Logf("%s", p.Resolved())
}
