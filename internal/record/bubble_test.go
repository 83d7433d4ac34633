package record

import (
	"path/filepath"
	"testing"
	"testing/synctest"
)

// A compressor which keeps channels in a pool shared by the whole process fails
// here: a channel made in a bubble of virtual time cannot be used outside of it. Engines are
// tested in such bubbles, so recording and reading must work inside and outside, in any order.
func TestWorksInsideAndOutsideOfVirtualTime(t *testing.T) {
	dir := t.TempDir()
	run := func(t *testing.T, name string) {
		w := create(t, filepath.Join(dir, name), tested())
		say(w, 1, 100)
		closeWriter(t, w)
		r := open(t, w.Dir())
		same(t, "turns", 100, len(all(t, r, r.Turns())))
		same(t, "missing", []string(nil), r.Missing())
	}
	synctest.Test(t, func(t *testing.T) { run(t, "inside") })
	run(t, "outside")
	synctest.Test(t, func(t *testing.T) { run(t, "inside again") })
	run(t, "outside again")
}
