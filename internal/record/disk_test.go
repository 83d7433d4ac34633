package record

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"parley"
)

// smallDisk is a disk with room for some bytes. What replaced or temporary files
// gave back is not counted, so it fills up for good until room is added.
type smallDisk struct {
	localDisk
	room    atomic.Int64
	creates atomic.Int64
	// gate, if not nil, holds every new file until it can be received from.
	gate chan struct{}
}

func newSmallDisk(room int64) *smallDisk {
	d := &smallDisk{}
	d.room.Store(room)
	return d
}

func (d *smallDisk) create(path string) (outputFile, error) {
	d.creates.Add(1)
	if d.gate != nil {
		<-d.gate
	}
	f, err := d.localDisk.create(path)
	return &smallFile{f, d}, err
}

type smallFile struct {
	outputFile
	disk *smallDisk
}

func (f *smallFile) Write(p []byte) (int, error) {
	if left := f.disk.room.Add(-int64(len(p))); left < 0 {
		n, _ := f.outputFile.Write(p[:max(0, int64(len(p))+left)])
		return n, syscall.ENOSPC
	}
	return f.outputFile.Write(p)
}

// Tests do not cut the power.
func (f *smallFile) Sync() error             { return nil }
func (d *smallDisk) syncFolder(string) error { return nil }

const plenty = 1 << 40

// quiet are options whose writer saves to the real disk, and only when told to.
func quiet() Options { return Options{Interval: time.Hour} }

// tested are options for tests: no ticks, no waiting for the hardware.
func tested() Options { return Options{Interval: time.Hour, disk: newSmallDisk(plenty)} }

func TestFullDiskKeepsWhatIsThereAndRecovers(t *testing.T) {
	d := newSmallDisk(plenty)
	o := Options{Interval: time.Hour, Bound: 100, disk: d}
	w := create(t, filepath.Join(t.TempDir(), "run"), o)
	say(w, 1, 10)
	flush(t, w)

	d.room.Store(300)
	say(w, 11, 20)
	if err := w.saveAll(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("saving to a full disk: %v", err)
	}
	if !errors.Is(w.Err(), syscall.ENOSPC) {
		t.Errorf("Err() = %v, want the full disk", w.Err())
	}
	same(t, "turns while the disk is full", 10, len(all(t, open(t, w.Dir()), open(t, w.Dir()).Turns())))

	say(w, 21, 150) // 130 rows where 100 fit
	if got := w.Dropped(); got != 30 {
		t.Errorf("Dropped() = %d, want 30", got)
	}
	d.room.Store(plenty)
	flush(t, w) // what failed
	if w.Err() != nil {
		t.Errorf("Err() = %v after the disk has room again", w.Err())
	}
	err := w.Close(context.Background())
	if err == nil || !strings.Contains(err.Error(), "30 rows") || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close() = %v, want the loss of 30 rows to a full disk", err)
	}
	r := open(t, w.Dir())
	same(t, "turns", 120, len(all(t, r, r.Turns())))
	if got := r.Run(); got.Generator.Dropped != 30 || len(got.Problems) != 1 || got.Problems[0].Code != "record" {
		t.Errorf("run.json does not tell of the loss: %+v %+v", got.Generator, got.Problems)
	}
}

func TestDiskFullUntilTheEnd(t *testing.T) {
	d := newSmallDisk(plenty)
	w := create(t, filepath.Join(t.TempDir(), "run"), Options{Interval: time.Hour, disk: d})
	say(w, 1, 10)
	flush(t, w)
	d.room.Store(0)
	say(w, 11, 15)
	if err := w.Close(context.Background()); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "5 rows") {
		t.Errorf("Close() = %v, want 5 rows lost to a full disk", err)
	}
	r := open(t, w.Dir())
	same(t, "turns", 10, len(all(t, r, r.Turns())))
	if !r.Killed() {
		t.Error("run.json could not be written, so the run must look unfinished")
	}
}

func TestNoRoomToCompact(t *testing.T) {
	d := newSmallDisk(plenty)
	w := create(t, filepath.Join(t.TempDir(), "run"), Options{Interval: time.Hour, disk: d})
	say(w, 1, 500)
	flush(t, w)
	d.room.Store(2000) // enough for run.json
	if err := w.Close(context.Background()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close() = %v, want a full disk", err)
	}
	r := open(t, w.Dir())
	same(t, "turns", 500, len(all(t, r, r.Turns())))
	same(t, "state", parley.Complete, r.Run().State)
	same(t, "missing", []string(nil), r.Missing())
}

func TestCloseGivesUpCompactionWithItsContext(t *testing.T) {
	w := create(t, filepath.Join(t.TempDir(), "run"), tested())
	say(w, 1, 500)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close() = %v, want canceled", err)
	}
	r := open(t, w.Dir())
	same(t, "turns", 500, len(all(t, r, r.Turns())))
	same(t, "missing", []string(nil), r.Missing())
}

// A disk that hangs must cost the engine nothing but, in the end, rows.
func TestSlowDiskNeverBlocks(t *testing.T) {
	d := newSmallDisk(plenty)
	dir := filepath.Join(t.TempDir(), "run")
	w := create(t, dir, Options{Interval: time.Hour, SegmentRows: 10, Bound: 50, disk: d})
	d.gate = make(chan struct{})
	say(w, 1, 10)        // a segment's worth wakes the saving goroutine
	d.gate <- struct{}{} // its file is being created; run.json hangs next
	say(w, 11, 200)
	if got := w.Dropped(); got < 140 {
		t.Errorf("Dropped() = %d, want all that the bound has no room for", got)
	}
	close(d.gate)
	if err := w.Close(context.Background()); err == nil || !strings.Contains(err.Error(), "too slow") {
		t.Errorf("Close() = %v, want rows lost to a slow disk", err)
	}
}

func TestSavesEverySecondAndIsPatientWithAFailingDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	synctest.Test(t, func(t *testing.T) {
		d := newSmallDisk(plenty)
		w := create(t, dir, Options{disk: d})
		for second := range int64(3) {
			say(w, second+1, second+1)
			time.Sleep(time.Second)
			synctest.Wait()
			turns := 0
			_ = scanAll([]string{segmentPath(dir, turnsTable, 1)}, func(error) {}, func(batch []parley.Turn) bool {
				turns += len(batch)
				return true
			})
			same(t, "turns on the disk", int(second+1), turns)
		}
		d.room.Store(0)
		d.creates.Store(0)
		say(w, 4, 4)
		time.Sleep(time.Minute)
		synctest.Wait()
		// After 1, 2, 4, ... s: at most seven rounds of one segment and run.json.
		if got := d.creates.Load(); got < 4 || got > 14 {
			t.Errorf("%d attempts in a minute of a full disk", got)
		}
		d.room.Store(plenty)
		time.Sleep(longestPatience + time.Second)
		if w.Err() != nil {
			t.Errorf("Err() = %v after the disk has room again", w.Err())
		}
		closeWriter(t, w)
	})
	r := open(t, dir)
	same(t, "turns", 4, len(all(t, r, r.Turns())))
}

func TestManyWriters(t *testing.T) {
	o := tested()
	o.Interval, o.SegmentRows, o.SealRows = time.Millisecond, 50, 100
	w := create(t, filepath.Join(t.TempDir(), "run"), o)
	const writers, each = 8, 500
	var work sync.WaitGroup
	for n := range int64(writers) {
		work.Go(func() {
			hashes := []uint64{0}
			for i := range int64(each) {
				id := n*each + i + 1
				hashes[0] = uint64(id) // the same memory again and again
				w.Turn(parley.Turn{ID: id, Outcome: parley.Open, Messages: hashes})
				w.Call(parley.Call{Turn: id, Identities: hashes})
				w.Reply(parley.Reply{Turn: id})
				w.Sample(parley.Sample{At: time.Duration(id)})
				w.Update(func(run *parley.Run) { run.Messages.Sent++ })
				w.Turn(parley.Turn{ID: id, Outcome: parley.Answered, Messages: hashes})
				_, _ = w.Dropped(), w.Err()
			}
		})
	}
	work.Wait()
	closeWriter(t, w)
	r := open(t, w.Dir())
	turns := all(t, r, r.Turns())
	same(t, "turns", writers*each, len(turns))
	for i, turn := range turns {
		if turn.ID != int64(i+1) || turn.Outcome != parley.Answered || turn.Messages[0] != uint64(turn.ID) {
			t.Fatalf("turn %d reads as %+v", i+1, turn)
		}
	}
	seen := map[int64]bool{}
	for call := range r.Calls() {
		if seen[call.ID] || call.Identities[0] != uint64(call.Turn) {
			t.Fatalf("call %+v", call)
		}
		seen[call.ID] = true
	}
	same(t, "calls", writers*each, len(seen))
	same(t, "replies", writers*each, len(all(t, r, r.Replies())))
	same(t, "samples", writers*each, len(all(t, r, r.Samples())))
	same(t, "messages sent", int64(writers*each), r.Run().Messages.Sent)
}

// say records the openings of the turns from first to last, one a second.
func say(w *Writer, first, last int64) {
	for id := first; id <= last; id++ {
		due := time.Duration(id) * time.Second
		w.Turn(parley.Turn{
			ID: id, Scenario: fmt.Sprint("scenario ", id%3), Due: due, Spoken: due, Sent: due,
			Acked: parley.None, FirstReply: parley.None, AnsweredAt: parley.None, Ended: parley.None, Outcome: parley.Open,
		})
	}
}

// Readers that come at any moment of a run's end see the whole run.
func TestOpenWhileTheRunEnds(t *testing.T) {
	for range 20 {
		w := create(t, filepath.Join(t.TempDir(), "run"), tested())
		say(w, 1, 50)
		flush(t, w)
		var work sync.WaitGroup
		for range 3 {
			work.Go(func() {
				for range 20 {
					r, err := Open(w.Dir())
					if err != nil {
						t.Errorf("Open: %v", err)
						return
					}
					turns := 0
					for range r.Turns() {
						turns++
					}
					if missing := r.Missing(); r.Err() == nil && (turns != 50 || len(missing) > 0) {
						t.Errorf("%d turns, missing %q", turns, missing)
					}
				}
			})
		}
		closeWriter(t, w)
		work.Wait()
	}
}
