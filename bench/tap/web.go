package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley"
	"parley/internal/fingerprint"
	"parley/internal/plan"
	"parley/internal/record"
	"parley/internal/tap/webtap"
	"parley/internal/upstream"
	"parley/internal/upstream/relay"
)

// bodyLength is the length of both bodies of an exchange over HTTP, in bytes.
const bodyLength = 1024

// servicePath is where the origin answers, and serviceHost its name to those who come through the forward proxy.
const (
	servicePath = "/v1/customers"
	serviceHost = "origin.example"
)

// asked and answered are the bodies of an exchange: JSON with a customer's number in it and some text, as a bot's calls have it.
func asked() string {
	return filled(`{"customer":"` + customerNumber + `","message":"`)
}

func answered() string {
	return filled(`{"customer":"` + customerNumber + `","name":"` + customerName + `","note":"`)
}

// filled ends an object, which stands open within a text, so that it has the length of a body.
func filled(begun string) string {
	const words, end = "some words of a note, ", `"}`
	text := begun + strings.Repeat(words, bodyLength/len(words))
	return text[:bodyLength-len(end)] + end
}

// origin is the body of the process that every call over HTTP ends at. It writes its address, and ends with its input.
func origin(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	if err := decoder.Decode(&struct{}{}); err != nil {
		return fmt.Errorf("read errand: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it listens at once
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	answer := []byte(answered())
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 2*bodyLength))
		if err != nil || r.Method != http.MethodPost || r.URL.Path != servicePath || len(body) != bodyLength {
			http.Error(w, "that is not what is asked here", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) // who has gone does not read it
	})}
	if _, err := fmt.Fprintln(out, l.Addr()); err != nil {
		return errors.Join(err, l.Close())
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }() // ends when the server is closed
	_, _ = decoder.Token()                                   // until the input ends
	err = server.Close()
	<-served
	return err
}

// webDoor makes the way to a service over HTTP that a run has for a dependency with relay: real, recorded like any other; behind the
// forward proxy if that is asked for.
func webDoor(e errand, finder fingerprint.Finder, w *record.Writer) (door, error) {
	u, err := url.Parse(e.Server)
	if err != nil {
		return door{}, fmt.Errorf("make a relay: %w", err)
	}
	r, err := relay.New(relay.Options{
		Options: upstream.Options{
			Wire: "wire", Key: parley.NewKey(), Finder: finder, Epoch: time.Now(), Record: w.Call,
			// Nobody is looked up: there are no users. What the look-up goes by is made all the same.
			Attribute: func(*parley.Call, []fingerprint.Field) uint64 { return 0 },
		},
		Kind: "http", Config: plan.Relay{To: "http://" + u.Host, AllowWrites: true},
	})
	if err != nil {
		return door{}, err
	}
	if e.Proxy {
		return proxyDoor(r)
	}
	server := &http.Server{
		Handler: r, ConnContext: r.ConnContext, ReadHeaderTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // the generator says what is broken
	}
	return door{serve: server.Serve, end: func(served <-chan struct{}) {
		soon, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(soon) // calls are recorded when they end
		_ = server.Close()
		<-served
		r.Close()
	}}, nil
}

// proxyDoor is the forward proxy before a relay.
func proxyDoor(r *relay.Relay) (door, error) {
	authority, err := webtap.NewAuthority([]string{serviceHost}, time.Hour)
	if err != nil {
		return door{}, err
	}
	proxy := webtap.New(webtap.Options{Authority: authority, Services: map[string]*webtap.Service{serviceHost: {Handler: r, ConnContext: r.ConnContext}}})
	return door{serve: proxy.Serve, end: func(served <-chan struct{}) {
		soon, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		proxy.Close(soon)
		<-served
		r.Close()
	}}, nil
}

// startOrigin starts the origin as a process of its own.
func startOrigin() (*contender, error) {
	c, err := startSelf(asOrigin, struct{}{})
	if err != nil {
		return nil, err
	}
	return &contender{name: direct, url: (&url.URL{Scheme: "http", Host: c.address, Path: servicePath}).String(), pid: c.pid, stop: c.stop}, nil
}

// startForwardProxy starts the forward proxy before a server as a process of its own.
func (b *bench) startForwardProxy(server, dir, name string) (*contender, error) {
	c, err := startSelf(asTap, b.errand(server, dir, name, true))
	if err != nil {
		return nil, err
	}
	return &contender{name: parleyProxy, url: (&url.URL{Scheme: "http", Host: serviceHost, Path: servicePath}).String(), proxy: c.address, pid: c.pid, stop: c.stop}, nil
}

// http lets the ways to a service over HTTP take turns.
func (b *bench) http(ctx context.Context, dir, toxi string, skipped map[string]string) (f *figures, err error) {
	server, err := startOrigin()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	var peers []*contender
	switch peer, err := startNginx(ctx, server.url); {
	case errors.Is(err, errNotInstalled):
		skipped[nginx] = err.Error()
	case err != nil:
		return nil, err
	default:
		peers = append(peers, peer)
	}
	proxy, err := b.startForwardProxy(server.url, dir, "http-proxy")
	if err != nil {
		for _, peer := range peers {
			err = errors.Join(err, peer.stop())
		}
		return nil, err
	}
	return b.contest(ctx, "http", server.url, dir, toxi, append(peers, proxy))
}
