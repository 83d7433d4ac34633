package record

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
)

// table collects the rows of one table in memory and saves them in segments.
//
// The engine appends to rows, under a mutex held for an append and no longer.
// The saving goroutine swaps rows for an empty buffer and adds them to the tail, which is
// the content of the newest segment. That segment is replaced by a longer one at
// every save until it has sealRows, so that a slow run of an hour leaves a few
// files and not thousands. All buffers keep their memory: in its steady state
// a run allocates nothing per row.
type table[T any] struct {
	name   string
	newest func(*T) time.Duration
	// hashes points to the row's own slices of hashes, which are copied so that the
	// caller may use their memory again. Nil if such rows have none.
	hashes func(*T) [2]*[]uint64
	// number gives the n-th row its identity. Nil if such rows bring their own.
	number func(row *T, n int64)
	// full is sent to, without waiting, when rows reaches segmentRows.
	full        chan<- struct{}
	segmentRows int
	sealRows    int
	bound       int // rows is never longer than this

	mu      sync.Mutex
	rows    []T
	hashed  []uint64 // holds the rows' hashes
	recent  []seat   // by the last bits of an identity
	takes   int32    // how often rows was swapped
	added   int64
	dropped int64

	// Of the saving goroutine alone.
	spare    []T // empty between saves
	tail     []T // rows of the newest segment
	saved    int // of them on the disk
	segments int // sealed so far
	encoder  *encoder[T]
	encoded  bytes.Buffer
}

// add appends a row, or counts it as dropped when the disk has been too slow
// for too long. A row with an identity other than 0 overwrites an earlier one of its identity that still waits: at a high rate most
// turns end within the second in which they opened. The row is copied; the pointer spares it being copied twice.
func (t *table[T]) add(row *T, identity int64) {
	t.mu.Lock()
	at := t.place(identity)
	if at == t.bound {
		t.dropped++
		t.mu.Unlock()
		return
	}
	if at < len(t.rows) {
		t.rows[at] = *row
	} else {
		t.rows = append(t.rows, *row)
	}
	last := &t.rows[at]
	t.added++
	if t.number != nil {
		t.number(last, t.added)
	}
	if t.hashes != nil {
		for _, own := range t.hashes(last) {
			if own == nil || len(*own) == 0 {
				continue
			}
			from := len(t.hashed)
			// Growing moves the memory; rows before keep the old one alive.
			t.hashed = append(t.hashed, *own...)
			*own = t.hashed[from:len(t.hashed):len(t.hashed)]
		}
	}
	isFull := at+1 == t.segmentRows
	t.mu.Unlock()
	if isFull {
		select {
		case t.full <- struct{}{}:
		default: // the writer is about to look anyway
		}
	}
}

// seat is where in rows the row of an identity stands, if it is still there.
type seat struct {
	identity int64
	row      int32
	take     int32 // the rows that it is about
}

// seats is how many identities are remembered, a power of two: those of some tenths of a second at the highest rates.
const seats = 1 << 14

// place returns where in rows a row goes: over an earlier one of its identity, or at the end. The caller holds mu.
func (t *table[T]) place(identity int64) int {
	if identity == 0 {
		return len(t.rows)
	}
	if t.recent == nil {
		t.recent = make([]seat, seats)
	}
	s := &t.recent[identity&(seats-1)]
	if s.identity == identity && s.take == t.takes {
		return int(s.row)
	}
	if len(t.rows) < t.bound {
		*s = seat{identity, int32(len(t.rows)), t.takes}
	}
	return len(t.rows)
}

// take moves what was added into the tail, unless rows in the tail still wait
// for the disk: then memory is bounded by leaving the rest where it is.
func (t *table[T]) take() {
	if len(t.tail) > t.saved {
		return
	}
	t.mu.Lock()
	t.rows, t.spare = t.spare, t.rows
	t.takes++
	if len(t.hashed) > 0 {
		// The rows refer to it from now on. Next time will need about as much.
		t.hashed = make([]uint64, 0, len(t.hashed)+len(t.hashed)/4)
	}
	t.mu.Unlock()
	if len(t.tail) > 0 && len(t.spare) >= t.sealRows {
		// There are enough for a segment of their own: the newest one stays as it is.
		t.segments++
		t.tail, t.saved = t.tail[:0], 0
	}
	if len(t.tail) == 0 {
		t.tail, t.spare = t.spare, t.tail
	} else {
		t.tail = append(t.tail, t.spare...)
	}
	t.spare = t.spare[:0]
}

// save brings what was added to the disk and returns the newest instant in the
// segment written. After an error the rows are kept for another attempt.
func (t *table[T]) save(d disk, dir string) (time.Duration, error) {
	t.take()
	if len(t.tail) == t.saved {
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
	t.saved = len(t.tail)
	if t.saved >= t.sealRows {
		t.segments++
		t.tail, t.saved = t.tail[:0], 0
	}
	return newest, nil
}

// encode turns the tail into the bytes of a complete Parquet file.
func (t *table[T]) encode() (time.Duration, error) {
	newest := time.Duration(0)
	for i := range t.tail {
		newest = max(newest, t.newest(&t.tail[i]))
	}
	t.encoded.Reset()
	if t.encoder == nil {
		t.encoder = newEncoder[T](&t.encoded)
	} else {
		t.encoder.reset(&t.encoded)
	}
	t.encoder.parquet.SetKeyValueMetadata(newestKey, strconv.FormatInt(int64(newest), 10))
	if err := t.encoder.write(t.tail); err != nil {
		return 0, fmt.Errorf("encode %s: %w", t.name, err)
	}
	if err := t.encoder.close(); err != nil {
		return 0, fmt.Errorf("encode %s: %w", t.name, err)
	}
	return newest, nil
}

// dropWaiting gives up the rows that are not on the disk. Like save, it is for
// the saving goroutine.
func (t *table[T]) dropWaiting() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropped += int64(len(t.rows) + len(t.tail) - t.saved)
	t.rows, t.tail, t.saved = nil, nil, 0
	t.takes++
}

// release lets go of the memory of a table whose rows are all on the disk. Nothing is added to it any more.
func (t *table[T]) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows, t.hashed, t.recent, t.spare, t.tail, t.encoder, t.encoded = nil, nil, nil, nil, nil, nil, bytes.Buffer{}
}

// lost is the number of rows dropped so far.
func (t *table[T]) lost() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped
}
