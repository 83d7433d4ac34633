package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// client posts JSON to the services of the bot, over connections it keeps.
type client struct{ http *http.Client }

func newClient(workers int) client {
	return client{&http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: workers, IdleConnTimeout: 90 * time.Second},
	}}
}

// attempts are made for one request. Statuses 429 and 5xx are tried again.
const attempts = 3

// post sends request and decodes the answer into response, if that is not nil.
func (c client) post(ctx context.Context, address string, header http.Header, request, response any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	pause := 250 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err = c.try(ctx, address, header, body, response)
		var refused *refusal
		if err == nil || attempt == attempts || !errors.As(err, &refused) || !refused.temporary() {
			return err
		}
		timer := time.NewTimer(max(pause, refused.retryAfter))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		pause *= 2
	}
}

func (c client) try(ctx context.Context, address string, header http.Header, body []byte, response any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = header
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection can be used again
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		return &refusal{status: answer.StatusCode, retryAfter: min(time.Duration(seconds)*time.Second, 5*time.Second)}
	}
	if response == nil {
		_, err = io.Copy(io.Discard, answer.Body)
		return err
	}
	if err := json.NewDecoder(answer.Body).Decode(response); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// refusal is an answer that says no.
type refusal struct {
	status     int
	retryAfter time.Duration
}

func (r *refusal) Error() string { return "status " + strconv.Itoa(r.status) }

func (r *refusal) temporary() bool { return r.status == http.StatusTooManyRequests || r.status >= 500 }

// chatMessage is a message of a chat completion.
type chatMessage struct {
	Role       string     `json:"role"`
	Content    string     `json:"content"`
	ToolCalls  []toolCall `json:"tool_calls,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"`
}

type toolCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"` // JSON in a string
	} `json:"function"`
}

// complete asks the model for the next message to the user.
func (b *bot) complete(ctx context.Context, user string, history []chatMessage) (chatMessage, error) {
	request := struct {
		Model    string          `json:"model"`
		Messages []chatMessage   `json:"messages"`
		Tools    json.RawMessage `json:"tools"`
		User     string          `json:"user"` // who is served, for the provider's watch over abuse
	}{
		Model:    "gpt-4o-mini",
		Messages: append([]chatMessage{{Role: "system", Content: instructions}}, history...),
		Tools:    json.RawMessage(tools),
		User:     user,
	}
	var response struct {
		Choices []struct {
			Message chatMessage `json:"message"`
		} `json:"choices"`
	}
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + b.modelKey}}
	if err := b.api.post(ctx, b.modelURL+"/chat/completions", header, request, &response); err != nil {
		return chatMessage{}, fmt.Errorf("ask the model: %w", err)
	}
	if len(response.Choices) == 0 {
		return chatMessage{}, errors.New("ask the model: no choice in the answer")
	}
	return response.Choices[0].Message, nil
}

// send has the gateway send text to a user.
func (b *bot) send(ctx context.Context, number, text string) error {
	request := struct {
		Number string `json:"number"`
		Text   string `json:"text"`
	}{number, text}
	header := http.Header{"Content-Type": {"application/json"}, "Apikey": {b.gatewayKey}}
	address := b.gatewayURL + "/message/sendText/" + url.PathEscape(b.instance)
	if err := b.api.post(ctx, address, header, request, nil); err != nil {
		return fmt.Errorf("send a message: %w", err)
	}
	return nil
}
