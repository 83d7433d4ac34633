package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"parley"
)

// killed makes the folder of a run that was killed after the segments of ten,
// ten and five turns, with a call each.
func killed(t testing.TB) string {
	t.Helper()
	o := tested()
	o.SealRows = 10
	w := create(t, filepath.Join(t.TempDir(), "run"), o)
	for id := int64(1); id <= 25; id++ {
		say(w, id, id)
		w.Call(parley.Call{Turn: id, Start: time.Duration(id) * time.Second, End: parley.None})
		if id%10 == 0 || id == 25 {
			flush(t, w)
		}
	}
	kill(t, w)
	return w.Dir()
}

// kill ends the writer as a signal would: nothing more is saved.
func kill(t testing.TB, w *Writer) {
	t.Helper()
	close(w.stop)
	<-w.done
	if err := w.lock.Close(); err != nil {
		t.Fatal(err)
	}
}

func ids(turns []parley.Turn) (ids []int64) {
	for _, turn := range turns {
		ids = append(ids, turn.ID)
	}
	return ids
}

func upTo(first, last int64) (ids []int64) {
	for id := first; id <= last; id++ {
		ids = append(ids, id)
	}
	return ids
}

func TestKilledRun(t *testing.T) {
	r := open(t, killed(t))
	same(t, "ids", upTo(1, 25), ids(all(t, r, r.Turns())))
	same(t, "calls", 25, len(all(t, r, r.Calls())))
	same(t, "elapsed", 25*time.Second, r.Run().Elapsed)
	same(t, "state", parley.Running, r.Run().State)
	same(t, "killed", true, r.Killed())
	same(t, "missing", []string{"the recording stopped at 25.0 s without an end: parley was killed; up to the last second is missing"}, r.Missing())
}

func TestRunStillGoingOn(t *testing.T) {
	w := create(t, filepath.Join(t.TempDir(), "run"), tested())
	say(w, 1, 3)
	flush(t, w)
	r := open(t, w.Dir())
	say(w, 4, 6)
	flush(t, w) // the segment grows while the reader reads it
	same(t, "recording", true, r.Recording())
	same(t, "killed", false, r.Killed())
	same(t, "missing", []string(nil), r.Missing())
	if got := len(all(t, r, r.Turns())); got < 3 {
		t.Errorf("%d turns, want at least those recorded when it was opened", got)
	}
	closeWriter(t, w)
	for range r.Turns() {
		t.Error("the segments are gone, so no turn can be read")
	}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "open it again") {
		t.Errorf("Err() = %v, want advice to open again", err)
	}
	r = open(t, w.Dir())
	same(t, "ids", upTo(1, 6), ids(all(t, r, r.Turns())))
	same(t, "recording", false, r.Recording())
}

func TestDamagedFilesCostTheirRowsOnly(t *testing.T) {
	segment2 := filepath.Join(segmentsDir, "turns-000002.parquet")
	f := func(name string, damage func(t *testing.T, dir string), want []int64, missing string) {
		t.Run(name, func(t *testing.T) {
			dir := killed(t)
			damage(t, dir)
			r := open(t, dir)
			same(t, "ids", want, ids(all(t, r, r.Turns())))
			all(t, r, r.Calls())
			if text := strings.Join(r.Missing(), "\n"); !strings.Contains(text, missing) {
				t.Errorf("missing is\n%s\nwant %q", text, missing)
			}
		})
	}
	change := func(name string, change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, change(data), fileMode); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	rest := append(upTo(1, 10), upTo(21, 25)...)
	f("torn segment", change(segment2, func(b []byte) []byte { return b[:len(b)/2] }), rest,
		"segment turns-000002 is unreadable")
	f("empty segment", change(segment2, func([]byte) []byte { return nil }), rest, "segment turns-000002 is unreadable")
	f("bit rot in a page", change(segment2, func(b []byte) []byte { clear(b[60:100]); return b }), rest,
		"segment turns-000002 is unreadable")
	f("no footer", change(segment2, func(b []byte) []byte { return append(b[:len(b)-8], make([]byte, 8)...) }), rest,
		"segment turns-000002 is unreadable")
	f("segment gone", remove(segment2), rest, "segment turns-000002 is missing")
	f("run.json gone", remove(runFile), upTo(1, 25), "run.json is missing")
	f("run.json torn", change(runFile, func(b []byte) []byte { return b[:len(b)/2] }), upTo(1, 25), "run.json is unreadable")
	f("temporary file left", func(t *testing.T, dir string) {
		if err := os.WriteFile(filepath.Join(dir, segment2+tempSuffix), []byte("PAR1"), fileMode); err != nil {
			t.Fatal(err)
		}
	}, upTo(1, 25), "parley was killed")
	f("killed while compacting", func(t *testing.T, dir string) {
		// Final files of two tables are in place; the segments are all there still.
		segments, err := listSegments(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{turnsTable, callsTable} {
			if err := compactTable(t.Context(), localDisk{}, dir, table, segments[table]); err != nil {
				t.Fatal(err)
			}
			if err := publish(localDisk{}, tablePath(dir, table)); err != nil {
				t.Fatal(err)
			}
		}
	}, upTo(1, 25), "")
	f("torn final file with segments beside it", func(t *testing.T, dir string) {
		if err := os.WriteFile(tablePath(dir, turnsTable), []byte("PAR1"), fileMode); err != nil {
			t.Fatal(err)
		}
	}, upTo(1, 25), "turns.parquet is unreadable")
}

// The row of a turn's end is in a damaged segment: its opening still counts.
func TestTurnFallsBackToItsOpening(t *testing.T) {
	o := tested()
	o.SealRows = 1
	w := create(t, filepath.Join(t.TempDir(), "run"), o)
	say(w, 1, 2)
	flush(t, w)
	w.Turn(parley.Turn{ID: 1, Outcome: parley.Answered})
	flush(t, w)
	kill(t, w)
	if got := all(t, open(t, w.Dir()), open(t, w.Dir()).Turns()); got[0].Outcome != parley.Answered {
		t.Errorf("turn 1 is %s", got[0].Outcome)
	}
	path := segmentPath(w.Dir(), turnsTable, 2)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[10] ^= 0xff
	if err := os.WriteFile(path, data, fileMode); err != nil {
		t.Fatal(err)
	}
	r := open(t, w.Dir())
	turns := all(t, r, r.Turns())
	same(t, "ids", []int64{1, 2}, ids(turns))
	same(t, "outcome", parley.Open, turns[0].Outcome)
	if len(r.Missing()) != 2 {
		t.Errorf("missing: %q", r.Missing())
	}
}

func TestNothingToOpen(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open of an empty folder: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open of no folder: %v", err)
	}
}

func TestNewerFormat(t *testing.T) {
	dir := t.TempDir()
	data, err := json.Marshal(map[string]any{"version": parley.RecordVersion + 1, "name": []int{1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, runFile), data, fileMode); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir)
	if newer, ok := errors.AsType[*VersionError](err); !ok || newer.Version != parley.RecordVersion+1 {
		t.Errorf("Open of a newer record: %v", err)
	}
}

// A later parley has more columns, an earlier one had fewer: both can be read.
func TestOtherColumns(t *testing.T) {
	type row struct {
		Extra  string   `parquet:"column_of_the_future,dict"`
		ID     int64    `parquet:"turn_id"`
		Hashes []uint64 `parquet:"message_hashes,list"`
	}
	path := tablePath(t.TempDir(), turnsTable)
	if err := parquet.WriteFile(path, []row{{"x", 7, []uint64{1, 2}}}); err != nil {
		t.Fatal(err)
	}
	r := open(t, filepath.Dir(path))
	same(t, "turns", []parley.Turn{{ID: 7, Messages: []uint64{1, 2}}}, all(t, r, r.Turns()))
}

// FuzzDamage reads segments with bytes overwritten. Whatever they hold, reading ends
// in rows or in damage, never in a panic.
func FuzzDamage(f *testing.F) {
	var whole bytes.Buffer
	e := newEncoder[parley.Turn](&whole)
	turns := make([]parley.Turn, 40)
	for i := range turns {
		turns[i] = parley.Turn{ID: int64(i), Scenario: "booking", Messages: []uint64{uint64(i), 2}, Outcome: parley.Answered}
	}
	if err := e.write(turns); err != nil {
		f.Fatal(err)
	}
	if err := e.close(); err != nil {
		f.Fatal(err)
	}
	size := uint(whole.Len())
	f.Add(uint(0), []byte("PAR2"), uint(0))
	f.Add(uint(30), []byte{0xff, 0xff}, uint(0))
	f.Add(size-8, []byte{0xff, 0xff, 0xff, 0x7f}, uint(0))
	for at := uint(0); at < size; at += 97 {
		f.Add(at, []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, uint(0))
		f.Add(at, []byte{0}, at/2)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, at uint, over []byte, cut uint) {
		data := slices.Clone(whole.Bytes())
		copy(data[at%size:], over)
		data = data[:size-cut%size]
		path := filepath.Join(dir, "turns.parquet")
		if err := os.WriteFile(path, data, fileMode); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{
			scan(path, func([]parley.Turn) bool { return true }),
			scan(path, func([]parley.Call) bool { return true }),
		} {
			_, isDamage := errors.AsType[*damage](err)
			_, isNewer := errors.AsType[*VersionError](err)
			if err != nil && !isDamage && !isNewer {
				t.Errorf("reading a damaged file: %v", err)
			}
		}
	})
}

// Damage inside a final file costs the row group it is in.
func TestDamagedFinalFile(t *testing.T) {
	o := tested()
	o.SealRows = 10
	w := create(t, filepath.Join(t.TempDir(), "run"), o)
	for id := int64(1); id <= 30; id++ {
		w.Call(parley.Call{Wire: "openai", Start: time.Duration(id)})
		if id%10 == 0 {
			flush(t, w)
		}
	}
	closeWriter(t, w)
	path := tablePath(w.Dir(), callsTable)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A word in a dictionary: Parquet's own checksums do not cover it.
	data[bytes.Index(data, []byte("openai"))] = 'O'
	if err := os.WriteFile(path, data, fileMode); err != nil {
		t.Fatal(err)
	}
	r := open(t, w.Dir())
	same(t, "calls", 20, len(all(t, r, r.Calls())))
	if missing := r.Missing(); len(missing) != 1 || !strings.Contains(missing[0], "calls.parquet is unreadable: part ") {
		t.Errorf("missing: %q", missing)
	}
}

func TestAmendChangesAnEndedRun(t *testing.T) {
	w := create(t, filepath.Join(t.TempDir(), "run"), tested())
	judge := func(run *parley.Run) { run.Verdict = &parley.Verdict{Result: parley.Pass} }
	if err := Amend(w.Dir(), judge); err == nil {
		t.Error("Amend changed a run that is being recorded")
	}
	closeWriter(t, w)
	if err := Amend(w.Dir(), judge); err != nil {
		t.Fatal(err)
	}
	same(t, "verdict", parley.Pass, open(t, w.Dir()).Run().Verdict.Result)
}
