package record

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley"
)

func TestCreateRefusesFoldersOfOthers(t *testing.T) {
	f := func(name string, fill func(t *testing.T, dir string), replace bool, want string) {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			fill(t, dir)
			o := tested()
			o.Replace = replace
			w, err := Create(dir, &parley.Run{}, o)
			if err == nil {
				defer closeWriter(t, w)
			}
			switch {
			case want == "" && err != nil:
				t.Errorf("Create: %v", err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir)):
				t.Errorf("Create: %v, want %q and the folder's path", err, want)
			}
		})
	}
	nothing := func(*testing.T, string) {}
	empty := func(t *testing.T, dir string) { mkdir(t, dir) }
	foreign := func(t *testing.T, dir string) { mkdir(t, dir); touch(t, filepath.Join(dir, "thesis.docx")) }
	foreignJSON := func(t *testing.T, dir string) { mkdir(t, dir); touch(t, filepath.Join(dir, runFile)) }
	finished := func(t *testing.T, dir string) { closeWriter(t, create(t, dir, tested())) }
	dead := func(t *testing.T, dir string) { kill(t, create(t, dir, tested())) }
	alive := func(t *testing.T, dir string) {
		w := create(t, dir, tested())
		t.Cleanup(func() { closeWriter(t, w) })
	}
	f("no folder", nothing, false, "")
	f("empty folder", empty, false, "")
	f("foreign folder", foreign, false, "holds no run of parley")
	f("foreign folder, replace", foreign, true, "holds no run of parley")
	f("foreign run.json, replace", foreignJSON, true, "no run this parley can read")
	f("finished run", finished, false, `holds the run "test" already (complete)`)
	f("finished run, replace", finished, true, "")
	f("killed run", dead, false, `holds the run "test" already (running)`)
	f("killed run, replace", dead, true, "")
	f("run going on, replace", alive, true, "another parley is recording")
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, folderMode); err != nil {
		t.Fatal(err)
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("{}"), fileMode); err != nil {
		t.Fatal(err)
	}
}

func TestReplaceRemovesTheRunAndNothingElse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	w := create(t, dir, tested())
	say(w, 1, 5)
	closeWriter(t, w)
	touch(t, filepath.Join(dir, "notes.txt"))
	kept := filepath.Join(dir, ExchangesDir)
	if err := os.Mkdir(kept, folderMode); err != nil {
		t.Fatal(err)
	}
	touch(t, filepath.Join(kept, "openai.jsonl"))
	o := tested()
	o.Replace = true
	w = create(t, dir, o)
	r := open(t, dir)
	same(t, "turns", 0, len(all(t, r, r.Turns())))
	if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(kept); err == nil {
		t.Error("what users said in the run before is still there")
	}
	closeWriter(t, w)
}

func TestOnlyTheOwnerMayRead(t *testing.T) {
	root := t.TempDir()
	dir := DefaultDir(root, "x", time.Unix(0, 0))
	w := create(t, dir, tested())
	say(w, 1, 1)
	flush(t, w)
	check := func() {
		err := filepath.WalkDir(filepath.Join(root, ".parley"), func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	check()
	closeWriter(t, w)
	check()
}

func TestFinishedFolderHoldsWhatIsDocumented(t *testing.T) {
	w := create(t, filepath.Join(t.TempDir(), "run"), tested())
	closeWriter(t, w)
	closeWriter(t, w) // a second time changes nothing
	entries, err := os.ReadDir(w.Dir())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	same(t, "files", []string{"calls.parquet", "replies.parquet", "run.json", "series.parquet", "turns.parquet"}, names)
}

func TestUpdateAndFinalState(t *testing.T) {
	w := create(t, filepath.Join(t.TempDir(), "run"), tested())
	w.Update(func(run *parley.Run) { run.Phases = append(run.Phases, parley.Phase{Name: "steady"}) })
	say(w, 1, 3)
	flush(t, w)
	run := open(t, w.Dir()).Run()
	same(t, "state", parley.Running, run.State)
	same(t, "phases", 1, len(run.Phases))
	same(t, "elapsed", 3*time.Second, run.Elapsed)
	w.Update(func(run *parley.Run) { run.State = parley.Interrupted })
	closeWriter(t, w)
	same(t, "state", parley.Interrupted, open(t, w.Dir()).Run().State)
}

func TestList(t *testing.T) {
	root := t.TempDir()
	if runs, err := List(root); err != nil || runs != nil {
		t.Fatalf("List of no project: %v, %v", runs, err)
	}
	start := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	add := func(name string, after time.Duration) *Writer {
		dir := DefaultDir(root, name, start.Add(after))
		w, err := Create(dir, &parley.Run{Name: name, Verb: "load", Started: start.Add(after)}, tested())
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	closeWriter(t, add("old", 0))
	dead := add("dead", time.Hour)
	say(dead, 1, 2)
	flush(t, dead)
	kill(t, dead)
	judged := add("judged", 2*time.Hour)
	judged.Update(func(run *parley.Run) { run.Verdict = &parley.Verdict{Result: parley.Pass} })
	closeWriter(t, judged)
	alive := add("alive", 3*time.Hour)
	defer closeWriter(t, alive)
	broken := add("broken", 4*time.Hour)
	closeWriter(t, broken)
	touch(t, filepath.Join(broken.Dir(), runFile))

	runs, err := List(root)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Entry{}
	var order []string
	for _, e := range runs {
		if e.Bytes == 0 || e.Started.IsZero() {
			t.Errorf("%s: %d bytes, started %v", e.Name, e.Bytes, e.Started)
		}
		if e.Broken == "" {
			order = append(order, e.Name)
		}
		byName[e.Name] = e
	}
	same(t, "order", []string{"alive", "judged", "dead", "old"}, order)
	same(t, "alive", true, byName["alive"].Recording)
	same(t, "dead", Entry{
		Dir: dead.Dir(), Name: "dead", Verb: "load", Started: start.Add(time.Hour), Elapsed: 2 * time.Second,
		State: parley.Running, Bytes: byName["dead"].Bytes,
	}, byName["dead"])
	same(t, "judged", parley.Pass, byName["judged"].Verdict.Result)
	e := byName[filepath.Base(broken.Dir())]
	if e.State != "" || !strings.Contains(e.Broken, "run.json is unreadable") {
		t.Errorf("broken run: %+v", e)
	}
}

func TestDefaultDir(t *testing.T) {
	root := t.TempDir()
	now := time.Date(2026, 11, 22, 7, 23, 19, 0, time.UTC)
	f := func(name, want string) {
		t.Helper()
		same(t, name, filepath.Join(root, ".parley", "runs", "20261122-072319-"+want), DefaultDir(root, name, now))
	}
	f("Receptionist", "receptionist")
	f("", "run")
	f("../../etc/passwd", "etc-passwd")
	f("a b\n$(rm -rf)", "a-b-rm-rf")
	f("予約 bot", "予約-bot")
	f(strings.Repeat("x", 100), strings.Repeat("x", longestName))
	mkdir(t, DefaultDir(root, "twice", now))
	f("twice", "twice-2")
	mkdir(t, DefaultDir(root, "twice", now))
	f("twice", "twice-3")
}

func TestSecondWriterIsRefused(t *testing.T) {
	w := create(t, filepath.Join(t.TempDir(), "run"), tested())
	if _, err := Create(w.Dir(), &parley.Run{}, tested()); err == nil {
		t.Error("two writers record into one folder")
	}
	if err := w.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
