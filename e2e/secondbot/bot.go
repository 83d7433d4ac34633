package secondbot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	workers  = 64
	waiting  = 1024             // messages that may wait for a worker
	longTurn = 20 * time.Second // when a turn is given up
)

// bot answers patients.
type bot struct {
	store    *store
	sessions *sessions
	services *services
	queue    chan inbound
}

// Serve is the bot: it serves webhooks until the context ends, and answers what it has taken. getenv has its addresses and keys.
func Serve(ctx context.Context, getenv func(string) string) error {
	on, err := parseDefects(getenv("DEFEITO"))
	if err != nil {
		return err
	}
	options, err := redis.ParseURL(getenv("REDIS_URL"))
	if err != nil {
		return fmt.Errorf("open redis: %w", err)
	}
	options.PoolSize, options.MinIdleConns = workers, 4
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	db, err := openStore(ctx, getenv("DATABASE_URL"), on)
	if err != nil {
		return err
	}
	defer db.pool.Close()
	b := &bot{
		store: db, sessions: &sessions{client, on}, queue: make(chan inbound, waiting),
		services: &services{
			http: newClient(), model: getenv("OPENAI_BASE_URL"), modelKey: getenv("OPENAI_API_KEY"), prices: getenv("PRECOS_URL"),
			gateway: getenv("EVOLUTION_API_URL"), gatewayKey: getenv("EVOLUTION_API_KEY"), instance: getenv("EVOLUTION_INSTANCE"), on: on,
		},
	}
	return b.run(ctx, "127.0.0.1:"+getenv("PORT"))
}

// Prepare makes the empty database the bot's.
func Prepare(ctx context.Context, getenv func(string) string) error {
	return prepare(ctx, getenv("DATABASE_URL"))
}

// run takes webhooks at an address, and works on what it took until the queue is empty.
func (b *bot) run(ctx context.Context, address string) error {
	var crew sync.WaitGroup
	for range workers {
		crew.Go(func() {
			for m := range b.queue {
				b.turn(context.WithoutCancel(ctx), m)
			}
		})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /saude", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /whatsapp", b.take)
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		stopped <- server.Shutdown(context.WithoutCancel(ctx)) // a webhook takes no time
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve webhooks: %w", err)
	}
	err := <-stopped
	close(b.queue)
	crew.Wait()
	return err
}

// inbound is what somebody said.
type inbound struct{ id, phone, name, words string }

// take acknowledges a webhook before anything is done about it.
func (b *bot) take(w http.ResponseWriter, r *http.Request) {
	var hook struct {
		Event string `json:"event"`
		Data  struct {
			Key struct {
				ID        string `json:"id"`
				RemoteJID string `json:"remoteJid"`
				FromMe    bool   `json:"fromMe"`
			} `json:"key"`
			PushName string `json:"pushName"`
			Message  struct {
				Conversation string `json:"conversation"`
			} `json:"message"`
		} `json:"data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&hook); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if hook.Event != "messages.upsert" || hook.Data.Key.FromMe {
		return
	}
	phone, _, _ := strings.Cut(hook.Data.Key.RemoteJID, "@")
	select {
	case b.queue <- inbound{hook.Data.Key.ID, phone, hook.Data.PushName, hook.Data.Message.Conversation}:
	default:
		w.WriteHeader(http.StatusServiceUnavailable) // the gateway tries again
	}
}

// turn answers a message. Whoever gets no answer would wait in vain, so there is an apology for what fails.
func (b *bot) turn(ctx context.Context, m inbound) {
	ctx, cancel := context.WithTimeout(ctx, longTurn)
	defer cancel()
	if err := b.answer(ctx, m); err != nil {
		slog.Error("turn", "error", err)
		if err := b.services.send(ctx, m.phone, "Desculpe, houve um problema. Um atendente fala com voce em breve."); err != nil {
			slog.Error("apology", "error", err)
		}
	}
}
