package record

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"parley"
)

func create(t testing.TB, dir string, o Options) *Writer {
	t.Helper()
	w, err := Create(dir, &parley.Run{ID: "r1", Name: "test", Verb: "load", Started: time.Unix(1700000000, 0).UTC()}, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func closeWriter(t testing.TB, w *Writer) {
	t.Helper()
	if err := w.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir string) *Reader {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// all collects a table and fails on an iteration error.
func all[T any](t testing.TB, r *Reader, rows iter.Seq[T]) []T {
	t.Helper()
	got := slices.Collect(rows)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return got
}

// same compares rows; no hashes and none at all are the same in the record.
func same(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// flush saves what was recorded so far, as the tick does.
func flush(t testing.TB, w *Writer) {
	t.Helper()
	if err := w.saveAll(); err != nil {
		t.Fatal(err)
	}
}

func TestRecordedRowsAreReadBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		turns := rapid.SliceOfN(rapid.Make[parley.Turn](), 0, 20).Draw(rt, "turns")
		replies := rapid.SliceOfN(rapid.Make[parley.Reply](), 0, 20).Draw(rt, "replies")
		calls := rapid.SliceOfN(rapid.Make[parley.Call](), 0, 20).Draw(rt, "calls")
		samples := rapid.SliceOfN(rapid.Make[parley.Sample](), 0, 20).Draw(rt, "samples")
		cut := rapid.IntRange(0, 20).Draw(rt, "flush after")
		w := create(t, filepath.Join(dir, "run"), tested())
		for i := range 20 {
			record(i, turns, w.Turn)
			record(i, replies, w.Reply)
			record(i, calls, w.Call)
			record(i, samples, w.Sample)
			if i == cut {
				flush(t, w)
			}
		}
		number := func(calls []parley.Call) []parley.Call {
			for i := range calls {
				if calls[i].ID == 0 {
					calls[i].ID = int64(i + 1)
				}
			}
			return calls
		}
		check := func(r *Reader) {
			same(t, "turns", lastByID(turns), all(t, r, r.Turns()))
			same(t, "replies", replies, all(t, r, r.Replies()))
			same(t, "calls", number(calls), all(t, r, r.Calls()))
			same(t, "samples", samples, all(t, r, r.Samples()))
		}
		flush(t, w)
		check(open(t, w.Dir()))
		closeWriter(t, w)
		r := open(t, w.Dir())
		check(r)
		same(t, "missing", []string(nil), r.Missing())
		if err := os.RemoveAll(w.Dir()); err != nil {
			t.Fatal(err)
		}
	})
}

func record[T any](i int, rows []T, add func(T)) {
	if i < len(rows) {
		add(rows[i])
	}
}

// lastByID is the plain definition of merging: the later row of an id replaces
// the earlier, in order of id.
func lastByID(turns []parley.Turn) []parley.Turn {
	last := map[int64]parley.Turn{}
	for _, turn := range turns {
		last[turn.ID] = turn
	}
	var merged []parley.Turn
	for _, turn := range last {
		merged = append(merged, turn)
	}
	slices.SortFunc(merged, func(a, b parley.Turn) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return merged
}
