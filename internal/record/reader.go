package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley"
)

// Reader reads the folder of a run, whatever state it is in. It is a view of
// the moment it was opened: open the folder again to see more of a run that goes on.
// A Reader keeps no file open and its methods may be called concurrently.
type Reader struct {
	dir       string
	run       parley.Run
	recording bool
	// files lists for each table where its rows are: the final file alone, or the
	// segments in the order they were written.
	files map[string][]string
	// final tells which tables were compacted.
	final map[string]bool

	mu      sync.Mutex
	missing []string
	err     error
}

// Open reads what run.json says and finds the tables. It fails if the folder
// holds no record at all, or one of a newer format (a [VersionError]); anything less
// is readable, and [Reader.Missing] says what is not.
func Open(dir string) (*Reader, error) {
	r := &Reader{dir: dir, files: map[string][]string{}, final: map[string]bool{}}
	// The order matters: a run which ends while it is opened must not lose tables
	// to the gap between looking for segments and looking for final files.
	r.recording = isLocked(dir)
	runErr := r.readRun()
	if _, ok := errors.AsType[*VersionError](runErr); ok {
		return nil, runErr
	}
	newest, err := r.findTables()
	if err != nil {
		return nil, err
	}
	if runErr != nil {
		if len(r.files) == 0 {
			return nil, fmt.Errorf("open record: %w", runErr)
		}
		r.missing = append(r.missing, describeRunErr(runErr))
		r.run = parley.Run{Version: parley.RecordVersion, ID: filepath.Base(dir), State: parley.Running}
	}
	r.run.Elapsed = max(r.run.Elapsed, newest)
	if r.Killed() {
		r.missing = append([]string{fmt.Sprintf(
			"the recording stopped at %s without an end: parley was killed; up to the last second is missing",
			parley.FormatDuration(r.run.Elapsed))}, r.missing...)
	}
	return r, nil
}

// Run is the content of run.json. For a run without an end, Elapsed is the
// newest instant found in the tables and State is still [parley.Running].
func (r *Reader) Run() *parley.Run { return &r.run }

// Recording reports whether a live process was recording the run when it was opened.
func (r *Reader) Recording() bool { return r.recording }

// Killed reports whether the recording stopped without an end.
func (r *Reader) Killed() bool { return r.run.State == parley.Running && !r.recording }

// Missing says in plain words, for people, what the record should hold and does
// not. Damage inside a file may be found only while its rows are read, so ask again after.
func (r *Reader) Missing() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.missing)
}

// Err is the first error that ended an iteration before its end. Damaged files
// are no error here: they are passed over and named by [Reader.Missing].
func (r *Reader) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Turns yields each turn once, in order of id. A turn whose end was not
// recorded is [parley.Open].
func (r *Reader) Turns() iter.Seq[parley.Turn] {
	if r.final[turnsTable] {
		return rowsOf[parley.Turn](r, turnsTable)
	}
	return func(yield func(parley.Turn) bool) {
		r.note(mergeTurns(r.files[turnsTable], r.damaged, func(batch []parley.Turn) bool {
			return yieldAll(batch, yield)
		}))
	}
}

// Replies yields the replies in the order they were recorded.
func (r *Reader) Replies() iter.Seq[parley.Reply] { return rowsOf[parley.Reply](r, repliesTable) }

// Calls yields the calls in the order they were recorded.
func (r *Reader) Calls() iter.Seq[parley.Call] { return rowsOf[parley.Call](r, callsTable) }

// Samples yields the points of all series in the order they were recorded.
func (r *Reader) Samples() iter.Seq[parley.Sample] { return rowsOf[parley.Sample](r, seriesTable) }

// rowsOf yields the rows of a table as its files have them.
func rowsOf[T any](r *Reader, table string) iter.Seq[T] {
	return func(yield func(T) bool) {
		r.note(scanAll(r.files[table], r.damaged, func(batch []T) bool { return yieldAll(batch, yield) }))
	}
}

// scanAll scans one file after the other, passing over the damaged parts.
func scanAll[T any](files []string, damaged func(error), yield func([]T) bool) error {
	more := true
	for _, path := range files {
		err := scan(path, func(batch []T) bool {
			more = yield(batch)
			return more
		})
		if _, ok := errors.AsType[*damage](err); ok {
			damaged(err)
		} else if err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
	return nil
}

func yieldAll[T any](batch []T, yield func(T) bool) bool {
	for i := range batch {
		if !yield(batch[i]) {
			return false
		}
	}
	return true
}

// note keeps the first error of an iteration.
func (r *Reader) note(err error) {
	if err == nil {
		return
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("the record of %s changed while it was read, open it again: %w", r.dir, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// damaged adds a file to what is missing, once.
func (r *Reader) damaged(err error) {
	text := err.Error()
	if bad, ok := errors.AsType[*damage](err); ok {
		text = describeDamage(bad)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.missing, text) {
		r.missing = append(r.missing, text)
	}
}

// readRun reads run.json.
func (r *Reader) readRun() error {
	run, err := readRunFile(filepath.Join(r.dir, runFile))
	r.run = run
	return err
}

// readRunFile reads a run.json and checks its version.
func readRunFile(path string) (parley.Run, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return parley.Run{}, err
	}
	// The version first: a newer format need not fit the rest.
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return parley.Run{}, fmt.Errorf("read %s: %w", path, err)
	}
	if head.Version > parley.RecordVersion {
		return parley.Run{}, &VersionError{Path: path, Version: head.Version}
	}
	var run parley.Run
	if err := json.Unmarshal(data, &run); err != nil {
		return parley.Run{}, fmt.Errorf("read %s: %w", path, err)
	}
	if head.Version < 1 {
		return parley.Run{}, fmt.Errorf("read %s: it has no format version, so it is not a run of parley", path)
	}
	return run, nil
}

// findTables looks for the files of every table and returns the newest instant in them.
func (r *Reader) findTables() (time.Duration, error) {
	// Segments first: if the run ends meanwhile, its final files are found next.
	segments, err := listSegments(r.dir)
	if err != nil {
		return 0, err
	}
	newest := time.Duration(0)
	for _, table := range tableNames() {
		at, err := r.findTable(table, segments[table])
		if err != nil {
			return 0, err
		}
		newest = max(newest, at)
	}
	return newest, nil
}

// findTable settles on the final file of a table if it can be opened, or on the
// segments that can. Never both: a kill in the midst of compaction leaves the same rows in both.
func (r *Reader) findTable(table string, segments []segment) (time.Duration, error) {
	path := tablePath(r.dir, table)
	newest, ok, err := r.tryTable(path)
	if err != nil {
		return 0, err
	}
	if ok {
		r.files[table], r.final[table] = []string{path}, true
		return newest, nil
	}
	for i, s := range segments {
		for n := segments[max(0, i-1)].number + 1; i > 0 && n < s.number; n++ {
			r.missing = append(r.missing, fmt.Sprintf("segment %s-%06d is missing: the %s of about a second are lost", table, n, table))
		}
		at, ok, err := r.tryTable(s.path)
		if err != nil {
			return 0, err
		}
		if ok {
			r.files[table] = append(r.files[table], s.path)
			newest = max(newest, at)
		} else if _, err := os.Stat(s.path); errors.Is(err, fs.ErrNotExist) {
			// The run ended this very moment, so the final file is there by now.
			delete(r.files, table)
			return r.findTable(table, nil)
		}
	}
	return newest, nil
}

// tryTable opens a table's file to see whether it is one. Damage is noted as
// missing; absence is no error.
func (r *Reader) tryTable(path string) (newest time.Duration, ok bool, err error) {
	t, err := openTable(path)
	if err == nil {
		defer t.close()
		return t.newest(), true, nil
	}
	if _, bad := errors.AsType[*damage](err); bad {
		r.damaged(err)
		return 0, false, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	return 0, false, err
}

// segment is one file of the segments' folder.
type segment struct {
	path   string
	number int
}

// listSegments finds the segments of every table, in the order they were written.
func listSegments(dir string) (map[string][]segment, error) {
	entries, err := os.ReadDir(filepath.Join(dir, segmentsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open record: %w", err)
	}
	found := map[string][]segment{}
	for _, e := range entries {
		stem, isTable := strings.CutSuffix(e.Name(), ".parquet")
		table, digits, _ := strings.Cut(stem, "-")
		number, err := strconv.Atoi(digits)
		if !isTable || err != nil {
			continue // a temporary file a kill left behind, or something not ours
		}
		path := filepath.Join(dir, segmentsDir, e.Name())
		found[table] = append(found[table], segment{path, number})
	}
	for _, list := range found {
		slices.SortFunc(list, func(a, b segment) int { return a.number - b.number })
	}
	return found, nil
}

// describeRunErr says what the loss of run.json means.
func describeRunErr(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "run.json is missing: the plan, the phases and the verdict of the run are not known"
	}
	return fmt.Sprintf("run.json is unreadable (%v): the plan, the phases and the verdict of the run are not known", err)
}

// describeDamage says which rows a damaged file costs.
func describeDamage(bad *damage) string {
	stem := strings.TrimSuffix(filepath.Base(bad.path), ".parquet")
	table, _, isSegment := strings.Cut(stem, "-")
	if isSegment {
		return fmt.Sprintf("segment %s is unreadable: %v: some %s of about a second are lost", stem, bad.err, table)
	}
	return fmt.Sprintf("%s.parquet is unreadable: %v: some or all %s are lost", stem, bad.err, table)
}
