package tap

import (
	"net"
	"sync"
	"time"
)

// delayLine passes bytes on in their order, some of them later: what is held back does not hold back the reading,
// so that two requests that came together leave together. Without delays it writes at once, without a goroutine.
type delayLine struct {
	to     net.Conn
	over   <-chan struct{} // closed when nobody waits for what is held back any more
	queue  chan parcel
	passed sync.WaitGroup
	due    time.Time // of the last parcel

	mu  sync.Mutex
	err error
}

// parcel is bytes and when they are passed on.
type parcel struct {
	bytes []byte
	due   time.Time
}

// queued is how many parcels may wait; beyond that the client is not read from, as on a slow network.
const queued = 1024

// write passes p on after a delay. The error is that of an earlier write, perhaps.
func (l *delayLine) write(p []byte, delay time.Duration) error {
	if delay <= 0 && l.queue == nil {
		_, err := l.to.Write(p)
		return err
	}
	if l.queue == nil {
		l.queue = make(chan parcel, queued)
		l.passed.Go(l.pass)
	}
	due := time.Now().Add(delay)
	if due.Before(l.due) {
		due = l.due // the order is kept
	}
	l.due = due
	l.queue <- parcel{append([]byte(nil), p...), due}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// pass writes parcels when they are due.
func (l *delayLine) pass() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for p := range l.queue {
		timer.Reset(time.Until(p.due))
		select {
		case <-timer.C:
		case <-l.over:
		}
		l.mu.Lock()
		failed := l.err != nil
		l.mu.Unlock()
		if failed {
			continue // what waits is thrown away, so that the writer never blocks
		}
		if _, err := l.to.Write(p.bytes); err != nil {
			l.mu.Lock()
			l.err = err
			l.mu.Unlock()
		}
	}
}

// drain waits until all has been passed on. Nothing may be written after it.
func (l *delayLine) drain() {
	if l.queue != nil {
		close(l.queue)
		l.passed.Wait()
		l.queue = nil
	}
}
