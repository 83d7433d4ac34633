// Package stub is a simulated HTTP service of any kind: it answers route by route, as the plan says. It
// keeps no state and opens no sockets.
package stub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"parley/internal/plan"
	"parley/internal/recording"
	"parley/internal/upstream"
)

// maxBody is the largest request body accepted, in bytes.
const maxBody = 32 << 20

// Options configure a Server. The zero value knows no route.
type Options struct {
	upstream.Options
	Config plan.HTTP
}

// Server is the simulated service, an [http.Handler].
type Server struct {
	service *upstream.Service
	config  plan.HTTP
	secret  []string // header fields that are not looked at
}

// New returns a Server.
func New(o Options) *Server {
	o.Faults = o.Config.Faults
	return &Server{service: upstream.New(o.Options), config: o.Config, secret: recording.CredentialHeaders()}
}

// ConnContext is that of [upstream.Service].
func (s *Server) ConnContext(ctx context.Context, c net.Conn) context.Context {
	return s.service.ConnContext(ctx, c)
}

// ServeHTTP serves one call and records it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.service.Begin(w, r)
	defer x.End()
	path := r.URL.EscapedPath()
	route := s.route(r.Method, path)
	x.Call.Operation = upstream.Operation(r.Method, path)
	if route != nil {
		x.Call.Operation = upstream.Method(r.Method) + " " + route.Path
		x.Decide()
	}
	body, err := x.Read(maxBody)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		refuse(x, http.StatusRequestEntityTooLarge, fmt.Sprintf("the request body is larger than %d bytes", maxBody), nil)
		return
	}
	if err != nil {
		return // the client went away, which is in the record
	}
	x.Asked(body)
	x.Identify(upstream.Said(r, body, s.secret), "")
	if !x.MeetFate(func(status int) { refuse(x, status, "a fault of the plan", nil) }) {
		return
	}
	if route == nil {
		s.unknown(x, path)
		return
	}
	s.answer(x, route)
}

// route is the first that fits.
func (s *Server) route(method, path string) *plan.Route {
	for i := range s.config.Routes {
		if s.config.Routes[i].Matches(method, path) {
			return &s.config.Routes[i]
		}
	}
	return nil
}

// answer gives the route's answer when its latency is over.
func (s *Server) answer(x *upstream.Exchange, route *plan.Route) {
	latency := s.config.Latency
	if route.Latency != nil {
		latency = *route.Latency
	}
	if x.Impose(x.Ready+x.Fate.Delay+latency.Sample(x.Random)) != nil {
		return
	}
	for name, value := range route.Header {
		x.W.Header().Set(name, value)
	}
	if route.Status >= http.StatusBadRequest {
		x.Refused(route.Status)
	}
	send(x, route.Status, []byte(route.Body))
}

// unknown answers what no route covers: OPTIONS of a known path with its methods, and the rest with an
// error that says what there is.
func (s *Server) unknown(x *upstream.Exchange, path string) {
	allowed := s.methods(path)
	switch {
	case len(allowed) > 0 && x.R.Method == http.MethodOptions:
		x.W.Header().Set("Allow", strings.Join(allowed, ", "))
		send(x, http.StatusNoContent, nil)
	case len(allowed) > 0:
		x.W.Header().Set("Allow", strings.Join(allowed, ", "))
		refuse(x, http.StatusMethodNotAllowed, fmt.Sprintf("no route of the plan answers %s here", x.R.Method), s.closest(path))
	default:
		refuse(x, http.StatusNotFound, "no route of the plan answers "+x.Call.Operation, s.closest(path))
	}
}

// methods are those of the routes that a path has, OPTIONS included.
func (s *Server) methods(path string) []string {
	var methods []string
	for _, r := range s.config.Routes {
		whole := r
		if whole.Method = "*"; whole.Matches(http.MethodGet, path) {
			methods = append(methods, r.Method)
		}
	}
	if len(methods) == 0 {
		return nil
	}
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	methods = append(methods, http.MethodOptions)
	slices.Sort(methods)
	return slices.Compact(methods)
}

// closest names the routes with most in common with a path, three at most.
func (s *Server) closest(path string) []string {
	got := strings.Split(path, "/")
	common := func(r plan.Route) (n int) {
		for i, segment := range strings.Split(r.Path, "/") {
			if i < len(got) && (segment == got[i] || segment == "*") {
				n++
			}
		}
		return n
	}
	routes := slices.Clone(s.config.Routes)
	slices.SortStableFunc(routes, func(a, b plan.Route) int { return common(b) - common(a) })
	var names []string
	for _, r := range routes[:min(3, len(routes))] {
		names = append(names, strings.TrimPrefix(r.Method+" "+r.Path, "* "))
	}
	return names
}

// refuse answers with an error.
func refuse(x *upstream.Exchange, status int, message string, routes []string) {
	type problem struct {
		Message string   `json:"message"`
		Status  int      `json:"status"`
		Routes  []string `json:"routes,omitempty"`
	}
	body, err := json.Marshal(struct {
		Error problem `json:"error"`
	}{problem{message, status, routes}})
	if err != nil {
		panic(fmt.Errorf("stub: encode error: %w", err)) // texts and numbers always encode
	}
	x.Refused(status)
	x.W.Header().Set("Content-Type", "application/json")
	send(x, status, body)
}

// send sends a response. The answer to HEAD, and statuses that have none, go without their body.
func send(x *upstream.Exchange, status int, body []byte) {
	bare := status == http.StatusNoContent || status == http.StatusNotModified
	if x.R.Method != http.MethodHead && !bare {
		_ = x.Answer(status, "", body) // a client that went away is in the record
		return
	}
	if !bare {
		x.W.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	x.Head(status)
	_ = x.Send(nil) // as above
}
