package record

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"parley"
)

// Options of a Writer. The zero value is right for every run.
type Options struct {
	// Replace: a run that is in the folder already is deleted.
	Replace bool
	// Interval is the time between segments, and so the most a crash can lose; 0
	// means a second.
	Interval time.Duration
	// SegmentRows is the number of rows at which a segment is written ahead of
	// time, 0 means 16,384. Bound is the number of rows of one table that may wait
	// in memory for a disk that is slow or full, before rows are dropped; 0
	// means 262,144 (about 100 MB).
	SegmentRows int
	Bound       int
	// SealRows is the number of rows from which a segment is left as it is and the
	// next save starts another, 0 means 8,192.
	SealRows int

	disk disk
}

func (o Options) withDefaults() Options {
	if o.Interval == 0 {
		o.Interval = time.Second
	}
	if o.SegmentRows == 0 {
		o.SegmentRows = 1 << 14
	}
	if o.SealRows == 0 {
		o.SealRows = 1 << 13
	}
	if o.Bound == 0 {
		o.Bound = 1 << 18
	}
	if o.disk == nil {
		o.disk = localDisk{}
	}
	return o
}

// Writer records a run. Its methods are safe for concurrent use and none but
// Close waits for the disk.
type Writer struct {
	dir  string
	opt  Options
	lock *os.File

	turns   *table[parley.Turn]
	replies *table[parley.Reply]
	calls   *table[parley.Call]
	series  *table[parley.Sample]

	full chan struct{} // a table has a segment's worth of rows
	stop chan struct{}
	done chan struct{} // closed when the saving goroutine has ended

	closing  sync.Once
	closeErr error

	mu      sync.Mutex
	run     parley.Run
	unsaved bool  // run differs from run.json
	err     error // of the last attempt to save
	lastErr error // of the last attempt to save that failed
	failed  int   // attempts to save that failed
}

// Create makes the folder of a run, writes its run.json with the state
// [parley.Running], and starts recording. The folder must not exist, be empty, or, with
// Options.Replace, hold a run whose recording has ended.
func Create(dir string, run *parley.Run, o Options) (*Writer, error) {
	o = o.withDefaults()
	lock, err := prepareFolder(dir, o.Replace)
	if err != nil {
		return nil, fmt.Errorf("create record: %w", err)
	}
	w := &Writer{
		dir: dir, opt: o, lock: lock, run: *run, unsaved: true,
		full: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	w.run.Version = parley.RecordVersion
	w.run.State = parley.Running
	w.turns = newTable(w, turnsTable, newestOfTurn)
	w.turns.hashes = func(t *parley.Turn) [2]*[]uint64 { return [2]*[]uint64{&t.Messages} }
	w.replies = newTable(w, repliesTable, newestOfReply)
	w.calls = newTable(w, callsTable, newestOfCall)
	w.calls.hashes = func(c *parley.Call) [2]*[]uint64 { return [2]*[]uint64{&c.Identities, &c.Pieces} }
	w.calls.number = func(c *parley.Call, n int64) {
		if c.ID == 0 {
			c.ID = n
		}
	}
	w.series = newTable(w, seriesTable, newestOfSample)
	if err := w.saveRun(0); err != nil {
		return nil, errors.Join(fmt.Errorf("create record: %w", err), lock.Close())
	}
	go w.keepSaving()
	return w, nil
}

func newTable[T any](w *Writer, name string, newest func(*T) time.Duration) *table[T] {
	return &table[T]{name: name, newest: newest, full: w.full, segmentRows: w.opt.SegmentRows, sealRows: w.opt.SealRows, bound: w.opt.Bound}
}

// Dir is the run's folder.
func (w *Writer) Dir() string { return w.dir }

// Turn records a turn: at its opening with the outcome [parley.Open], and again
// at its end. The slices of t are copied.
func (w *Writer) Turn(t parley.Turn) { w.turns.add(&t, t.ID) }

// Reply records a reply.
func (w *Writer) Reply(r parley.Reply) { w.replies.add(&r, 0) }

// Call records a call. If its ID is 0 it gets the next number, counted from 1 in
// the order of recording; a caller that numbers calls itself must number all. The slices
// of c are copied.
func (w *Writer) Call(c parley.Call) { w.calls.add(&c, 0) }

// Sample records a point of a series.
func (w *Writer) Sample(s parley.Sample) { w.series.add(&s, 0) }

// Update changes the run's description; run.json follows within an interval.
// What change leaves in the run must not be modified afterwards except in another Update.
func (w *Writer) Update(change func(*parley.Run)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.run)
	w.unsaved = true
}

// Dropped is the number of rows that were lost because the disk was too slow or full.
func (w *Writer) Dropped() int64 {
	return w.turns.lost() + w.replies.lost() + w.calls.lost() + w.series.lost()
}

// Err says why rows cannot be saved at present; nil when they can. The Writer
// keeps trying, and keeps rows in memory up to its bound.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}
