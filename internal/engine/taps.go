package engine

import (
	"errors"
	"net"
	"net/url"
	"sync"
	"sync/atomic"

	"parley"
	"parley/internal/fingerprint"
	"parley/internal/plan"
	"parley/internal/tap"
	"parley/internal/tap/pgtap"
	"parley/internal/tap/redistap"
)

// taps listen on the bot's wires to real servers.
type taps struct {
	r       *run
	finder  fingerprint.Finder
	all     []*tapped
	serving sync.WaitGroup
}

// tapped is one such wire.
type tapped struct {
	dependency *plan.Dependency
	tap        *tap.Tap
	at         net.Listener
	url        string // as the bot is told it
	heard      atomic.Int64
}

func newTaps(r *run) (*taps, error) {
	finder, err := identities(r.o.Plan.Users.Prefix)
	if err != nil {
		return nil, err
	}
	return &taps{r: r, finder: finder}, nil
}

// join puts a tap before a server and returns the URL by which the bot reaches the server through it.
func (t *taps) join(d *plan.Dependency, server string) (string, error) {
	w := &tapped{dependency: d}
	options := tap.Options{
		Wire: d.Name, Key: t.r.key, Finder: t.finder, Epoch: t.r.epoch, Seed: t.r.o.Plan.Seed, Faults: d.Faults,
		Attribute: t.r.driver.Trace,
		Settle:    t.r.driver.Settle,
		Reveal:    t.r.driver.Reveal,
		Record:    func(c parley.Call) { w.heard.Add(1); t.r.called(&c); t.r.writer.Call(c) },
		Warn:      t.r.warn,
	}
	var err error
	switch d.Kind {
	case "postgres":
		w.tap, err = tapPostgres(options, server)
	default:
		w.tap, err = tapRedis(options, server)
	}
	if err != nil {
		return "", setupProblem("dependencies."+d.Name+".address: "+err.Error(), "write it as the bot's own settings have it")
	}
	if w.at, err = listen("dependencies."+d.Name+".listen", d.Listen); err != nil {
		return "", err
	}
	if w.url, err = through(server, w.at.Addr().String()); err != nil {
		_ = w.at.Close()
		return "", setupProblem("dependencies."+d.Name+".address: "+err.Error(), "")
	}
	t.all = append(t.all, w)
	t.serving.Go(func() { _ = w.tap.Serve(w.at) }) // ends when the listener is closed
	return w.url, nil
}

func tapPostgres(o tap.Options, server string) (*tap.Tap, error) {
	address, err := pgtap.ParseServer(server)
	if err != nil {
		return nil, err
	}
	o.Dial = address.Dial
	return tap.New(o, func(t *tap.Tap) tap.Protocol { return pgtap.New(t, address.TLS != nil) }), nil
}

func tapRedis(o tap.Options, server string) (*tap.Tap, error) {
	address, err := redistap.ParseServer(server)
	if err != nil {
		return nil, err
	}
	o.Dial = address.Dial
	return tap.New(o, func(t *tap.Tap) tap.Protocol { return redistap.New(t) }), nil
}

// through is a server's URL with the tap's address in place of its own.
func through(server, address string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", errors.New("not a URL") // which may hold a password
	}
	if u.Scheme == "rediss" {
		u.Scheme = "redis" // in clear as far as the tap
	}
	u.Host = address
	query := u.Query()
	for _, name := range []string{"sslmode", "ssl", "host", "hostaddr", "port", "sslrootcert", "channel_binding", "ssl_cert_reqs", "ssl_ca_certs"} {
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// shown is the URL for people, who know the password.
func (w *tapped) shown() string {
	u, err := url.Parse(w.url)
	if err != nil {
		return w.at.Addr().String()
	}
	return u.Redacted()
}

// silent lists the wires that must have been used, and were not.
func (t *taps) silent() (list []*tapped) {
	for _, w := range t.all {
		if !w.dependency.Optional && w.heard.Load() == 0 {
			list = append(list, w)
		}
	}
	return list
}

// close ends every wire.
func (t *taps) close() {
	for _, w := range t.all {
		_ = w.at.Close() // what is under way is ended below
		w.tap.Close()
	}
	t.serving.Wait()
}
