package drive

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"parley/internal/platform"
)

// conn is one connection of a Client. It belongs to one request at a time.
//
// What a webhook costs is system calls, so there are few: one to see that the connection is not
// stale, one to write, one to read. Deadlines move here and not in the runtime, whose timer
// goes off once in the time of a deadline and is then armed for what is left. While a response
// is awaited no buffer is held: ten thousand webhooks may be open at once.
type conn struct {
	net.Conn
	since time.Time // when it became idle
	used  bool      // it has carried a request

	deadline time.Time // of the request
	armed    time.Time // what the runtime knows of

	// raw gives the file descriptor; nil if the connection has none of its own (TLS, a pipe). below is the
	// same, or that of the connection beneath TLS.
	raw, below syscall.RawConn
	step       func(fd uintptr) (done bool) // c.send, bound once
	out        []byte                       // what is left of the request
	sent       bool                         // all of it was written
	fail       error                        // of step, or of the last Read
}

// buffers are shared by the connections of a Client.
type buffers struct{ requests, responses sync.Pool }

// largestHead is the longest status line and header that Node, on which gateways run, takes; largestResponse bounds
// the body of an acknowledgement, which says nothing; largestKept is the largest buffer for requests
// worth keeping. In bytes.
const (
	largestHead     = 16 << 10
	largestResponse = 1 << 20
	largestKept     = 16 << 10
)

// errMalformed stands for all that is wrong with a response. It does not quote it: what the bot sends may be a secret.
var errMalformed = errors.New("malformed response")

func newConn(c net.Conn) *conn {
	n := &conn{Conn: c}
	beneath := c
	if secured, ok := c.(*tls.Conn); ok {
		beneath = secured.NetConn()
	}
	if s, ok := beneath.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			n.below = raw
		}
	}
	if beneath == c && n.below != nil {
		n.raw, n.step = n.below, n.send
	}
	return n
}

// exchange makes one request and says whether the connection can be used for another. errStale:
// nothing was sent.
func (c *conn) exchange(b *buffers, head string, w platform.Webhook, deadline time.Time) (status int, reusable bool, err error) {
	c.deadline = deadline
	if err := c.request(b, head, w); err != nil {
		return 0, false, err
	}
	in, ok := b.responses.Get().(*bufio.Reader)
	if !ok {
		in = bufio.NewReaderSize(nil, largestHead)
	}
	in.Reset(c)
	defer func() {
		in.Reset(nil)
		b.responses.Put(in)
	}()
	if _, err := in.Peek(1); errors.Is(err, io.EOF) {
		return 0, false, syscall.ECONNRESET
	} else if err != nil {
		return 0, false, err
	}
	status, reusable, err = c.response(in)
	return status, reusable && c.sent && in.Buffered() == 0, err
}

// response reads the final response; interim ones, early hints say, come before it.
func (c *conn) response(in *bufio.Reader) (status int, reusable bool, err error) {
	response := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(response)
	for status < http.StatusOK && status != http.StatusSwitchingProtocols {
		c.fail = nil
		switch err := response.ReadLimitBody(in, largestResponse); {
		case errors.Is(err, fasthttp.ErrBodyTooLarge):
			return response.StatusCode(), false, nil // the status line is the acknowledgement
		case err != nil && errors.Is(c.fail, io.EOF):
			return 0, false, io.ErrUnexpectedEOF
		case err != nil && c.fail != nil:
			return 0, false, c.fail
		case err != nil:
			return 0, false, errMalformed
		}
		status = response.StatusCode()
	}
	return status, !closes(&response.Header), nil
}

// closes reports whether the server ends the connection after a response.
func closes(h *fasthttp.ResponseHeader) bool {
	if h.ConnectionClose() {
		return true
	}
	for _, field := range h.PeekAll(fasthttp.HeaderConnection) {
		for option := range bytes.SplitSeq(field, []byte(",")) {
			if bytes.EqualFold(bytes.TrimSpace(option), []byte("close")) {
				return true
			}
		}
	}
	return false
}

// request writes the request and, where it can, waits for the first byte of the response. A server that closes the
// connection before it has read all may have answered before: that is no error here, and sent is false.
func (c *conn) request(b *buffers, head string, w platform.Webhook) error {
	space, ok := b.requests.Get().(*[]byte)
	if !ok {
		space = new([]byte)
	}
	*space = appendRequest((*space)[:0], head, w)
	c.out, c.sent, c.fail = *space, false, nil
	var err error
	switch {
	case c.raw != nil:
		err = c.converse()
	case c.used && c.stale():
		err = errStale
	default:
		err = c.SetDeadline(c.deadline)
	}
	if err == nil && !c.sent {
		_, err = c.Write(c.out)
		c.sent = err == nil
		if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
			err = nil
		}
	}
	c.out, c.used = nil, true
	if cap(*space) <= largestKept {
		b.requests.Put(space)
	}
	return err
}

// converse writes the request, as much of it as the system takes at once, and if that was all
// waits. The runtime begins to look out for a response before the request is written, so that none can be
// missed, and nobody tries to read what is not there yet.
func (c *conn) converse() error {
	for {
		if c.armed.IsZero() || c.deadline.Before(c.armed) {
			if err := c.arm(); err != nil {
				return err
			}
		}
		switch err := c.raw.Read(c.step); {
		case c.fail != nil:
			return c.fail
		case err == nil && !c.sent:
			return c.SetWriteDeadline(c.deadline)
		case !c.early(err):
			return err
		case c.sent:
			return c.arm()
		}
		if err := c.arm(); err != nil {
			return err
		}
	}
}

// send is one step of converse.
func (c *conn) send(fd uintptr) (done bool) {
	if c.sent {
		return true // there is something to read
	}
	if c.used && spent(fd) {
		c.fail = errStale
		return true
	}
	n, err := syscall.Write(int(fd), c.out)
	for errors.Is(err, syscall.EINTR) {
		n, err = syscall.Write(int(fd), c.out)
	}
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return true
	case err != nil:
		c.fail = err
		return true
	}
	c.out = c.out[n:]
	c.sent = len(c.out) == 0
	return !c.sent
}

// Read reads until the deadline of the request.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if c.raw == nil || n > 0 || !c.early(err) {
			c.fail = err
			return n, err
		}
		if err := c.arm(); err != nil {
			return 0, err
		}
	}
}

// early reports whether err is a deadline that the runtime still had of an earlier request.
func (c *conn) early(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && c.armed.Before(c.deadline)
}

// arm tells the runtime the deadline.
func (c *conn) arm() error {
	c.armed = c.deadline
	if err := c.SetReadDeadline(c.deadline); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	return nil
}

// spent looks without waiting whether nothing more can be asked on an idle connection: the other side has closed it, or
// has said something, which answers no request (RFC 9112, section 9.2) and most often is a 408 before the end. An
// event-driven client such as the gateway's sees that at once and takes another connection; without this check
// the webhook would be lost, and the bot blamed for it.
func spent(fd uintptr) bool {
	var b [1]byte
	_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return !errors.Is(err, syscall.EAGAIN)
}

// stale is spent for a connection that is not written to by hand; false if nobody can tell.
func (c *conn) stale() (yes bool) {
	if c.below == nil {
		return false
	}
	// Control, not Read: the read deadline of the request before may have passed.
	err := c.below.Control(func(fd uintptr) { yes = spent(fd) })
	return yes || err != nil
}

// appendRequest appends a whole request.
func appendRequest(b []byte, head string, w platform.Webhook) []byte {
	b = append(b, head...)
	for _, f := range w.Header {
		b = appendLine(b, f.Name)
		b = append(b, ": "...)
		b = appendLine(b, f.Value)
		b = append(b, "\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(w.Body)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, w.Body...)
}

// appendLine appends text without line ends, which would begin another field.
func appendLine(b []byte, text string) []byte {
	if strings.ContainsAny(text, "\r\n") {
		text = strings.NewReplacer("\r", " ", "\n", " ").Replace(text)
	}
	return append(b, text...)
}
