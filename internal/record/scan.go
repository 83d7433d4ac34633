package record

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
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
	sums    []groupSum // of the row groups, nil if the file has none
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
		if err := t.checkFooter(info.Size()); err != nil {
			return err
		}
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
	return t.guard(func() error {
		text, ok := t.parquet.Lookup(sumsKey)
		if !ok {
			return nil // not written by parley, but a table all the same
		}
		if t.sums, err = parseSums(text); err == nil && len(t.sums) != len(t.parquet.RowGroups()) {
			err = fmt.Errorf("it has %d row groups and %d checksums", len(t.parquet.RowGroups()), len(t.sums))
		}
		return err
	})
}

// checkGroup compares the bytes of a row group with their checksum. The format has
// checksums of its own, but only of the pages' content: a damaged page header can
// make the decoder ask for gigabytes, and a damaged dictionary changes words unseen.
func (t *tableFile) checkGroup(i int) error {
	if t.sums == nil {
		return nil
	}
	want := t.sums[i]
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	if _, err := io.Copy(sum, io.NewSectionReader(t, want.from, want.to-want.from)); err != nil {
		return err
	}
	if sum.Sum32() != want.sum {
		return fmt.Errorf("part %d of %d changed after it was written", i+1, len(t.sums))
	}
	return nil
}

// checkFooter makes sure that the footer is not longer than the file: the decoder
// would make room for whatever its length says.
func (t *tableFile) checkFooter(size int64) error {
	const frame = 12 // "PAR1" at both ends, and the footer's length
	var end [8]byte
	if size < frame {
		return fmt.Errorf("it has %d bytes, too few for a Parquet file", size)
	}
	if _, err := t.ReadAt(end[:], size-int64(len(end))); err != nil {
		return err
	}
	if length := binary.LittleEndian.Uint32(end[:]); int64(length) > size-frame {
		return fmt.Errorf("its footer of %d bytes does not fit into its %d bytes", length, size)
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
		case err == nil:
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
// Damage in a row group costs the rest of that group; scan goes on with the next one and
// returns the first damage in the end.
func scan[T any](path string, yield func(batch []T) bool) error {
	t, err := openTable(path)
	if err != nil {
		return err
	}
	defer t.close()
	var damaged error
	batch := make([]T, scanBatch)
	for i := range t.parquet.RowGroups() {
		more, err := scanGroup(t, i, batch, yield)
		if _, ok := errors.AsType[*damage](err); ok {
			damaged = cmp.Or(damaged, err)
		} else if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return damaged
}

// scanGroup hands over the rows of one row group, and returns whether yield wants more.
func scanGroup[T any](t *tableFile, i int, batch []T, yield func([]T) bool) (more bool, err error) {
	group := t.parquet.RowGroups()[i]
	var rows *parquet.GenericReader[T]
	err = t.guard(func() error {
		if err := t.checkGroup(i); err != nil {
			return err
		}
		rows = parquet.NewGenericRowGroupReader[T](group)
		return nil
	})
	if err != nil {
		return true, err
	}
	defer func() { _ = t.guard(rows.Close) }()
	for left := group.NumRows(); left > 0; {
		clear(batch) // or slices of earlier rows, which yield may have kept, would be filled again
		var n int
		err := t.guard(func() (err error) {
			if n, err = rows.Read(batch); errors.Is(err, io.EOF) {
				return nil
			}
			return err
		})
		if err != nil {
			return true, err
		}
		if n == 0 {
			return true, &damage{t.path, fmt.Errorf("it ends %d rows early", left)}
		}
		if left -= int64(n); !yield(batch[:n]) {
			return false, nil
		}
	}
	return true, nil
}

// scanInts reads one column of integers. It does so page by page and not row by
// row, which is ten times faster.
func scanInts(path, column string, yield func(int64)) error {
	t, err := openTable(path)
	if err != nil {
		return err
	}
	defer t.close()
	return t.guard(func() error {
		leaf, ok := t.parquet.Schema().Lookup(column)
		if !ok || leaf.Node.Type().Kind() != parquet.Int64 || leaf.MaxRepetitionLevel > 0 {
			return fmt.Errorf("it has no column of integers named %s", column)
		}
		values := make([]parquet.Value, scanBatch)
		for i, group := range t.parquet.RowGroups() {
			if err := t.checkGroup(i); err != nil {
				return err
			}
			if err := scanChunk(group.ColumnChunks()[leaf.ColumnIndex], values, yield); err != nil {
				return err
			}
		}
		return nil
	})
}

// scanChunk hands over the integers of one column in one row group.
func scanChunk(chunk parquet.ColumnChunk, values []parquet.Value, yield func(int64)) (err error) {
	pages := chunk.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for reader, last := page.Values(), false; !last; {
			n, err := reader.ReadValues(values)
			if last = err != nil || n == 0; last && err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			for _, v := range values[:n] {
				yield(v.Int64())
			}
		}
		parquet.Release(page)
	}
}
