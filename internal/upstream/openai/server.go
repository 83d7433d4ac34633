package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/fingerprint"
	"parley/internal/plan"
	"parley/internal/price"
)

// maxBody is the largest request body accepted, in bytes.
const maxBody = 32 << 20

// Options configure a Server. The zero value answers at once, to anyone, and records nothing.
type Options struct {
	Config plan.OpenAI
	Wire   string // the dependency's name, in Call.Wire
	Seed   uint64
	Key    parley.Key
	Finder fingerprint.Finder
	// Epoch is the moment offsets in calls count from; zero: the call of New. Taken
	// from time.Now, it carries the monotonic clock.
	Epoch time.Time
	// Attribute names the turn of a call from the identities and words in it. It is called
	// when a chat request has been parsed, by many goroutines at once. nil: no call is attributed.
	Attribute func(identities []uint64, words uint64) (turn int64, by parley.Attribution)
	// Record is called once for each call when it has ended, however it ended, by many
	// goroutines at once. Call.ID is left 0. nil: nothing is recorded.
	Record func(parley.Call)
}

// Server is the simulated API, an [http.Handler]. A call that hangs by a fault ends
// when its client goes away or its request's context is cancelled, so whoever serves
// it must close connections in the end: [http.Server.Shutdown] alone waits for it.
type Server struct {
	opts    Options
	decider *fault.Decider
	limits  limits
	tokens  price.Counter
	cache   promptCache
	// calls numbers requests, inFlight counts completions being made, conns numbers connections.
	calls    atomic.Int64
	inFlight atomic.Int64
	conns    atomic.Int64
}

// New returns a Server.
func New(opts Options) *Server {
	if opts.Epoch.IsZero() {
		opts.Epoch = time.Now()
	}
	return &Server{
		opts:    opts,
		decider: fault.NewDecider(opts.Seed, opts.Wire, opts.Config.Faults),
		limits:  newLimits(opts.Config.RequestsPerMinute, opts.Config.TokensPerMinute),
	}
}

// since is the time since the epoch.
func (s *Server) since() time.Duration { return time.Since(s.opts.Epoch) }

type connKey struct{}

// ConnContext is for the field of that name in [http.Server]: it numbers
// connections, so that calls can tell theirs. Without it Call.Conn is 0.
func (s *Server) ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, s.conns.Add(1))
}

// ServeHTTP serves one call and records it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.begin(w, r)
	// A cut connection leaves by http.ErrAbortHandler, and is recorded all the same.
	defer x.end()
	route, allowed := findRoute(r.URL.Path)
	x.call.Operation = r.Method + " " + operationPath(r.URL.Path)
	if !x.authorized() {
		return
	}
	switch {
	case route == "":
		x.refuse(notFound(r))
	case r.Method != allowed:
		x.refuse(notAllowed(r))
	case route == "/chat/completions":
		x.decide()
		x.chat()
	default:
		x.decide()
		x.models(strings.TrimPrefix(strings.TrimPrefix(route, "/models"), "/"))
	}
}

// findRoute returns the route of a path, with or without /v1, and its only method.
func findRoute(path string) (route, method string) {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/v1"), "/")
	switch {
	case path == "/chat/completions":
		return path, http.MethodPost
	case path == "/models" || strings.HasPrefix(path, "/models/"):
		return path, http.MethodGet
	default:
		return "", ""
	}
}

// operationPath is the path as operations name it: with /v1, and with a star for
// segments that hold digits or are long, since they may identify someone.
func operationPath(path string) string {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(path, "/v1"), "/"), "/")
	if len(parts) > 4 {
		parts = append(parts[:4:4], "*")
	}
	for i, part := range parts {
		if len(part) > 24 || strings.ContainsAny(part, "0123456789@%+") || i > 0 && parts[0] == "models" {
			parts[i] = "*"
		}
	}
	return "/v1/" + strings.Join(parts, "/")
}

// exchange is one call under way.
type exchange struct {
	*Server
	w    http.ResponseWriter
	r    *http.Request
	call parley.Call
	body []byte
	fate fault.Action
	out  sender
	// random belongs to this call alone and follows from the seed and the call's number.
	random *rand.Rand
	// ready is when the request had been read; latency counts from there.
	ready time.Duration
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) *exchange {
	n := s.calls.Add(1)
	x := &exchange{Server: s, w: w, r: r, random: rand.New(rand.NewPCG(s.opts.Seed, uint64(n)))}
	x.call = parley.Call{
		Wire: s.opts.Wire, Flight: n,
		Start: s.since(), FirstByte: parley.None, End: parley.None,
		RequestBytes: max(0, r.ContentLength),
	}
	x.call.Conn, _ = r.Context().Value(connKey{}).(int64)
	x.call.Retry = retryCount(r.Header.Get("X-Stainless-Retry-Count"))
	x.ready = x.call.Start
	x.out = sender{x: x}
	h := w.Header()
	h.Set("X-Request-Id", "req_"+x.letters(hexDigits, 32))
	h.Set("Openai-Version", "2020-10-01")
	h.Set("Openai-Organization", organization)
	return x
}

// end closes the record of the call.
func (x *exchange) end() {
	x.out.stop()
	x.call.End = x.since()
	if x.opts.Record != nil {
		x.opts.Record(x.call)
	}
}

// retryCount reads the attempt as OpenAI's own client libraries declare it.
func retryCount(text string) int32 {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int32(n)
}

const (
	hexDigits = "0123456789abcdef"
	alphabet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// decide settles what goes wrong with the call. Only known routes come here, so
// that a client that asks for a new path each time does not fill the decider's memory.
func (x *exchange) decide() {
	x.fate = x.decider.Decide(x.call.Operation, x.call.Start)
	x.call.Fault = x.fate.Name
}

// letters makes an id.
func (x *exchange) letters(from string, n int) string {
	id := make([]byte, n)
	for i := range id {
		id[i] = from[x.random.IntN(len(from))]
	}
	return string(id)
}

// authorized refuses a call without the key the plan requires, if it requires one.
func (x *exchange) authorized() bool {
	want := x.opts.Config.APIKey.Reveal()
	if want == "" {
		return true
	}
	got, ok := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok || got == "":
		x.refuse(noKey())
	case got != want:
		x.refuse(wrongKey())
	default:
		return true
	}
	return false
}

// refuse answers with an error.
func (x *exchange) refuse(e apiError) {
	x.call.Failure = fmt.Sprintf("status %d", e.status)
	body, err := json.Marshal(errorBody{Error: e})
	if err != nil {
		panic(err) // strings and nulls always encode
	}
	_ = x.answer(e.status, body) // a client that went away is in the record
}

// answer sends a whole JSON response, unless the call's fate is to damage it.
func (x *exchange) answer(status int, body []byte) error {
	at := int(float64(len(body)) * x.fate.Where)
	if x.fate.Effect == fault.Malformed {
		x.call.Failure = "malformed"
		body = body[:at]
	}
	x.jsonHead(status, len(body))
	if x.fate.Effect == fault.Cut {
		_ = x.out.send(body[:at]) // the connection closes either way
		x.out.cut()
	}
	return x.out.send(body)
}

func (x *exchange) jsonHead(status, length int) {
	x.w.Header().Set("Content-Type", "application/json")
	x.w.Header().Set("Content-Length", strconv.Itoa(length))
	x.answerHead(status)
}

// answerHead sends the head of the response. The processing time of the API ends there.
func (x *exchange) answerHead(status int) {
	x.call.Status = int32(status)
	x.w.Header().Set("Openai-Processing-Ms", strconv.FormatInt((x.since()-x.call.Start).Milliseconds(), 10))
	x.w.WriteHeader(status)
}
