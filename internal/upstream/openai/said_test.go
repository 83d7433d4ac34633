package openai

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley"
	"parley/internal/fingerprint"
	"parley/internal/upstreamtest"
)

// TestContent: calls that ask a model for the same have the same content, however they want it sent.
func TestContent(t *testing.T) {
	hi := ask("Hi")
	embedding := func(input, more string) string {
		return fmt.Sprintf(`{"model":"text-embedding-3-small","input":%q%s}`, input, more)
	}
	for _, test := range []struct {
		path, want string
		bodies     []string
	}{
		{"/v1/chat/completions", "aaabcdee", []string{
			hi, hi, with(hi, `"stream":true,"stream_options":{"include_usage":true},"user":"u1","seed":7,"metadata":{"trace":"x"}`),
			ask("Ho"), with(hi, `"max_tokens":9`), with(hi, `"response_format":{"type":"json_object"}`), "no JSON", "no JSON",
		}},
		{"/v1/embeddings", "aaba", []string{embedding("Hi", ""), embedding("Hi", `,"encoding_format":"base64","user":"u1"`), embedding("Ho", ""), embedding("Hi", "")}},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{})
			for _, body := range test.bodies {
				b.Do(b.Request(t.Context(), http.MethodPost, test.path, body))
			}
			synctest.Wait()
			if got := upstreamtest.Contents(b.Recorded()); got != test.want {
				t.Errorf("%s: contents %s, want %s", test.path, got, test.want)
			}
		})
	}
}

// TestContentOfSound: a form is written with another boundary each time.
func TestContentOfSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		b.hear("model=whisper-1")
		b.hear("model=whisper-1")
		b.hear("model=whisper-1", "language=pt")
		other := spoken()
		other.Words = "And on Saturday?"
		b.Do(b.audioForm(transcriptions, "voice.ogg", other.Encode(), "model=whisper-1"))
		b.Do(b.Request(t.Context(), http.MethodGet, "/v1/models/gpt-4o", ""))
		b.Do(b.Request(t.Context(), http.MethodGet, "/v1/models/gpt-4", ""))
		synctest.Wait()
		if got, want := upstreamtest.Contents(b.Recorded()), "aabcde"; got != want {
			t.Errorf("contents %s, want %s", got, want)
		}
	})
}

// TestPieces: prompts that differ in their first words share nearly all of their pieces, and a longer history has those of the shorter.
func TestPieces(t *testing.T) {
	var rules strings.Builder
	for i := range 200 {
		fmt.Fprintf(&rules, "Rule %d: say %x to whoever asks for number %d. ", i, i*i*7919, i*31)
	}
	request := func(system string, said ...string) string {
		messages := []string{fmt.Sprintf(`{"role":"system","content":%q}`, system)}
		for _, words := range said {
			messages = append(messages, fmt.Sprintf(`{"role":"user","content":%q}`, words))
		}
		return `{"model":"gpt-4o-mini","messages":[` + strings.Join(messages, ",") + `]}`
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		b.chat(request("It is 14:03. "+rules.String(), "Hi"))
		b.chat(request("It is 14:04. "+rules.String(), "Hi"))
		b.chat(request("It is 14:03. "+rules.String(), "Hi", "Are you open on Saturday?"))
		b.Do(b.Request(t.Context(), http.MethodPost, "/v1/embeddings", `{"model":"text-embedding-3-small","input":["Hi","Ho"]}`))
		synctest.Wait()
		calls := b.Recorded()
		first := calls[0].Pieces
		if len(first) < 10 {
			t.Fatalf("%d pieces of a prompt of %d bytes", len(first), rules.Len())
		}
		for i, c := range calls[1:3] {
			shared := 0
			for _, p := range c.Pieces {
				if slices.Contains(first, p) {
					shared++
				}
			}
			if shared == len(first) || shared < len(first)-1 {
				t.Errorf("prompt %d shares %d of %d pieces, want all but the one that has changed", i+2, shared, len(first))
			}
		}
		if want := []uint64{(parley.Key{}).Hash("Hi\nHo")}; !slices.Equal(calls[3].Pieces, want) {
			t.Errorf("pieces of an embedding: %x, want %x", calls[3].Pieces, want)
		}
	})
}

func TestSaid(t *testing.T) {
	r := parsed(t, `{"model":"m","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":[{"type":"text","text":"Hi"}]},
		{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"find","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"none"}]}`)
	if got, want := string(r.said()), "system\nBe kind.\nuser\nHi\nassistant\n\nfind {}\ntool\nnone\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	long := &chatRequest{}
	for range 10_000 {
		long.Messages = append(long.Messages, message{Role: "user", Content: "a message of some thirty bytes or so"})
	}
	if n := len(long.said()); n < fingerprint.MostText || n > fingerprint.MostText+100 {
		t.Errorf("%d bytes of a long prompt, want little more than %d", n, fingerprint.MostText)
	}
}

func TestClientTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		r := b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", ask("Hi"))
		r.Header.Set("X-Stainless-Read-Timeout", "2.5")
		r.Header.Set("X-Stainless-Timeout", "60")
		b.Do(r)
		synctest.Wait()
		if got := b.Only().Patience; got != 2500*time.Millisecond {
			t.Errorf("%v, want 2.5s", got)
		}
	})
}
