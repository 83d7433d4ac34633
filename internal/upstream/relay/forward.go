package relay

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// newTransport makes calls over HTTP/1.1, as OpenAI's clients do by default.
func newTransport(patience time.Duration) *http.Transport {
	const connect, idle = 10 * time.Second, 90 * time.Second
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: connect}).DialContext,
		TLSHandshakeTimeout:   connect,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		ResponseHeaderTimeout: patience,
		// The bot's own pool bounds how many there are at once.
		MaxIdleConns: 1024, MaxIdleConnsPerHost: 512, IdleConnTimeout: idle,
		MaxResponseHeaderBytes: 1 << 20,
		DisableCompression:     true, // what the bot asked for is what it gets
		Protocols:              protocols,
	}
}

// errSilent says that the service said nothing for longer than the relay waits.
var errSilent = errors.New("the service said nothing for too long")

// pass passes the call on, and the answer back.
func (x *exchange) pass() {
	ctx, give := context.WithCancelCause(x.R.Context())
	defer give(nil)
	silence := time.AfterFunc(x.o.Patience, func() { give(errSilent) })
	defer silence.Stop()
	var wrote atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }}
	out, err := x.request(httptrace.WithClientTrace(ctx, trace))
	if err != nil {
		x.settle(0)
		x.fail(http.StatusBadRequest, "bad_request", "this request cannot be passed on", "status 400")
		return
	}
	sent := x.Since()
	resp, err := x.client.RoundTrip(out)
	if err != nil {
		cost := x.reserved // it may have been served all the same
		if !wrote.Load() {
			cost = 0
		}
		x.settle(cost)
		x.lost(ctx, err)
		return
	}
	defer resp.Body.Close()
	x.deliver(ctx, resp, sent, func() { silence.Reset(x.o.Patience) })
}

// request is the bot's request as it goes to the service.
func (x *exchange) request(ctx context.Context) (*http.Request, error) {
	u := *x.R.URL
	u.Scheme, u.Host, u.User = x.base.Scheme, x.base.Host, nil
	out, err := http.NewRequestWithContext(ctx, x.R.Method, u.String(), bytes.NewReader(x.body))
	if err != nil {
		return nil, err
	}
	out.Header = x.R.Header.Clone()
	dropHopByHop(out.Header)
	out.Header.Del("Expect") // the body is here already
	// net/http sends a call with one of these fields again by itself when a connection breaks. It knows them in this spelling only.
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values := out.Header.Values(name); len(values) > 0 {
			out.Header.Del(name)
			out.Header[strings.ToLower(name)] = values
		}
	}
	if _, given := out.Header["User-Agent"]; !given {
		out.Header.Set("User-Agent", "") // none, where net/http would put its own
	}
	if out.Header.Get("Accept-Encoding") != "" {
		out.Header.Set("Accept-Encoding", x.encoding(out.Header.Get("Accept-Encoding")))
	}
	x.authorize(out)
	return out, nil
}

// encoding is what the bot can take, and parley understands. What is kept is asked for in plain: a credential within
// something compressed could not be taken out.
func (x *exchange) encoding(accepted string) string {
	if strings.Contains(accepted, "gzip") && x.o.Keep == nil {
		return "gzip"
	}
	return "identity"
}

// authorize puts the plan's key in place of the bot's own credentials, where the bot had them.
func (x *exchange) authorize(out *http.Request) {
	key := x.o.Config.Key.Reveal()
	if key == "" {
		return
	}
	used := "Authorization"
	for _, name := range []string{"Api-Key", "Apikey", "X-Api-Key", "X-Goog-Api-Key", "X-Auth-Token"} {
		if out.Header.Get(name) != "" {
			used = name
		}
	}
	query := out.URL.Query()
	inQuery := slices.DeleteFunc([]string{"key", "api_key", "apikey", "access_token"}, func(name string) bool { return query.Get(name) == "" })
	hadHeader := out.Header.Get(used) != ""
	for _, name := range x.secret {
		if name != "Cookie" {
			out.Header.Del(name)
		}
	}
	for _, name := range inQuery {
		query.Set(name, key)
	}
	if len(inQuery) > 0 {
		out.URL.RawQuery = query.Encode()
	}
	switch {
	case len(inQuery) > 0 && !hadHeader:
	case used == "Authorization":
		out.Header.Set(used, "Bearer "+key)
	default:
		out.Header.Set(used, key)
	}
}

// dropHopByHop removes the fields that are for one connection (RFC 9110, 7.6.1).
func dropHopByHop(h http.Header) {
	for _, value := range h.Values("Connection") {
		for name := range strings.SplitSeq(value, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{
		"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	} {
		h.Del(name)
	}
}

// lost answers a call to which the service gave no answer.
func (x *exchange) lost(ctx context.Context, err error) {
	service := "the real " + x.Wire + " (" + x.base.Host + ")"
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case x.R.Context().Err() != nil:
		_ = x.Gone() // the record says so
	case errors.Is(context.Cause(ctx), errSilent) || isNet && timeout.Timeout():
		x.fail(http.StatusGatewayTimeout, "upstream_timeout", service+" did not answer in time", "upstream timeout")
	case isConnecting(err):
		x.notify("unreachable", Notice{What: service + " could not be reached: " + err.Error(), Hint: "check dependencies." + x.Wire + ".address"})
		x.fail(http.StatusBadGateway, "upstream_unreachable", service+" could not be reached", "upstream unreachable")
	default:
		x.fail(http.StatusBadGateway, "upstream_broken", service+" closed the connection, or answered with something that is not HTTP", "upstream broken")
	}
}

// isConnecting reports whether an error is of the connection's making: its text holds an address or names a certificate, and nothing of the call.
func isConnecting(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op == "dial" || op.Op == "remote error"
	}
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	return certificate || record
}

// redirected puts a redirection to the service itself on the bot's own way to it. It fails for one that
// leads elsewhere: a client that followed it would be past parley.
func (x *exchange) redirected(resp *http.Response) error {
	location := resp.Header.Get("Location")
	if location == "" {
		return nil
	}
	local, err := x.local(location)
	switch {
	case err == nil:
		resp.Header.Set("Location", local)
	case resp.StatusCode < 300 || resp.StatusCode > 399:
		resp.Header.Del("Location") // clients do not follow it by themselves, but might; what it tells of has been done
	default:
		return err
	}
	return nil
}

// local is an address at the service as the bot must ask parley for it. The error is one that leads elsewhere.
func (x *exchange) local(location string) (string, error) {
	to, err := url.Parse(location)
	if err != nil {
		return "", errors.New("a redirection that leads nowhere")
	}
	u := *x.R.URL
	u.Scheme, u.Host = x.base.Scheme, x.base.Host
	to = u.ResolveReference(to)
	if to.Host != x.base.Host || to.Scheme != x.base.Scheme {
		return "", fmt.Errorf("a redirection to %s, which is another service", to.Host)
	}
	path := cmp.Or(to.Path, "/")
	if strings.HasPrefix(path, "//") { // without the host in front, what follows would be one
		return "", errors.New("a redirection to a path that begins with two slashes")
	}
	local := url.URL{Path: path, RawPath: to.RawPath, RawQuery: to.RawQuery, Fragment: to.Fragment}
	return local.String(), nil
}
