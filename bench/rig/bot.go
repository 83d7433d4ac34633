package rig

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"
)

// The first word of what a user says tells the Bot what to do; anything else is answered at once.
const (
	WordWait = "wait" // acknowledge, never answer
	WordHang = "hang" // leave the webhook without a response
)

// Bot is a bot that does next to nothing, so that a generator can be loaded: it
// acknowledges each webhook and answers through the send API. It is to run in a
// process of its own, or its work would pass for the generator's.
type Bot struct {
	Address string // to listen on
	API     string // base URL of the send API; empty: it only acknowledges
	Key     string // of the send API
	// Senders is how many replies can be on their way at once.
	Senders int
	// Think says after what time a number is answered; nil: at once.
	Think func(number string) time.Duration
	// Sent hears of a reply when the send API has taken it.
	Sent func(number string, at time.Time)
	// Gate is waited for before a webhook is read and before a reply is sent; nil: never.
	Gate func()

	client  *fasthttp.HostClient
	pending chan string
}

// Serve serves until it fails; the process is ended from outside.
func (b *Bot) Serve() error {
	if b.API != "" {
		b.pending = make(chan string, 1<<17)
		b.client = &fasthttp.HostClient{
			Addr: string(bytes.TrimPrefix([]byte(b.API), []byte("http://"))), MaxConns: 1 << 16,
			NoDefaultUserAgentHeader: true, DisablePathNormalizing: true,
		}
		for range b.Senders {
			go b.send()
		}
	}
	server := &fasthttp.Server{Handler: b.handle, NoDefaultServerHeader: true, NoDefaultDate: true, Concurrency: 1 << 20}
	if err := server.ListenAndServe(b.Address); err != nil {
		return fmt.Errorf("serve the bot: %w", err)
	}
	return errors.New("the bot's server has ended")
}

func (b *Bot) handle(ctx *fasthttp.RequestCtx) {
	if b.Gate != nil {
		b.Gate()
	}
	body := ctx.PostBody()
	ctx.SetBodyString("ok")
	if b.API == "" {
		return
	}
	number, words := between(body, `"remoteJid":"`, '@'), between(body, `"conversation":"`, '"')
	switch {
	case len(number) == 0:
		return // another event
	case bytes.HasPrefix(words, []byte(WordWait)):
		return
	case bytes.HasPrefix(words, []byte(WordHang)):
		select {} // the process is killed at the end
	}
	to := string(number)
	if b.Think != nil {
		if after := b.Think(to); after > 0 {
			time.AfterFunc(after, func() { b.pending <- to })
			return
		}
	}
	b.pending <- to
}

// between returns what stands in text between a mark and the next byte end.
func between(text []byte, mark string, end byte) []byte {
	at := bytes.Index(text, []byte(mark))
	if at < 0 {
		return nil
	}
	rest := text[at+len(mark):]
	return rest[:max(0, bytes.IndexByte(rest, end))]
}

// send posts replies, one after the other.
func (b *Bot) send() {
	var request fasthttp.Request
	var response fasthttp.Response
	request.Header.SetMethod(fasthttp.MethodPost)
	request.SetRequestURI(b.API + "/message/sendText/parley")
	request.Header.SetContentType("application/json")
	request.Header.Set("apikey", b.Key)
	var body []byte
	for to := range b.pending {
		if b.Gate != nil {
			b.Gate()
		}
		body = append(append(body[:0], `{"number":"`...), to...)
		body = append(body, `","text":"We are open from nine to six. Shall I book a time for you?"}`...)
		request.SetBodyRaw(body)
		if err := b.client.Do(&request, &response); err == nil && response.StatusCode() == fasthttp.StatusCreated && b.Sent != nil {
			b.Sent(to, time.Now())
		}
	}
}
