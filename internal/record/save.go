package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"parley"
)

// longestPatience is the longest pause between attempts to write to a disk that fails.
const longestPatience = 30 * time.Second

// saver is what saving needs of a table, whatever its rows are.
type saver interface {
	save(d disk, dir string) (newest time.Duration, err error)
	dropWaiting()
	release()
	lost() int64
}

func (w *Writer) tables() []saver { return []saver{w.turns, w.replies, w.calls, w.series} }

// keepSaving writes segments until the writer is closed. While the disk fails
// it tries again after 1, 2, 4, ... intervals.
func (w *Writer) keepSaving() {
	defer close(w.done)
	tick := time.NewTicker(w.opt.Interval)
	defer tick.Stop()
	patience := w.opt.Interval
	var next time.Time // no attempt before this
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
		case <-w.full:
		}
		if time.Now().Before(next) {
			continue
		}
		if w.saveAll() != nil {
			next = time.Now().Add(patience)
			patience = min(2*patience, longestPatience)
			continue
		}
		next, patience = time.Time{}, w.opt.Interval
	}
}

// saveAll writes a segment of every table that has rows, and run.json if it
// changed. One table's failure does not keep the others back.
func (w *Writer) saveAll() error {
	var failures []error
	newest := time.Duration(0)
	for _, t := range w.tables() {
		at, err := t.save(w.opt.disk, w.dir)
		newest = max(newest, at)
		failures = append(failures, err)
	}
	failures = append(failures, w.saveRun(newest))
	err := errors.Join(failures...)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err = err; err != nil {
		w.failed++
		w.lastErr = err
	}
	return err
}

// saveRun writes run.json if it changed, or if the rows on the disk reach
// further than it says.
func (w *Writer) saveRun(newest time.Duration) error {
	data, err := w.changedRun(newest)
	if data == nil || err != nil {
		return err
	}
	err = replaceFile(w.opt.disk, filepath.Join(w.dir, runFile), func(f io.Writer) error {
		_, err := f.Write(data)
		return err
	})
	if err != nil {
		w.Update(func(*parley.Run) {}) // it still has to be saved
	}
	return err
}

// changedRun returns the new content of run.json, nil if it is on the disk already.
func (w *Writer) changedRun(newest time.Duration) ([]byte, error) {
	dropped := w.Dropped()
	w.mu.Lock()
	defer w.mu.Unlock()
	if newest > w.run.Elapsed || dropped > w.run.Generator.Dropped {
		w.run.Elapsed = max(w.run.Elapsed, newest)
		w.run.Generator.Dropped = max(w.run.Generator.Dropped, dropped)
		w.unsaved = true
	}
	if !w.unsaved {
		return nil, nil
	}
	data, err := json.MarshalIndent(&w.run, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", filepath.Join(w.dir, runFile), err)
	}
	w.unsaved = false
	return append(data, '\n'), nil
}

// Close saves what is left, writes run.json with the run's final state, and
// joins the segments into one file a table. A state that is still [parley.Running]
// becomes [parley.Complete]: set it with Update first if the run ended otherwise.
//
// If the disk fails, or ctx ends first, the segments stay and the record is readable
// all the same. The error says whether rows were lost at any time. Nothing may
// be recorded after Close; a second Close returns what the first did.
func (w *Writer) Close(ctx context.Context) error {
	w.closing.Do(func() { w.closeErr = w.close(ctx) })
	return w.closeErr
}

func (w *Writer) close(ctx context.Context) error {
	close(w.stop)
	<-w.done
	saveErr := w.saveAll()
	if saveErr != nil {
		for _, t := range w.tables() {
			t.dropWaiting()
		}
	}
	loss := w.loss()
	w.Update(func(run *parley.Run) {
		if run.State == parley.Running {
			run.State = parley.Complete
		}
		if loss != nil {
			run.Problems = append(run.Problems, parley.Problem{
				At: run.Elapsed, Code: "record", What: loss.Error(),
				Hint: "make room on the disk, or record to a faster one, and run again",
			})
		}
	})
	// The final state comes before compaction, so that a kill in the midst of it
	// leaves a run that is known to have ended.
	runErr := w.saveRun(0)
	var compactErr error
	if saveErr == nil && runErr == nil {
		for _, t := range w.tables() {
			t.release()
		}
		compactErr = compact(ctx, w.opt.disk, w.dir)
	}
	return errors.Join(loss, runErr, compactErr, w.lock.Close())
}

// loss says what never reached the disk, nil if everything did.
func (w *Writer) loss() error {
	dropped := w.Dropped()
	if dropped == 0 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lastErr == nil {
		return fmt.Errorf("%d rows of the record were lost: the disk was too slow", dropped)
	}
	return fmt.Errorf("%d rows of the record were lost: %d attempts to save failed: %w", dropped, w.failed, w.lastErr)
}
