package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// caller is a bot that calls every service of its plan for each message, and has one habit:
//
//	leaves out WIRE    calls a service of its own in place of the one it was given
//	hard-coded         ignores base URLs, and calls services by their names
//	in clear           as hard-coded, by http
//	chatty             tells a host about each message that is not in the plan
//	chatty at first    does so when it starts
//	chatty later       does so after the canary
//	wary               as hard-coded, and trusts no certificate
type caller struct {
	habit string
	heard atomic.Int64
	decoy string // an address of the bot's own
	web   *http.Client
}

// Names by which a hard-coded caller calls its services.
const (
	gatewayHost = "gateway.example"
	modelHost   = "api.openai.com"
	ordersHost  = "orders.example"
)

// runCaller serves webhooks until it is killed.
func runCaller(habit string) int {
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	b := &caller{habit: habit, decoy: strings.TrimPrefix(own.URL, "http://"), web: http.DefaultClient}
	if habit == "wary" {
		b.web = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}}
	}
	if habit == "chatty at first" {
		b.tell()
	}
	http.HandleFunc("POST /webhook", b.webhook)
	fmt.Println(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
	return 1
}

func (b *caller) webhook(w http.ResponseWriter, r *http.Request) {
	var event struct {
		Event string
		Data  struct {
			Key struct {
				RemoteJid string
				FromMe    bool
			}
			Message struct{ Conversation string }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if event.Event == "messages.upsert" && !event.Data.Key.FromMe {
		go b.answer(event.Data.Key.RemoteJid, event.Data.Message.Conversation)
	}
}

// base is the base URL of a wire: from its variable, or built in, or that of the bot's own service.
func (b *caller) base(wire, variable, name, path string) string {
	switch b.habit {
	case "leaves out " + wire:
		return "http://" + b.decoy + path
	case "hard-coded", "wary":
		return "https://" + name + path
	case "in clear":
		return "http://" + name + path
	default:
		return os.Getenv(variable)
	}
}

func (b *caller) answer(to, text string) {
	n := b.heard.Add(1)
	if b.habit == "chatty" || b.habit == "chatty later" && n > 3 {
		b.tell()
	}
	model := b.base("openai", "OPENAI_BASE_URL", modelHost, "/v1")
	b.post(model+"/chat/completions", "Authorization", "Bearer "+os.Getenv("OPENAI_API_KEY"),
		map[string]any{"model": "gpt-4o-mini", "user": to, "messages": []map[string]string{{"role": "user", "content": text}}})
	if os.Getenv("ORDERS_URL") != "" {
		b.post(b.base("orders", "ORDERS_URL", ordersHost, "")+"/v1/orders", "X-User", to, map[string]any{})
	}
	if os.Getenv("GOOGLE_CALENDAR_URL") != "" && b.habit != "leaves out calendar" {
		book("", to)
	}
	b.databases()
	gateway := b.base("evolution", "EVOLUTION_API_URL", gatewayHost, "")
	b.post(gateway+"/message/sendText/"+os.Getenv("EVOLUTION_INSTANCE"), "apikey", os.Getenv("EVOLUTION_API_KEY"), map[string]any{"number": to, "text": "Hello."})
}

// databases asks each database that the bot was given one thing.
func (b *caller) databases() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if address := os.Getenv("DATABASE_URL"); address != "" && b.habit != "leaves out postgres" {
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			fmt.Println(err)
			return
		}
		if _, err := conn.Exec(ctx, "SELECT 1"); err != nil {
			fmt.Println(err)
		}
		_ = conn.Close(ctx)
	}
	if u, err := url.Parse(os.Getenv("REDIS_URL")); err == nil && u.Host != "" {
		address := u.Host
		if b.habit == "leaves out redis" {
			address = b.decoy
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			fmt.Println(err)
			return
		}
		_, _ = io.WriteString(conn, "*1\r\n$4\r\nPING\r\n")
		_, _ = conn.Read(make([]byte, 7))
		_ = conn.Close()
	}
}

func (b *caller) tell() {
	b.post("https://telemetry.example/collect", "X-Key", "none", map[string]any{})
}

func (b *caller) post(address, header, value string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(string(text)))
	if err != nil {
		panic(err)
	}
	request.Header.Set(header, value)
	request.Header.Set("Content-Type", "application/json")
	response, err := b.web.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.StatusCode >= 400 {
		fmt.Println(address, response.Status)
	}
}
