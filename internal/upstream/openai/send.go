package openai

import (
	"net"
	"net/http"
	"time"

	"parley"
	"parley/internal/fault"
)

// sender writes a response's bytes, waits, and notes in the call when what happened.
type sender struct {
	x     *exchange
	timer *time.Timer
}

// gone notes that the client hung up.
func (o *sender) gone() error {
	o.x.call.Failure = "client went away"
	return http.ErrAbortHandler
}

// until waits for a moment since the epoch. It fails if the client goes away first.
func (o *sender) until(at time.Duration) error {
	d := at - o.x.since()
	if d <= 0 {
		if o.x.r.Context().Err() != nil {
			return o.gone()
		}
		return nil
	}
	if o.timer == nil {
		o.timer = time.NewTimer(d)
	} else {
		o.timer.Reset(d)
	}
	select {
	case <-o.timer.C:
		return nil
	case <-o.x.r.Context().Done():
		return o.gone()
	}
}

func (o *sender) stop() {
	if o.timer != nil {
		o.timer.Stop()
	}
}

// send writes p and flushes it, at the pace of a drip if that is the call's fate.
func (o *sender) send(p []byte) error {
	rate := o.x.fate.BytesPerSecond
	if o.x.fate.Effect != fault.Drip {
		return o.write(p)
	}
	// Ten times a second, or byte by byte.
	chunk := max(1, int(rate/10))
	due := o.x.since()
	for len(p) > 0 {
		n := min(chunk, len(p))
		due += time.Duration(n) * time.Second / time.Duration(rate)
		err := o.until(due)
		o.x.call.Imposed = o.x.since() - o.x.ready
		if err != nil {
			return err
		}
		if err := o.write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

func (o *sender) write(p []byte) error {
	if o.x.call.FirstByte == parley.None {
		o.x.call.FirstByte = o.x.since()
	}
	n, err := o.x.w.Write(p)
	o.x.call.ResponseBytes += int64(n)
	if err == nil {
		err = http.NewResponseController(o.x.w).Flush()
	}
	if err != nil {
		return o.gone()
	}
	return nil
}

// cut closes the connection in the middle of a response. It does not return.
func (o *sender) cut() {
	o.x.call.Failure = "cut"
	panic(http.ErrAbortHandler)
}

// meetFate carries out the faults that come instead of an answer, once the
// request has been read. It reports whether there is an answer to give.
func (x *exchange) meetFate() bool {
	if x.fate.Delay > 0 {
		err := x.out.until(x.ready + x.fate.Delay)
		x.call.Imposed = x.since() - x.ready
		if err != nil {
			return false
		}
	}
	switch x.fate.Effect {
	case fault.Status:
		x.refuse(injected(x.fate.Status))
	case fault.Hang:
		<-x.r.Context().Done()
		x.call.Imposed = x.since() - x.ready
		_ = x.out.gone() // the record says so
	case fault.Reset:
		x.call.Failure = "reset"
		x.reset()
	default:
		return true
	}
	return false
}

// reset closes the connection so that the client sees a reset where the transport has such a thing.
func (x *exchange) reset() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else it closes in order, which cuts the call off as well
	}
	_ = conn.Close() // the client sees the end either way
}
