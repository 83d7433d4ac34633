// Package relay stands between the bot and a real service: it passes each call on, records it, and keeps the promises of the plan
// about money, the number of calls and writes before anything is passed on. It originates TLS, follows no
// redirect, and lets no credential into a record, a log or an error. It listens nowhere itself.
package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"parley"
	"parley/internal/audio"
	"parley/internal/fingerprint"
	"parley/internal/plan"
	"parley/internal/price"
	"parley/internal/recording"
	"parley/internal/upstream"
	"parley/internal/wire/openaiwire"
)

const (
	// maxBody is the largest request body passed on, in bytes.
	maxBody = 32 << 20
	// patience is how long a service may say nothing: OpenAI's own clients wait ten minutes for an answer.
	patience = 10 * time.Minute
)

// Options configure a Relay. Config.To is needed.
type Options struct {
	upstream.Options
	Kind   string // of the dependency: openai, calendar, http
	Config plan.Relay
	// Price is what a model costs; nil: no model has a price, and no call to one is passed on.
	Price func(model string) (parley.ModelPrice, bool)
	// Notify is told once of each kind of trouble that a person should know of, by many goroutines at once. nil: nobody.
	Notify func(Notice)
	// Keep gets the exchanges; nil: they are not kept.
	Keep *recording.Writer
	// Transport makes the calls; nil: one of its own over TCP and TLS.
	Transport http.RoundTripper
	// Patience is how long the service may take for the head of its answer, and between two pieces of its body; 0: 10 minutes.
	Patience time.Duration
}

// Notice is trouble for a person to know of.
type Notice struct {
	// Ceiling: the run has used up what it may spend, and goes on without the service.
	Ceiling    bool
	What, Hint string
}

// Relay passes calls on, an [http.Handler].
type Relay struct {
	service  *upstream.Service
	o        Options
	base     *url.URL
	client   http.RoundTripper
	account  account
	tokens   price.Counter
	redactor recording.Redactor
	secret   []string // header fields that carry credentials

	mu    sync.Mutex
	told  map[string]bool // kinds of notices
	known map[string]bool // operations that faults were settled for
}

// New returns a Relay. It fails if the address is none.
func New(o Options) (*Relay, error) {
	base, err := url.Parse(o.Config.To)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("the address of the real service is not an http or https URL")
	}
	if o.Patience <= 0 {
		o.Patience = patience
	}
	r := &Relay{
		service: upstream.New(o.Options), o: o, base: base, client: o.Transport,
		account:  account{spend: o.Config.Spend, calls: o.Config.Calls},
		redactor: recording.NewRedactor(o.Config.Key.Reveal()),
		secret:   recording.CredentialHeaders(),
		told:     map[string]bool{}, known: map[string]bool{},
	}
	if r.client == nil {
		r.client = newTransport(o.Patience)
	}
	return r, nil
}

// BasePath is the path below which the service lies, as the bot must be told it; empty for none.
func (r *Relay) BasePath() string { return strings.TrimSuffix(r.base.Path, "/") }

// belowBase is a path as it stands below the base. One beside the base is the service's as well, and stays whole.
func (r *Relay) belowBase(path string) string {
	if rest, ok := strings.CutPrefix(path, r.BasePath()); ok && (rest == "" || rest[0] == '/') {
		path = rest
	}
	return "/" + strings.TrimPrefix(path, "/")
}

// Spent is what the calls so far have cost at most, in US dollars, and how many were passed on.
func (r *Relay) Spent() (usd float64, calls int) { return r.account.spentSoFar() }

// Close drops the idle connections to the service.
func (r *Relay) Close() {
	if t, ok := r.client.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// ConnContext is that of [upstream.Service].
func (r *Relay) ConnContext(ctx context.Context, c net.Conn) context.Context {
	return r.service.ConnContext(ctx, c)
}

// exchange is one call under way.
type exchange struct {
	*upstream.Exchange
	*Relay
	target string // path and query below the base
	body   []byte
	// asked is what an OpenAI request says about itself, nil for other kinds; priced is what its model costs.
	asked    *openaiwire.Request
	unread   error
	priced   parley.ModelPrice
	reserved float64
}

// ServeHTTP passes one call on and records it.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	x := &exchange{Exchange: r.service.Begin(w, req), Relay: r}
	defer x.End()
	x.target = r.belowBase(req.URL.EscapedPath())
	x.Call.Operation = operation(r.o.Kind, req.Method, x.target)
	if req.URL.RawQuery != "" {
		x.target += "?" + req.URL.RawQuery
	}
	if r.recognise(x.Call.Operation) {
		x.Decide()
	}
	var err error
	if x.body, err = x.Read(maxBody); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			x.refuse(refusal{status: http.StatusRequestEntityTooLarge, code: "request_too_large", failure: "refused: request too large",
				message: fmt.Sprintf("the request body is larger than %d bytes", maxBody)})
		}
		return // a client that went away is in the record
	}
	x.understand()
	if !x.MeetFate(func(status int) { x.fail(status, "injected", "a fault of the plan", fmt.Sprintf("status %d", status)) }) {
		return
	}
	if no := x.admit(); no != nil {
		x.refuse(*no)
		return
	}
	x.pass()
}

// recognise notes an operation; faults are settled for so many, since the one who settles them remembers each.
func (r *Relay) recognise(operation string) bool {
	const most = 4096
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known[operation] && len(r.known) < most {
		r.known[operation] = true
	}
	return r.known[operation]
}

// mostNotices bounds the kinds of trouble that are told of: they hold the names of models, which the bot makes up.
const mostNotices = 64

// notify tells of a kind of trouble once. That a ceiling was reached is told however much was told before.
func (r *Relay) notify(kind string, n Notice) {
	r.mu.Lock()
	tell := !r.told[kind] && (n.Ceiling || len(r.told) < mostNotices)
	if tell {
		r.told[kind] = true
	}
	r.mu.Unlock()
	if tell && r.o.Notify != nil {
		r.o.Notify(n)
	}
}

// understand notes what the request says, and ties the call to a turn.
func (x *exchange) understand() {
	if x.o.Kind != "openai" {
		x.Asked(x.body)
		x.Identify(upstream.Said(x.R, x.body, x.secret), "")
		return
	}
	x.Call.Retry = retryCount(x.R.Header.Get("X-Stainless-Retry-Count"))
	x.Call.Patience = upstream.Patience(x.R.Header)
	kind := openaiwire.KindOf(x.R.Method, x.R.URL.Path)
	x.asked, x.unread = openaiwire.Parse(kind, x.R.Header.Get("Content-Type"), x.body)
	x.AskedAs(x.asked, x.body)
	if name := deployment(x.R.URL.Path); name != "" {
		x.asked.Model = name // Azure does not look at the one in the body
	}
	x.Call.Model = x.asked.Model
	if len(x.Call.Model) > longestModel {
		x.Call.Model = x.Call.Model[:longestModel]
	}
	text := x.body
	if kind == openaiwire.Transcription {
		if f, ok := audio.Inspect(x.asked.Audio); ok {
			x.Call.AudioSeconds = f.Length.Seconds()
		}
		text = []byte(strings.Join(x.asked.Texts, "\n"))
	}
	words := ""
	if kind == openaiwire.Chat || kind == openaiwire.Responses {
		words = fingerprint.LastWords(x.asked.Said)
	}
	x.Identify(text, words)
}

// longestModel bounds the name of a model in the record, in bytes.
const longestModel = 100
