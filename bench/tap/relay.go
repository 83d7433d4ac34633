package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"parley"
	"parley/internal/fingerprint"
	"parley/internal/record"
	"parley/internal/tap"
	"parley/internal/tap/pgtap"
	"parley/internal/tap/redistap"
)

// errand is what a process that is a tap is told.
type errand struct {
	Server  string // its URL
	Proxy   bool   // as a forward proxy, to a service over HTTP
	Dir     string // of the record
	Profile string // a file, empty for none
}

// stand is the body of a process that is a tap, and records as a run does. It writes its address, and ends with its input.
func stand(ctx context.Context, in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	var e errand
	if err := decoder.Decode(&e); err != nil {
		return fmt.Errorf("read errand: %w", err)
	}
	w, err := record.Create(e.Dir, &parley.Run{ID: "bench", Started: time.Now()}, record.Options{})
	if err != nil {
		return err
	}
	d, err := open(e, w)
	if err != nil {
		return err
	}
	if e.Profile != "" {
		f, err := os.Create(e.Profile)
		if err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it listens at once
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = d.serve(l) }() // ends when the listener is closed
	if _, err := fmt.Fprintln(out, l.Addr()); err != nil {
		return err
	}
	_, _ = decoder.Token() // until the input ends
	_ = l.Close()          // nobody comes any more
	d.end(served)
	if n := w.Dropped(); n > 0 {
		return fmt.Errorf("%d calls were not recorded", n)
	}
	return w.Close(ctx)
}

// door is what stands between generator and server.
type door struct {
	serve func(net.Listener) error
	// end ends what serve has begun, once the listener is closed; served is closed when serve has returned.
	end func(served <-chan struct{})
}

// open makes a door as a run has it: identities are looked for, every call is recorded.
func open(e errand, w *record.Writer) (door, error) {
	finder, err := fingerprint.NewFinder(
		fingerprint.Pattern{Prefix: "999", Rest: 12, Class: fingerprint.Digits},
		fingerprint.Pattern{Prefix: "3EB0", Rest: 18, Class: fingerprint.UpperHex},
	)
	if err != nil {
		return door{}, err
	}
	if strings.HasPrefix(e.Server, "http:") {
		return webDoor(e, finder, w)
	}
	t, err := newTap(e.Server, tap.Options{Wire: "wire", Key: parley.NewKey(), Finder: finder, Epoch: time.Now(), Record: w.Call})
	if err != nil {
		return door{}, err
	}
	return door{serve: t.Serve, end: func(served <-chan struct{}) { <-served; t.Close() }}, nil
}

// newTap makes a tap before a database.
func newTap(server string, o tap.Options) (*tap.Tap, error) {
	if strings.HasPrefix(server, "redis:") {
		address, err := redistap.ParseServer(server)
		o.Dial = address.Dial
		return tap.New(o, func(t *tap.Tap) tap.Protocol { return redistap.New(t) }), err
	}
	address, err := pgtap.ParseServer(server)
	o.Dial = address.Dial
	return tap.New(o, func(t *tap.Tap) tap.Protocol { return pgtap.New(t, false) }), err
}
