package engine

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"parley"
	"parley/internal/drive"
	"parley/internal/fingerprint"
	"parley/internal/plan"
	"parley/internal/platform"
	"parley/internal/platform/evolution"
	"parley/internal/upstream"
	"parley/internal/upstream/calendar"
	"parley/internal/upstream/openai"
	"parley/internal/upstream/stub"
)

// wires are the ends of the bot's wires inside parley: the platform's send API
// and the simulated services, each on a listener of its own.
type wires struct {
	r        *run
	platform *evolution.Platform
	send     *fasthttp.Server
	sendAt   net.Listener
	sending  *tracked // what the send API is served on
	sims     []*simulator
	proxy    *proxy // nil if the plan has none
	reals    []realService
	serving  sync.WaitGroup
	// heard counts what arrived on the platform's wire; denied is the last of it that was refused.
	heard  atomic.Int64
	denied atomic.Pointer[parley.Call]
}

// simulator is one simulated service.
type simulator struct {
	dependency *plan.Dependency
	server     *http.Server
	hangUp     context.CancelFunc // ends the calls under way
	at         net.Listener
	url        string       // as the bot is told it
	heard      atomic.Int64 // calls that arrived
	calls      atomic.Int64 // that have ended, but for those answered 401
	refused    atomic.Int64 // answered 401
	tokens     atomic.Int64 // calls for access tokens: the bot may use them anywhere
	keyFile    string       // path of the credentials made for the bot, "" if there are none
	// denied is the latest call that no fault of the plan made fail, nil while all went well.
	denied atomic.Pointer[parley.Call]
}

// newWires opens the listeners, so that their addresses are known; nothing is served yet.
func newWires(r *run) (*wires, error) {
	w := &wires{r: r}
	e := r.o.Plan.Target.Evolution
	finder, err := identities(r.o.Plan.Users.Prefix)
	if err != nil {
		return nil, err
	}
	if w.sendAt, err = listen("target.evolution.listen", e.Listen); err != nil {
		return nil, err
	}
	w.platform = evolution.New(evolution.Options{
		Config: e, Webhook: r.webhook, Wire: r.o.Plan.Target.Platform, Prefix: r.o.Plan.Users.Prefix,
		Seed: r.o.Plan.Seed, Key: r.key, Epoch: r.epoch, ServerURL: w.sendURL(),
		Finder:    func(dst []uint64, body []byte) []uint64 { return finder.AppendHashes(dst, body, r.key) },
		Known:     func(number string) bool { return r.driver.Known(number) },
		Deliver:   w.deliver,
		Notify:    func(s platform.Scheduled) { r.driver.Notify(s) },
		Attribute: w.turnOf,
		Record:    w.call,
	})
	for i := range r.o.Plan.Dependencies {
		d := &r.o.Plan.Dependencies[i]
		if !d.StandsIn() {
			continue
		}
		if err := w.simulate(d, finder); err != nil {
			w.close()
			return nil, err
		}
	}
	if err := w.openProxy(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// identities finds the numbers and message ids of virtual users in what the bot sends.
func identities(prefix string) (fingerprint.Finder, error) {
	return fingerprint.NewFinder(
		fingerprint.Pattern{Prefix: prefix, Rest: evolution.NumberLength - len(prefix), Class: fingerprint.Digits},
		fingerprint.Pattern{Prefix: evolution.MessageIDPrefix, Rest: evolution.MessageIDLength - len(evolution.MessageIDPrefix), Class: fingerprint.UpperHex},
	)
}

// simulate opens one simulated service.
func (w *wires) simulate(d *plan.Dependency, finder fingerprint.Finder) error {
	r := w.r
	s := &simulator{dependency: d}
	var err error
	if s.at, err = listen("dependencies."+d.Name+".listen", d.Listen); err != nil {
		return err
	}
	options := upstream.Options{
		Wire: d.Name, Seed: r.o.Plan.Seed, Key: r.key, Finder: finder, Epoch: r.epoch,
		Attribute: func(c *parley.Call, fields []fingerprint.Field) uint64 {
			s.heard.Add(1)
			return r.driver.Trace(c, fields)
		},
		Reveal: func(user uint64, by parley.Attribution, fields []fingerprint.Field) {
			r.driver.Reveal(user, by, fields)
		},
		Record: func(c parley.Call) {
			r.driver.Settle(&c)
			switch {
			case d.Kind == "calendar" && c.Operation == calendar.TokenOperation:
				s.tokens.Add(1)
			case c.Status == http.StatusUnauthorized:
				s.refused.Add(1)
			default:
				s.calls.Add(1)
			}
			if c.Status >= http.StatusBadRequest && c.Fault == "" {
				s.denied.Store(&c)
			}
			r.called(&c)
			r.writer.Call(c)
		},
	}
	api, path, err := w.stand(d, options)
	if err != nil {
		_ = s.at.Close()
		return err
	}
	s.url = "http://" + s.at.Addr().String() + path
	if k, ok := api.(keyed); ok {
		if err := s.giveKey(k, r.o.Dir); err != nil {
			_ = s.at.Close()
			return err
		}
	}
	calls, hangUp := context.WithCancel(context.Background())
	s.hangUp = hangUp
	s.server = &http.Server{
		BaseContext: func(net.Listener) context.Context { return calls },
		Handler:     api, ConnContext: api.ConnContext, ReadHeaderTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // broken connections are the bot's affair and stand in the record
	}
	w.sims = append(w.sims, s)
	return nil
}

// service is what stands in for one of the bot's dependencies.
type service interface {
	http.Handler
	ConnContext(context.Context, net.Conn) context.Context
}

// standIn returns the service that stands in for a dependency, and the path of its base URL.
func standIn(d *plan.Dependency, o upstream.Options) (s service, path string, err error) {
	switch d.Kind {
	case "openai":
		return openai.New(openai.Options{Options: o, Config: d.OpenAI}), "/v1", nil
	case "calendar":
		return calendar.New(calendar.Options{Options: o, Config: d.Calendar}), "/calendar/v3", nil
	case "http":
		return stub.New(stub.Options{Options: o, Config: d.HTTP}), "", nil
	default:
		return nil, "", setupProblem("dependencies."+d.Name+": parley cannot stand in for "+d.Kind, "")
	}
}

// deliver hands a message of the bot to its user.
func (w *wires) deliver(r platform.Reply) { w.r.driver.Reply(r) }

// call records a call of the send API.
func (w *wires) call(c parley.Call) {
	w.heard.Add(1)
	if c.Status >= http.StatusBadRequest && c.Fault == "" {
		denied := c // only a call that is denied is to be put on the heap
		w.denied.Store(&denied)
	}
	w.r.driver.Over(&c)
	w.r.writer.Call(c)
}

// turnOf ties a call of the send API to the turn of the user it is for.
func (w *wires) turnOf(number string) int64 {
	turn, _ := w.r.driver.AttributeNumber(number)
	return turn
}

// serve serves all wires. The driver must exist by now.
func (w *wires) serve() {
	w.send = w.platform.Server()
	w.sending = &tracked{Listener: w.sendAt}
	w.serving.Go(func() { _ = w.send.Serve(w.sending) }) // ends when the listener is closed
	for _, s := range w.sims {
		w.serving.Go(func() { _ = s.server.Serve(s.at) })
	}
	if w.proxy != nil {
		w.serving.Go(func() { _ = w.proxy.tap.Serve(w.proxy.at) })
	}
}

// close ends every wire and waits until nothing is served any more.
func (w *wires) close() {
	w.platform.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if w.proxy != nil {
		w.proxy.close(ctx) // before what it hands calls to
	}
	if w.send != nil {
		_ = w.send.ShutdownWithContext(ctx) // what still hangs after a second belongs to a bot that is gone
		w.sending.hangUp()
	}
	_ = w.sendAt.Close() // a server told to shut down before it had begun to serve would serve for ever
	for _, s := range w.sims {
		s.hangUp()
		_ = s.server.Shutdown(ctx) // the calls are recorded when they end
		_ = s.server.Close()
		_ = s.at.Close()
		s.takeKey()
	}
	w.serving.Wait()
	w.closeReals()
}

func (w *wires) sendURL() string { return "http://" + w.sendAt.Addr().String() }

// environment returns the variables that point the bot at parley.
func (w *wires) environment() map[string]string {
	urls := make(map[*plan.Dependency]string)
	for _, s := range w.sims {
		urls[s.dependency] = s.url
	}
	env := pointers(w.r.o.Plan, w.sendURL(), func(d *plan.Dependency) string { return urls[d] })
	for _, s := range w.sims {
		s.showKey(env)
	}
	return env
}

// listen opens a listener for the plan's key.
func listen(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address) //nolint:noctx // returns at once
	if err != nil {
		return nil, setupProblem(fmt.Sprintf("%s: cannot listen on %s: %v", key, address, err),
			"choose a free port, or 127.0.0.1:0 for any")
	}
	return l, nil
}

var _ drive.Platform = (*evolution.Platform)(nil)
