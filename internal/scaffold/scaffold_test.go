package scaffold

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"parley/internal/plan"
	"parley/internal/survey"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// folder reads the files of an archive.
func folder(t *testing.T, name string) fs.FS {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, f := range archive.Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return files
}

func look(t *testing.T, fsys fs.FS) *survey.Bot {
	t.Helper()
	bot, err := survey.Look(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return bot
}

func parse(t *testing.T, text string) *plan.Plan {
	t.Helper()
	p, err := plan.Parse("parley.yaml", []byte(text), t.TempDir(), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatalf("the plan does not parse: %v\n%s", err, text)
	}
	return p
}

// whole is everything of a draft that depends on the bot, in one text.
func whole(d *Draft) string {
	head, _, _ := strings.Cut(d.Plan, "\nusers:")
	text := head + "\n-- override --\n" + d.Override + "-- notes --\n"
	for _, note := range d.Notes {
		text += note + "\n"
	}
	return text
}

func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range names {
		bot := look(t, folder(t, name))
		for _, o := range []Options{{}, {Here: true}} {
			if o.Here && bot.Compose == nil {
				continue
			}
			golden := strings.TrimSuffix(name, ".txtar") + map[bool]string{false: ".golden", true: ".here.golden"}[o.Here]
			t.Run(filepath.Base(golden), func(t *testing.T) {
				d, err := Write(bot, o)
				got := fmt.Sprintln(err)
				if err == nil {
					got = whole(d)
					parse(t, d.Plan)
				} else if !errors.As(err, new(*Refusal)) {
					t.Errorf("error %T is no refusal", err)
				}
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
