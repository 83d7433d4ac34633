package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	pollEvery = 25 * time.Millisecond
	// probeTimeout bounds one attempt: a bot may accept long before it answers.
	probeTimeout = 5 * time.Second
)

// errEnded says that the process ended while it was waited for.
var errEnded = errors.New("ended before it was ready")

// awaitReady waits until the probe of ready succeeds, ended closes, or ctx ends.
func awaitReady(ctx context.Context, ready string, ended <-chan struct{}) error {
	if ready == "" {
		return nil
	}
	probe := probeOf(ready)
	return poll(ctx, ended, func(ctx context.Context) error {
		if err := probe(ctx); err != nil {
			return fmt.Errorf("%s: %w", ready, err)
		}
		return nil
	})
}

// poll repeats probe until it succeeds, ended closes or ctx ends; then the
// error tells of the last attempt.
func poll(ctx context.Context, ended <-chan struct{}, probe func(context.Context) error) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	var last error
	for {
		attempt, cancel := context.WithTimeout(ctx, probeTimeout)
		err := probe(attempt)
		cancel()
		if ctx.Err() == nil || last == nil { // an attempt cut short tells nothing
			last = err
		}
		select {
		case <-ended: // even after success: the answer may have been another process's
			return errEnded
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w (last attempt: %w)", ctx.Err(), last)
		case <-ticker.C:
		}
	}
}

// probeOf returns one attempt to see whether ready, a URL or an address, is reached.
func probeOf(ready string) func(context.Context) error {
	if !strings.Contains(ready, "://") {
		return func(ctx context.Context) error { return dial(ctx, ready) }
	}
	// Neither proxies nor kept connections: the bot must find nothing of the
	// probe in its way.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, ready, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if failed, ok := errors.AsType[*url.Error](err); ok {
			return failed.Err // without the URL, which the caller tells
		}
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
		_ = resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			return fmt.Errorf("status %s", resp.Status)
		}
		return nil
	}
}

// accepts reports whether something listens already where ready points to.
func accepts(ctx context.Context, ready string) bool {
	address := ready
	if strings.Contains(ready, "://") {
		var err error
		if address, err = Address(ready); err != nil {
			return false
		}
	}
	return dial(ctx, address) == nil
}

// Address returns the host and port behind a URL: the scheme's own port if it names none.
func Address(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil || u.Hostname() == "" {
		return "", errors.New("not a URL with a host") // the URL may hold a secret
	}
	port := u.Port()
	if port == "" {
		port = map[bool]string{true: "443", false: "80"}[u.Scheme == "https"]
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

func dial(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}
