package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

// Limits of a recording, in bytes.
const (
	MaxBody = 4 << 20 // kept of one body
	MaxSize = 1 << 30 // of the file
)

// ErrFull says that a recording has reached its size, and takes no more.
var ErrFull = errors.New("the recording is full")

// Writer appends to a recording. It may be used by many goroutines at once.
type Writer struct {
	mu     sync.Mutex
	file   *os.File
	size   int64
	limit  int64
	failed error
}

// Create makes a new recording, readable by its owner only. It fails if there is one at path.
func Create(path string) (*Writer, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create recording: %w", err)
	}
	return &Writer{file: file, limit: MaxSize}, nil
}

// Append writes one exchange, with one write of a whole line. After the first error it writes nothing more, so
// that no line follows a torn one, and returns that error each time; it wraps ErrFull when the recording has its size.
func (w *Writer) Append(x *Exchange) error {
	x.Version = Version
	line, err := json.Marshal(x)
	if err != nil {
		return fmt.Errorf("encode exchange: %w", err)
	}
	line = append(line, '\n')
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return w.failed
	}
	if w.size+int64(len(line)) > w.limit {
		w.failed = fmt.Errorf("%s: %w at %d MB", w.file.Name(), ErrFull, w.limit>>20)
		return w.failed
	}
	n, err := w.file.Write(line)
	w.size += int64(n)
	if err != nil {
		w.failed = fmt.Errorf("write recording: %w", err)
	}
	return w.failed
}

// Close closes the file.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = errors.New("the recording is closed")
	}
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("close recording: %w", err)
	}
	return nil
}
