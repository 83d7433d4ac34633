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
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
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
	// Attribute sets the turn of a call that begins, and how it is known, by what stands in it; the turn that its connection is
	// held for is set already. It returns the user, 0 if that is unknown. nil: no call is attributed.
	Attribute func(call *parley.Call, fields []fingerprint.Field) (user uint64)
	// Settle is asked once more of a call that has ended and has no turn: what else went on meanwhile may tell whose it was. It
	// sets the turn, and returns the user, 0 if that stays unknown. nil: nobody knows more.
	Settle func(call *parley.Call) (user uint64)
	// Reveal notes what came to light in a call of a user: a later call with such a value is likely that user's, too.
	Reveal func(user uint64, by parley.Attribution, fields []fingerprint.Field)
	// Record is called once for each call when it has ended. Call.ID is left 0.
	Record func(parley.Call)
	// Warn says what a person should know about the wire; each text once.
	Warn func(text string)
}

// Session follows one connection. Its methods are called one at a time.
type Session interface {
	// Request takes in what one read of the client has brought, and says for how long it is held back (Never: for good). An
	// error cuts the connection, after that time, instead of passing it on.
	Request(p []byte, at time.Duration) (hold time.Duration, err error)
	// Released tells that what the nth Request (from 1) took in goes to the server now, and for how long it was held in truth. It
	// comes before any answer to it, and not at all for what was never held.
	Released(read int64, held time.Duration)
	// Response takes in what the server said. With an error only p[:pass] is passed on, and the connection is cut.
	Response(p []byte, at time.Duration) (pass int, err error)
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
	said map[string]struct{} // kinds of things that were said
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

// Once says something about the wire, unless something of the kind has been said. Kinds are few; a text may hold what varies.
func (t *Tap) Once(kind, text string) {
	t.mu.Lock()
	_, again := t.said[kind]
	t.said[kind] = struct{}{}
	t.mu.Unlock()
	if !again && t.Warn != nil {
		t.Warn(text)
	}
}

// Serve relays the connections that come to l, until l is closed.
func (t *Tap) Serve(l net.Listener) error {
	for {
		client, err := l.Accept()
		if passing(err) {
			t.Once("accept", "a connection to "+t.Wire+" could not be accepted ("+err.Error()+"); parley keeps trying: allow it more open files (ulimit -n)")
			t.pause()
			continue
		}
		if err != nil {
			return err
		}
		t.relaying.Go(func() { t.relay(client) })
	}
}

// passing reports whether an error of Accept is one that passes, as when descriptors are short.
func passing(err error) bool {
	return slices.ContainsFunc([]error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED},
		func(e error) bool { return errors.Is(err, e) })
}

// pause waits a moment for connections to end.
func (t *Tap) pause() {
	timer := time.NewTimer(50 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
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

// Unreachable is the failure of a call "connect" whose server could not be reached.
const Unreachable = "unreachable"

// relay joins a client to the server.
func (t *Tap) relay(client net.Conn) {
	if !t.hold(client) {
		return
	}
	defer t.release(client)
	conn, since := t.conns.Add(1), t.Since()
	server, err := t.Dial(t.ctx)
	if err != nil {
		if t.ctx.Err() == nil {
			t.unreachable(conn, since, err)
		}
		return // the client sees its connection closed
	}
	if !t.hold(server) {
		return
	}
	defer t.release(server)
	session, near, far, err := t.protocol.Open(t.ctx, client, server, conn)
	if err != nil || session == nil {
		return // the protocol has said why, or there was nothing to follow
	}
	j := &joint{tap: t, session: session, client: near, server: far}
	j.over, j.end = context.WithCancel(t.ctx)
	j.run()
}

// unreachable says and records that there is no server.
func (t *Tap) unreachable(conn int64, since time.Duration, err error) {
	t.Once("dial", "the real "+t.Wire+" cannot be reached: "+err.Error())
	if t.Record != nil {
		t.Record(parley.Call{
			Wire: t.Wire, Operation: "connect", Conn: conn, Start: since, FirstByte: parley.None, End: t.Since(), Failure: Unreachable,
		})
	}
}

// joint is a client and a server joined.
type joint struct {
	tap            *Tap
	mu             sync.Mutex // of the session
	session        Session
	client, server net.Conn
	over           context.Context //nolint:containedctx // it is the connection's lifetime, which no call's context is
	end            context.CancelFunc
}

// run passes bytes on in both directions until both are through.
func (j *joint) run() {
	defer j.end()
	var back sync.WaitGroup
	back.Go(func() { j.responses() })
	j.requests()
	back.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.session.Closed(j.tap.Since())
}

// Sizes of the buffer of reads: a connection begins with little, so that thousands take little, and one that fills it gets a larger one.
const (
	leastBuffer = 4 << 10
	mostBuffer  = 64 << 10
)

// grown is the buffer for the next read, after one of n bytes.
func grown(buffer []byte, n int) []byte {
	if n == len(buffer) && n < mostBuffer {
		return make([]byte, 2*n)
	}
	return buffer
}

// requests passes on what the client says.
func (j *joint) requests() {
	buffer := make([]byte, leastBuffer)
	line := delayLine{to: j.server, over: j.over.Done(), released: j.released, cut: j.cut}
	defer line.drain()
	for read := int64(1); ; read++ {
		n, err := j.client.Read(buffer)
		if n > 0 {
			came := time.Now()
			j.mu.Lock()
			hold, cut := j.session.Request(buffer[:n], came.Sub(j.tap.Epoch))
			j.mu.Unlock()
			if line.write(buffer[:n], read, came, hold, cut != nil) != nil {
				break
			}
			buffer = grown(buffer, n)
		}
		if errors.Is(err, syscall.ECONNRESET) {
			j.cut()
		}
		if err != nil {
			break
		}
	}
	line.drain() // before the server hears that it was all
	closeWrite(j.server)
}

func (j *joint) released(read int64, held time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.session.Released(read, held)
}

// responses passes on what the server says.
func (j *joint) responses() {
	buffer := make([]byte, leastBuffer)
	for {
		n, err := j.server.Read(buffer)
		if n > 0 {
			at := j.tap.Since()
			j.mu.Lock()
			pass, cut := j.session.Response(buffer[:n], at)
			j.mu.Unlock()
			if cut != nil {
				_, _ = j.client.Write(buffer[:pass]) // what is left of it: the connection ends here
				j.close()
				return
			}
			if _, werr := j.client.Write(buffer[:n]); werr != nil {
				j.cut() // the client is gone: the server must not go on for nobody
				return
			}
			buffer = grown(buffer, n)
		}
		if errors.Is(err, syscall.ECONNRESET) {
			j.cut()
		}
		if err != nil {
			break
		}
	}
	closeWrite(j.client)
}

// cut resets both connections: what one side did to its connection, or a fault demands, the other sees.
func (j *joint) cut() {
	for _, c := range []net.Conn{j.client, j.server} {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // else it closes in order, which ends it as well
		}
	}
	j.close()
}

// close ends both connections, and what is held back for them.
func (j *joint) close() {
	j.end()
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
