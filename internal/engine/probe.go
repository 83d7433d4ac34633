package engine

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"parley"
)

// Series of the probe. The first is in seconds to the first byte of an answer, with the path as its label, at the time when it was asked
// for; the second counts from 0, which it has if no probe failed.
const (
	probeSeconds  = "parley_probe_seconds"
	probeFailures = "parley_probe_failures_total"
)

const (
	// probePatience is after how long a probe is given up: longer than any user waits for a page, and short enough to see a bot recover.
	probePatience = 10 * time.Second
	// probeRest and probeMost bound the body, of which nobody wants anything but its end: a connection with the rest of one on it is
	// not used again.
	probeRest = time.Second
	probeMost = 64 << 10
	// probeIdle is less than bots keep an idle connection open.
	probeIdle = 4 * time.Second
)

// prober asks an idle route of the bot again and again. What it waits for is the bot itself: its event loop, its workers, its processor.
type prober struct {
	url, label string
	every      time.Duration
	epoch      time.Time
	client     *http.Client
	record     func(parley.Sample)
	failures   float64
}

// probe starts to probe the bot, unless the plan says not to. The function that it returns ends that.
func (r *run) probe(ctx context.Context) (stop func()) {
	t := r.o.Plan.Target
	u, err := url.Parse(r.webhook)
	if !t.Probe.On || err != nil { // the webhook's client has complained about the URL
		return func() {}
	}
	p := &prober{
		url: fmt.Sprintf("%s://%s%s", u.Scheme, u.Host, t.Probe.Path), label: r.o.Plan.Redact(t.Probe.Path),
		every: t.Probe.Every, epoch: r.epoch, record: r.writer.Sample,
	}
	dialer := net.Dialer{Timeout: probePatience}
	return p.start(ctx, func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", address(u)) })
}

// address is the host and the port of a URL.
func address(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), map[bool]string{true: "443", false: "80"}[u.Scheme == "https"])
}

func (p *prober) start(ctx context.Context, dial func(context.Context) (net.Conn, error)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	transport := &http.Transport{
		// The connection is nobody's but the probe's, and no dial outlives it.
		DialContext:         func(context.Context, string, string) (net.Conn, error) { return dial(ctx) },
		TLSHandshakeTimeout: probePatience, MaxConnsPerHost: 1, IdleConnTimeout: probeIdle, DisableCompression: true,
		Protocols: new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	p.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		p.run(ctx)
		transport.CloseIdleConnections()
	}()
	return func() { cancel(); <-stopped }
}

// run probes until ctx ends. One that falls due while another waits is left out: what waits tells of that time already.
func (p *prober) run(ctx context.Context) {
	p.record(parley.Sample{At: time.Since(p.epoch), Name: probeFailures, Label: p.label})
	timer := time.NewTimer(0)
	defer timer.Stop()
	for due := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		sent := time.Now()
		took, err := p.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return // an attempt cut short tells nothing
		case err != nil:
			p.failures++
			p.record(parley.Sample{At: time.Since(p.epoch), Name: probeFailures, Label: p.label, Value: p.failures})
		default:
			p.record(parley.Sample{At: sent.Sub(p.epoch), Name: probeSeconds, Label: p.label, Value: took.Seconds()})
		}
		due = due.Add(time.Since(due).Truncate(p.every) + p.every)
		timer.Reset(time.Until(due))
	}
}

// ask sends one probe and returns the time to the first byte of its answer.
func (p *prober) ask(ctx context.Context) (took time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	patience := time.AfterFunc(probePatience, cancel)
	defer patience.Stop()
	sent := time.Now()
	var first atomic.Int64 // set by the goroutine that reads the connection
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotFirstResponseByte: func() { first.Store(int64(time.Since(sent))) },
	}), http.MethodGet, p.url, http.NoBody)
	if err != nil {
		return 0, fmt.Errorf("probe: %w", err)
	}
	request.Header.Set("User-Agent", "parley-probe")
	response, err := p.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("probe: %w", err)
	}
	patience.Reset(probeRest)
	_, _ = io.CopyN(io.Discard, response.Body, probeMost) // what breaks off has answered all the same
	_ = response.Body.Close()
	return time.Duration(first.Load()), nil
}
