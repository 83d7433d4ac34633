package record

import (
	"path/filepath"
	"testing"
)

// Rows enough for a segment of their own get one, and are not written again together with the few before them.
func TestManyRowsAfterFewGetASegmentOfTheirOwn(t *testing.T) {
	o := tested()
	o.SealRows = 100
	dir := filepath.Join(t.TempDir(), "run")
	w := create(t, dir, o)
	say(w, 1, 10)
	flush(t, w)
	before := len(w.turns.tail)
	if before == 0 || before >= o.SealRows {
		t.Fatalf("%d rows wait for more, want a few", before)
	}
	say(w, 11, 200)
	added := len(w.turns.rows)
	flush(t, w)
	if added < o.SealRows || w.turns.segments != 2 || len(w.turns.tail) != 0 {
		t.Errorf("after %d more rows: %d segments sealed, %d rows wait", added, w.turns.segments, len(w.turns.tail))
	}
	closeWriter(t, w)
	n := 0
	for range open(t, dir).Turns() {
		n++
	}
	if n != 200 {
		t.Errorf("%d turns, want 200", n)
	}
}
