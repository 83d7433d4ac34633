package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
)

// The bounds of what the bot keeps in memory.
const (
	maxBody          = 1 << 20 // bytes of a webhook
	maxWaiting       = 10_000  // conversations that wait for a worker
	maxConversations = 20_000
	maxHistory       = 16     // messages the model is shown
	maxSeen          = 50_000 // message ids in each of two generations
	maxRounds        = 4      // calls of the model in one turn
)

const instructions = `You are the receptionist of a small practice and write with clients on WhatsApp.
Be brief and friendly. Use the tools to look up free slots, to book and to cancel; never invent
a time. The practice is open from 9:00 to 18:00, Monday to Saturday.`

const apology = "Sorry, something went wrong on our side. Could you write that once more?"

// bot is the receptionist at work.
type bot struct {
	config
	log   *slog.Logger
	api   client
	desk  *desk
	ready chan *conversation // those with something to answer and no worker yet

	mu            sync.Mutex
	seen, before  map[string]bool // ids of messages taken, newer and older generation
	conversations map[string]*conversation
}

// conversation is what the bot knows of one user.
type conversation struct {
	number string
	// Guarded by bot.mu: what was said and not yet answered, and whether the
	// conversation waits for a worker or has one.
	pending []string
	busy    bool
	// The worker's.
	history []chatMessage
}

func newBot(c config, log *slog.Logger) *bot {
	return &bot{
		config: c, log: log,
		api:           newClient(c.workers),
		desk:          newDesk(),
		ready:         make(chan *conversation, maxWaiting),
		seen:          map[string]bool{},
		conversations: map[string]*conversation{},
	}
}

// event is the part of a messages.upsert webhook the bot reads.
type event struct {
	Event string
	Data  struct {
		Key struct {
			RemoteJid string
			FromMe    bool
			ID        string
		}
		Message struct {
			Conversation        string
			ExtendedTextMessage struct{ Text string }
		}
	}
}

// webhook acknowledges a message as soon as it is queued, and before it is answered.
func (b *bot) webhook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var e event
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	// Data of another shape (some events carry lists) is no fault of the sender's.
	if err != nil && e.Event == "" {
		respond(w, http.StatusBadRequest, "not an event")
		return
	}
	number, isPerson := strings.CutSuffix(e.Data.Key.RemoteJid, "@s.whatsapp.net")
	text := e.Data.Message.Conversation
	if text == "" {
		text = e.Data.Message.ExtendedTextMessage.Text
	}
	if e.Event != "messages.upsert" || e.Data.Key.FromMe || !isPerson || text == "" {
		respond(w, http.StatusOK, "ignored")
		return
	}
	switch err := b.take(number, e.Data.Key.ID, text); {
	case err == nil:
		respond(w, http.StatusOK, "accepted")
	case errors.Is(err, errDuplicate):
		respond(w, http.StatusOK, "duplicate")
	default: // the gateway will try again
		respond(w, http.StatusServiceUnavailable, "busy")
	}
}

func respond(w http.ResponseWriter, status int, word string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"status":"`+word+`"}`) // a client that has left needs no answer
}

var (
	errDuplicate = errors.New("the message was taken before")
	errBusy      = errors.New("too many conversations wait")
)

// take queues a message for the user's conversation.
func (b *bot) take(number, id, text string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[id] || b.before[id] {
		return errDuplicate
	}
	c := b.conversation(number)
	if !c.busy {
		select {
		case b.ready <- c:
			c.busy = true
		default:
			return errBusy
		}
	}
	c.pending = append(c.pending, text)
	if len(b.seen) >= maxSeen {
		b.before, b.seen = b.seen, map[string]bool{}
	}
	b.seen[id] = true
	return nil
}

// conversation finds or opens the user's conversation. The lock is held.
func (b *bot) conversation(number string) *conversation {
	c := b.conversations[number]
	if c != nil {
		return c
	}
	if len(b.conversations) >= maxConversations {
		b.forget(maxConversations / 20)
	}
	c = &conversation{number: number}
	b.conversations[number] = c
	return c
}

// forget drops up to n conversations nobody works on, in no order. The lock is held.
func (b *bot) forget(n int) {
	for number, c := range b.conversations {
		if n == 0 {
			return
		}
		if !c.busy {
			delete(b.conversations, number)
			b.desk.cancel(number)
			n--
		}
	}
}

// work answers one conversation after the other. A conversation has one worker
// at a time, so that its answers keep their order.
func (b *bot) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-b.ready:
			for said := b.next(c); said != "" && ctx.Err() == nil; said = b.next(c) {
				b.turn(ctx, c, said)
			}
		}
	}
}

// next takes what the user has said since, as one text; if there is nothing it lets the conversation go.
func (b *bot) next(c *conversation) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	said := strings.Join(c.pending, "\n")
	c.pending = nil
	c.busy = said != ""
	return said
}

// turn answers the user.
func (b *bot) turn(ctx context.Context, c *conversation, said string) {
	reply, err := b.converse(ctx, c, said)
	if err != nil {
		b.log.Warn("the model did not answer", "error", err)
		reply = apology
	}
	if err := b.send(ctx, c.number, reply); err != nil {
		b.log.Warn("a reply was lost", "error", err)
	}
}

// converse asks the model, and does what it asks for, until it has an answer.
func (b *bot) converse(ctx context.Context, c *conversation, said string) (string, error) {
	history := append(recent(c.history), chatMessage{Role: "user", Content: said})
	for range maxRounds {
		answer, err := b.complete(ctx, c.number, history)
		if err != nil {
			return "", err
		}
		history = append(history, answer)
		if len(answer.ToolCalls) == 0 {
			c.history = history
			return answer.Content, nil
		}
		for _, call := range answer.ToolCalls {
			history = append(history, chatMessage{
				Role: "tool", ToolCallID: call.ID, Content: b.desk.use(c.number, call.Function.Name, call.Function.Arguments),
			})
		}
	}
	return "", errors.New("ask the model: it calls tools without end")
}

// recent returns the last messages of a history, from one of the user's on: the
// model takes no tool result without its call.
func recent(history []chatMessage) []chatMessage {
	from := max(0, len(history)-maxHistory)
	for from < len(history) && history[from].Role != "user" {
		from++
	}
	return append([]chatMessage(nil), history[from:]...)
}
