package record

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"parley"
)

// compact joins the segments of a run into one file a table: turns as their last
// row has them and in order of id, the other tables as they were recorded. Memory stays
// bounded whatever the run's length. The segments are removed after every table
// has its file; after an error all of them are still there.
func compact(ctx context.Context, d disk, dir string) error {
	segments, err := listSegments(dir)
	if err != nil {
		return fmt.Errorf("compact record: %w", err)
	}
	errs := make([]error, len(tableNames()))
	var work sync.WaitGroup
	for i, table := range tableNames() {
		work.Go(func() { errs[i] = compactTable(ctx, d, dir, table, segments[table]) })
	}
	work.Wait()
	err = errors.Join(errs...)
	for _, table := range tableNames() {
		if err == nil {
			err = publish(d, tablePath(dir, table))
		} else {
			_ = os.Remove(tablePath(dir, table) + tempSuffix)
		}
	}
	if err != nil {
		return fmt.Errorf("compact record (its segments stay and can be read): %w", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, segmentsDir)); err != nil {
		return fmt.Errorf("compact record: %w", err)
	}
	return nil
}

// compactTable writes the file of one table under its temporary name.
func compactTable(ctx context.Context, d disk, dir, table string, segments []segment) error {
	files := make([]string, len(segments))
	for i, s := range segments {
		files[i] = s.path
	}
	path := tablePath(dir, table)
	switch table {
	case turnsTable:
		return mergeSegments(ctx, d, path, files)
	case repliesTable:
		return joinSegments[parley.Reply](ctx, d, path, files)
	case callsTable:
		return joinSegments[parley.Call](ctx, d, path, files)
	default:
		return joinSegments[parley.Sample](ctx, d, path, files)
	}
}

// joinSegments writes the row groups of the segments into one file, as they
// are: nothing is decoded, which makes this many times faster than reading rows.
func joinSegments[T any](ctx context.Context, d disk, path string, files []string) error {
	return writeTemp(d, path, func(w io.Writer) error {
		e := newEncoder[T](w)
		for _, file := range files {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := copyGroups(e, file); err != nil {
				return err
			}
		}
		return e.close()
	})
}

// copyGroups appends the row groups of a segment.
func copyGroups[T any](e *encoder[T], path string) error {
	t, err := openTable(path)
	if err != nil {
		return err
	}
	defer t.close()
	for i, group := range t.parquet.RowGroups() {
		err := t.guard(func() error {
			// What is copied is not decoded, so damage would go unnoticed.
			if err := t.checkGroup(i); err != nil {
				return err
			}
			return e.copy(group)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// mergeSegments writes the turns of the segments, each once. A damaged segment
// is an error: what can be saved of it is better left where it is.
func mergeSegments(ctx context.Context, d disk, path string, files []string) error {
	return writeTemp(d, path, func(w io.Writer) error {
		e := newEncoder[parley.Turn](w)
		var failed error
		damaged := func(err error) { failed = cmp.Or(failed, err) }
		err := mergeTurns(files, damaged, func(batch []parley.Turn) bool {
			failed = cmp.Or(failed, ctx.Err())
			if failed == nil {
				failed = e.write(batch)
			}
			return failed == nil
		})
		if err := errors.Join(err, failed); err != nil {
			return err
		}
		return e.close()
	})
}
