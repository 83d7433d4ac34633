// Package demo is a WhatsApp receptionist for parley to review: webhook in,
// language model with tools, reply out through Evolution API.
//
// It is a bot and no part of the analyst: it runs as a process of its own, knows nothing of
// parley and uses the standard library alone. It is built as good bots are (it acknowledges
// first, drops duplicates, joins messages said in one breath, keeps its history bounded, reuses
// connections), and has one limit on purpose, as they have: a number of workers. It
// stores nothing.
package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed parley.yaml
var planText string

// Plan returns the plan that reviews this bot, in the syntax of parley.yaml. Its
// target.command is for whoever runs it to replace.
func Plan() []byte { return []byte(planText) }

// config is what the environment says.
type config struct {
	port       string // PORT, default 8000
	modelURL   string // OPENAI_BASE_URL, /v1 included
	modelKey   string // OPENAI_API_KEY
	gatewayURL string // EVOLUTION_API_URL
	gatewayKey string // EVOLUTION_API_KEY
	instance   string // EVOLUTION_INSTANCE, default receptionist
	workers    int    // DEMO_WORKERS, default 24: conversations worked on at once
}

func configure(getenv func(string) string) (config, error) {
	get := func(name, otherwise string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return otherwise
	}
	c := config{
		port:       get("PORT", "8000"),
		modelURL:   strings.TrimRight(getenv("OPENAI_BASE_URL"), "/"),
		modelKey:   getenv("OPENAI_API_KEY"),
		gatewayURL: strings.TrimRight(getenv("EVOLUTION_API_URL"), "/"),
		gatewayKey: getenv("EVOLUTION_API_KEY"),
		instance:   get("EVOLUTION_INSTANCE", "receptionist"),
	}
	var err error
	if c.workers, err = strconv.Atoi(get("DEMO_WORKERS", "24")); err != nil || c.workers < 1 {
		return c, fmt.Errorf("read configuration: DEMO_WORKERS=%q is not a number of workers", getenv("DEMO_WORKERS"))
	}
	if c.modelURL == "" || c.gatewayURL == "" {
		return c, errors.New("read configuration: OPENAI_BASE_URL and EVOLUTION_API_URL must be set")
	}
	return c, nil
}

// Main runs the bot on 127.0.0.1 until the context ends, which is no error. It logs to stdout.
func Main(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	c, err := configure(getenv)
	if err != nil {
		return err
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", c.port))
	if err != nil {
		return fmt.Errorf("listen for webhooks: %w", err)
	}
	log := slog.New(slog.NewTextHandler(stdout, nil))
	log.Info("receptionist is open", "address", listener.Addr().String(), "workers", c.workers)
	return newBot(c, log).serve(ctx, listener)
}

// serve takes webhooks and works on them until the context ends.
func (b *bot) serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for range b.workers {
		running.Go(func() { b.work(ctx) })
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, "ok") })
	mux.HandleFunc("POST /webhook", b.webhook)
	mux.HandleFunc("POST /webhook/{event}", b.webhook)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	running.Go(func() {
		<-ctx.Done()
		grace, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer done()
		if server.Shutdown(grace) != nil {
			_ = server.Close() // requests that did not end in time
		}
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve webhooks: %w", err)
	}
	return nil
}
