package record

import (
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"parley"
)

// Keys of the metadata every table file carries, so that one file alone says
// what it is.
const (
	versionKey = "parley.version"
	// newestKey is the newest instant in the file, in nanoseconds since the run's start.
	newestKey = "parley.newest_ns"
	// sumsKey is a list of end:sum, one for each row group: where its bytes end, and
	// the CRC-32C of those from the end of the group before.
	sumsKey = "parley.crc32c"
)

// groupRows is the most rows in a row group: a reader holds one at a time, engines
// such as DuckDB read groups in parallel, and damage costs a group at most.
const groupRows = 1 << 14

// encoder writes one table file after the other.
type encoder[T any] struct {
	out     summedWriter
	parquet *parquet.GenericWriter[T]
	sums    strings.Builder
}

// newEncoder returns an encoder whose first file goes to w.
//
// Times and ids grow from row to row, and hashes are noise, so most of what can be
// saved is saved by writing integers as differences; Snappy takes the rest. Zstandard
// would save another 6 %, but its implementation keeps channels in a pool of
// the whole process, which ends any program that records both inside and
// outside of a bubble of testing/synctest. LZ4_RAW of parquet-go 0.32 does not
// read back what it wrote if that does not compress.
func newEncoder[T any](w io.Writer) *encoder[T] {
	e := &encoder[T]{out: summedWriter{to: w}}
	e.parquet = parquet.NewGenericWriter[T](&e.out,
		parquet.CreatedBy("parley", strconv.Itoa(parley.RecordVersion), ""),
		parquet.KeyValueMetadata(versionKey, strconv.Itoa(parley.RecordVersion)),
		parquet.Compression(&parquet.Snappy),
		parquet.DefaultEncodingFor(parquet.Int64, &parquet.DeltaBinaryPacked),
		parquet.WriteBufferSize(0), // or sums would miss what the buffer holds back
	)
	return e
}

// reset begins another file.
func (e *encoder[T]) reset(w io.Writer) {
	e.out = summedWriter{to: w}
	e.sums.Reset()
	e.parquet.Reset(&e.out)
}

// write appends rows, in row groups of their own.
func (e *encoder[T]) write(rows []T) error {
	for len(rows) > 0 {
		n := min(groupRows, len(rows))
		if _, err := e.parquet.Write(rows[:n]); err != nil {
			return err
		}
		if err := e.parquet.Flush(); err != nil {
			return err
		}
		e.endGroup()
		rows = rows[n:]
	}
	return nil
}

// copy appends a row group of another file as it is.
func (e *encoder[T]) copy(group parquet.RowGroup) error {
	if _, err := e.parquet.WriteRowGroup(group); err != nil {
		return err
	}
	e.endGroup()
	return nil
}

// endGroup notes the sum of the row group that was written.
func (e *encoder[T]) endGroup() {
	fmt.Fprintf(&e.sums, "%d:%08x ", e.out.size, e.out.sum)
	e.out.sum = 0
}

// close writes the file's footer.
func (e *encoder[T]) close() error {
	e.parquet.SetKeyValueMetadata(sumsKey, strings.TrimSpace(e.sums.String()))
	return e.parquet.Close()
}

// summedWriter counts and sums up what passes through it.
type summedWriter struct {
	to   io.Writer
	size int64
	sum  uint32
}

func (w *summedWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.size += int64(n)
	w.sum = crc32.Update(w.sum, crc32.MakeTable(crc32.Castagnoli), p[:n])
	return n, err
}

// groupSum is the part of a file one row group takes, and its sum.
type groupSum struct {
	from, to int64
	sum      uint32
}

// parseSums reads the value of sumsKey.
func parseSums(text string) ([]groupSum, error) {
	var sums []groupSum
	from := int64(0)
	for field := range strings.FieldsSeq(text) {
		end, sum, _ := strings.Cut(field, ":")
		to, err := strconv.ParseInt(end, 10, 64)
		if err != nil || to < from {
			return nil, fmt.Errorf("its list of checksums is damaged at %q", field)
		}
		value, err := strconv.ParseUint(sum, 16, 32)
		if err != nil {
			return nil, fmt.Errorf("its list of checksums is damaged at %q", field)
		}
		sums = append(sums, groupSum{from, to, uint32(value)})
		from = to
	}
	return sums, nil
}
