package evolution

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The bot is this test's own binary. Where it finds captureVariable in its environment
// it is a bot, and writes what it meets to that file.
const captureVariable = "CAPTURE"

func TestMain(m *testing.M) {
	path := os.Getenv(captureVariable)
	if path == "" {
		os.Exit(m.Run())
	}
	if err := serve(path); err != nil {
		fmt.Fprintln(os.Stderr, "bot:", err)
		os.Exit(1)
	}
}

// meeting is a webhook the bot got or an answer it was given.
type meeting struct {
	Kind   string // "webhook", "reply", or the name of a probe
	At     time.Time
	Took   time.Duration // from the request to the answer
	Method string
	Path   string
	Header http.Header
	Said   json.RawMessage // the body of the bot's own request
	Status int
	Body   string // of the webhook, or of the answer
}

// What users say to make the bot refuse a webhook: the first delivery for good, or for now.
const (
	wordsOfRefusal = "Please refuse this for good"
	wordsOfTrouble = "Please fail once"
)

// bot answers every message, and after a few of them tries the send API out.
type bot struct {
	url, key, instance string
	language           string // base URL of the language model service, empty if there is none
	first              bool   // it speaks as to version 1

	work sync.WaitGroup
	mu   sync.Mutex
	out  *bufio.Writer
	seen map[string]int // deliveries by message id
}

func serve(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := &bot{
		url: os.Getenv("EVOLUTION_API_URL"), key: os.Getenv("EVOLUTION_API_KEY"), instance: instance,
		language: os.Getenv("OPENAI_BASE_URL"), first: os.Getenv(firstVariable) != "",
		out: bufio.NewWriter(f), seen: map[string]int{},
	}
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: b, ReadHeaderTimeout: time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	b.work.Go(func() {
		<-ctx.Done()
		_ = server.Shutdown(context.WithoutCancel(ctx)) // it has no end of its own, but requests are short
	})
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	b.work.Wait()
	return errors.Join(b.out.Flush(), f.Close())
}

func (b *bot) note(m meeting) {
	b.mu.Lock()
	defer b.mu.Unlock()
	line, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	_, _ = b.out.Write(append(line, '\n')) // an error stays until Flush
}

// ServeHTTP takes webhooks. It reads only what it must to answer.
func (b *bot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		return // the question whether it is ready
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var hook inbound
	status := http.StatusOK
	if err := json.Unmarshal(body, &hook); err != nil {
		status = http.StatusBadRequest
	}
	if key := hook.Data.Key; key.ID != "" && !key.FromMe {
		if hook.Data.Message.AudioMessage != nil {
			b.work.Go(func() { b.listen(&hook, body) })
		} else {
			status = b.take(key.ID, key.RemoteJid, hook.Data.Message.Conversation+hook.Data.Message.ExtendedTextMessage.Text)
		}
	}
	b.note(meeting{Kind: "webhook", At: time.Now(), Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header, Status: status, Body: string(body)})
	w.WriteHeader(status)
}

// take answers a message that is new, in its own time, and returns the webhook's status.
func (b *bot) take(id, jid, words string) int {
	b.mu.Lock()
	b.seen[id]++
	deliveries, people := b.seen[id], len(b.seen)
	b.mu.Unlock()
	switch {
	case words == wordsOfRefusal:
		b.work.Go(func() { b.reply(jid, words) }) // or the user would wait
		return http.StatusNotFound
	case words == wordsOfTrouble && deliveries == 1:
		return http.StatusInternalServerError
	case deliveries > 1 && words != wordsOfTrouble:
		return http.StatusOK
	}
	b.work.Go(func() {
		b.reply(jid, words)
		const early = 3 // not during the canary
		switch {
		case people != early:
		case b.first:
			b.probeFirst(strings.TrimSuffix(jid, personSuffix))
		default:
			b.probe(strings.TrimSuffix(jid, personSuffix))
		}
	})
	return http.StatusOK
}

func (b *bot) reply(jid, words string) {
	number := strings.TrimSuffix(jid, personSuffix)
	b.ask("reply", http.MethodPost, "/message/sendText/"+b.instance, b.key, b.textTo(number, "You said: "+words))
}

// textTo is the body of a sendText in the version's shape.
func (b *bot) textTo(number, words string) map[string]any {
	if b.first {
		return map[string]any{"number": number, "options": map[string]any{"delay": 0, "presence": "composing"}, "textMessage": map[string]any{"text": words}}
	}
	return map[string]any{"number": number, "text": words}
}

// ask makes one request to the send API and notes the answer. A body that is a string is sent as it is.
func (b *bot) ask(kind, method, path, key string, body any) {
	data, isText := body.(string)
	if !isText && body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		data = string(encoded)
	}
	r, err := http.NewRequest(method, b.url+path, bytes.NewReader([]byte(data)))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("apikey", key)
	}
	begin := time.Now()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		b.note(meeting{Kind: kind, At: begin, Method: method, Path: path, Body: err.Error()})
		return
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		answer = []byte(err.Error())
	}
	m := meeting{
		Kind: kind, At: time.Now(), Took: time.Since(begin), Method: method, Path: path,
		Header: response.Header, Status: response.StatusCode, Body: string(answer),
	}
	if json.Valid([]byte(data)) {
		m.Said = json.RawMessage(data)
	}
	b.note(m)
}
