package tap

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// said is what a judge in Python writes: what the server answered it, and what it asked.
type said struct {
	Results json.RawMessage
	Asked   map[string]int
}

// judge lets a Python library do the same things directly and through a tap: the answers must be the same, the bytes passed on
// unchanged, and the calls recorded those that were asked.
func judge(t *testing.T, script, library, server, options string) {
	t.Helper()
	play := func(url string) (s said) {
		out := run(t, nil, python, script, library, url+options)
		if err := json.Unmarshal([]byte(out), &s); err != nil {
			t.Fatalf("%v in %q", err, out)
		}
		return s
	}
	direct := play(server)
	w := tapped(t, server)
	through := play(w.url)
	if diff := cmp.Diff(string(direct.Results), string(through.Results)); diff != "" {
		t.Errorf("answers (-direct +through the tap):\n%s", diff)
	}
	if len(direct.Results) < 100 {
		t.Errorf("little was answered: %s", direct.Results)
	}
	w.exact()
	want(t, w.end(), through.Asked)
}

func TestPostgresLibraries(t *testing.T) {
	for _, library := range []string{"asyncpg", "psycopg2", "psycopg"} {
		t.Run(library, func(t *testing.T) {
			if err := importable(t, library); err != "" {
				t.Fatal(err)
			}
			judge(t, "postgres.py", library, shared.postgres.URL(), "?sslmode=disable")
		})
	}
}

func TestRedisLibrary(t *testing.T) {
	if err := importable(t, "redis"); err != "" {
		t.Fatal(err)
	}
	judge(t, "redis_.py", "redis", shared.redis.URL(), "")
}

// importable returns why a library cannot be imported, empty if it can.
func importable(t *testing.T, library string) string {
	t.Helper()
	if out := run(t, nil, python, "-c", "import importlib.util as u; print(u.find_spec('"+library+"') is not None)"); strings.TrimSpace(out) != "True" {
		return library + " is not installed"
	}
	return ""
}
