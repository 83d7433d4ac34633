// Package upstream holds what all simulated services have in common: each is an
// [http.Handler] that serves calls of the bot, lets the plan's faults happen to
// them, ties them to turns and records them. The services themselves are its
// sub-packages. It opens no sockets.
package upstream

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/fingerprint"
)

// Options are what a service gets from the run it plays in. The zero value lets
// no fault happen and records nothing.
type Options struct {
	Wire   string // the dependency's name, in Call.Wire
	Seed   uint64
	Key    parley.Key
	Finder fingerprint.Finder
	Faults []fault.Rule
	// Epoch is the moment offsets in calls count from; zero: the call of New. Taken
	// from time.Now, it carries the monotonic clock.
	Epoch time.Time
	// Attribute sets the turn of a call, and how it is known, by the identities, words and
	// operation in it and by other values that stand there, by many goroutines at once. It returns the
	// user, 0 if that is unknown. nil: no call is attributed.
	Attribute func(call *parley.Call, fields []fingerprint.Field) (user uint64)
	// Reveal notes values that stood in a call of a user: a later call with one of them is likely
	// that user's, too. nil: nobody wants them.
	Reveal func(user uint64, by parley.Attribution, fields []fingerprint.Field)
	// Record is called once for each call when it has ended, however it ended, by many
	// goroutines at once. Call.ID is left 0. nil: nothing is recorded.
	Record func(parley.Call)
}

// Service serves the calls of one wire.
type Service struct {
	Options
	decider      *fault.Decider
	calls, conns atomic.Int64
}

// New returns a Service.
func New(o Options) *Service {
	if o.Epoch.IsZero() {
		o.Epoch = time.Now()
	}
	return &Service{Options: o, decider: fault.NewDecider(o.Seed, o.Wire, o.Faults)}
}

// Since is the time since the epoch.
func (s *Service) Since() time.Duration { return time.Since(s.Epoch) }

type connKey struct{}

// ConnContext is for the field of that name in [http.Server]: it numbers
// connections, so that calls can tell theirs. Without it Call.Conn is 0.
func (s *Service) ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, s.conns.Add(1))
}

// Begin opens the record of a call. The caller ends it with [Exchange.End], deferred:
// a connection that is cut leaves by a panic.
func (s *Service) Begin(w http.ResponseWriter, r *http.Request) *Exchange {
	n := s.calls.Add(1)
	x := &Exchange{Service: s, W: w, R: r, Random: rand.New(rand.NewPCG(s.Seed, uint64(n)))}
	x.Call = parley.Call{
		Wire: s.Wire, Flight: n,
		Start: s.Since(), FirstByte: parley.None, End: parley.None,
		RequestBytes: max(0, r.ContentLength),
	}
	x.Call.Conn, _ = r.Context().Value(connKey{}).(int64)
	x.Ready = x.Call.Start
	return x
}
