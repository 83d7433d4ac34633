package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestUnreadableFiles: what cannot stand in a table of texts.
func TestUnreadableFiles(t *testing.T) {
	bomb := "a: &a {k: v}\n"
	for name := 'b'; name < 'k'; name++ {
		bomb += fmt.Sprintf("%c: &%c {%s}\n", name, name, strings.Join([]string{fmt.Sprintf("x: *%c", name-1), fmt.Sprintf("y: *%c", name-1), fmt.Sprintf("z: *%c", name-1), fmt.Sprintf("w: *%c", name-1), fmt.Sprintf("v: *%c", name-1)}, ", "))
	}
	bomb = strings.ReplaceAll(bomb, "\n", "\n        ")
	f := func(name, src, want string) {
		t.Helper()
		_, err := Parse("p.yaml", []byte(src), "/", noEnvironment)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %.300v, want %s", name, err, want)
		}
	}
	f("not UTF-8", "name: a\nseed: é\xff\n", "p.yaml:2:8: not UTF-8 text; save the file as UTF-8")
	f("UTF-16", "\xff\xfen\x00", "p.yaml:1:1: not UTF-8 text")
	f("NUL", "name: \x00\n", "p.yaml:1:7: control character U+0000; remove it")
	f("line separator", "name: a\u2028\n", "p.yaml:1:8: invisible character U+2028; remove it")
	f("old line ends", "bad: 1\rworse: 2\r"+least, "p.yaml:1:1: bad: unknown key; known keys: name, seed, target, dependencies, users, scenarios, load, money, budgets, safety, checks\np.yaml:2:1: worse:")
	f("BOM and an unknown key", "\uFEFFbad: 1\n"+least, "p.yaml:1:1: bad: unknown key")
	f("huge", strings.Repeat("#\n", maxSize/2+1), "p.yaml:1:1: the plan is larger than 1 MB")
	f("deep", strings.Repeat("[", 100_000), "p.yaml:1:10001: not YAML: exceeded max depth")
	f("bomb", least+"dependencies: {openai: {simulate: {script: [{when: x, call: f, arguments: {\n"+strings.Repeat(" ", 8)+strings.ReplaceAll(strings.TrimSpace(bomb), "\n", ",\n")+"}}]}}}\n", "p.yaml:5:")
	f("many turns", least+"x: &x ["+strings.Repeat("a,", 1000)+"]\ny: &y {turns: *x}\n"+strings.Replace("scenarios: [S]", "S", strings.Repeat("*y,", 1000), 1), "p.yaml:3:1: x: unknown key")
	f("many scenarios", "target: {webhook: \"http://127.0.0.1:1/\"}\nscenarios: [{turns: &x ["+strings.Repeat("a,", 1000)+"]}"+strings.Repeat(",{turns: *x}", 1000)+"]\n", "p.yaml:2:")
}

// FuzzParse: reading never panics, errors lie within the file, and what was read can be written.
func FuzzParse(f *testing.F) {
	f.Add([]byte(example(f)))
	f.Add([]byte(least))
	for _, seed := range []string{"", "a: &a [*a]", "\uFEFF{", "target: {webhook: ${X}}", "- \t- |", "scenarios: [{turns: [{say: {}}]}]", "? {}\n: []", "load: {phases: [{ramp: {to: .nan}}]}"} {
		f.Add([]byte(seed))
	}
	paths, _ := filepath.Glob("testdata/bad/*.txt")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, block := range strings.Split("\n"+string(text), "\n=== ")[1:] {
			_, rest, _ := strings.Cut(block, "\n")
			src, _, _ := strings.Cut(rest, "\n>>>\n")
			f.Add([]byte(src))
		}
	}
	getenv := environmentOf(map[string]string{"TOKEN": "s3cr3t-t0k3n", "X": "http://127.0.0.1/"})
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := Parse("p.yaml", src, "/srv/bot", getenv)
		if err == nil {
			if text := p.Resolved(); !json.Valid(text) || strings.Contains(string(text), "s3cr3t-t0k3n") {
				t.Errorf("resolved: %s", text)
			}
			p.Expect()
			return
		}
		errs, ok := errors.AsType[Errors](err)
		if !ok || len(errs) == 0 {
			t.Fatalf("%T: %v", err, err)
		}
		if strings.Contains(err.Error(), "s3cr3t-t0k3n") && !strings.Contains(string(src), "s3cr3t-t0k3n") {
			t.Errorf("a secret in an error: %v", err)
		}
		lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(src), "\uFEFF")), "\n")
		for i, e := range errs {
			if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > 1+utf8.RuneCountInString(lines[e.Line-1]) {
				t.Errorf("outside of the file: %v", e)
			}
			if i > 0 && (e.Line < errs[i-1].Line || e.Line == errs[i-1].Line && e.Column < errs[i-1].Column) {
				t.Errorf("not in the file's order: %v", err)
			}
		}
	})
}
