package plan

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected errors in testdata")

// TestBadPlans holds wrong plans against the full text of their errors. Each file of
// testdata/bad is a list of cases: a line "=== name", the plan, a line ">>>", the errors.
// With -update the errors are rewritten.
func TestBadPlans(t *testing.T) {
	paths, err := filepath.Glob("testdata/bad/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	getenv := environmentOf(map[string]string{"TOKEN": "s3cr3t-t0k3n", "EMPTY": "", "PORT": "9999"})
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var rewritten strings.Builder
		for _, block := range strings.Split("\n"+string(text), "\n=== ")[1:] {
			name, rest, _ := strings.Cut(block, "\n")
			src, want, _ := strings.Cut(rest, "\n>>>\n")
			got := errorText(t, name, src+"\n", getenv)
			if diff := cmp.Diff(strings.TrimSpace(want), got); diff != "" && !*update {
				t.Errorf("%s: %s (-want +got):\n%s", path, name, diff)
			}
			fmt.Fprintf(&rewritten, "=== %s\n%s\n>>>\n%s\n\n", name, src, got)
		}
		if *update {
			if err := os.WriteFile(path, []byte(rewritten.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// errorText returns what is said of a wrong plan.
func errorText(t *testing.T, name, src string, getenv func(string) (string, bool)) string {
	t.Helper()
	_, err := Parse("parley.yaml", []byte(src), "/srv/bot", getenv)
	if err == nil {
		t.Errorf("%s: no error", name)
		return ""
	}
	if _, ok := errors.AsType[Errors](err); !ok {
		t.Errorf("%s: the error is a %T", name, err)
	}
	return err.Error()
}
