package record

import (
	"io"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"parley"
)

// Keys of the metadata every table file carries, so that one file alone says
// what it is.
const (
	versionKey = "parley.version"
	// newestKey is the newest instant in the file, in nanoseconds since the run's start.
	newestKey = "parley.newest_ns"
)

// groupRows is the most rows in a row group: a reader holds one at a time, engines
// such as DuckDB read groups in parallel, and damage costs a group at most.
const groupRows = 1 << 16

// newEncoder returns a writer of Parquet files with rows of type T.
//
// Times and ids grow from row to row, and hashes are noise, so most of what can be
// saved is saved by writing integers as differences; Snappy takes the rest. Zstandard
// would save another 6 %, but its implementation keeps channels in a pool of
// the whole process, which ends any program that records both inside and
// outside of a bubble of testing/synctest. LZ4_RAW of parquet-go 0.32 does not
// read back what it wrote if that does not compress.
func newEncoder[T any](w io.Writer) *parquet.GenericWriter[T] {
	return parquet.NewGenericWriter[T](w,
		parquet.CreatedBy("parley", strconv.Itoa(parley.RecordVersion), ""),
		parquet.KeyValueMetadata(versionKey, strconv.Itoa(parley.RecordVersion)),
		parquet.MaxRowsPerRowGroup(groupRows),
		parquet.Compression(&parquet.Snappy),
		parquet.DefaultEncodingFor(parquet.Int64, &parquet.DeltaBinaryPacked),
	)
}
