package target

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	hidden    = "<secret>"
	tailLines = 20
	// tailBytes bounds what the tail remembers, lineBytes how long the end of a
	// line is waited for before it is written anyway.
	tailBytes = 16 << 10
	lineBytes = 64 << 10
	// drainTime is how long output is read on after a process has ended, if
	// another process still holds the pipe.
	drainTime = time.Second
)

// output copies what a process writes to a log, line by line and without
// secrets, and remembers the last lines.
type output struct {
	log     io.Writer
	secrets *strings.Replacer // nil if there are none
	forms   []string          // every way a secret is written, longest first

	mu      sync.Mutex
	pending []byte // an unfinished line
	tail    []byte
}

// newOutput returns an output to log, which may be nil.
func newOutput(log io.Writer, secrets []string) *output {
	if log == nil {
		log = io.Discard
	}
	o := &output{log: log}
	for _, s := range secrets {
		// In an address a password stands escaped.
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
			if form != "" && !slices.Contains(o.forms, form) {
				o.forms = append(o.forms, form)
			}
		}
	}
	// The replacer prefers the earlier pair: longest first, in case one secret begins another.
	slices.SortStableFunc(o.forms, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, form := range o.forms {
		pairs = append(pairs, form, hidden)
	}
	if len(pairs) > 0 {
		o.secrets = strings.NewReplacer(pairs...)
	}
	return o
}

// Write takes the next bytes of the process. It never fails: a log that cannot
// be written must not stop the bot.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pending = append(o.pending, p...)
	end := bytes.LastIndexByte(o.pending, '\n') + 1
	if end == 0 && len(o.pending) > lineBytes {
		end = o.cut()
	}
	if end > 0 {
		o.emit(o.pending[:end])
		o.pending = append(o.pending[:0], o.pending[end:]...)
	}
	return len(p), nil
}

// cut returns where an endless line can be cut: behind the place no secret
// begins which ends, or may still end, beyond it.
func (o *output) cut() int {
	if len(o.forms) == 0 {
		return len(o.pending)
	}
	end := max(0, len(o.pending)-len(o.forms[0])+1)
	for moved := true; moved; {
		moved = false
		for _, form := range o.forms {
			from := max(0, end-len(form)+1)
			if at := bytes.Index(o.pending[from:], []byte(form)); at >= 0 && from+at < end {
				end, moved = from+at, true
			}
		}
	}
	return end
}

// Close writes an unfinished last line.
func (o *output) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.pending) > 0 {
		o.emit(append(o.pending, '\n'))
		o.pending = nil
	}
}

func (o *output) emit(lines []byte) {
	if o.secrets != nil {
		lines = []byte(o.secrets.Replace(string(lines)))
	}
	_, _ = o.log.Write(lines)
	o.tail = append(o.tail, lines...)
	if over := len(o.tail) - tailBytes; over > 0 {
		o.tail = append(o.tail[:0], o.tail[over:]...)
	}
}

// Tail returns the last lines written, at most 20.
func (o *output) Tail() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := strings.TrimRight(string(o.tail), "\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	return lines[max(0, len(lines)-tailLines):]
}

// pipe returns the write end of a pipe into o, for a process to inherit, and a
// function which waits until all of it has been read. The caller closes the
// write end once the process has it.
func (o *output) pipe() (w *os.File, drain func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, err := io.Copy(o, r)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			_, _ = o.Write([]byte("parley: reading the output: " + err.Error() + "\n"))
		}
		o.Close()
	}()
	drain = func() {
		_ = r.SetReadDeadline(time.Now().Add(drainTime))
		<-copied
		_ = r.Close()
	}
	return w, drain, nil
}
