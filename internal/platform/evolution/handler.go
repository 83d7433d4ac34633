package evolution

import (
	"bytes"
	"net"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"parley"
	"parley/internal/fault"
)

// exchange is one request on its way through the handler. Exchanges are reused.
type exchange struct {
	ctx      *fasthttp.RequestCtx
	route    *route // nil if there is none
	instance string
	act      fault.Action
	call     parley.Call
	// values are the properties of the body in the order of the route's schema, as raw JSON; nil if absent.
	values [maxProperties][]byte
	space  []byte // for the answer's body
	input  []byte // for the request's
	timer  *time.Timer
	// received is when the request had been read, units what its body takes of the allowance for large ones.
	received time.Time
	units    int
}

// answer is a response of the API. The body is valid until the exchange is reused.
type answer struct {
	status int
	body   []byte
	kind   string // of the body; "" is JSON
}

func (a *answer) contentType() string {
	if a.kind != "" {
		return a.kind
	}
	return "application/json; charset=utf-8"
}

// Handler serves the send API. It returns when the response is ready, which
// typing delays and simulated latency may put seconds later; nothing is locked meanwhile.
//
// A call's Start is when the request had been read in full, since fasthttp tells no
// earlier moment; FirstByte and End are just before the response is handed to the
// connection. Imposed includes the delay the bot itself asked for.
func (p *Platform) Handler(ctx *fasthttp.RequestCtx) {
	x := p.exchanges.Get().(*exchange)
	unread := p.receive(x, ctx)
	p.open(x, ctx, unread)
	p.wait(x, x.act.Delay)
	switch x.act.Effect {
	case fault.Hang:
		p.tie(x)
		p.hang(x)
	case fault.Reset:
		p.tie(x)
		p.reset(x)
	case fault.Status:
		p.tie(x)
		p.finishWith(x, failure(x.space[:0], x.act.Status))
	default:
		if unread != nil {
			p.reject(x, unread)
			break
		}
		p.finishWith(x, p.respond(x))
	}
	if p.opt.Record != nil {
		p.opt.Record(x.call)
	}
	p.release(x)
}

// release makes x ready for another request, without what belongs to this one.
func (p *Platform) release(x *exchange) {
	p.large.give(x.units)
	const kept = 16 << 10 // bytes of buffer worth keeping
	if cap(x.space) > kept {
		x.space = nil
	}
	if cap(x.input) > kept {
		x.input = nil
	}
	*x = exchange{space: x.space[:0], input: x.input[:0], timer: x.timer}
	p.exchanges.Put(x)
}

// open fills x for a request, of which unread says why it could not be read.
func (p *Platform) open(x *exchange, ctx *fasthttp.RequestCtx, unread error) {
	x.ctx = ctx
	if unread != nil {
		ctx.Request.SetBodyRaw(nil) // nobody is to wait for the rest
	}
	x.route, x.instance = p.findRoute(ctx.Method(), ctx.URI().PathOriginal())
	operation := "no such route"
	if x.route != nil {
		operation = x.route.operation
	}
	start := x.received.Sub(p.opt.Epoch)
	x.call = parley.Call{
		Wire:         p.opt.Wire,
		Operation:    operation,
		Conn:         int64(ctx.ConnID()),
		Flight:       int64(ctx.ID()),
		Start:        start,
		FirstByte:    parley.None,
		End:          parley.None,
		RequestBytes: int64(len(ctx.PostBody())),
	}
	x.act = p.faults.Decide(operation, start)
	x.call.Fault = x.act.Name
	if p.opt.Finder != nil && len(ctx.PostBody()) > 0 {
		x.call.Identities = p.opt.Finder(nil, ctx.PostBody())
	}
}

// tie ties a call that a fault keeps from being served to the recipient it names.
func (p *Platform) tie(x *exchange) {
	body, complaint := document(x.ctx)
	if x.route == nil || complaint != "" {
		return
	}
	x.pick(body)
	for i := range x.route.schema {
		if x.route.schema[i].name == "number" {
			p.about(x, p.addressOf(textOf(x.values[i])).number, "")
		}
	}
}

// about ties the call to a user's number and to a message's id, if there is one.
func (p *Platform) about(x *exchange, number, messageID string) {
	if p.opt.Finder == nil {
		x.call.Identities = append(x.call.Identities, p.opt.Key.Hash(number))
		if messageID != "" {
			x.call.Identities = append(x.call.Identities, p.opt.Key.Hash(messageID))
		}
	}
	if p.opt.Attribute == nil || x.call.Turn != 0 {
		return
	}
	if turn := p.opt.Attribute(number); turn != 0 {
		x.call.Turn, x.call.By = turn, parley.ByIdentity
	}
}

// wait holds the exchange back, and counts the time that really passed.
func (p *Platform) wait(x *exchange, d time.Duration) {
	if d <= 0 {
		return
	}
	begin := time.Now()
	if x.timer == nil {
		x.timer = time.NewTimer(d)
	} else {
		x.timer.Reset(d)
	}
	select {
	case <-x.timer.C:
	case <-p.closed:
		x.timer.Stop()
	}
	x.call.Imposed += time.Since(begin)
}

// finishWith gives the answer, damaged if a fault says so.
func (p *Platform) finishWith(x *exchange, a answer) {
	x.space = a.body
	x.call.Status = int32(a.status)
	if a.status >= 400 {
		x.call.Failure = "status " + strconv.Itoa(a.status)
	}
	switch x.act.Effect {
	case fault.Cut:
		p.cut(x, a)
		return
	case fault.Drip:
		p.drip(x, a)
		return
	case fault.Malformed:
		// Half a document under a whole one's header: every JSON parser rejects it.
		a.body = a.body[:int(x.act.Where*float64(len(a.body)))]
		x.call.Failure = "malformed answer"
	default: // carried out before, or nothing to carry out
	}
	x.ctx.SetStatusCode(a.status)
	x.ctx.SetContentType(a.contentType())
	x.ctx.SetBody(a.body)
	x.call.ResponseBytes = int64(len(a.body))
	x.call.FirstByte = time.Since(p.opt.Epoch)
	x.call.End = x.call.FirstByte
}

// hang never answers, until the client gives up or the platform is closed.
func (p *Platform) hang(x *exchange) {
	x.call.Failure = "no answer"
	conn := x.take()
	begin := time.Now()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		var b [64]byte
		for {
			if _, err := conn.Read(b[:]); err != nil {
				return
			}
		}
	}()
	select {
	case <-gone:
	case <-p.closed:
		_ = conn.SetReadDeadline(time.Unix(1, 0)) // in the past: ends the Read
	}
	<-gone
	x.call.Imposed += time.Since(begin)
	x.call.End = time.Since(p.opt.Epoch)
}

// reset has the connection closed with a TCP reset.
func (p *Platform) reset(x *exchange) {
	x.call.Failure = "connection reset"
	if tcp, ok := x.take().(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	x.call.End = time.Since(p.opt.Epoch)
}

// cut sends the header and part of the body, and has the connection closed.
func (p *Platform) cut(x *exchange, a answer) {
	x.call.Failure = "answer cut"
	conn := x.take()
	part := int(x.act.Where * float64(len(a.body)))
	x.call.FirstByte = time.Since(p.opt.Epoch)
	if _, err := conn.Write(append(head(a), a.body[:part]...)); err == nil {
		x.call.ResponseBytes = int64(part)
	}
	x.call.End = time.Since(p.opt.Epoch)
}

// drip sends the body a twentieth of a second's worth at a time, then has the connection closed.
func (p *Platform) drip(x *exchange, a answer) {
	conn := x.take()
	x.call.FirstByte = time.Since(p.opt.Epoch)
	_, err := conn.Write(head(a))
	rate := max(1, x.act.BytesPerSecond)
	for rest := a.body; err == nil && len(rest) > 0; {
		piece := rest[:min(int64(len(rest)), max(1, rate/20))]
		p.wait(x, time.Duration(len(piece))*time.Second/time.Duration(rate))
		if _, err = conn.Write(piece); err == nil {
			x.call.ResponseBytes += int64(len(piece))
			rest = rest[len(piece):]
		}
	}
	if err != nil {
		x.call.Failure = "client left"
	}
	x.call.End = time.Since(p.opt.Epoch)
}

// take makes the connection the caller's while the handler runs. The server
// sends nothing on it afterwards, and closes it.
func (x *exchange) take() net.Conn {
	x.ctx.HijackSetNoResponse(true)
	x.ctx.Hijack(func(net.Conn) {}) // after which the server closes it
	conn := x.ctx.Conn()
	_ = conn.SetReadDeadline(time.Time{}) // the server's own, for the next request
	return conn
}

// head is the response's header, for answers written past the server.
func head(a answer) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + strconv.Itoa(a.status) + " " + fasthttp.StatusMessage(a.status))
	b.WriteString("\r\nContent-Type: " + a.contentType() + "\r\nContent-Length: " + strconv.Itoa(len(a.body)))
	b.WriteString("\r\nConnection: close\r\n\r\n")
	return b.Bytes()
}
