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
	if err := errors.Join(errs...); err != nil {
		for _, table := range tableNames() {
			_ = os.Remove(tablePath(dir, table) + tempSuffix)
		}
		return fmt.Errorf("compact record (its segments stay and can be read): %w", err)
	}
	for _, table := range tableNames() {
		if err := publish(d, tablePath(dir, table)); err != nil {
			return fmt.Errorf("compact record (its segments stay and can be read): %w", err)
		}
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
		return rewrite(ctx, d, path, func(damaged func(error), yield func([]parley.Turn) bool) error {
			return mergeTurns(files, damaged, yield)
		})
	case repliesTable:
		return rewrite(ctx, d, path, joined[parley.Reply](files))
	case callsTable:
		return rewrite(ctx, d, path, joined[parley.Call](files))
	default:
		return rewrite(ctx, d, path, joined[parley.Sample](files))
	}
}

// rowSource hands over rows in batches, as scanAll and mergeTurns do.
type rowSource[T any] func(damaged func(error), yield func([]T) bool) error

func joined[T any](files []string) rowSource[T] {
	return func(damaged func(error), yield func([]T) bool) error { return scanAll(files, damaged, yield) }
}

// rewrite writes the rows of a source as one file. A damaged segment is an
// error: what can be saved of it is better left where it is.
func rewrite[T any](ctx context.Context, d disk, path string, source rowSource[T]) error {
	return writeTemp(d, path, func(w io.Writer) error {
		encoder := newEncoder[T](w)
		var failed error
		damaged := func(err error) { failed = cmp.Or(failed, err) }
		err := source(damaged, func(batch []T) bool {
			if failed == nil {
				failed = ctx.Err()
			}
			if failed == nil {
				_, failed = encoder.Write(batch)
			}
			return failed == nil
		})
		if err := errors.Join(err, failed); err != nil {
			return err
		}
		return encoder.Close()
	})
}
