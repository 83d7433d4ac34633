package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"parley"
	"parley/internal/record"
)

// span is a stretch of time as the bot saw it; the format is that of the example's spans.py.
type span struct {
	Name       string        `json:"name"`
	Start, End time.Duration // on CLOCK_MONOTONIC, once read from the start of the run
	// Sent and Received are when the first byte of the request and the last one of the answer passed the connection, 0 where
	// the log does not tell.
	Sent     time.Duration `json:"sent"`
	Received time.Duration `json:"received"`
	Worker   int           `json:"pid"`
	Port     int           `json:"port"`    // the bot's end of the connection
	Backend  int           `json:"backend"` // the process of PostgreSQL at its other end
	User     string        `json:"user"`
	Message  string        `json:"message"`
	Messages []string      `json:"messages"` // of a turn
}

// evidence is what is left of a run: parley's record and the bot's log.
type evidence struct {
	run   *parley.Run
	turns []parley.Turn
	calls []parley.Call
	spans []span // by their start
}

// read opens the record and the logs of all workers, prefix.<pid>.
func read(dir, prefix string) (*evidence, error) {
	reader, err := record.Open(dir)
	if err != nil {
		return nil, err
	}
	e := &evidence{run: reader.Run(), turns: slices.Collect(reader.Turns()), calls: slices.Collect(reader.Calls())}
	if err := reader.Err(); err != nil {
		return nil, err
	}
	zero, err := monotonic(e.run.Started)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(prefix + ".*")
	if err != nil || len(files) == 0 {
		return nil, errors.Join(errors.New("the bot wrote no log of its calls: "+prefix+".*"), err)
	}
	for _, name := range files {
		if err := e.readLog(name, zero); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(e.spans, func(a, b span) int { return int(a.Start - b.Start) })
	return e, nil
}

func (e *evidence) readLog(name string, zero time.Duration) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read the bot's log: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		var s span
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
		s.Sent, s.Received = cmp.Or(s.Sent, s.Start)-zero, cmp.Or(s.Received, s.End)-zero
		s.Start, s.End = s.Start-zero, s.End-zero
		e.spans = append(e.spans, s)
	}
	return lines.Err()
}

// monotonic returns the wall clock's moment on CLOCK_MONOTONIC, by the clocks' present difference: it is exact
// unless somebody set the clock in between.
func monotonic(wall time.Time) (time.Duration, error) {
	var now, mono unix.Timespec
	err := errors.Join(unix.ClockGettime(unix.CLOCK_REALTIME, &now), unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono))
	return time.Duration(wall.UnixNano() - now.Nano() + mono.Nano()), err
}

// wire is the dependency that a span is a call of, "" if it is none.
func (s *span) wire() string {
	family, _, called := strings.Cut(s.Name, ".")
	if !called || s.Name == "pg.acquire" {
		return ""
	}
	return map[string]string{"llm": "openai", "pg": "postgres", "redis": "redis", "calendar": "calendar", "evolution": "evolution"}[family]
}

// wireOf is the dependency of a call.
func wireOf(c *parley.Call) string {
	name, _, _ := strings.Cut(c.Wire, "/")
	return name
}

// connection is one of the bot's, as the bot names it.
type connection struct {
	wire                  string
	worker, port, backend int
}

// connection returns that of a span; ok is false if the log does not tell.
func (s *span) connection() (c connection, ok bool) {
	c = connection{wire: s.wire(), worker: s.Worker, port: s.Port, backend: s.Backend}
	return c, c.wire != "" && (c.port != 0 || c.backend != 0)
}
