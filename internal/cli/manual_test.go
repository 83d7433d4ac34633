package cli

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"parley"
	"parley/internal/diagnose/wires"
	"parley/internal/fault"
	"parley/internal/plan"
	"parley/internal/stats"
)

// manual is the folder of the pages for users.
const manual = "../../docs"

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(manual, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// visible are the commands people are shown.
func visible() []*cobra.Command {
	root := newRoot(Env{})
	root.InitDefaultHelpCmd()
	return slices.DeleteFunc(slices.Clone(root.Commands()), func(c *cobra.Command) bool { return c.Hidden })
}

// A command has a page of its own with a row for each of its flags. One without
// flags may stand in the index instead.
func TestManualHasEveryCommandAndFlag(t *testing.T) {
	index := page(t, "README.md")
	for _, c := range visible() {
		flags := flagsOf(c)
		if len(flags) == 0 && strings.Contains(index, "`parley "+c.Name()) {
			continue
		}
		text := page(t, c.Name()+".md")
		for _, name := range flags {
			if !regexp.MustCompile("(?m)^\\| [^|]*`--" + name + "`").MatchString(text) {
				t.Errorf("docs/%s.md has no row for --%s", c.Name(), name)
			}
		}
		for _, m := range regexp.MustCompile("(?m)^\\| (?:`-\\w`, )?`--([a-z-]+)`").FindAllStringSubmatch(text, -1) {
			if !slices.Contains(flags, m[1]) {
				t.Errorf("docs/%s.md tells of --%s, which parley %s does not have", c.Name(), m[1], c.Name())
			}
		}
		if !strings.Contains(index, "("+c.Name()+".md)") {
			t.Errorf("docs/README.md does not lead to %s.md", c.Name())
		}
	}
}

// flagsOf reads the flags of a command off its own help.
func flagsOf(c *cobra.Command) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatch(c.LocalFlags().FlagUsages(), -1) {
		if m[1] != "help" {
			names = append(names, m[1])
		}
	}
	return names
}

// Every command line shown in the manual is one parley understands.
func TestManualShowsCommandLinesThatParse(t *testing.T) {
	shown := 0
	for name, text := range pages(t) {
		for _, block := range regexp.MustCompile("(?s)```(?:sh|yaml)\n(.*?)```").FindAllStringSubmatch(text, -1) {
			for _, line := range regexp.MustCompile(`(?m)^\s*(?:- run: )?parley ([^|>\n]*)`).FindAllStringSubmatch(block[1], -1) {
				shown++
				root := newRoot(Env{Stdout: io.Discard, Stderr: io.Discard})
				c, args, err := root.Find(strings.Fields(line[1]))
				if err == nil {
					err = c.ParseFlags(args)
				}
				if err == nil {
					err = c.ValidateArgs(c.Flags().Args())
				}
				if err != nil {
					t.Errorf("docs/%s: parley %s: %v", name, line[1], err)
				}
			}
		}
	}
	if shown < 8 {
		t.Errorf("only %d command lines found in the manual", shown)
	}
}

func TestManualDefinesEveryMetric(t *testing.T) {
	text := page(t, "report.md")
	for _, m := range parley.Metrics() {
		row := regexp.MustCompile("(?m)^\\| `" + m.Name + "` \\|.*$").FindString(text)
		if !strings.Contains(strings.ToLower(row), strings.ToLower(m.Means)) {
			t.Errorf("docs/report.md has no row for %s with the definition %q", m.Name, m.Means)
		}
	}
}

func TestManualListsEveryExitCode(t *testing.T) {
	section := between(t, page(t, "review.md"), "## Exit codes", "\n## ")
	var listed []int
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(section, -1) {
		code, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, code)
	}
	want := []int{parley.ExitPass, parley.ExitFail, parley.ExitUsage, parley.ExitCannotTell, parley.ExitUnreachable, parley.ExitInterrupted}
	if !slices.Equal(listed, want) {
		t.Errorf("docs/review.md lists the exit codes %v, parley has %v", listed, want)
	}
}

func TestManualShowsFaultsThatParse(t *testing.T) {
	text := page(t, "faults.md")
	f := func(section string, parse func(string) error, wanted bool) {
		t.Helper()
		rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(
			between(t, text, "<!-- "+section+" -->", "<!-- end "+section+" -->"), -1)
		if len(rows) < 5 {
			t.Errorf("docs/faults.md: only %d examples of %s", len(rows), section)
		}
		for _, row := range rows {
			if err := parse(row[1]); (err == nil) != wanted {
				t.Errorf("docs/faults.md, %s: %q: error %v", section, row[1], err)
			}
		}
	}
	dist := func(s string) error { _, err := fault.ParseDist(s); return err }
	rule := func(s string) error { _, err := fault.ParseRule(s); return err }
	f("distributions", dist, true)
	f("rules", rule, true)
	f("refused", dist, false)
	f("refused", rule, false)
	for effect := fault.Status; effect <= fault.Malformed; effect++ {
		if !strings.Contains(text, "\n| `"+effect.String()) {
			t.Errorf("docs/faults.md does not tell of %v", effect)
		}
	}
}

// The script shown for the simulated model is one a plan takes.
func TestManualShowsAScriptThatParses(t *testing.T) {
	script := between(t, page(t, "openai.md"), "```yaml\n", "```")
	text := "target: {webhook: 'http://127.0.0.1:8000/'}\nscenarios: [turns: [Hi]]\ndependencies:\n  openai:\n    simulate:\n" +
		regexp.MustCompile(`(?m)^`).ReplaceAllString(script, "      ")
	if _, err := plan.Parse("openai.md", []byte(text), t.TempDir(), func(string) (string, bool) { return "", false }); err != nil {
		t.Error(err)
	}
}

// How many turns a percentile needs is stated as package stats has it.
func TestManualStatesWhatPercentilesNeed(t *testing.T) {
	text := page(t, "report.md")
	f := func(row string, needed func(p float64) int) {
		t.Helper()
		want := "| " + row
		for _, p := range []float64{0.5, 0.75, 0.9, 0.95, 0.99, 0.999} {
			want += " | " + strings.ReplaceAll(strconv.Itoa(needed(p)), "2995", "2,995")
		}
		if want = strings.ReplaceAll(want, "3688", "3,688") + " |"; !strings.Contains(text, want) {
			t.Errorf("docs/report.md lacks the row %q", want)
		}
	}
	f("a value from", func(p float64) int {
		n := 1
		for !stats.Carries(p, n) {
			n++
		}
		return n
	})
	f("an upper bound from", stats.Needed)
}

// Links between pages lead to a page, and to a heading of it.
func TestManualLinksResolve(t *testing.T) {
	all := pages(t)
	for name, text := range all {
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			goal, fragment, _ := strings.Cut(m[1], "#")
			if goal == "" {
				goal = name
			} else {
				goal = filepath.Join(filepath.Dir(name), goal)
			}
			other, known := all[goal]
			if !known {
				t.Errorf("docs/%s: no page %s", name, m[1])
			} else if fragment != "" && !slices.Contains(headings(other), fragment) {
				t.Errorf("docs/%s: no heading for %s", name, m[1])
			}
		}
	}
}

// pages returns the text of every page by its name, those of checks as "checks/n-plus-one.md".
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, folder := range []string{"", checksFolder} {
		names, err := filepath.Glob(filepath.Join(manual, folder, "*.md"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no pages in %q: %v", folder, err)
		}
		for _, name := range names {
			name = filepath.Join(folder, filepath.Base(name))
			all[name] = page(t, name)
		}
	}
	return all
}

// checksFolder holds a page for each check, and their index.
const checksFolder = "checks"

// Every check has a page and stands in the index, with the figures of its thresholds; and there are no others.
func TestManualHasEveryCheck(t *testing.T) {
	index := page(t, filepath.Join(checksFolder, "README.md"))
	var listed []string
	for _, m := range regexp.MustCompile(`(?m)^\| \[([a-z-]+)\]\(([a-z-]+)\.md\) \|`).FindAllStringSubmatch(index, -1) {
		if m[1] != m[2] {
			t.Errorf("docs/checks/README.md: %s leads to %s.md", m[1], m[2])
		}
		listed = append(listed, m[1])
	}
	var ids, written []string
	for _, c := range wires.Checks() {
		ids = append(ids, c.ID)
		if !slices.Contains(listed, c.ID) {
			t.Errorf("docs/checks/README.md has no row for %s", c.ID)
		}
		text, err := os.ReadFile(filepath.Join(manual, checksFolder, c.ID+".md"))
		if err != nil {
			t.Errorf("the check %s has no page: %v", c.ID, err)
			continue
		}
		for _, l := range c.Limits {
			if !strings.Contains(string(text), "`"+l.Name+"`") {
				t.Errorf("docs/checks/%s.md does not tell of the threshold %s", c.ID, l.Name)
			}
		}
	}
	for name := range pages(t) {
		if id, isCheck := strings.CutPrefix(name, checksFolder+"/"); isCheck && id != "README.md" {
			written = append(written, strings.TrimSuffix(id, ".md"))
		}
	}
	for _, id := range append(listed, written...) {
		if !slices.Contains(ids, id) {
			t.Errorf("docs/checks tells of %s, which is no check", id)
		}
	}
}

// headings returns the fragments of a page, as GitHub makes them of its headings.
func headings(text string) (fragments []string) {
	text = regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(text, "")
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		plain := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		fragments = append(fragments, strings.ReplaceAll(plain, " ", "-"))
	}
	return fragments
}

// between returns what stands between two marks.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, from)
	inside, _, ended := strings.Cut(rest, to)
	if !found || !ended {
		t.Fatalf("nothing between %q and %q", from, to)
	}
	return inside
}
