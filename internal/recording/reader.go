package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	// maxLine is more than the line of two bodies of MaxBody can take, escaped or in base64.
	maxLine = 64 << 20
	// maxExchanges bounds the index of a recording.
	maxExchanges = 2_000_000
	// mostPieces bounds what is believed of one body.
	mostPieces = 1 << 20
)

// Recording is a file of exchanges. Its exchanges are read when they are asked for.
type Recording struct {
	file  *os.File
	lines []span
	// Damaged counts lines that could not be read, the torn last one of a run that was killed not among them.
	Damaged int
}

type span struct {
	offset int64
	length int
}

// Open reads through a recording and gives each exchange that can be replayed to each, with its number. An exchange
// must not be kept by each: that would fill the memory with the recording. Close the recording in the end.
func Open(path string, each func(i int, x *Exchange)) (*Recording, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	r := &Recording{file: file}
	if err := r.index(file, each); err != nil {
		_ = file.Close() // it was only read
		return nil, fmt.Errorf("read recording %s: %w", path, err)
	}
	return r, nil
}

func (r *Recording) index(src io.Reader, each func(i int, x *Exchange)) error {
	in := bufio.NewReaderSize(src, 64<<10)
	offset, number := int64(0), 0
	for {
		line, whole, err := readLine(in)
		if errors.Is(err, io.EOF) {
			break // without its newline the last line is torn
		}
		if err != nil {
			return err
		}
		number++
		length := len(line)
		x, bad := decode(line)
		switch {
		case !whole:
			return fmt.Errorf("line %d is longer than %d MB: it is not a recording of parley", number, maxLine>>20)
		case bad != nil && number == 1:
			return fmt.Errorf("line 1 is not an exchange: %w; name a file of exchanges/ of a run with keep: exchanges", bad)
		case bad != nil:
			r.Damaged++
		case len(r.lines) == maxExchanges:
			return fmt.Errorf("it holds more than %d exchanges", maxExchanges)
		case x != nil:
			r.lines = append(r.lines, span{offset, length})
			each(len(r.lines)-1, x)
		}
		offset += int64(length) + 1
	}
	return nil
}

// readLine returns the next line without its end; whole is false if it is too long.
func readLine(in *bufio.Reader) (line []byte, whole bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, false, nil
		case err == nil:
			return bytes.TrimSuffix(line, []byte("\n")), true, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, true, err
		}
	}
}

// decode reads one line. It is nil, without an error, for an exchange that cannot be replayed: without a
// response, cut off to its limit, or of a later format.
func decode(line []byte) (*Exchange, error) {
	x := &Exchange{}
	if err := json.Unmarshal(line, x); err != nil {
		return nil, err
	}
	switch {
	case x.Version < 1 || x.Method == "" || x.Target == "":
		return nil, errors.New("it has no version, method or target")
	case x.Version > Version || x.Status < 200 || x.Status > 599 || x.Request.Truncated || x.Response.Truncated,
		len(x.Response.Pieces) > mostPieces:
		return nil, nil //nolint:nilnil // as the comment says
	}
	last := x.Response.Pieces
	for i := range last {
		if last[i].At < 0 || i > 0 && last[i].At < last[i-1].At {
			return nil, errors.New("the pieces of the response are not in order of time")
		}
	}
	return x, nil
}

// Len is the number of exchanges.
func (r *Recording) Len() int { return len(r.lines) }

// Load reads an exchange. It may be called by many goroutines at once.
func (r *Recording) Load(i int) (*Exchange, error) {
	line := make([]byte, r.lines[i].length)
	if _, err := r.file.ReadAt(line, r.lines[i].offset); err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	x, err := decode(line)
	if err != nil || x == nil {
		return nil, fmt.Errorf("read recording: exchange %d has changed since it was opened", i+1)
	}
	return x, nil
}

// Close closes the file.
func (r *Recording) Close() error { return r.file.Close() }
