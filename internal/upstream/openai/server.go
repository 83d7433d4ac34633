package openai

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"parley/internal/plan"
	"parley/internal/price"
	"parley/internal/upstream"
)

// maxBody is the largest request body accepted, in bytes.
const maxBody = 32 << 20

// Options configure a Server. The zero value answers at once, to anyone, and records nothing.
type Options struct {
	upstream.Options
	Config plan.OpenAI
}

// Server is the simulated API, an [http.Handler]. A call that hangs by a fault ends
// when its client goes away or its request's context is cancelled, so whoever serves
// it must close connections in the end: [http.Server.Shutdown] alone waits for it.
type Server struct {
	service *upstream.Service
	config  plan.OpenAI
	limits  limits
	tokens  price.Counter
	cache   promptCache
	// inFlight counts completions being made.
	inFlight atomic.Int64
}

// New returns a Server.
func New(o Options) *Server {
	o.Faults = o.Config.Faults
	return &Server{
		service: upstream.New(o.Options),
		config:  o.Config,
		limits:  newLimits(o.Config.RequestsPerMinute, o.Config.TokensPerMinute),
	}
}

// ConnContext is that of [upstream.Service].
func (s *Server) ConnContext(ctx context.Context, c net.Conn) context.Context {
	return s.service.ConnContext(ctx, c)
}

// ServeHTTP serves one call and records it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.begin(w, r)
	defer x.End()
	route, allowed := findRoute(r.URL.Path)
	x.Call.Operation = upstream.Method(r.Method) + " " + operationPath(r.URL.Path)
	if !x.authorized() {
		return
	}
	switch {
	case route == "":
		x.refuse(notFound(r))
	case r.Method != allowed:
		x.refuse(notAllowed(r))
	default:
		x.Decide()
		x.serve(route)
	}
}

func (x *exchange) serve(route string) {
	switch route {
	case chatRoute:
		x.chat()
	case embeddingsRoute:
		x.embeddings()
	case transcriptionsRoute:
		x.transcribe(false)
	case translationsRoute:
		x.transcribe(true)
	default:
		x.models(strings.TrimPrefix(strings.TrimPrefix(route, modelsRoute), "/"))
	}
}

// The routes, after /v1.
const (
	chatRoute           = "/chat/completions"
	embeddingsRoute     = "/embeddings"
	transcriptionsRoute = "/audio/transcriptions"
	translationsRoute   = "/audio/translations"
	modelsRoute         = "/models"
)

// findRoute returns the route of a path, with or without /v1, and its only method.
func findRoute(path string) (route, method string) {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/v1"), "/")
	switch path {
	case chatRoute, embeddingsRoute, transcriptionsRoute, translationsRoute:
		return path, http.MethodPost
	}
	if path == modelsRoute || strings.HasPrefix(path, modelsRoute+"/") {
		return path, http.MethodGet
	}
	return "", ""
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
	*upstream.Exchange
	*Server
	body []byte
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{Exchange: s.service.Begin(w, r), Server: s}
	x.Call.Retry = retryCount(r.Header.Get("X-Stainless-Retry-Count"))
	x.Call.Patience = upstream.Patience(r.Header)
	h := w.Header()
	h.Set("X-Request-Id", "req_"+x.letters(hexDigits, 32))
	h.Set("Openai-Version", "2020-10-01")
	h.Set("Openai-Organization", organization)
	return x
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

// letters makes an id.
func (x *exchange) letters(from string, n int) string {
	id := make([]byte, n)
	for i := range id {
		id[i] = from[x.Random.IntN(len(from))]
	}
	return string(id)
}

// authorized refuses a call without the key the plan requires, if it requires one.
func (x *exchange) authorized() bool {
	want := x.config.APIKey.Reveal()
	if want == "" {
		return true
	}
	got, ok := strings.CutPrefix(x.R.Header.Get("Authorization"), "Bearer ")
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

// refuse answers with an error, whether the body was read or not.
func (x *exchange) refuse(e apiError) {
	x.LeaveUnread()
	x.Refused(e.status)
	body, err := json.Marshal(errorBody{Error: e})
	if err != nil {
		panic(err) // strings and nulls always encode
	}
	_ = x.answer(e.status, body) // a client that went away is in the record
}

// answer sends a whole JSON response, unless the call's fate is to damage it. The processing time of the API ends there.
func (x *exchange) answer(status int, body []byte) error {
	x.processed()
	return x.Answer(status, "application/json", body)
}

// processed sets the header with the API's own processing time.
func (x *exchange) processed() {
	x.W.Header().Set("Openai-Processing-Ms", strconv.FormatInt((x.Since()-x.Call.Start).Milliseconds(), 10))
}
