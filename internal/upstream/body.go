package upstream

import (
	"net/http"
	"strconv"

	"parley/internal/fault"
)

// Body sends a response piece by piece, as it came from elsewhere, and lets the call's fate happen to it.
type Body struct {
	x *Exchange
	// left is how much may be sent before the fate strikes, -1 for no end; pieces counts down to it where the length is not known.
	left   int64
	pieces int
	over   bool // nothing more is sent
}

// BeginBody sends the head of a response of so many bytes, -1 if that is not known. The other headers are set.
func (x *Exchange) BeginBody(status int, length int64) *Body {
	b := &Body{x: x, left: -1}
	strikes := x.Fate.Effect == fault.Cut || x.Fate.Effect == fault.Malformed
	switch {
	case strikes && length >= 0:
		b.left = int64(float64(length) * x.Fate.Where)
	case strikes:
		b.pieces = 1 + int(10*x.Fate.Where)
	}
	if length >= 0 {
		if x.Fate.Effect == fault.Malformed {
			length = b.left
		}
		x.W.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	} else {
		x.W.Header().Del("Content-Length")
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		x.W.Header().Del("Content-Length")
	}
	x.Head(status)
	return b
}

// Send sends the next piece and flushes it. The error is a client that went away. A connection that is to be cut leaves by a panic.
func (b *Body) Send(p []byte) error {
	if b.over {
		return nil
	}
	strikes := false
	switch {
	case b.left >= 0 && int64(len(p)) >= b.left:
		p, strikes = p[:b.left], true
	case b.left >= 0:
		b.left -= int64(len(p))
	case b.pieces > 0:
		if b.pieces--; b.pieces == 0 {
			p, strikes = p[:len(p)/2], true
		}
	}
	if err := b.x.Send(p); err != nil {
		return err
	}
	if strikes {
		b.strike()
	}
	return nil
}

// strike ends the body before its end.
func (b *Body) strike() {
	if b.x.Fate.Effect == fault.Cut {
		b.x.Cut()
	}
	b.x.Call.Failure = "malformed"
	b.over = true
}

// End notes that all was sent. A stream shorter than its fate had foreseen is struck at its end.
func (b *Body) End() {
	if !b.over && (b.left >= 0 || b.pieces > 0) {
		b.strike()
	}
}
