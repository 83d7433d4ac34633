package receptionist

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// span is a stretch of time as the bot saw it; the format is that of the example's spans.py.
type span struct {
	Name       string        `json:"name"`
	Start, End time.Duration // on CLOCK_MONOTONIC
	User       string        `json:"user"`
	Message    string        `json:"message"`
	Messages   []string      `json:"messages"` // of a turn
	Status     int           `json:"status"`   // of a call by HTTP
	Attempt    int           `json:"attempt"`
	Tool       string        `json:"tool"`
	Error      string        `json:"error"`
}

func (s *span) length() time.Duration { return s.End - s.Start }

// spanLog is what all workers noted, in order of the starts.
type spanLog []span

// readSpans reads the logs of all workers.
func readSpans(t *testing.T, prefix string) spanLog {
	t.Helper()
	all := readNotes[span](t, prefix)
	slices.SortFunc(all, func(a, b span) int { return int(a.Start - b.Start) })
	return all
}

// readNotes reads what all workers noted aside: a file of JSON lines each.
func readNotes[T any](t *testing.T, prefix string) (all []T) {
	t.Helper()
	files, err := filepath.Glob(prefix + ".*")
	if err != nil || len(files) == 0 {
		t.Fatalf("the bot wrote no %s: %v", filepath.Base(prefix), err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			var note T
			if err := json.Unmarshal(lines.Bytes(), &note); err != nil {
				t.Fatalf("%s: %v: %s", name, err, lines.Text())
			}
			all = append(all, note)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return all
}

// named are the spans of one name.
func (l spanLog) named(name string) spanLog {
	var out spanLog
	for _, s := range l {
		if s.Name == name {
			out = append(out, s)
		}
	}
	return out
}

// messages are the webhooks that carried a user's message, as opposed to echoes and receipts.
func (l spanLog) messages() spanLog {
	return slices.DeleteFunc(l.named("webhook"), func(s span) bool { return s.Message == "" })
}

// monotonic returns the wall clock's moment on CLOCK_MONOTONIC, by the clocks' present
// difference: it is exact unless somebody set the clock in between.
func monotonic(t *testing.T, wall time.Time) time.Duration {
	t.Helper()
	var wallNow, mono unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &wallNow); err != nil {
		t.Fatal(err)
	}
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono); err != nil {
		t.Fatal(err)
	}
	return time.Duration(wall.UnixNano() - wallNow.Nano() + mono.Nano())
}
