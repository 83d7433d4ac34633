package calendar

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"parley/internal/plan"
	"parley/internal/upstream"
)

// maxBody is the largest body of one request, in bytes.
const maxBody = 1 << 20

// Options configure a Server. The zero value answers at once, has no quotas and nothing in
// its calendars, and records nothing.
type Options struct {
	upstream.Options
	Config plan.Calendar
}

// Server is the simulated API and its token endpoint, an [http.Handler]. A call that hangs by a fault ends
// when its client goes away or its request's context is cancelled, so whoever serves it must close
// connections in the end.
type Server struct {
	service    *upstream.Service
	config     plan.Calendar
	zones      *zones
	background background
	store      *store
	quotas     quotas
	seal       seal
	account    atomic.Pointer[account]
	tokenURI   atomic.Pointer[string]
}

// New returns a Server. Nobody has a key to it until [Server.KeyFile] makes one.
func New(o Options) *Server {
	o.Faults = o.Config.Faults
	s := &Server{service: upstream.New(o.Options), config: o.Config, zones: newZones(o.Config.TimeZone)}
	since := s.service.Epoch.Truncate(time.Second).UTC()
	s.background = background{seed: o.Seed, share: o.Config.Busy, home: s.zones.home, since: since}
	s.store = newStore(o.Config.Calendars, since)
	s.quotas.project, s.quotas.user = o.Config.RequestsPerMinute, o.Config.UserRequestsPerMinute
	s.seal.key = make([]byte, 32)
	_, _ = rand.Read(s.seal.key) // never fails: it aborts the program instead
	return s
}

// KeyFile makes a service account and returns its key file, in the JSON Google gives out. Its tokens come
// from tokenURI, the address of this server and "/token". Another call makes another account, and the first is forgotten.
func (s *Server) KeyFile(tokenURI string) ([]byte, error) {
	a, err := newAccount()
	if err != nil {
		return nil, err
	}
	text, err := a.keyFile(tokenURI)
	if err != nil {
		return nil, err
	}
	s.tokenURI.Store(&tokenURI)
	s.account.Store(a)
	return text, nil
}

// ConnContext is that of [upstream.Service].
func (s *Server) ConnContext(ctx context.Context, c net.Conn) context.Context {
	return s.service.ConnContext(ctx, c)
}

// call is one call under way.
type call struct {
	*upstream.Exchange
	*Server
	route route
	query url.Values
	body  []byte
	grant grant
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) *call {
	x := &call{Exchange: s.service.Begin(w, r), Server: s, query: r.URL.Query()}
	method := r.Method
	if other := r.Header.Get("X-Http-Method-Override"); method == http.MethodPost && other != "" {
		method = strings.ToUpper(clip(other, 10))
	}
	x.route = findRoute(method, r.URL.EscapedPath())
	if x.Call.Operation = x.route.operation; x.Call.Operation == "" {
		x.Call.Operation = unknownOperation(clip(method, 10), r.URL.Path)
	}
	x.Call.Retry = attempt(r.Header.Get("X-Goog-Api-Client"))
	w.Header().Set("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	return x
}

var attemptCount = regexp.MustCompile(`\bgccl-attempt-count/(\d{1,6})\b`)

// attempt reads which try a call is (0 for the first) as Google's own libraries declare it.
func attempt(header string) int32 {
	m := attemptCount.FindStringSubmatch(header)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // six digits at most
	return int32(max(0, n-1))
}

// ServeHTTP serves one call, or the calls of one batch, and records them.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.begin(w, r)
	if x.route.operation == opBatch {
		x.batch()
		return
	}
	defer x.End()
	var err error
	if x.body, err = x.Read(maxBody); err != nil {
		if x.Call.Failure == "" {
			x.refuse(tooLarge())
		}
		return
	}
	if err := x.admit(); err != nil {
		x.refuse(err)
		return
	}
	x.Decide()
	if !x.MeetFate(func(status int) { x.reply(x.injected(status)) }) {
		return
	}
	a := x.execute()
	if x.Impose(x.Ready+x.Fate.Delay+x.latency()) == nil {
		x.reply(a)
	}
}

// admit ties the call to its turn, then looks at where it goes, at its credentials and at the quotas.
func (x *call) admit() *apiError {
	text := append([]byte(x.R.URL.RequestURI()+"\n"), x.body...)
	x.Asked(bytes.TrimSpace(x.body)) // parts of a batch end in empty lines
	x.Identify(text, "")
	switch x.route.operation {
	case "":
		return notFound()
	case opToken:
		return nil
	}
	var err *apiError
	if x.grant, err = x.authenticate(x.R, x.query, x.route.operation, time.Now()); err != nil {
		return err
	}
	user := x.grant.User
	if named := x.query.Get("quotaUser"); named != "" {
		user = "quotaUser:" + clip(named, 40)
	}
	return x.quotas.take(user, x.Since())
}

// latency draws how long the call takes.
func (x *call) latency() time.Duration {
	if writes(x.route.operation) {
		return x.config.WriteLatency.Sample(x.Random)
	}
	return x.config.Latency.Sample(x.Random)
}

// answer is what a call is answered with.
type answer struct {
	status int
	etag   string
	body   []byte // nil for none
}

func failed(e *apiError) answer { return answer{status: e.status, body: e.body()} }

// injected is the answer of a fault.
func (x *call) injected(status int) answer {
	if x.route.operation == opToken {
		return answer{status: status, body: injectedTokenError(status).body()}
	}
	return failed(injected(status))
}

// execute does what the call asks for.
func (x *call) execute() answer {
	var a answer
	var err *apiError
	switch x.route.operation {
	case opToken:
		return x.grantToken()
	case opFreeBusy:
		a, err = x.freeBusy()
	case opList:
		a, err = x.list()
	case opInsert:
		a, err = x.insertEvent()
	case opGet:
		a, err = x.getEvent()
	case opPatch, opUpdate:
		a, err = x.changeEvent()
	case opDelete:
		a, err = x.deleteEvent()
	case opCalendarList:
		a, err = x.calendarList()
	default:
		a, err = x.getCalendar()
	}
	if err != nil {
		return failed(err)
	}
	return a
}

func (x *call) grantToken() answer {
	body, err := x.token(x.body, time.Now())
	if err != nil {
		return answer{status: err.status, body: err.body()}
	}
	return answer{status: http.StatusOK, body: body}
}

func (x *call) refuse(e *apiError) { x.reply(failed(e)) }

// reply sends an answer, unless the call's fate is to damage it.
func (x *call) reply(a answer) {
	if a.status >= http.StatusBadRequest {
		x.Refused(a.status)
	}
	if a.etag != "" {
		x.W.Header().Set("Etag", a.etag)
	}
	contentType := ""
	if a.body != nil {
		contentType = "application/json; charset=UTF-8"
		if pretty, err := strconv.ParseBool(x.query.Get("prettyPrint")); err != nil || pretty {
			var b bytes.Buffer
			if json.Indent(&b, a.body, "", " ") == nil { // it was made by encoding/json
				a.body = append(b.Bytes(), '\n')
			}
		}
	}
	_ = x.Answer(a.status, contentType, a.body) // a client that went away is in the record
}
