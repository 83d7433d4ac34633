package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// canaryMessages is how many messages a bot hears before its habit shows: those of the canary.
const canaryMessages = 2

// bot is a small WhatsApp bot with one habit:
//
//	polite        answers every message once
//	echoing       answers its own messages, too, for ever
//	mute          never answers
//	silent        answers the canary only
//	dying         ends after some messages
//	fainting      ends at the first message
//	refusing      answers webhooks with 404
//	modelless     answers without the model
//	keyless       has no key of the gateway
//	astray        writes to another instance of the gateway
//	twice         answers every message twice
//	stranger      answers the canary, and then somebody else
//	garbling      sends broken JSON to every service before it answers
//	flooding      sends 20,000 replies to one message
//	heavy         answers webhooks with 5 MB
//	dripping      answers webhooks with one byte every 10 ms, for ever
//	broken        answers webhooks with what is no HTTP
//	stubborn      does not end when it is asked to
type bot struct {
	habit string
	heard atomic.Int64
}

// runBot serves webhooks until it is killed, and leaves its addresses in bot.json.
func runBot() int {
	b := &bot{habit: os.Args[1]}
	note, err := json.Marshal(map[string]string{"bot": "127.0.0.1:" + os.Getenv("PORT"), "redis": host(os.Getenv("REDIS_URL"))})
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile("bot.json", note, 0o600); err != nil {
		fmt.Println(err)
	}
	switch b.habit {
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "keyless":
		_ = os.Unsetenv("EVOLUTION_API_KEY")
	case "astray":
		_ = os.Setenv("EVOLUTION_INSTANCE", "elsewhere")
	}
	http.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("POST /webhook", b.webhook)
	fmt.Println(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
	return 1
}

// host is the address in a URL.
func host(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}

func (b *bot) webhook(w http.ResponseWriter, r *http.Request) {
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
	if event.Event != "messages.upsert" || event.Data.Key.FromMe && b.habit != "echoing" {
		return // an echo of the bot's own words: who answers those never stops talking
	}
	n := b.heard.Add(1)
	if b.habit == "refusing" {
		http.Error(w, "no such route", http.StatusNotFound)
		return
	}
	if b.habit == "dying" && n > canaryMessages+4 || b.habit == "fainting" {
		fmt.Println("the bot gives up")
		os.Exit(7)
	}
	go b.answer(n, event.Data.Key.RemoteJid, event.Data.Message.Conversation)
	if n > canaryMessages {
		b.acknowledge(w, r)
	}
}

// acknowledge answers the webhook in the way of the bot's habit.
func (b *bot) acknowledge(w http.ResponseWriter, r *http.Request) {
	switch b.habit {
	case "heavy":
		_, _ = w.Write(bytes.Repeat([]byte("x"), 5<<20)) // parley may have left
	case "dripping":
		for tick := time.NewTicker(10 * time.Millisecond); r.Context().Err() == nil; <-tick.C {
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
		}
	case "broken":
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(conn, "SSH-2.0-none\r\n\r\n")
			_ = conn.Close()
		}
	}
}

func (b *bot) answer(n int64, to, text string) {
	odd := n > canaryMessages // the canary is to succeed
	if b.habit == "mute" || b.habit == "silent" && odd {
		return
	}
	if b.habit == "garbling" && odd {
		garble()
	}
	words := "Hello."
	if b.habit != "modelless" {
		words = complete(text)
	}
	if b.habit == "stranger" && odd {
		to = "5511987654321"
	}
	say(to, words)
	switch {
	case b.habit == "twice":
		say(to, words)
	case b.habit == "flooding" && n == canaryMessages+1:
		flood(to)
	}
}

// garble sends what is not JSON to the services, and prints what they say.
func garble() {
	for _, path := range []string{"sendText", "sendMedia", "sendWhatsAppAudio", "sendReaction", "sendList"} {
		fmt.Println("evolution", path, evolution("/message/"+path, `{"number": "999`))
	}
	for _, path := range []string{"sendPresence", "markMessageAsRead", "findMessages", "whatsappNumbers"} {
		fmt.Println("evolution", path, evolution("/chat/"+path, `[1, 2`))
	}
	fmt.Println("openai", openAI("/chat/completions", `{"model": "gpt-4o-mini", "messages": [`))
	fmt.Println("openai shape", openAI("/chat/completions", `{"model": 7, "messages": "hello"}`))
	fmt.Println("openai embeddings", openAI("/embeddings", `{"input"`))
}

// complete asks the model; on trouble the bot has a stock answer.
func complete(text string) string {
	message, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	answer := openAI("/chat/completions", `{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": `+string(message)+`}]}`)
	_, body, _ := strings.Cut(answer, " ")
	var reply struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if json.Unmarshal([]byte(body), &reply) != nil || len(reply.Choices) == 0 {
		return "Sorry."
	}
	return reply.Choices[0].Message.Content
}

func say(to, text string) {
	body, err := json.Marshal(map[string]string{"number": to, "text": text})
	if err != nil {
		panic(err)
	}
	if answer := evolution("/message/sendText", string(body)); !strings.HasPrefix(answer, "201 ") {
		fmt.Println("send:", answer)
	}
}

func evolution(path, body string) string {
	return post(os.Getenv("EVOLUTION_API_URL")+path+"/"+os.Getenv("EVOLUTION_INSTANCE"), "apikey", os.Getenv("EVOLUTION_API_KEY"), body)
}

func openAI(path, body string) string {
	return post(os.Getenv("OPENAI_BASE_URL")+path, "Authorization", "Bearer "+os.Getenv("OPENAI_API_KEY"), body)
}

// post returns the status and the body of the answer on one line.
func post(address, header, key, body string) string {
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	request.Header.Set(header, key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", response.StatusCode, bytes.TrimSpace(text))
}

// flood sends 20,000 replies as fast as pipelined connections take them.
func flood(to string) {
	const connections, each = 40, 500
	fmt.Println("the flood begins")
	start := time.Now()
	var all sync.WaitGroup
	for i := range connections {
		all.Go(func() {
			if err := gush(to, i*each, each); err != nil {
				fmt.Println("flood:", err)
			}
		})
	}
	all.Wait()
	fmt.Println("flooded for", time.Since(start))
}

// gush sends n replies, numbered from first, without waiting for what the gateway says to each.
func gush(to string, first, n int) error {
	gateway := host(os.Getenv("EVOLUTION_API_URL"))
	conn, err := net.Dial("tcp", gateway)
	if err != nil {
		return err
	}
	defer conn.Close()
	var sent bytes.Buffer
	for i := range n {
		body := fmt.Sprintf(`{"number": %q, "text": "This is reply number %d, and there are more."}`, to, first+i)
		fmt.Fprintf(&sent, "POST /message/sendText/%s HTTP/1.1\r\nHost: %s\r\napikey: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			os.Getenv("EVOLUTION_INSTANCE"), gateway, os.Getenv("EVOLUTION_API_KEY"), len(body), body)
	}
	var writing sync.WaitGroup
	writing.Go(func() { _, _ = sent.WriteTo(conn) }) // an error shows in the answers
	defer writing.Wait()
	answers := bufio.NewReader(conn)
	for range n {
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, response.Body)
		if response.StatusCode != http.StatusCreated {
			return errors.New(response.Status)
		}
	}
	return nil
}
