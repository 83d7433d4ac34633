package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/plan"
)

// world fakes the model and the gateway for one bot.
type world struct {
	t     *testing.T
	bot   *bot
	model func(messages []chatMessage) (status int, answer string)
	sent  chan string // "number: text" of every reply
}

func newWorld(t *testing.T, workers int, model func([]chatMessage) (int, string)) *world {
	t.Helper()
	w := &world{t: t, model: model, sent: make(chan string, 100)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", w.complete)
	mux.HandleFunc("POST /message/sendText/receptionist", w.send)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	environment := map[string]string{
		"OPENAI_BASE_URL": server.URL + "/v1/", "OPENAI_API_KEY": "sk-1",
		"EVOLUTION_API_URL": server.URL, "EVOLUTION_API_KEY": "key-1", "DEMO_WORKERS": fmt.Sprint(workers),
	}
	c, err := configure(func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	w.bot = newBot(c, slog.New(slog.DiscardHandler))
	t.Cleanup(w.bot.api.http.CloseIdleConnections)
	return w
}

// start lets the workers begin.
func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range w.bot.workers {
		wg.Go(func() { w.bot.work(ctx) })
	}
	w.t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

func (w *world) complete(rw http.ResponseWriter, r *http.Request) {
	var request struct {
		Messages []chatMessage
		Tools    []struct{ Function struct{ Name string } }
		User     string
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || len(request.Tools) != 3 || request.User == "" || r.Header.Get("Authorization") != "Bearer sk-1" {
		w.t.Errorf("completion asked with %+v, %v", request, err)
	}
	if request.Messages[0].Role != "system" || len(request.Messages) > maxHistory+2*maxRounds+2 {
		w.t.Errorf("%d messages, the first from %s", len(request.Messages), request.Messages[0].Role)
	}
	status, answer := w.model(request.Messages[1:])
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, `{"choices":[{"message":`+answer+`}]}`)
}

func (w *world) send(rw http.ResponseWriter, r *http.Request) {
	var request struct{ Number, Text string }
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || r.Header.Get("apikey") != "key-1" {
		w.t.Errorf("sendText with key %q: %v", r.Header.Get("apikey"), err)
	}
	w.sent <- request.Number + ": " + request.Text
	rw.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(rw, `{}`)
}

// says delivers a webhook and returns the word of the acknowledgement.
func (w *world) says(body string) string {
	w.t.Helper()
	recorder := httptest.NewRecorder()
	w.bot.webhook(recorder, httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body)))
	var ack struct{ Status string }
	if err := json.Unmarshal(recorder.Body.Bytes(), &ack); err != nil {
		w.t.Fatal(err)
	}
	return ack.Status
}

func upsert(id, number, text string) string {
	return `{"event":"messages.upsert","data":{"key":{"remoteJid":"` + number + `@s.whatsapp.net","fromMe":false,"id":"` + id +
		`"},"message":{"conversation":"` + text + `"}}}`
}

func say(text string) (int, string) { return 200, `{"role":"assistant","content":"` + text + `"}` }

func TestWebhookAcknowledges(t *testing.T) {
	w := newWorld(t, 1, nil) // no worker: what is accepted waits
	tests := []struct{ name, body, want string }{
		{"message", upsert("A", "999", "hi"), "accepted"},
		{"same id", upsert("A", "999", "hi"), "duplicate"},
		{"another id", upsert("B", "999", "hi"), "accepted"},
		{"own message", strings.Replace(upsert("C", "999", "hi"), "false", "true", 1), "ignored"},
		{"group", strings.Replace(upsert("D", "999", "hi"), "@s.whatsapp.net", "@g.us", 1), "ignored"},
		{"no text", upsert("E", "999", ""), "ignored"},
		{"status", `{"event":"messages.update","data":{"keyId":"A","status":"READ"}}`, "ignored"},
		{"list", `{"event":"chats.update","data":[{"id":"x"}]}`, "ignored"},
		{"extended text", `{"event":"messages.upsert","data":{"key":{"remoteJid":"1@s.whatsapp.net","id":"F"},"message":{"extendedTextMessage":{"text":"a"}}}}`, "accepted"},
		{"garbage", `{"event`, "not an event"},
	}
	for _, test := range tests {
		if got := w.says(test.body); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestToolLoop(t *testing.T) {
	w := newWorld(t, 1, func(messages []chatMessage) (int, string) {
		if last := messages[len(messages)-1]; last.Role == "tool" {
			return say("Done: " + strings.ReplaceAll(last.Content, `"`, `'`))
		}
		return 200, `{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",
			"function":{"name":"book_appointment","arguments":"{\"day\":\"Friday\",\"time\":\"10:30\"}"}}]}`
	})
	w.start()
	w.says(upsert("A", "999", "Friday at 10:30 please"))
	if got, want := <-w.sent, "999: Done: {'booked':true,'day':'friday','time':'10:30'}"; got != want {
		t.Errorf("reply %q, want %q", got, want)
	}
}

func TestMessagesOfOneBreathAreAnsweredOnce(t *testing.T) {
	w := newWorld(t, 3, func(messages []chatMessage) (int, string) {
		return say("heard " + strings.ReplaceAll(messages[len(messages)-1].Content, "\n", "+"))
	})
	for i, text := range []string{"one", "two", "three"} {
		w.says(upsert(fmt.Sprint(i), "999", text))
	}
	w.start()
	if got, want := <-w.sent, "999: heard one+two+three"; got != want {
		t.Errorf("reply %q, want %q", got, want)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var longest int
	w := newWorld(t, 1, func(messages []chatMessage) (int, string) {
		longest = max(longest, len(messages))
		return say(fmt.Sprint(len(messages)))
	})
	w.start()
	for i := range 40 {
		w.says(upsert(fmt.Sprint(i), "999", "hello"))
		<-w.sent
	}
	if longest < maxHistory || longest > maxHistory+1 {
		t.Errorf("the model was shown up to %d messages, want about %d", longest, maxHistory)
	}
}

func TestWorkersAreTheLimit(t *testing.T) {
	inside, release := make(chan struct{}, 10), make(chan struct{})
	w := newWorld(t, 2, func([]chatMessage) (int, string) {
		inside <- struct{}{}
		<-release
		return say("ok")
	})
	w.start()
	for i := range 5 {
		w.says(upsert(fmt.Sprint(i), fmt.Sprint(100+i), "hello"))
	}
	<-inside
	<-inside
	if len(w.bot.ready) != 3 || len(inside) != 0 {
		t.Errorf("%d wait and %d more are worked on, want 3 and 0", len(w.bot.ready), len(inside))
	}
	close(release)
	for range 5 {
		<-w.sent
	}
}

func TestModelFails(t *testing.T) {
	tests := []struct {
		name   string
		status int
		want   int // requests
	}{{"refused for good", 400, 1}, {"overloaded", 503, attempts}, {"limited", 429, attempts}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			asked := 0
			w := newWorld(t, 1, func([]chatMessage) (int, string) {
				asked++
				return test.status, `{}`
			})
			w.start()
			w.says(upsert("A", "999", "hello"))
			if got := <-w.sent; got != "999: "+apology || asked != test.want {
				t.Errorf("reply %q after %d requests, want the apology after %d", got, asked, test.want)
			}
		})
	}
}

func TestConversationsAreForgotten(t *testing.T) {
	w := newWorld(t, 1, nil)
	b := w.bot
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range maxConversations + 1 {
		b.conversation(fmt.Sprint(i))
	}
	if n := len(b.conversations); n > maxConversations {
		t.Errorf("%d conversations are kept", n)
	}
}

func TestDesk(t *testing.T) {
	d := newDesk()
	steps := []struct{ number, tool, arguments, want string }{
		{"1", "book_appointment", `{"day":"Friday","time":"10:00"}`, `{"booked":true,"day":"friday","time":"10:00"}`},
		{"1", "book_appointment", `{"day":"friday","time":"11:00"}`, `{"booked":true,"day":"friday","time":"11:00"}`},
		{"1", "cancel_appointment", `{}`, `{"cancelled":true}`},
		{"1", "cancel_appointment", `{}`, `{"cancelled":false}`},
		{"1", "book_appointment", `{"day":"friday"}`, `{"error":"day and time are needed"}`},
		{"1", "dance", `{}`, `{"error":"there is no such tool"}`},
		{"1", "dance", `{`, `{"error":"the arguments are not JSON"}`},
	}
	for _, s := range steps {
		if got := d.use(s.number, s.tool, s.arguments); got != s.want {
			t.Errorf("%s(%s) = %s, want %s", s.tool, s.arguments, got, s.want)
		}
	}
	for i := range chairs {
		d.use(fmt.Sprint(i), "book_appointment", `{"day":"monday","time":"09:00"}`)
	}
	if got, want := d.use("late", "book_appointment", `{"day":"monday","time":"09:00"}`), `{"booked":false,"reason":"taken"}`; got != want {
		t.Errorf("one too many: %s, want %s", got, want)
	}
	if got, want := d.use("late", "list_free_slots", `{"day":"monday"}`), `{"day":"monday","free":["10:00","11:00","12:00","13:00","14:00","15:00","16:00","17:00"]}`; got != want {
		t.Errorf("free slots %s, want %s", got, want)
	}
}

func TestMainServesUntilTheContextEnds(t *testing.T) {
	environment := map[string]string{"PORT": "0", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "EVOLUTION_API_URL": "http://127.0.0.1:1"}
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- Main(ctx, func(name string) string { return environment[name] }, writer)
		_ = writer.Close()
	}()
	line := make([]byte, 4096)
	n, err := reader.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(line[:n]), "address=")
	address, _, _ := strings.Cut(rest, " ")
	answer, err := http.Get("http://" + address + "/health")
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("health: %v, %v", answer, err)
	}
	_ = answer.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Main: %v", err)
	}
}

func TestConfigure(t *testing.T) {
	for _, environment := range []map[string]string{
		{},
		{"OPENAI_BASE_URL": "http://x"},
		{"OPENAI_BASE_URL": "http://x", "EVOLUTION_API_URL": "http://y", "DEMO_WORKERS": "none"},
	} {
		if err := Main(t.Context(), func(name string) string { return environment[name] }, io.Discard); err == nil {
			t.Errorf("Main with %v did not fail", environment)
		}
	}
}

func TestPlan(t *testing.T) {
	p, err := plan.Parse("demo.yaml", Plan(), t.TempDir(), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	var total float64
	for _, phase := range p.Load.Phases {
		total += phase.Duration.Seconds()
	}
	if total > 50 {
		t.Errorf("the phases last %v s", total)
	}
	if d := cmp.Diff([]string{"openai"}, []string{p.Dependencies[0].Name}); d != "" {
		t.Error(d)
	}
}
