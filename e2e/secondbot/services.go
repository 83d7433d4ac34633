package secondbot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// services are those that the bot calls by HTTP.
type services struct {
	http                             *http.Client
	model, modelKey, prices, gateway string // base URLs, and the model's key
	gatewayKey, instance             string
	on                               defects
}

// newClient keeps a connection to each service for every worker.
func newClient() *http.Client {
	return &http.Client{
		Timeout:   15 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: workers, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: false},
	}
}

// refusal is an answer of a service with a status that is no success.
type refusal struct {
	service string
	status  int
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: status %d", r.service, r.status) }

// ask makes one request and reads its answer into out, if there is one.
func (s *services) ask(ctx context.Context, service, method, address string, header map[string]string, body, out any) error {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return fmt.Errorf("%s: %w", service, err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, address, &content)
	if err != nil {
		return fmt.Errorf("%s: %w", service, err)
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := s.http.Do(request)
	if err != nil {
		return fmt.Errorf("%s: %w", service, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", service, err)
	}
	if response.StatusCode/100 != 2 {
		return &refusal{service, response.StatusCode}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s: %w", service, err)
	}
	return nil
}

// quote asks what treatments cost this patient, whose insurance pays a part.
func (s *services) quote(ctx context.Context, phone string) (map[string]int, error) {
	var list struct {
		Prices map[string]int `json:"precos"`
	}
	err := s.ask(ctx, "prices", http.MethodGet, s.prices+"/v1/precos?paciente="+url.QueryEscape(phone), nil, nil, &list)
	return list.Prices, err
}

// prompt is a message of a chat completion.
type prompt struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// complete lets the model speak. What it refuses for good is refused for good, unless the bot is stubborn.
func (s *services) complete(ctx context.Context, messages []prompt) (string, error) {
	const most, pause = 6, 200 * time.Millisecond
	for attempt := 1; ; attempt++ {
		answer, err := s.completeOnce(ctx, messages)
		refused := (*refusal)(nil)
		if err == nil || !s.on[stubborn] || attempt == most || !errors.As(err, &refused) {
			return answer, err
		}
		if err := wait(ctx, pause); err != nil {
			return "", err
		}
	}
}

func (s *services) completeOnce(ctx context.Context, messages []prompt) (string, error) {
	var answer struct {
		Choices []struct {
			Message prompt `json:"message"`
		} `json:"choices"`
	}
	body := map[string]any{"model": "gpt-4o-mini", "messages": messages, "max_tokens": 200}
	err := s.ask(ctx, "model", http.MethodPost, s.model+"/chat/completions", map[string]string{"Authorization": "Bearer " + s.modelKey}, body, &answer)
	if err != nil {
		return "", err
	}
	if len(answer.Choices) == 0 {
		return "", errors.New("model: no choice")
	}
	return answer.Choices[0].Message.Content, nil
}

// send sends an answer.
func (s *services) send(ctx context.Context, phone, text string) error {
	header := map[string]string{"apikey": s.gatewayKey}
	if s.on[typingPause] {
		show := map[string]any{"number": phone, "presence": "composing", "delay": 1}
		if err := s.ask(ctx, "gateway", http.MethodPost, s.gateway+"/chat/sendPresence/"+s.instance, header, show, nil); err != nil {
			return err
		}
		if err := wait(ctx, 1500*time.Millisecond); err != nil {
			return err
		}
	}
	return s.ask(ctx, "gateway", http.MethodPost, s.gateway+"/message/sendText/"+s.instance, header, map[string]any{"number": phone, "text": text}, nil)
}

// wait waits, or until the turn is given up.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
