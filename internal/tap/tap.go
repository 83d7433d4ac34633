// Package tap holds what all taps have in common. A tap stands on the wire between the bot and a real
// server: it passes every byte on as it came, and tells the calls from them. The protocols are its sub-packages.
//
// What a tap makes of the bytes never decides whether they are passed on: what it cannot follow
// it relays blindly from there on, and says so once.
package tap

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/fingerprint"
)

// Options are what a tap gets from the run it is part of. Functions are called by many goroutines at once.
type Options struct {
	Wire string // the dependency's name, in Call.Wire
	// Dial opens a connection to the real server.
	Dial   func(context.Context) (net.Conn, error)
	Key    parley.Key
	Finder fingerprint.Finder
	// Epoch is the moment offsets in calls count from.
	Epoch  time.Time
	Seed   uint64
	Faults []fault.Rule
	// Attribute names the turn and the user of a call from what stands in it: identities, and keyed hashes of other values that may
	// have come to light for one user only. nil: no call is attributed.
	Attribute func(identities, values []uint64) (turn int64, user uint64, by parley.Attribution)
	// Reveal notes values that came to light in a call of a user: a later call with one of them is likely that user's, too.
	Reveal func(user uint64, values []uint64)
	// Record is called once for each call when it has ended. Call.ID is left 0.
	Record func(parley.Call)
	// Warn says what a person should know about the wire; each text once.
	Warn func(text string)
}

// Session follows one connection. Its methods are called one at a time.
type Session interface {
	// Request takes in what the client said, and says for how long it is held back. An error cuts the connection.
	Request(p []byte, at time.Duration) (hold time.Duration, err error)
	// Response takes in what the server said.
	Response(p []byte, at time.Duration)
	// Closed tells that nothing more will come.
	Closed(at time.Duration)
}

// Protocol opens a session on a new connection. It may first speak with both sides itself, until they are to be joined, and gives
// back connections to use from then on.
type Protocol interface {
	Open(ctx context.Context, client, server net.Conn, conn int64) (Session, net.Conn, net.Conn, error)
}

// ErrCut is returned by a session that wants the connection cut, as a fault of the plan demands.
var ErrCut = errors.New("cut by a fault of the plan")

// Tap relays the connections of one listener.
type Tap struct {
	Options
	protocol Protocol
	conns    atomic.Int64
	ctx      context.Context //nolint:containedctx // it is the tap's lifetime, which no call's context is
	stop     context.CancelFunc
	relaying sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]struct{}
	said map[string]struct{}
}

// New returns a tap of a protocol.
func New(o Options, protocol func(*Tap) Protocol) *Tap {
	ctx, stop := context.WithCancel(context.Background())
	t := &Tap{Options: o, ctx: ctx, stop: stop, open: map[net.Conn]struct{}{}, said: map[string]struct{}{}}
	t.protocol = protocol(t)
	return t
}

// Since is the time since the epoch.
func (t *Tap) Since() time.Duration { return time.Since(t.Epoch) }

// Once says something about the wire, unless it has been said.
func (t *Tap) Once(text string) {
	t.mu.Lock()
	_, again := t.said[text]
	t.said[text] = struct{}{}
	t.mu.Unlock()
	if !again && t.Warn != nil {
		t.Warn(text)
	}
}

// Serve relays the connections that come to l, until l is closed.
func (t *Tap) Serve(l net.Listener) error {
	for {
		client, err := l.Accept()
		if err != nil {
			return err
		}
		t.relaying.Go(func() { t.relay(client) })
	}
}

// Close ends every connection and waits until they are done with. The listener is closed by then.
func (t *Tap) Close() {
	t.stop()
	t.mu.Lock()
	for c := range t.open {
		_ = c.Close() // whoever reads from it ends
	}
	t.mu.Unlock()
	t.relaying.Wait()
}

// hold keeps a connection for Close; it reports false, having closed it, if it is too late for one.
func (t *Tap) hold(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		_ = c.Close()
		return false
	}
	t.open[c] = struct{}{}
	return true
}

func (t *Tap) release(c net.Conn) {
	t.mu.Lock()
	delete(t.open, c)
	t.mu.Unlock()
	_ = c.Close() // both sides are through with it
}

// relay joins a client to the server.
func (t *Tap) relay(client net.Conn) {
	if !t.hold(client) {
		return
	}
	defer t.release(client)
	server, err := t.Dial(t.ctx)
	if err != nil {
		t.Once("the real " + t.Wire + " cannot be reached: " + err.Error())
		return // the client sees its connection closed
	}
	if !t.hold(server) {
		return
	}
	defer t.release(server)
	session, near, far, err := t.protocol.Open(t.ctx, client, server, t.conns.Add(1))
	if err != nil || session == nil {
		return // the protocol has said why, or there was nothing to follow
	}
	j := &joint{tap: t, session: session, client: near, server: far}
	j.run()
}

// joint is a client and a server joined.
type joint struct {
	tap            *Tap
	mu             sync.Mutex // of the session
	session        Session
	client, server net.Conn
}

// run passes bytes on in both directions until both are through.
func (j *joint) run() {
	var back sync.WaitGroup
	back.Go(func() { j.responses() })
	j.requests()
	back.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.session.Closed(j.tap.Since())
}

// bufferSize is that of the reads: larger than most exchanges, so that one is one read.
const bufferSize = 32 << 10

// requests passes on what the client says.
func (j *joint) requests() {
	buffer := make([]byte, bufferSize)
	line := delayLine{to: j.server, over: j.tap.ctx.Done()}
	defer line.drain()
	for {
		n, err := j.client.Read(buffer)
		if n > 0 {
			at := j.tap.Since()
			j.mu.Lock()
			hold, cut := j.session.Request(buffer[:n], at)
			j.mu.Unlock()
			if cut != nil {
				j.cut()
				return
			}
			if line.write(buffer[:n], hold) != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	line.drain() // before the server hears that it was all
	closeWrite(j.server)
}

// responses passes on what the server says.
func (j *joint) responses() {
	buffer := make([]byte, bufferSize)
	for {
		n, err := j.server.Read(buffer)
		if n > 0 {
			at := j.tap.Since()
			j.mu.Lock()
			j.session.Response(buffer[:n], at)
			j.mu.Unlock()
			if _, werr := j.client.Write(buffer[:n]); werr != nil {
				j.cut() // the client is gone: the server must not go on for nobody
				return
			}
		}
		if err != nil {
			break
		}
	}
	closeWrite(j.client)
}

// cut closes both connections; a client sees a reset.
func (j *joint) cut() {
	if tcp, ok := j.client.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else it closes in order, which cuts it off as well
	}
	_ = j.client.Close() // the readers end
	_ = j.server.Close()
}

// closeWrite passes on that one side has nothing more to say.
func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // a connection that is gone needs none
		return
	}
	_ = c.Close() // it cannot be closed by halves
}
