// Package replay answers the calls of a bot as a real service did, from a recording: with the recorded words at the
// recorded pace. What the recording does not hold it leaves to the simulated service behind it. It opens no sockets.
package replay

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"parley/internal/audio"
	"parley/internal/fingerprint"
	"parley/internal/plan"
	"parley/internal/recording"
	"parley/internal/upstream"
	"parley/internal/wire/openaiwire"
)

// maxBody is the largest request body that is looked up, in bytes; longer ones are left to the simulation, which refuses them.
const maxBody = 32 << 20

// bodyPatience is how long a request's body may take to come. One that takes longer is left to the simulation, which gives it up.
const bodyPatience = time.Minute

// Service is what answers the calls a recording does not hold.
type Service interface {
	http.Handler
	ConnContext(context.Context, net.Conn) context.Context
}

// Options configure a Replay. Path and Next are needed.
type Options struct {
	upstream.Options
	Kind string // of the dependency: openai, http
	Path string // of the recording
	// Key is required of the bot, as the simulated service requires it; empty: nothing is.
	Key  plan.Secret
	Next Service
}

// Tally counts calls by what answered them.
type Tally struct {
	Exact int64 // a recorded request that means the same
	// Nearest: another recorded request of the same operation.
	Nearest int64
	Left    int64 // to the simulation
}

// Replay is a service that answers from a recording, an [http.Handler].
type Replay struct {
	service   *upstream.Service
	o         Options
	recording *recording.Recording
	exact     map[key]*queue
	nearest   map[string]*queue // by operation; of kind http only
	redactor  recording.Redactor
	secret    []string

	countExact, countNearest, countLeft atomic.Int64
}

// queue gives recorded exchanges in their order, and begins again at its end.
type queue struct {
	lines []int
	taken atomic.Int64
}

func (q *queue) next() int { return q.lines[int(q.taken.Add(1)-1)%len(q.lines)] }

// New reads through the recording and returns a Replay of it. Close it in the end.
func New(o Options) (*Replay, error) {
	r := &Replay{service: upstream.New(o.Options), o: o, exact: map[key]*queue{}, nearest: map[string]*queue{}, secret: recording.CredentialHeaders()}
	var err error
	r.recording, err = recording.Open(o.Path, func(i int, x *recording.Exchange) {
		add(r.exact, r.keyOf(x.Method, x.Target, x.Request.Header["Content-Type"], x.Request.Body()), i)
		if o.Kind == "http" {
			add(r.nearest, operationOf(x.Method, x.Target), i)
		}
	})
	if err != nil {
		return nil, err
	}
	if r.recording.Len() == 0 {
		_ = r.recording.Close() // it was only read
		return nil, fmt.Errorf("the recording %s holds no exchange that can be replayed", o.Path)
	}
	return r, nil
}

func add[K comparable](queues map[K]*queue, k K, i int) {
	q := queues[k]
	if q == nil {
		q = &queue{}
		queues[k] = q
	}
	q.lines = append(q.lines, i)
}

func (r *Replay) keyOf(method, target, contentType string, body []byte) key {
	if r.o.Kind == "openai" {
		return modelKey(method, withoutVersion(target), contentType, body)
	}
	return plainKey(method, target, contentType, body)
}

// withoutVersion is the target below /v1: base URLs have it or not.
func withoutVersion(target string) string {
	if rest, ok := strings.CutPrefix(target, "/v1/"); ok {
		return "/" + rest
	}
	return target
}

// Tally is what answered the calls so far.
func (r *Replay) Tally() Tally {
	return Tally{Exact: r.countExact.Load(), Nearest: r.countNearest.Load(), Left: r.countLeft.Load()}
}

// Damaged is the number of lines of the recording that could not be read.
func (r *Replay) Damaged() int { return r.recording.Damaged }

// Close closes the recording.
func (r *Replay) Close() error { return r.recording.Close() }

// ConnContext is that of [upstream.Service].
func (r *Replay) ConnContext(ctx context.Context, c net.Conn) context.Context {
	return r.service.ConnContext(ctx, c)
}

// flights keeps the flights of replayed calls apart from those of the service behind, which counts its own.
const flights = 1 << 40

// ServeHTTP answers one call, or leaves it to the service behind.
func (r *Replay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	x := r.service.Begin(w, req)
	x.Call.Flight += flights
	in := http.NewResponseController(w)
	_ = in.SetReadDeadline(time.Now().Add(bodyPatience)) // a transport without deadlines has none to keep
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody+1))
	if err == nil {
		_ = in.SetReadDeadline(time.Time{})
	}
	x.Ready, x.Call.RequestBytes = x.Since(), int64(len(body))
	var found *recording.Exchange
	if err == nil && len(body) <= maxBody && r.authorized(req) {
		found = r.find(req, body)
	}
	if found == nil {
		r.countLeft.Add(1)
		rest := req.Body
		req.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), rest), rest}
		r.o.Next.ServeHTTP(w, req)
		return
	}
	defer x.End()
	r.name(x, body)
	x.Decide()
	if x.MeetFate(func(status int) { x.Refused(status); _ = x.Answer(status, "application/json", refused(status)) }) {
		answer(x, found)
	}
}

func refused(status int) []byte {
	return fmt.Appendf(nil, `{"error":{"message":"a fault of the plan","type":"injected","param":null,"code":%d}}`, status)
}

// authorized reports whether the bot has the key that the simulated service requires, which refuses the call otherwise.
func (r *Replay) authorized(req *http.Request) bool {
	want := r.o.Key.Reveal()
	return want == "" || req.Header.Get("Authorization") == "Bearer "+want || req.Header.Get("Api-Key") == want
}

// find looks a request up; nil if nothing like it was recorded, or the recording can no longer be read.
func (r *Replay) find(req *http.Request, body []byte) *recording.Exchange {
	target := req.URL.EscapedPath()
	if req.URL.RawQuery != "" {
		target += "?" + req.URL.RawQuery
	}
	redact := r.redactor.With(req.Header)
	target, kept := redact.Target(target), redact.Body(req.Header.Get("Content-Type"), body)
	count, q := &r.countExact, r.exact[r.keyOf(req.Method, target, req.Header.Get("Content-Type"), kept)]
	if q == nil {
		count, q = &r.countNearest, r.nearest[operationOf(req.Method, target)]
	}
	if q == nil {
		return nil
	}
	x, err := r.recording.Load(q.next())
	if err != nil {
		return nil
	}
	count.Add(1)
	return x
}

// name notes what the call is about, and ties it to a turn.
func (r *Replay) name(x *upstream.Exchange, body []byte) {
	if r.o.Kind != "openai" {
		x.Call.Operation = operationOf(x.R.Method, x.R.URL.EscapedPath())
		x.Asked(body)
		x.Identify(upstream.Said(x.R, body, r.secret), "")
		return
	}
	x.Call.Operation = openaiwire.Operation(x.R.Method, x.R.URL.Path)
	kind := openaiwire.KindOf(x.R.Method, x.R.URL.Path)
	x.Call.Patience = upstream.Patience(x.R.Header)
	asked, err := openaiwire.Parse(kind, x.R.Header.Get("Content-Type"), body)
	x.AskedAs(asked, body)
	if err != nil {
		x.Identify(body, "")
		return
	}
	x.Call.Model = asked.Model
	words, text := "", body
	if kind == openaiwire.Chat {
		words = fingerprint.LastWords(asked.Said)
	}
	if kind == openaiwire.Transcription {
		text = []byte(strings.Join(asked.Texts, "\n"))
		if f, ok := audio.Inspect(asked.Audio); ok {
			x.Call.AudioSeconds = f.Length.Seconds()
		}
	}
	x.Identify(text, words)
}

// answer sends the recorded response at its pace.
func answer(x *upstream.Exchange, e *recording.Exchange) {
	h := x.W.Header()
	for name, value := range e.Response.Header {
		h.Set(name, value)
	}
	stream := strings.HasPrefix(e.Response.Header["Content-Type"], "text/event-stream")
	body := e.Response.Body()
	if e.Status >= http.StatusBadRequest {
		x.Refused(e.Status)
	} else if x.Call.Model != "" {
		usage := openaiwire.ParseUsage(body, stream)
		x.Call.PromptTokens, x.Call.CachedTokens, x.Call.CacheWrittenTokens = usage.Prompt, usage.Cached, usage.CacheWritten
		x.Call.CompletionTokens = usage.Completion
	}
	length := int64(-1)
	if !stream {
		length = int64(len(body))
	}
	if x.R.Method == http.MethodHead {
		length = e.Response.Bytes
		e.Response.Pieces = nil
	}
	start := x.Ready + x.Fate.Delay
	var out *upstream.Body
	for _, p := range e.Response.Pieces {
		if x.Impose(start+p.At) != nil {
			return
		}
		if out == nil {
			out = x.BeginBody(e.Status, length)
		}
		if out.Send(p.Data) != nil {
			return
		}
	}
	if out == nil {
		if x.Impose(start+e.Response.After) != nil {
			return
		}
		out = x.BeginBody(e.Status, length)
		if x.Send(nil) != nil {
			return
		}
	}
	out.End()
}
