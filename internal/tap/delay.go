package tap

import (
	"math"
	"net"
	"sync"
	"time"
)

// Never is a hold that does not end: the request is kept from the server until one of the two sides goes.
const Never = time.Duration(math.MaxInt64)

// delayLine passes bytes on in their order, some of them later: what is held back does not hold back the reading,
// so that two requests that came together leave together. Without delays it writes at once, without a goroutine.
type delayLine struct {
	to   net.Conn
	over <-chan struct{} // closed when nobody waits for what is held back any more
	// released is told, before they are written, that the bytes of a read leave, and for how long they were held.
	released func(read int64, held time.Duration)
	cut      func() // ends the connection, when a parcel says so

	started bool
	passed  sync.WaitGroup
	wake    chan struct{} // something waits, or nothing more will
	room    chan struct{} // something has left
	due     time.Time     // of the last parcel

	mu      sync.Mutex
	waiting []parcel
	bytes   int
	closed  bool
	err     error
}

// parcel is what came in one read, and when it is passed on.
type parcel struct {
	bytes  []byte
	read   int64
	came   time.Time
	due    time.Time
	never  bool
	cutOff bool // instead of passing on bytes the connection is cut
}

// mostHeldBytes is how much may wait; beyond that the client is not read from, as on a slow network.
const mostHeldBytes = 4 << 20

// write passes on, after a delay, what a read has brought. The error is that of an earlier write, perhaps.
func (l *delayLine) write(p []byte, read int64, came time.Time, hold time.Duration, cutOff bool) error {
	if !l.started && hold <= 0 {
		if cutOff {
			l.cut()
			return ErrCut
		}
		_, err := l.to.Write(p)
		return err
	}
	if !l.started {
		l.started = true
		l.wake, l.room = make(chan struct{}, 1), make(chan struct{}, 1)
		l.passed.Go(l.pass)
	}
	next := parcel{bytes: append([]byte(nil), p...), read: read, came: came, never: hold == Never, cutOff: cutOff}
	if !next.never {
		next.due = came.Add(hold)
		if next.due.Before(l.due) {
			next.due = l.due // the order is kept
		}
		l.due = next.due
	}
	return l.put(next)
}

// put queues a parcel, when there is room.
func (l *delayLine) put(p parcel) error {
	for {
		l.mu.Lock()
		if err := l.err; err != nil {
			l.mu.Unlock()
			return err
		}
		if l.bytes == 0 || l.bytes+len(p.bytes) <= mostHeldBytes {
			l.waiting = append(l.waiting, p)
			l.bytes += len(p.bytes)
			l.mu.Unlock()
			nudge(l.wake)
			return nil
		}
		l.mu.Unlock()
		select {
		case <-l.room:
		case <-l.over:
			return net.ErrClosed
		}
	}
}

// nudge wakes whoever waits on c, or will.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pass writes parcels when they are due.
func (l *delayLine) pass() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		p, ok := l.next()
		if !ok {
			return
		}
		if !p.never {
			timer.Reset(time.Until(p.due))
			select {
			case <-timer.C:
			case <-l.over:
				l.fail(net.ErrClosed)
				return
			}
		}
		if err := l.leave(p); err != nil {
			l.fail(err)
			return
		}
	}
}

// next waits for the first parcel. It reports false if there will be none that ever leaves.
func (l *delayLine) next() (parcel, bool) {
	for {
		l.mu.Lock()
		some, closed := len(l.waiting) > 0, l.closed
		if some && !l.waiting[0].never {
			p := l.waiting[0]
			l.mu.Unlock()
			return p, true
		}
		l.mu.Unlock()
		if closed {
			return parcel{}, false
		}
		select {
		case <-l.wake:
		case <-l.over:
			l.fail(net.ErrClosed)
			return parcel{}, false
		}
	}
}

// leave passes the first parcel on.
func (l *delayLine) leave(p parcel) error {
	if p.cutOff {
		l.cut()
		return ErrCut
	}
	l.released(p.read, time.Since(p.came))
	_, err := l.to.Write(p.bytes)
	l.mu.Lock()
	l.waiting[0] = parcel{}
	if l.waiting = l.waiting[1:]; len(l.waiting) == 0 {
		l.waiting = nil
	}
	l.bytes -= len(p.bytes)
	l.mu.Unlock()
	nudge(l.room)
	return err
}

// fail throws away what waits: it can go nowhere.
func (l *delayLine) fail(err error) {
	l.mu.Lock()
	l.err, l.waiting, l.bytes = err, nil, 0
	l.mu.Unlock()
	nudge(l.room)
}

// drain waits until all that will be passed on has been. Nothing may be written after it.
func (l *delayLine) drain() {
	if !l.started {
		return
	}
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	nudge(l.wake)
	l.passed.Wait()
	l.started = false
}
