// Command dentist answers the patients of a dentist.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"strings"
	"time"

	"dentist/internal/gateway"
)

type event struct {
	Event string
	Data  struct {
		Key struct {
			RemoteJid string `json:"remoteJid"`
			FromMe    bool   `json:"fromMe"`
		}
		Message struct{ Conversation string }
	}
}

type bot struct {
	config Config
	out    *gateway.Client
	web    *http.Client
}

func main() {
	config, err := load()
	if err != nil {
		log.Fatal(err)
	}
	b := &bot{config: config, out: gateway.New(config.EvoBase, config.EvoToken, config.EvoName), web: &http.Client{Timeout: 30 * time.Second}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /evolution/events", b.take)
	log.Fatal(http.ListenAndServe(config.Listen, mux))
}

// take answers at once; the reply follows.
func (b *bot) take(w http.ResponseWriter, r *http.Request) {
	var e event
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&e); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if e.Event != "messages.upsert" || e.Data.Key.FromMe || e.Data.Message.Conversation == "" {
		return
	}
	go func() {
		number, _, _ := strings.Cut(e.Data.Key.RemoteJid, "@")
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		text, err := b.ask(ctx, e.Data.Message.Conversation)
		if err == nil {
			err = b.out.Say(ctx, number, text)
		}
		if err != nil {
			log.Print(err)
		}
	}()
}

// ask asks the model.
func (b *bot) ask(ctx context.Context, text string) (string, error) {
	body, err := json.Marshal(map[string]any{
		"model":    "gpt-4o-mini",
		"messages": []map[string]string{{"role": "system", "content": "You are a dentist's receptionist."}, {"role": "user", "content": text}},
	})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.config.AIBase+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+b.config.AIKey)
	response, err := b.web.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var reply struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.NewDecoder(response.Body).Decode(&reply); err != nil || len(reply.Choices) == 0 {
		return "", errors.Join(err, errors.New("the model said nothing"))
	}
	return reply.Choices[0].Message.Content, nil
}
