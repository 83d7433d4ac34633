package record

import (
	"bytes"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/parquet-go/parquet-go"
)

// table collects the rows of one table in memory and saves them in segments.
//
// There are two buffers: rows, which the engine appends to under a mutex held
// for an append and no longer, and batch, which belongs to the writer's
// goroutine until it is on the disk. Both keep their memory, so that a run in
// its steady state allocates nothing per row.
type table[T any] struct {
	name   string
	newest func(*T) time.Duration
	// hashes points to the row's own slice of hashes, which is copied so that the
	// caller may use its memory again. Nil if such rows have none.
	hashes func(*T) *[]uint64
	// number gives the n-th row its identity. Nil if such rows bring their own.
	number func(row *T, n int64)
	// full is sent to, without waiting, when rows reaches segmentRows.
	full        chan<- struct{}
	segmentRows int
	bound       int // rows is never longer than this

	mu      sync.Mutex
	rows    []T
	arena   []uint64 // holds the rows' hashes
	added   int64
	dropped int64

	// Of the writer's goroutine alone.
	batch      []T
	batchArena []uint64
	segments   int // written so far
	encoder    *parquet.GenericWriter[T]
	encoded    bytes.Buffer
}

// add appends a row, or counts it as dropped when the disk has been too slow
// for too long.
func (t *table[T]) add(row T) {
	t.mu.Lock()
	if len(t.rows) >= t.bound {
		t.dropped++
		t.mu.Unlock()
		return
	}
	t.rows = append(t.rows, row)
	last := &t.rows[len(t.rows)-1]
	t.added++
	if t.number != nil {
		t.number(last, t.added)
	}
	if t.hashes != nil {
		if own := t.hashes(last); len(*own) > 0 {
			from := len(t.arena)
			// Growing moves the arena; rows before keep the old one alive.
			t.arena = append(t.arena, *own...)
			*own = t.arena[from:len(t.arena):len(t.arena)]
		}
	}
	isFull := len(t.rows) == t.segmentRows
	t.mu.Unlock()
	if isFull {
		select {
		case t.full <- struct{}{}:
		default: // the writer is about to look anyway
		}
	}
}

// take moves what was added into the batch, unless an earlier batch still waits
// for the disk. It returns the size of the batch.
func (t *table[T]) take() int {
	if len(t.batch) > 0 {
		return len(t.batch)
	}
	t.mu.Lock()
	t.rows, t.batch = t.batch[:0], t.rows
	t.arena, t.batchArena = t.batchArena[:0], t.arena
	t.mu.Unlock()
	return len(t.batch)
}

// save writes the batch as the next segment and returns the newest instant in
// it. After an error the batch is kept for another attempt.
func (t *table[T]) save(d disk, dir string) (time.Duration, error) {
	if t.take() == 0 {
		return 0, nil
	}
	newest, err := t.encode()
	if err != nil {
		return 0, err
	}
	err = replaceFile(d, segmentPath(dir, t.name, t.segments+1), func(w io.Writer) error {
		_, err := w.Write(t.encoded.Bytes())
		return err
	})
	if err != nil {
		return 0, err
	}
	t.segments++
	t.batch = t.batch[:0]
	return newest, nil
}

// encode turns the batch into the bytes of a complete Parquet file.
func (t *table[T]) encode() (time.Duration, error) {
	newest := time.Duration(0)
	for i := range t.batch {
		newest = max(newest, t.newest(&t.batch[i]))
	}
	t.encoded.Reset()
	if t.encoder == nil {
		t.encoder = newEncoder[T](&t.encoded)
	} else {
		t.encoder.Reset(&t.encoded)
	}
	t.encoder.SetKeyValueMetadata(newestKey, strconv.FormatInt(int64(newest), 10))
	if _, err := t.encoder.Write(t.batch); err != nil {
		return 0, err
	}
	return newest, t.encoder.Close()
}

// dropWaiting gives up the rows that are not on the disk.
func (t *table[T]) dropWaiting() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropped += int64(len(t.rows) + len(t.batch))
	t.rows, t.batch = nil, nil
}

// lost is the number of rows dropped so far.
func (t *table[T]) lost() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped
}
