package upstream

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/fingerprint"
)

// Exchange is one call under way. It belongs to the goroutine that serves it.
type Exchange struct {
	*Service
	W http.ResponseWriter
	R *http.Request
	// Call is the row of the call, recorded when it ends.
	Call parley.Call
	// Fate is what goes wrong with the call, settled by Decide.
	Fate fault.Action
	// Random belongs to this call alone and follows from the seed and the call's number.
	Random *rand.Rand
	// Ready is when the request had been read; latency counts from there.
	Ready time.Duration

	timer *time.Timer
	// last is when the last bytes of the answer were about to be written, 0 if it is not whole. The call ends then: by the
	// time a write has returned, the client may long have gone on.
	last time.Duration
}

// End closes the record of the call. A service that has noted the end in x.Call itself, because it looks at
// its answer afterwards, keeps that.
func (x *Exchange) End() {
	if x.timer != nil {
		x.timer.Stop()
	}
	switch {
	case x.Call.End != parley.None:
	case x.last > 0:
		x.Call.End = x.last
	default:
		x.Call.End = x.Since()
	}
	if x.Record != nil {
		x.Record(x.Call)
	}
}

// Decide settles what goes wrong with the call, by its operation. Call it for known
// routes only: a client that asks for a new path each time must not fill the memory of the
// one who decides.
func (x *Exchange) Decide() {
	x.Fate = x.decider.Decide(x.Call.Operation, x.Call.Start)
	x.Call.Fault = x.Fate.Name
}

// bodyPatience is how long a request's body may take to come.
const bodyPatience = time.Minute

// Read takes the request's body in, up to limit bytes. Beyond it the error is an *[http.MaxBytesError];
// any other error is a client that went away or took too long, which is noted and needs no answer.
func (x *Exchange) Read(limit int64) ([]byte, error) {
	// A deadline for the body alone: one for the whole request would end a stream that the client reads slowly.
	in := http.NewResponseController(x.W)
	_ = in.SetReadDeadline(time.Now().Add(bodyPatience)) // a transport without deadlines has none to keep
	body, err := io.ReadAll(http.MaxBytesReader(x.W, x.R.Body, limit))
	x.Call.RequestBytes = int64(len(body))
	x.Ready = x.Since()
	_, large := errors.AsType[*http.MaxBytesError](err)
	switch {
	case err == nil:
		_ = in.SetReadDeadline(time.Time{})
		return body, nil
	case large:
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.Call.Failure = "request came too slowly"
		x.W.Header().Set("Connection", "close")
		x.Head(http.StatusRequestTimeout)
		return nil, err
	default:
		return nil, x.Gone()
	}
}

// LeaveUnread is for an answer that does not ask for the body: the server of the standard library reads what is left of it before it
// answers, and would wait for ever for a client that has gone.
func (x *Exchange) LeaveUnread() {
	_ = http.NewResponseController(x.W).SetReadDeadline(time.Now().Add(bodyPatience)) // a transport without deadlines has none to keep
}

// Identify ties the call to a turn, by the identities found in text and the words the user said last. A call without
// words ("") is tied by ids in the text, too: a prompt holds what many have said, such a call what it is about.
func (x *Exchange) Identify(text []byte, words string) {
	x.Call.Identities = x.Finder.AppendHashes(nil, text, x.Key)
	x.Call.Words = x.Key.Hash(words)
	if x.Attribute == nil {
		return
	}
	var fields []fingerprint.Field
	if words == "" {
		fields = fingerprint.AppendText(nil, fingerprint.OperationOf(x.Call.Operation), text[:min(len(text), mostRead)], x.Key)
	}
	if user := x.Attribute(&x.Call, fields); user != 0 && x.Reveal != nil {
		x.Reveal(user, x.Call.By, fields)
	}
}

// mostRead is how much of a request is searched for ids, in bytes.
const mostRead = 64 << 10

// MeetFate carries out the faults that come instead of an answer, once the request has
// been read. It reports whether there is an answer to give; refuse answers with an
// error of the service's own shape.
func (x *Exchange) MeetFate(refuse func(status int)) bool {
	if x.Fate.Delay > 0 && x.Impose(x.Ready+x.Fate.Delay) != nil {
		return false
	}
	switch x.Fate.Effect {
	case fault.Status:
		refuse(x.Fate.Status)
	case fault.Hang:
		<-x.R.Context().Done()
		x.Call.Imposed = x.Since() - x.Ready
		_ = x.Gone() // the record says so
	case fault.Reset:
		x.Call.Failure = "reset"
		x.reset()
	default:
		return true
	}
	return false
}

// Answer sends a whole response, whose other headers are set, unless the call's fate is to damage it.
func (x *Exchange) Answer(status int, contentType string, body []byte) error {
	at := int(float64(len(body)) * x.Fate.Where)
	if x.Fate.Effect == fault.Malformed {
		x.Call.Failure = "malformed"
		body = body[:at]
	}
	if contentType != "" {
		x.W.Header().Set("Content-Type", contentType)
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		x.W.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	x.Head(status)
	if x.Fate.Effect == fault.Cut {
		_ = x.Send(body[:at]) // the connection closes either way
		x.Cut()
	}
	return x.Send(body)
}

// Head sends the head of the response.
func (x *Exchange) Head(status int) {
	x.Call.Status = int32(status)
	x.W.WriteHeader(status)
}

// Refused notes that the service itself refuses the call.
func (x *Exchange) Refused(status int) { x.Call.Failure = fmt.Sprintf("status %d", status) }

// Gone notes that the client hung up.
func (x *Exchange) Gone() error {
	x.Call.Failure, x.last = "client went away", 0
	return http.ErrAbortHandler
}

// Impose waits for a moment since the epoch on the plan's account. It fails if the client goes away first.
func (x *Exchange) Impose(at time.Duration) error {
	err := x.until(at)
	x.Call.Imposed = x.Since() - x.Ready
	return err
}

func (x *Exchange) until(at time.Duration) error {
	d := at - x.Since()
	if d <= 0 {
		if x.R.Context().Err() != nil {
			return x.Gone()
		}
		return nil
	}
	if x.timer == nil {
		x.timer = time.NewTimer(d)
	} else {
		x.timer.Reset(d)
	}
	select {
	case <-x.timer.C:
		return nil
	case <-x.R.Context().Done():
		return x.Gone()
	}
}

// Send writes p and flushes it, at the pace of a drip if that is the call's fate.
func (x *Exchange) Send(p []byte) error {
	rate := x.Fate.BytesPerSecond
	if x.Fate.Effect != fault.Drip {
		return x.write(p)
	}
	// Ten times a second, or byte by byte.
	chunk := max(1, int(rate/10))
	due := x.Since()
	for len(p) > 0 {
		n := min(chunk, len(p))
		due += time.Duration(n) * time.Second / time.Duration(rate)
		if err := x.Impose(due); err != nil {
			return err
		}
		if err := x.write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

func (x *Exchange) write(p []byte) error {
	at := x.Since()
	if x.Call.FirstByte == parley.None {
		x.Call.FirstByte = at
	}
	var err error
	if len(p) > 0 {
		var n int
		n, err = x.W.Write(p)
		x.Call.ResponseBytes += int64(n)
	}
	if err == nil {
		err = http.NewResponseController(x.W).Flush()
	}
	if err != nil {
		return x.Gone()
	}
	x.last = at
	return nil
}

// Cut closes the connection in the middle of a response. It does not return.
func (x *Exchange) Cut() {
	x.Call.Failure, x.last = "cut", 0
	panic(http.ErrAbortHandler)
}

// reset closes the connection so that the client sees a reset where the transport has such a thing.
func (x *Exchange) reset() {
	conn, _, err := http.NewResponseController(x.W).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	// Below TLS, and below a tunnel of the proxy, is the connection that can be reset.
	for {
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = outer.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else it closes in order, which cuts the call off as well
	}
	_ = conn.Close() // the client sees the end either way
}
