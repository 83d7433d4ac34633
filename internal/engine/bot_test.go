package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"parley/internal/target"
)

// TestMain lets the test binary be the bot under test, and the watchdog over it.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "__bot":
		os.Exit(bot(os.Args[2]))
	case len(os.Args) > 1 && os.Args[1] == "__caller":
		os.Exit(runCaller(os.Args[2]))
	case len(os.Args) > 1 && os.Args[1] == "__watchdog":
		os.Exit(target.Watchdog(os.Args[2:], os.Stdin))
	}
	os.Exit(m.Run())
}

// bot is a small WhatsApp bot with one habit.
func bot(habit string) int {
	var messages atomic.Int64
	http.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("POST /webhook", func(w http.ResponseWriter, r *http.Request) {
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
		if event.Event != "messages.upsert" || event.Data.Key.FromMe {
			return // an echo of the bot's own words: who answers those never stops talking
		}
		n := messages.Add(1)
		if habit == "dies" && n > 8 {
			fmt.Println("the bot gives up")
			os.Exit(7)
		}
		if habit == "refuses" {
			http.Error(w, "no such route", http.StatusNotFound)
			return
		}
		go answer(habit, n, event.Data.Key.RemoteJid, event.Data.Message.Conversation)
	})
	err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil)
	fmt.Println(err)
	return 1
}

func answer(habit string, n int64, to, text string) {
	if habit == "mute" || habit == "falls silent" && n > 3 {
		return
	}
	key := os.Getenv("OPENAI_API_KEY")
	if strings.HasPrefix(habit, "wrong key") {
		key = "sk-other"
	}
	words := "Hello."
	path := "/chat/completions"
	if habit == "responses" {
		path = "/responses"
	}
	if habit != "no model" {
		words = complete(path, key, to, text)
	}
	if words == "Sorry." && (habit == "responses" || habit == "wrong key, no apology") {
		return
	}
	if how, books := strings.CutPrefix(habit, "books"); books {
		book(how, to)
	}
	if habit == "stranger" && n > 3 {
		to = "5511987654321"
	}
	send(to, words)
	if habit == "twice" {
		send(to, words)
	}
}

// complete asks the model; on trouble the bot has a stock answer.
func complete(path, key, user, text string) string {
	body, _ := json.Marshal(map[string]any{"model": "gpt-4o-mini", "user": user, "messages": []map[string]string{{"role": "user", "content": text}}})
	request, _ := http.NewRequest(http.MethodPost, os.Getenv("OPENAI_BASE_URL")+path, bytes.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	var reply struct {
		Choices []struct{ Message struct{ Content string } }
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "Sorry."
	}
	defer response.Body.Close()
	if json.NewDecoder(response.Body).Decode(&reply) != nil || len(reply.Choices) == 0 {
		return "Sorry."
	}
	return reply.Choices[0].Message.Content
}

func send(to, text string) {
	body, _ := json.Marshal(map[string]string{"number": to, "text": text})
	request, _ := http.NewRequest(http.MethodPost, os.Getenv("EVOLUTION_API_URL")+"/message/sendText/"+os.Getenv("EVOLUTION_INSTANCE"), bytes.NewReader(body))
	request.Header.Set("apikey", os.Getenv("EVOLUTION_API_KEY"))
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusCreated {
		fmt.Println("send:", response.StatusCode, err)
	}
}
