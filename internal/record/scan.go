package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"parley"
)

// scanBatch is how many rows are decoded at a time.
const scanBatch = 512

// damage is an error of the kind a reader survives: the file is there and the
// disk works, but what stands in it is not what was written.
type damage struct {
	path string
	err  error
}

func (e *damage) Error() string { return fmt.Sprintf("read %s: %v", e.path, e.err) }

func (e *damage) Unwrap() error { return e.err }

// tableFile is one Parquet file opened for reading.
type tableFile struct {
	path    string
	file    *os.File
	parquet *parquet.File
	// ioErr is the first failure of the disk itself, which must not pass for damage.
	ioErr error
}

// openTable opens a file of a table and checks its version.
func openTable(path string) (*tableFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read table: %w", err)
	}
	t := &tableFile{path: path, file: f}
	if err := t.open(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

func (t *tableFile) open() error {
	info, err := t.file.Stat()
	if err != nil {
		return fmt.Errorf("read table: %w", err)
	}
	err = t.guard(func() error {
		t.parquet, err = parquet.OpenFile(t, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		return err
	})
	if err != nil {
		return err
	}
	if text, ok := t.parquet.Lookup(versionKey); ok {
		if version, err := strconv.Atoi(text); err == nil && version > parley.RecordVersion {
			return &VersionError{Path: t.path, Version: version}
		}
	}
	return nil
}

func (t *tableFile) close() { _ = t.file.Close() }

// ReadAt implements io.ReaderAt.
func (t *tableFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := t.file.ReadAt(p, off)
	// A negative or absurd offset is the fault of the file's content, not of the disk.
	if _, ok := errors.AsType[*fs.PathError](err); ok && off >= 0 && t.ioErr == nil {
		t.ioErr = err
	}
	return n, err
}

// newest is the newest instant any row of the file speaks of, 0 if unknown.
func (t *tableFile) newest() time.Duration {
	text, _ := t.parquet.Lookup(newestKey)
	ns, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(ns)
}

// guard runs one step of decoding. The decoder trusts what files say of
// themselves and panics on some that lie, and a wild offset can even fault in
// memory; a damaged file must cost the rows in it and nothing else, so both end here
// as damage.
func (t *tableFile) guard(step func() error) (err error) {
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the decoder gave up: %v", p)
		}
		switch {
		case err == nil || errors.Is(err, io.EOF):
		case t.ioErr != nil:
			err = fmt.Errorf("read table: %w", t.ioErr)
		default:
			err = &damage{t.path, err}
		}
	}()
	return step()
}

// scan reads the rows of one table file in order, a batch at a time, until
// yield returns false. Yield may keep the rows' strings and slices but not the batch.
// Columns the file lacks read as zero values, columns T lacks are passed over.
func scan[T any](path string, yield func(batch []T) bool) error {
	t, err := openTable(path)
	if err != nil {
		return err
	}
	defer t.close()
	var rows *parquet.GenericReader[T]
	err = t.guard(func() error {
		rows = parquet.NewGenericReader[T](t.parquet)
		return nil
	})
	if err != nil {
		return err
	}
	defer func() { _ = t.guard(rows.Close) }()
	batch := make([]T, scanBatch)
	for left := rows.NumRows(); ; {
		clear(batch) // or slices of earlier rows, which yield may have kept, would be filled again
		var n int
		err := t.guard(func() (err error) {
			n, err = rows.Read(batch)
			return err
		})
		left -= int64(n)
		switch {
		case err == nil && n == 0, errors.Is(err, io.EOF) && left != 0, left < 0:
			return &damage{path, fmt.Errorf("the file has %d rows fewer than it says", left)}
		case err != nil && !errors.Is(err, io.EOF):
			return err
		case n > 0 && !yield(batch[:n]), err != nil:
			return nil
		}
	}
}
