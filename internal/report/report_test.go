package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); -update rewrites it:\n%s", name, diff)
	}
}

func TestTerminalGolden(t *testing.T) {
	for name, d := range fixtures() {
		for width, suffix := range map[int]string{0: "", 100: ".100"} {
			var out bytes.Buffer
			if err := Terminal(&out, d, TerminalOptions{Width: width}); err != nil {
				t.Fatal(err)
			}
			golden(t, name+suffix+".txt", out.Bytes())
		}
	}
}

func TestTerminalFits(t *testing.T) {
	for name, d := range fixtures() {
		for _, o := range []TerminalOptions{{}, {Width: 60}, {Width: 20}, {Width: 100, Color: true}, {Width: 300}} {
			var out bytes.Buffer
			if err := Terminal(&out, d, o); err != nil {
				t.Fatal(err)
			}
			limit := min(max(o.Width, 60), 100)
			if o.Width == 0 {
				limit = 80
			}
			for line := range strings.SplitSeq(out.String(), "\n") {
				plain := ansi.Strip(line)
				if got := ansi.StringWidth(plain); got > limit {
					t.Errorf("%s %+v: %d cells wide: %q", name, o, got, line)
				}
				if plain != strings.TrimRight(plain, " ") {
					t.Errorf("%s %+v: trailing space: %q", name, o, line)
				}
				if !o.Color && plain != line {
					t.Errorf("%s %+v: escape sequence without colour: %q", name, o, line)
				}
			}
			if !utf8.Valid(out.Bytes()) {
				t.Errorf("%s: not UTF-8", name)
			}
		}
	}
}

func TestJSONGolden(t *testing.T) {
	for _, name := range []string{"ramp", "broken"} {
		var out bytes.Buffer
		if err := JSON(&out, fixtures()[name]); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", out.Bytes())
	}
}
