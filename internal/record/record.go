// Package record keeps a run on disk: run.json and four tables (turns,
// replies, calls, series) in one folder. A [Writer] takes rows from the engine
// without ever making it wait, saves them every second in small complete
// Parquet files (segments), and joins those into one file a table when the run
// ends. A [Reader] reads any such folder: finished, still going on, killed half
// way, or damaged, and says in plain words what is missing. [List] finds the
// runs of a project.
//
// The format is described in docs/format.md. The package does not judge or
// summarise what it stores, knows no plan and no platform, and opens no sockets.
package record

import (
	"fmt"
	"path/filepath"
	"time"

	"parley"
)

// RunsDir is where a project keeps its runs, below the folder of its plan.
const RunsDir = ".parley/runs"

// Names inside a run's folder.
const (
	runFile     = "run.json"
	segmentsDir = "segments"
	tempSuffix  = ".tmp"
)

// The tables, as their files are named.
const (
	turnsTable   = "turns"
	repliesTable = "replies"
	callsTable   = "calls"
	seriesTable  = "series"
)

// tableNames returns the names of the tables in the order of reports.
func tableNames() []string {
	return []string{turnsTable, repliesTable, callsTable, seriesTable}
}

// A record holds what people said to a bot, even if only as hashes: nobody but
// its owner may read it.
const (
	folderMode = 0o700
	fileMode   = 0o600
)

// tablePath is the table's file in a finished run.
func tablePath(dir, table string) string { return filepath.Join(dir, table+".parquet") }

// segmentPath is the n-th segment of a table, counted from 1.
func segmentPath(dir, table string, n int) string {
	return filepath.Join(dir, segmentsDir, fmt.Sprintf("%s-%06d.parquet", table, n))
}

// VersionError reports a record written by a newer parley.
type VersionError struct {
	Path    string
	Version int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("read %s: the record has format version %d, this parley reads up to %d: use a newer parley",
		e.Path, e.Version, parley.RecordVersion)
}

// The newest instant a row speaks of, which tells how far a killed run got.

func newestOfTurn(t *parley.Turn) time.Duration {
	return max(t.Due, t.Sent, t.Acked, t.FirstReply, t.AnsweredAt, t.Ended)
}

func newestOfReply(r *parley.Reply) time.Duration { return r.Received }

func newestOfCall(c *parley.Call) time.Duration { return max(c.Start, c.FirstByte, c.End) }

func newestOfSample(s *parley.Sample) time.Duration { return s.At }
