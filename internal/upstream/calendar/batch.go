package calendar

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"parley/internal/fault"
)

const (
	maxBatch  = 8 << 20 // bytes of a whole batch
	mostParts = 50      // Google's limit
)

// part is one call of a batch.
type part struct {
	id      string // its Content-ID
	request *http.Request
	body    []byte
}

// partWriter takes the answer to a part.
type partWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is that of the answer.
func (w *partWriter) Header() http.Header { return w.header }

// WriteHeader notes the status.
func (w *partWriter) WriteHeader(status int) { w.status = status }

// Write notes the body.
func (w *partWriter) Write(p []byte) (int, error) { return w.body.Write(p) }

// Flush does nothing: a part leaves with its batch.
func (w *partWriter) Flush() {}

// batch serves many calls that came as one. Each is recorded by itself, with the flight they share, and lasts as
// long as the batch: that is how long the bot waited for it. The service works on them side by side.
func (x *call) batch() {
	body, err := x.Read(maxBatch)
	if err != nil {
		defer x.End()
		if x.Call.Failure == "" {
			x.refuse(tooLarge())
		}
		return
	}
	parts, err := parseBatch(x.R.Context(), x.R.Header, body)
	if err != nil {
		defer x.End()
		x.Identify(body, "")
		x.refuse(newError(http.StatusBadRequest, "global", "badRequest", "Failed to parse batch request: "+err.Error()+"."))
		return
	}
	calls := make([]*call, len(parts))
	writers := make([]*partWriter, len(parts))
	for i, p := range parts {
		writers[i] = &partWriter{header: make(http.Header)}
		calls[i] = x.partOf(writers[i], p)
	}
	defer x.endParts(calls, writers)
	due := x.Ready
	answers := make([]answer, len(calls))
	for i, c := range calls {
		var wait time.Duration
		if answers[i], wait = c.prepare(); x.Ready+wait > due {
			due = x.Ready + wait
		}
		x.suffer(c)
	}
	if x.Impose(due) != nil || !x.MeetFate(func(int) {}) {
		return
	}
	for i, c := range calls {
		c.reply(answers[i])
	}
	boundary := "batch_" + x.newID()
	_ = x.Answer(http.StatusOK, "multipart/mixed; boundary="+boundary, joinParts(boundary, parts, writers)) // as in reply
}

// partOf begins a call of a batch.
func (x *call) partOf(w http.ResponseWriter, p part) *call {
	c := x.begin(w, p.request)
	c.body = p.body
	c.Call.Flight, c.Call.Conn, c.Call.Start, c.Ready = x.Call.Flight, x.Call.Conn, x.Call.Start, x.Ready
	c.Call.RequestBytes = int64(len(p.body))
	return c
}

// prepare does what a part asks for, and says how long it takes.
func (x *call) prepare() (a answer, wait time.Duration) {
	if x.route.operation == opBatch || x.route.operation == opToken {
		x.route.operation = "" // neither can be part of a batch
	}
	if err := x.admit(); err != nil {
		return failed(err), 0
	}
	x.Decide()
	switch x.Fate.Effect {
	case fault.Status:
		return x.injected(x.Fate.Status), x.Fate.Delay
	case fault.Hang, fault.Reset:
		return answer{}, x.Fate.Delay // no answer, and nothing is done
	default:
	}
	return x.execute(), x.Fate.Delay + x.latency()
}

// suffer lets the batch share the fate of a part which no part can meet by itself. The first wins.
func (x *call) suffer(c *call) {
	switch c.Fate.Effect {
	case fault.Hang, fault.Reset, fault.Cut, fault.Drip:
		if x.Fate.Effect == fault.Pass {
			x.Fate = c.Fate
			x.Fate.Delay = 0 // it is in the time of the part
		}
		c.Fate.Effect = fault.Pass
	default:
	}
}

// endParts records the calls of a batch, however it ended.
func (x *call) endParts(calls []*call, writers []*partWriter) {
	for i, c := range calls {
		c.Call.Status = int32(writers[i].status)
		c.Call.FirstByte, c.Call.Imposed = x.Call.FirstByte, x.Call.Imposed
		if x.Call.Failure != "" {
			c.Call.Failure = x.Call.Failure
		}
		if x.Call.Status == 0 {
			c.Call.Status = 0 // its answer was never sent
		}
		c.End()
	}
}

// parseBatch reads the parts of a batch. Its errors are for the bot.
func parseBatch(ctx context.Context, header http.Header, body []byte) ([]part, error) {
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" || parameters["boundary"] == "" {
		return nil, errors.New("it must be of the type multipart/mixed, with a boundary")
	}
	var parts []part
	for r := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]); ; {
		raw, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.New("its parts are damaged")
		}
		if len(parts) == mostParts {
			return nil, fmt.Errorf("it contains too many calls; the limit is %d", mostParts)
		}
		p, err := parsePart(ctx, raw, header.Get("Authorization"))
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return nil, errors.New("it contains no calls")
	}
	return parts, nil
}

// parsePart reads a request that stands in a part: its first line, whose HTTP version may be left out,
// its header and its body.
func parsePart(ctx context.Context, raw *multipart.Part, authorization string) (part, error) {
	r := textproto.NewReader(bufio.NewReader(raw))
	line, err := r.ReadLine()
	fields := strings.Fields(line)
	if err != nil || len(fields) < 2 || len(fields) > 3 {
		return part{}, errors.New("a part does not begin with a request line")
	}
	address := fields[1]
	if !strings.HasPrefix(address, "/") && !strings.Contains(address, "://") {
		address = "/" + address
	}
	target, err := url.ParseRequestURI(address)
	if err != nil {
		return part{}, errors.New("a part asks for no valid address")
	}
	header, err := r.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return part{}, errors.New("the header of a part is damaged")
	}
	body, err := io.ReadAll(r.R)
	if err != nil {
		return part{}, errors.New("a part ends too early")
	}
	if len(body) > maxBody {
		return part{}, errors.New("a part is too large")
	}
	request := (&http.Request{
		Method: strings.ToUpper(fields[0]), URL: target, RequestURI: address, Header: http.Header(header),
		ContentLength: int64(len(body)),
	}).WithContext(ctx)
	if request.Header == nil {
		request.Header = make(http.Header)
	}
	if request.Header.Get("Authorization") == "" && authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	return part{id: raw.Header.Get("Content-Id"), request: request, body: body}, nil
}

// joinParts writes the answers to a batch.
func joinParts(boundary string, parts []part, writers []*partWriter) []byte {
	var b bytes.Buffer
	for i, w := range writers {
		fmt.Fprintf(&b, "--%s\r\nContent-Type: application/http\r\n", boundary)
		if id := parts[i].id; id != "" {
			fmt.Fprintf(&b, "Content-ID: %s\r\n", responseID(id))
		}
		fmt.Fprintf(&b, "\r\nHTTP/1.1 %d %s\r\n", w.status, http.StatusText(w.status))
		_ = w.header.Write(&b) // a buffer takes everything
		b.WriteString("\r\n")
		b.Write(w.body.Bytes())
		b.WriteString("\r\n")
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return b.Bytes()
}

// responseID is the id of the answer to a part: "<x>" is answered by "<response-x>".
func responseID(id string) string {
	if rest, bracketed := strings.CutPrefix(id, "<"); bracketed {
		return "<response-" + rest
	}
	return "response-" + id
}
