package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"parley"
)

// Entry is one run of a project, as [List] finds it.
type Entry struct {
	Dir     string        `json:"dir"`
	Name    string        `json:"name"`
	Verb    string        `json:"verb,omitempty"`
	Started time.Time     `json:"started"`    // of a broken folder the time it was last changed
	Elapsed time.Duration `json:"elapsed_ns"` // as far as run.json knows
	// State is empty for a broken folder. A run that is [parley.Running] and not
	// Recording was killed.
	State     parley.State `json:"state,omitempty"`
	Recording bool         `json:"recording"`
	// Verdict is nil for runs without one.
	Verdict *parley.Verdict `json:"verdict,omitempty"`
	// Headline is nil for runs that were never reported on.
	Headline *parley.Headline `json:"headline,omitempty"`
	Bytes    int64            `json:"bytes"` // size of all files
	// Broken says why run.json cannot be read, empty if it can. The tables of such a run
	// may be readable all the same: see [Open].
	Broken string `json:"broken,omitempty"`
}

// List finds the runs of the project in the folder root, that is in
// root/.parley/runs, newest first. A project without runs has an empty list.
func List(root string) ([]Entry, error) {
	runs := filepath.Join(root, RunsDir)
	folders, err := os.ReadDir(runs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var entries []Entry
	for _, f := range folders {
		if f.IsDir() {
			entries = append(entries, describe(filepath.Join(runs, f.Name())))
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return b.Started.Compare(a.Started) })
	return entries, nil
}

// describe makes the entry of one folder.
func describe(dir string) Entry {
	e := Entry{Dir: dir, Name: filepath.Base(dir), Bytes: sizeOf(dir)}
	run, err := readRunFile(filepath.Join(dir, runFile))
	if err != nil {
		e.Broken = describeRunErr(err)
		if info, err := os.Stat(dir); err == nil {
			e.Started = info.ModTime()
		}
		return e
	}
	e.Name, e.Verb, e.State = run.Name, run.Verb, run.State
	e.Started, e.Elapsed, e.Verdict, e.Headline = run.Started, run.Elapsed, run.Verdict, run.Headline
	e.Recording = run.State == parley.Running && isLocked(dir)
	return e
}

// sizeOf adds up the files of a folder. What vanishes meanwhile counts nothing.
func sizeOf(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // the sum is for people; a file that is gone has no size
		}
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// longestName bounds the part of a folder's name that comes from the run's name.
const longestName = 48

// DefaultDir is the folder for a new run of the project in root:
// root/.parley/runs/<time>-<name>, with whatever a file system or a shell could trip over
// taken out of the name, and a number added if there is such a folder already.
func DefaultDir(root, name string, now time.Time) string {
	dir := filepath.Join(root, RunsDir, now.Format("20060102-150405")+"-"+plainName(name))
	unique := dir
	for n := 2; ; n++ {
		if _, err := os.Lstat(unique); err != nil {
			return unique // if the trouble is another than absence, Create will say so
		}
		unique = fmt.Sprintf("%s-%d", dir, n)
	}
}

// plainName keeps letters and digits and joins them with dashes.
func plainName(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	plain := strings.Join(words, "-")
	if len(plain) > longestName {
		plain = strings.TrimRight(strings.ToValidUTF8(plain[:longestName], ""), "-")
	}
	if plain == "" {
		return "run"
	}
	return plain
}
