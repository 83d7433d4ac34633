package evolution

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/valyala/fasthttp"
)

// Bounds of the send API, so that no bot can take parley's memory: requestTime is how long a request may take
// to arrive, idleTime how long a connection may be without one. largestBody is the gateway's own limit. Bodies
// above smallBody take their size out of an allowance of allowed units; what is beyond smallBody stays with the sender
// until there is enough of it.
const (
	requestTime = time.Minute
	idleTime    = 2 * time.Minute
	largestBody = 136 << 20
	smallBody   = 256 << 10
	unit        = 1 << 20
	allowed     = 4 * largestBody / unit
)

// Server returns an HTTP server for the Handler with bounds on time and memory.
func (p *Platform) Server() *fasthttp.Server {
	return &fasthttp.Server{
		Handler: p.Handler, Name: "Evolution API", NoDefaultServerHeader: true,
		// The handler reads bodies, when it is their turn. What the server reads before is 8 kB at the most.
		StreamRequestBody: true, DisablePreParseMultipartForm: true, MaxRequestBodySize: smallBody,
		ReadTimeout: requestTime, IdleTimeout: idleTime, CloseOnShutdown: true, Logger: quiet{},
	}
}

// quiet drops what the server would log: broken connections are the bot's affair, and stand in the record.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

var (
	errLarge  = errors.New("the body is larger than the gateway takes")
	errClosed = errors.New("the run is over")
)

// allowance is the memory that large bodies share, in units.
type allowance struct {
	taken chan struct{} // holds an element for each unit in use
	turn  chan struct{} // held by who takes: two who each had half of what they need would wait for ever
}

func newAllowance() allowance {
	return allowance{taken: make(chan struct{}, allowed), turn: make(chan struct{}, 1)}
}

// take waits for n units, and reports whether it has them; not if closed is closed before.
func (a *allowance) take(n int, closed <-chan struct{}) bool {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-closed:
		return false
	}
	for i := range n {
		select {
		case a.taken <- struct{}{}:
		case <-closed:
			a.give(i)
			return false
		}
	}
	return true
}

func (a *allowance) give(n int) {
	for range n {
		<-a.taken
	}
}

// receive reads the request's body, if the server has not, and notes when that was done.
func (p *Platform) receive(x *exchange, ctx *fasthttp.RequestCtx) error {
	x.received = ctx.Time()
	if !ctx.Request.IsBodyStream() {
		return nil
	}
	length := ctx.Request.Header.ContentLength() // negative if not announced
	if length > largestBody {
		return errLarge
	}
	first := smallBody + 1 // one more, so that the end is seen
	if length >= 0 {
		first = min(length, smallBody) + 1
	}
	stream := ctx.RequestBodyStream()
	body, err := read(stream, x.input[:0], first)
	if err == nil && len(body) > smallBody {
		n := largestBody / unit
		if length >= 0 {
			n = (length + unit - 1) / unit
		}
		if !p.large.take(n, p.closed) {
			return errClosed
		}
		x.units = n
		body, err = read(stream, body, largestBody+1)
	}
	switch {
	case err != nil:
		return err
	case len(body) > largestBody:
		return errLarge
	}
	const inOneRead = 8 << 10 // of which the server itself knows when it was read
	if len(body) > inOneRead {
		x.received = time.Now()
	}
	x.input = body
	ctx.Request.SetBodyRaw(body)
	return nil
}

// read appends what comes until the end, or until there are limit bytes. Memory grows with what
// has come, not with what was announced.
func read(from io.Reader, body []byte, limit int) ([]byte, error) {
	for len(body) < limit {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := from.Read(body[len(body):min(cap(body), limit)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			return body, nil
		}
		if err != nil {
			return body, fmt.Errorf("read request: %w", err)
		}
	}
	return body, nil
}

// reject answers a request that was not read in full, and has the connection closed: what is left of it
// must not pass for the next one.
func (p *Platform) reject(x *exchange, err error) {
	x.call.Failure = "request not read in full"
	if errors.Is(err, errLarge) {
		p.finishWith(x, refusal(x.space[:0], fasthttp.StatusRequestEntityTooLarge, "Payload Too Large", `"request entity too large"`))
	} else {
		p.finishWith(x, refusal(x.space[:0], fasthttp.StatusBadRequest, "Bad Request", `"request aborted"`))
	}
	x.ctx.SetConnectionClose()
}
