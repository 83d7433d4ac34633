package tap

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// lines is a made up file to copy in: so many lines of a kilobyte.
type lines struct {
	left, number int
	rest         []byte
	flow         // of what was read
	memory       *peak
}

func (l *lines) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		if l.left == 0 {
			return 0, io.EOF
		}
		l.left--
		l.number++
		l.rest = fmt.Appendf(l.rest[:0], "%01023d\n", l.number*7919)
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	l.take(p[:n])
	l.memory.look(l.number)
	return n, nil
}

func (f *flow) take(p []byte) {
	f.n += int64(len(p))
	f.sum = crc32.Update(f.sum, crc32.MakeTable(crc32.Castagnoli), p)
}

// sink takes in what is copied out.
type sink struct {
	flow
	memory *peak
	rows   int
}

func (s *sink) Write(p []byte) (int, error) {
	s.take(p)
	s.rows++
	s.memory.look(s.rows)
	return len(p), nil
}

// peak is the most memory that was in use, looked at now and then.
type peak struct{ bytes uint64 }

func (p *peak) look(step int) {
	if step%16384 != 0 {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.bytes = max(p.bytes, m.HeapInuse)
}

// TestCopyOfAGigabyte goes in and comes out again; the memory that takes is bounded, by less than a tenth of it.
func TestCopyOfAGigabyte(t *testing.T) {
	rows := 1 << 20
	if testing.Short() {
		rows = 1 << 16
	}
	const most = 64 << 20
	w := tapped(t, shared.postgres.URL())
	c, err := pgconn.Connect(t.Context(), w.url+"?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(t.Context(), "CREATE TEMP TABLE t (line text)").ReadAll(); err != nil {
		t.Fatal(err)
	}
	var memory peak
	in := &lines{left: rows, memory: &memory}
	// What the server takes in it drops, but for the last line: the disk is not what is looked at.
	tag, err := c.CopyFrom(t.Context(), in, fmt.Sprintf("COPY t FROM STDIN WHERE line = '%01023d'", rows*7919))
	if err != nil || tag.RowsAffected() != 1 || in.number != rows {
		t.Errorf("copied in: %v, %v", tag, err)
	}
	out := &sink{memory: &memory}
	tag, err = c.CopyTo(t.Context(), out, fmt.Sprintf("COPY (SELECT lpad((i::bigint * 7919)::text, 1023, '0') FROM generate_series(1, %d) i) TO STDOUT", rows))
	if err != nil || tag.RowsAffected() != int64(rows) {
		t.Errorf("copied out: %v, %v", tag, err)
	}
	if in.flow != out.flow || out.n != int64(rows)<<10 {
		t.Errorf("in %v, out %v", in.flow, out.flow)
	}
	if memory.bytes == 0 || memory.bytes > most {
		t.Errorf("%d MB of memory were in use", memory.bytes>>20)
	}
	t.Logf("%d MB each way, %d MB of memory in use at most", int64(rows)>>10, memory.bytes>>20)
	_ = c.Close(context.Background())
	w.exact()
	for _, call := range w.end() {
		if got := max(call.RequestBytes, call.ResponseBytes); call.Rows > 0 && got < int64(rows)<<10 {
			t.Errorf("%s: %d bytes were recorded", call.Operation, got)
		}
	}
}
