package drive

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"parley"
	"parley/internal/platform"
)

// deliver sends the webhook of a message, and again as the platform would, in a
// goroutine of its own. first and last say whether it is the first or last message
// of the turn. The caller holds c.mu.
func (d *Driver) deliver(c *conversation, turn int64, first, last bool, m platform.Message) {
	counts := c.in.counts()
	d.crew.do(func() {
		space := d.body()
		defer d.bodies.Put(space)
		w := d.o.Platform.Webhook((*space)[:0], m)
		*space = w.Body
		d.live.underWay.Add(1)
		defer d.live.underWay.Add(-1)
		if first {
			c.sent(turn)
		}
		start := d.since()
		retry := d.o.Platform.Retry()
		for attempt := 1; ; attempt++ {
			status, err := d.o.Sender.Send(w, retry.Timeout())
			d.live.heard(err)
			if status/100 == 2 && err == nil {
				c.acknowledged(turn, last, start, d.since())
				if counts {
					d.live.acked.Add(1)
				}
				return
			}
			d.live.refused.Add(1)
			pause, again := retry.Again(attempt, status, err)
			c.refuse(turn, failure(status, err))
			d.live.underWay.Add(-1)
			goesOn := again && d.pause(pause)
			d.live.underWay.Add(1)
			if !goesOn {
				return
			}
		}
	})
}

// body is memory for the body of a webhook.
func (d *Driver) body() *[]byte {
	if space, ok := d.bodies.Get().(*[]byte); ok {
		return space
	}
	return new([]byte)
}

// What a bot that floods its users can make the platform send at once, and have waiting.
const (
	noticesAtOnce  = 1024
	noticesWaiting = 1 << 14
)

// Notify sends a webhook that belongs to no turn (an echo, a status) after its
// delay; not if too many are waiting already.
func (d *Driver) Notify(s platform.Scheduled) {
	if d.live.noticesWaiting.Add(1) > noticesWaiting {
		d.live.noticesWaiting.Add(-1)
		d.live.withheld.Add(1)
		return
	}
	d.crew.do(func() {
		defer d.live.noticesWaiting.Add(-1)
		retry := d.o.Platform.Retry()
		for attempt, after := 1, s.After; d.pause(after); attempt++ {
			status, err := d.notify(s.Webhook, retry.Timeout())
			if status/100 == 2 && err == nil {
				return
			}
			pause, again := retry.Again(attempt, status, err)
			if !again {
				return
			}
			after = pause
		}
	})
}

// notify makes one request when it is its turn.
func (d *Driver) notify(w platform.Webhook, timeout time.Duration) (status int, err error) {
	select {
	case d.notices <- struct{}{}:
		defer func() { <-d.notices }()
	case <-d.closing.Done():
		return 0, ErrClosed
	}
	d.live.notices.Add(1)
	return d.o.Sender.Send(w, timeout)
}

// pause waits, and reports whether the run still goes on.
func (d *Driver) pause(wait time.Duration) bool {
	if d.closing.Err() != nil {
		return false
	}
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-d.closing.Done():
		return false
	}
}

// sent notes when the first webhook of a turn was written.
func (c *conversation) sent(turn int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn.ID != turn {
		return
	}
	c.turn.Sent = c.d.since()
	c.d.health.note(c.in, c.turn.Sent-c.turn.Due)
}

// acknowledged notes a 2xx for one message of a turn, whose webhook was first
// written at start.
func (c *conversation) acknowledged(turn int64, last bool, start, at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn.ID != turn {
		return // the conversation has moved on; the answer overtook the acknowledgement
	}
	c.turn.Attempts++
	c.refused = ""
	if last {
		c.turn.Acked = at
	}
	c.acks++
	c.slowestAck = max(c.slowestAck, at-start)
	if c.acks == c.turn.Said {
		c.turn.AckLatency = c.slowestAck
	}
	c.touch()
}

// refuse notes a webhook attempt that got no 2xx.
func (c *conversation) refuse(turn int64, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn.ID != turn || c.d.cutting.Load() {
		return
	}
	c.turn.Attempts++
	c.turn.Refused++
	c.refused = what
	c.turn.Failure = what
	c.touch()
}

// touch marks the row as changed; a turn that has ended is recorded again when
// its conversation moves on.
func (c *conversation) touch() {
	if c.turn.Outcome != parley.Open {
		c.dirty = true
	}
}

// plainError words a transport error without addresses, so that equal causes count as one.
func plainError(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "parley has no file descriptors left"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, ErrClosed):
		return "connection closed without a response"
	case errors.Is(err, errMalformed):
		return errMalformed.Error()
	default:
		return err.Error()
	}
}
