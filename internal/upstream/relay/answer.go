package relay

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"strings"
	"time"

	"parley/internal/price"
	"parley/internal/recording"
	"parley/internal/upstream"
	"parley/internal/wire/openaiwire"
)

const (
	// maxUnderstood is how much of a response is looked at for its usage, in bytes, unpacked as well as packed.
	maxUnderstood = 8 << 20
	// maxResponse is the longest response that is passed back.
	maxResponse = 1 << 30
	pieceSize   = 32 << 10
)

// capture is what is kept of a response while it passes.
type capture struct {
	head   []byte        // up to limit
	tail   []byte        // the last bytes, whatever the limit
	after  time.Duration // when the response's own head was there
	limit  int
	bytes  int64
	timed  bool // pieces are noted
	pieces []recording.Piece
}

func (c *capture) take(p []byte, at time.Duration) {
	c.bytes += int64(len(p))
	c.tail = append(c.tail, p[max(0, len(p)-len(done)-4):]...)
	c.tail = c.tail[max(0, len(c.tail)-len(done)-4):]
	room := min(len(p), c.limit-len(c.head))
	if room <= 0 {
		return
	}
	if c.timed {
		c.pieces = append(c.pieces, recording.Piece{At: at, Data: bytes.Clone(p[:room])})
	}
	c.head = append(c.head, p[:room]...)
}

// done is how OpenAI's streams say that they are over.
const done = "data: [DONE]"

// over reports whether the response has said that it is over, though its connection goes on.
func (c *capture) over() bool { return bytes.HasSuffix(bytes.TrimRight(c.tail, "\r\n"), []byte(done)) }

// whole reports whether all that passed is there.
func (c *capture) whole() bool { return c.bytes == int64(len(c.head)) }

// deliver passes a response to the bot. sent is when the request was passed on; heard is called when the service said something.
func (x *exchange) deliver(ctx context.Context, resp *http.Response, sent time.Duration, heard func()) {
	if err := x.redirected(resp); err != nil {
		x.settle(x.reserved)
		x.notify("redirect", Notice{What: x.named() + " was answered with " + err.Error() + "; it was not followed", Hint: "check dependencies." + x.Wire + ".address"})
		x.fail(http.StatusBadGateway, "redirected", "the real "+x.Wire+" answered with "+err.Error()+", and parley does not let that pass", "upstream redirected")
		return
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		x.settle(x.reserved)
		x.fail(http.StatusBadGateway, "upgraded", "the real "+x.Wire+" switched protocols, which parley does not relay", "upstream broken")
		return
	}
	stream := mediaType(resp.Header) == "text/event-stream"
	c := &capture{limit: maxUnderstood, timed: x.o.Keep != nil, after: x.Since() - sent}
	body := x.begin(resp)
	err := x.flow(ctx, resp, body, c, sent, heard)
	if x.Call.FirstByte < 0 && err == nil {
		err = x.Send(nil) // of a response without a body the head is the first byte
	}
	x.Call.End = x.Since()
	if resp.StatusCode >= http.StatusBadRequest {
		x.Refused(resp.StatusCode)
	}
	x.conclude(resp, c, stream, err == nil)
	switch {
	case errors.Is(err, errBroken):
		x.Call.Failure = "upstream died"
		panic(http.ErrAbortHandler) // the bot must not take the part for the whole
	case errors.Is(err, errSilent):
		x.Call.Failure = "upstream timeout"
		panic(http.ErrAbortHandler)
	case err == nil:
		body.End()
	}
}

func mediaType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// begin passes the head of the response.
func (x *exchange) begin(resp *http.Response) *upstream.Body {
	dropHopByHop(resp.Header)
	resp.Header.Del("Alt-Svc") // it invites the bot to another way to the service
	h := x.W.Header()
	maps.Copy(h, resp.Header)
	if resp.Header.Get("Date") == "" {
		h["Date"] = nil // none, where net/http would put its own
	}
	if resp.Header.Get("Content-Type") == "" {
		h["Content-Type"] = nil
	}
	return x.BeginBody(resp.StatusCode, resp.ContentLength)
}

// errBroken says that the service ended its answer before the end.
var errBroken = errors.New("the service ended its answer midway")

// flow passes the body, each piece as it comes.
func (x *exchange) flow(ctx context.Context, resp *http.Response, body *upstream.Body, c *capture, sent time.Duration, heard func()) error {
	if resp.ContentLength < 0 {
		_ = http.NewResponseController(x.W).Flush() // the head; if the client went away the first piece notices
	}
	buf := make([]byte, pieceSize)
	for c.bytes < maxResponse {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			heard()
			c.take(buf[:n], x.Since()-sent)
			if err := body.Send(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err == nil:
		case x.R.Context().Err() != nil && c.over():
			return nil // clients hang up when a stream has said so
		case x.R.Context().Err() != nil:
			return x.Gone()
		case errors.Is(context.Cause(ctx), errSilent):
			return errSilent
		default:
			return errBroken
		}
	}
	return errBroken
}

// conclude takes the usage off the response, accounts for it and keeps the exchange.
func (x *exchange) conclude(resp *http.Response, c *capture, stream, complete bool) {
	if x.asked != nil {
		x.charge(resp, c, stream, complete)
	} else {
		x.settle(0)
	}
	if x.o.Keep != nil && complete {
		x.keep(resp, c, stream)
	}
}

// gaveUp reports whether a status is that of a gateway between, which no longer waits for the service. The service may be at work all the same.
func gaveUp(status int) bool {
	const cloudflareFirst, cloudflareLast = 520, 524
	return status == http.StatusRequestTimeout || status == http.StatusBadGateway || status == http.StatusGatewayTimeout ||
		status >= cloudflareFirst && status <= cloudflareLast
}

// charge settles what a call to OpenAI cost. Refused ones cost nothing; of one that broke off or was given up, or
// whose usage is not told, the worst is believed.
func (x *exchange) charge(resp *http.Response, c *capture, stream, complete bool) {
	switch status := resp.StatusCode; {
	case x.asked.Kind == openaiwire.Other:
		x.settle(0) // the usage in an answer that is looked up was paid for before
		return
	case gaveUp(status):
		x.settle(x.reserved)
		return
	case status >= http.StatusBadRequest:
		x.settle(0)
		return
	}
	usage := openaiwire.Usage{}
	if text, ok := plain(resp.Header, c); ok {
		usage = openaiwire.ParseUsage(text, stream)
	}
	if usage.AudioSeconds > 0 {
		x.Call.AudioSeconds = usage.AudioSeconds
	}
	switch {
	case usage.Known:
		x.Call.PromptTokens, x.Call.CachedTokens, x.Call.CacheWrittenTokens = usage.Prompt, usage.Cached, usage.CacheWritten
		x.Call.CompletionTokens = usage.Completion
	case stream && x.asked.Kind == openaiwire.Chat:
		x.count(usage.Text)
	}
	// A transcription whose length in seconds is in the file has its price by that.
	known := usage.Known || x.priced.AudioSecond > 0 && x.Call.AudioSeconds > 0
	x.settle(x.costOf(known && complete))
}

// count puts counted tokens in place of those that the service did not report.
func (x *exchange) count(said string) {
	model := x.asked.Model
	const role = 1 // token of a message's role
	prompt := price.Priming + (price.PerMessage+role)*x.asked.Messages
	for _, text := range x.asked.Texts {
		prompt += x.tokens.Tokens(model, text)
	}
	x.Call.PromptTokens = int64(prompt)
	x.Call.CompletionTokens = int64(x.tokens.Tokens(model, said))
}

// plain is the body unpacked; ok is false if it is not all there, or packed in a way parley does not read.
func plain(h http.Header, c *capture) (text []byte, ok bool) {
	switch strings.ToLower(h.Get("Content-Encoding")) {
	case "", "identity":
		return c.head, c.whole()
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(bytes.NewReader(c.head))
		if err != nil {
			return nil, false
		}
		text, err = io.ReadAll(io.LimitReader(unpacked, maxUnderstood+1))
		return text, err == nil && len(text) <= maxUnderstood && c.whole()
	default:
		return nil, false
	}
}

// keep appends the exchange to the recording.
func (x *exchange) keep(resp *http.Response, c *capture, stream bool) {
	redact := x.redactor.With(x.R.Header)
	e := &recording.Exchange{
		Start: x.Call.Start, Operation: x.Call.Operation, Method: x.R.Method, Target: redact.Target(x.target), Status: resp.StatusCode,
		Request: redact.Whole(x.R.Header, x.body), Response: redact.Whole(resp.Header, c.head),
	}
	out := &e.Response
	out.Bytes, out.After = c.bytes, c.after
	packed := resp.Header.Get("Content-Encoding") != "" && resp.Header.Get("Content-Encoding") != "identity"
	switch {
	case packed: // what is in it cannot be looked at
		out.Pieces, out.Truncated = nil, true
	case !c.whole() || out.Truncated:
		out.Truncated = true
	case stream:
		out.Pieces = c.pieces
		for i := range out.Pieces {
			out.Pieces[i].Data = redact.Body(resp.Header.Get("Content-Type"), out.Pieces[i].Data)
		}
	case len(out.Pieces) > 0:
		out.Pieces[0].At = c.pieces[len(c.pieces)-1].At
	}
	if x.R.Header.Get("Content-Encoding") != "" {
		e.Request.Pieces, e.Request.Truncated = nil, true
	}
	if err := x.o.Keep.Append(e); err != nil {
		x.notify("keep", Notice{What: "exchanges with " + x.Wire + " are no longer kept: " + err.Error(), Hint: "make room, or take keep: exchanges out"})
	}
}
