package record

import (
	"io"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"parley"
)

// Keys of the metadata every table file carries, so that one file alone says
// what it is.
const (
	versionKey = "parley.version"
	// newestKey is the newest instant in the file, in nanoseconds since the run's start.
	newestKey = "parley.newest_ns"
)

// groupRows is the length of a row group: a reader holds one at a time, and an
// engine such as DuckDB reads groups in parallel.
const groupRows = 1 << 17

// newEncoder returns a writer of Parquet files with rows of type T.
func newEncoder[T any](w io.Writer) *parquet.GenericWriter[T] {
	return parquet.NewGenericWriter[T](w,
		parquet.CreatedBy("parley", strconv.Itoa(parley.RecordVersion), ""),
		parquet.KeyValueMetadata(versionKey, strconv.Itoa(parley.RecordVersion)),
		parquet.MaxRowsPerRowGroup(groupRows),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}),
		parquet.DefaultEncodingFor(parquet.Int64, &parquet.DeltaBinaryPacked),
	)
}
