// Package relay_test drives the relay to a real service, and its recordings, with OpenAI's own Go client. The
// service is the simulated one, in virtual time; what it writes is compared byte by byte with what the client reads.
package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"

	"parley"
	"parley/internal/audio"
	"parley/internal/fault"
	"parley/internal/plan"
	"parley/internal/price"
	"parley/internal/recording"
	"parley/internal/upstream"
	simulator "parley/internal/upstream/openai"
	"parley/internal/upstream/relay"
	"parley/internal/upstream/replay"
)

// pipes is a listener in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// serve serves a handler in memory and returns the transport to it.
func serve(t *testing.T, h http.Handler) *http.Transport {
	t.Helper()
	l := make(pipes)
	web := &http.Server{Handler: h}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	transport := &http.Transport{DisableCompression: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		l <- server
		return client, nil
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = web.Close() // a client that cut a stream short leaves its connection behind
		<-served
	})
	return transport
}

// tap notes the bytes of each body that passes.
type tap struct {
	http.ResponseWriter
	into *bytes.Buffer
}

func (t tap) Write(p []byte) (int, error) { t.into.Write(p); return t.ResponseWriter.Write(p) }
func (t tap) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// heard is a transport that notes the bodies a client reads.
type heard struct {
	http.RoundTripper
	into *bytes.Buffer
}

func (h heard) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := h.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(resp.Body, h.into), resp.Body}
	}
	return resp, err
}

// scene is the client, the relay and the service.
type scene struct {
	openai.Client
	relay      *relay.Relay
	sent, read bytes.Buffer // what the service wrote, and what the client read
	mu         sync.Mutex
	far, near  []parley.Call // as the service and the relay recorded them
	notices    []relay.Notice
}

func (s *scene) recorder(list *[]parley.Call) func(parley.Call) {
	return func(c parley.Call) {
		s.mu.Lock()
		defer s.mu.Unlock()
		*list = append(*list, c)
	}
}

func newScene(t *testing.T, config plan.OpenAI, o relay.Options) *scene {
	t.Helper()
	s := &scene{}
	config.APIKey = "sk-real"
	sim := simulator.New(simulator.Options{Config: config, Options: upstream.Options{Wire: "real", Seed: 1, Record: s.recorder(&s.far)}})
	o.Kind, o.Wire, o.Record = "openai", "openai", s.recorder(&s.near)
	o.Config.To, o.Config.Key = "http://real.example/v1", "sk-real"
	o.Price = price.Embedded().Lookup
	o.Notify = func(n relay.Notice) { s.notices = append(s.notices, n) }
	if o.Transport == nil {
		o.Transport = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { sim.ServeHTTP(tap{w, &s.sent}, r) }))
	}
	var err error
	if s.relay, err = relay.New(o); err != nil {
		t.Fatal(err)
	}
	s.Client = client(serve(t, s.relay), &s.read)
	return s
}

func client(transport http.RoundTripper, read *bytes.Buffer) openai.Client {
	return openai.NewClient(option.WithBaseURL("http://parley/v1"), option.WithAPIKey("sk-of-the-bot"),
		option.WithHTTPClient(&http.Client{Transport: heard{transport, read}}))
}

func ask(words string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model: "gpt-4o-mini", MaxCompletionTokens: openai.Int(100),
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("You are a receptionist."), openai.UserMessage(words)},
		Tools: []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name: "cancel_booking", Parameters: shared.FunctionParameters{"type": "object", "properties": map[string]any{"reason": map[string]any{"type": "string"}}},
		})},
	}
}

func slow(t *testing.T) plan.OpenAI {
	t.Helper()
	return plan.OpenAI{FirstToken: fault.Constant(500 * time.Millisecond), PerToken: fault.Constant(20 * time.Millisecond)}
}

// exact holds what passed, and what was recorded, against the service's own account.
func (s *scene) exact(t *testing.T) {
	t.Helper()
	synctest.Wait()
	if !bytes.Equal(s.sent.Bytes(), s.read.Bytes()) || s.sent.Len() == 0 {
		t.Errorf("the service wrote %d bytes, the client read %d", s.sent.Len(), s.read.Len())
	}
	if len(s.far) != len(s.near) {
		t.Fatalf("%d calls reached the service, %d were recorded", len(s.far), len(s.near))
	}
	for i, far := range s.far {
		near := s.near[i]
		if near.Duration() != far.Duration() || near.FirstByte-near.Start != far.FirstByte-far.Start || near.Imposed != 0 || near.Operation != far.Operation ||
			near.Status != far.Status || near.Failure != far.Failure || near.Model != far.Model || near.RequestBytes != far.RequestBytes || near.ResponseBytes != far.ResponseBytes ||
			near.PromptTokens != far.PromptTokens || near.CompletionTokens != far.CompletionTokens || near.CachedTokens != far.CachedTokens || near.AudioSeconds != far.AudioSeconds {
			t.Errorf("recorded %+v\nthe truth %+v", near, far)
		}
	}
}

func TestChatAndTools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, slow(t), relay.Options{Config: plan.Relay{Spend: 1}})
		for _, words := range []string{"Are you open tomorrow? 😀", "Cancel the booking please"} {
			c, err := s.Chat.Completions.New(t.Context(), ask(words))
			if err != nil || c.Usage.TotalTokens == 0 {
				t.Fatalf("%v: %s", err, c.RawJSON())
			}
		}
		s.exact(t)
	})
}

func TestStreams(t *testing.T) {
	for _, usage := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, slow(t), relay.Options{Config: plan.Relay{Spend: 1}})
			params := ask("Are you open tomorrow? 😀")
			params.Tools = nil // their marks in a prompt are an estimate
			if usage {
				params.StreamOptions.IncludeUsage = openai.Bool(true)
			}
			stream := s.Chat.Completions.NewStreaming(t.Context(), params)
			var acc openai.ChatCompletionAccumulator
			for stream.Next() {
				if !acc.AddChunk(stream.Current()) {
					t.Fatalf("the accumulator refuses %s", stream.Current().RawJSON())
				}
			}
			if err := stream.Err(); err != nil || acc.Choices[0].Message.Content == "" {
				t.Fatal(err)
			}
			s.exact(t) // tokens of a stream without usage are counted, to the same number
		})
	}
}

func TestErrorsPass(t *testing.T) {
	rule, err := fault.ParseRule("status 429")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, plan.OpenAI{Faults: []fault.Rule{rule}}, relay.Options{Config: plan.Relay{Spend: 1}})
		_, err := s.Chat.Completions.New(t.Context(), ask("Hi"))
		if e, ok := errors.AsType[*openai.Error](err); !ok || e.StatusCode != http.StatusTooManyRequests {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
		// The client does not read the answers that it will not pass on.
		if !bytes.HasSuffix(s.sent.Bytes(), s.read.Bytes()) || s.read.Len() == 0 || len(s.near) != 3 || s.near[2].Retry != 2 || s.near[2].Failure != "status 429" {
			t.Errorf("recorded %+v", s.near)
		}
		if spent, _ := s.relay.Spent(); spent != 0 {
			t.Errorf("refused calls cost $%f", spent)
		}
	})
}

func TestEmbeddingsTranscriptionsModels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, slow(t), relay.Options{Config: plan.Relay{Spend: 1}})
		_, err := s.Embeddings.New(t.Context(), openai.EmbeddingNewParams{
			Model: openai.EmbeddingModelTextEmbedding3Small, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one", "two words"}},
		})
		// Whether the list has a price for it decides whether it passes.
		if _, priced := price.Embedded().Lookup("text-embedding-3-small"); priced != (err == nil) {
			t.Errorf("priced %v: %v", priced, err)
		}
		note := audio.Note{ID: "3EB0C767D82B0A74C1F2AB", Words: "Do you have time on Friday at half past ten?"}
		said, err := s.Audio.Transcriptions.New(t.Context(), openai.AudioTranscriptionNewParams{
			Model: "gpt-4o-mini-transcribe", File: openai.File(bytes.NewReader(note.Encode()), "voice.ogg", "audio/ogg"),
		})
		if err != nil || said.Text != note.Words {
			t.Errorf("transcription: %v, %q", err, said.Text)
		}
		models, err := s.Models.List(t.Context())
		if err != nil || len(models.Data) == 0 {
			t.Errorf("models: %v", err)
		}
		synctest.Wait()
		if !bytes.Equal(s.sent.Bytes(), s.read.Bytes()[len(s.read.Bytes())-s.sent.Len():]) {
			t.Error("the client read other bytes than the service wrote")
		}
		i := slices.IndexFunc(s.near, func(c parley.Call) bool { return strings.HasSuffix(c.Operation, "/transcriptions") })
		if i < 0 || s.near[i].AudioSeconds != note.Length().Seconds() || s.near[i].PromptTokens == 0 {
			t.Errorf("recorded %+v", s.near)
		}
	})
}

// The ceiling is kept to the call, and the client is told why.
func TestCeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, plan.OpenAI{}, relay.Options{Config: plan.Relay{Spend: 0.001}})
		passed := 0
		for range 100 {
			_, err := s.Chat.Completions.New(t.Context(), ask("Hi"))
			if err == nil {
				passed++
				continue
			}
			e, ok := errors.AsType[*openai.Error](err)
			if !ok || e.StatusCode != http.StatusForbidden || e.Code != "spend_ceiling" || !strings.Contains(e.Message, "did not pass this call on") {
				t.Fatalf("error %v", err)
			}
			break
		}
		synctest.Wait()
		spent, calls := s.relay.Spent()
		one := price.Embedded()
		p, _ := one.Lookup("gpt-4o-mini")
		cost := 0.0
		for i := range s.far {
			cost += p.Of(&s.far[i])
		}
		if calls != passed || len(s.far) != passed || fmt.Sprintf("%.9f", spent) != fmt.Sprintf("%.9f", cost) || spent > 0.001 || passed < 5 {
			t.Errorf("%d passed, %d reached the service; $%.6f of $%.6f spent", passed, len(s.far), spent, cost)
		}
		if len(s.notices) != 1 || !s.notices[0].Ceiling {
			t.Errorf("notices %+v", s.notices)
		}
	})
}

func TestBadServices(t *testing.T) {
	for name, test := range map[string]struct {
		serve http.HandlerFunc
		want  string
	}{
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example/", http.StatusTemporaryRedirect)
		}, "elsewhere.example, which is another service"},
		"hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "closed the connection"},
		"dies midway": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"choices":[`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "unexpected EOF"},
		"huge and endless": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for r.Context().Err() == nil {
				if _, err := w.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
					return
				}
			}
		}, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, plan.OpenAI{}, relay.Options{Config: plan.Relay{Spend: 1}, Transport: serve(t, test.serve)})
				var read bytes.Buffer
				c := client(serve(t, s.relay), &read)
				if name == "huge and endless" { // the client would keep it all
					resp, err := (&http.Client{Transport: serve(t, s.relay)}).Post("http://parley/v1/chat/completions", "application/json",
						strings.NewReader(`{"model":"gpt-4o-mini","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}`))
					if err != nil {
						t.Fatal(err)
					}
					n, err := io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					if err == nil || !strings.Contains(err.Error(), test.want) || n > 2<<30 {
						t.Errorf("%d bytes, %v", n, err)
					}
					return
				}
				_, err := c.Chat.Completions.New(t.Context(), ask("Hi"), option.WithMaxRetries(0))
				said := fmt.Sprint(err)
				if e, ok := errors.AsType[*openai.Error](err); ok {
					said = e.Message
				}
				if !strings.Contains(said, test.want) {
					t.Errorf("error %s", said)
				}
			})
		})
	}
}

// What was kept is said again, in the same words at the same pace, under another key and on another day.
func TestReplay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "openai.jsonl")
	keep, err := recording.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	converse := func(t *testing.T, c openai.Client) (said []string) {
		start := time.Now()
		for i, words := range []string{"Are you open tomorrow?", "Cancel the booking please", "Are you open tomorrow?"} {
			params := ask(words)
			params.Messages = append([]openai.ChatCompletionMessageParamUnion{openai.SystemMessage("Today is " + start.Format(time.DateOnly))}, params.Messages...)
			stream := c.Chat.Completions.NewStreaming(t.Context(), params)
			var acc openai.ChatCompletionAccumulator
			for stream.Next() {
				acc.AddChunk(stream.Current())
			}
			if err := stream.Err(); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(acc.Choices[0].Message.ToolCalls)
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, fmt.Sprintf("%d %v %s %s", i, time.Since(start), acc.Choices[0].Message.Content, text))
		}
		return said
	}
	var first, again []string
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, slow(t), relay.Options{Config: plan.Relay{Spend: 1}, Keep: keep})
		first = converse(t, s.Client)
	})
	if err := keep.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(40 * 24 * time.Hour)
		fallback := simulator.New(simulator.Options{})
		r, err := replay.New(replay.Options{Kind: "openai", Path: path, Key: "sk-of-the-bot", Next: fallback})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var read bytes.Buffer
		again = converse(t, client(serve(t, r), &read))
		if r.Tally() != (replay.Tally{Exact: 3}) {
			t.Errorf("%+v", r.Tally())
		}
	})
	if !slices.Equal(first, again) {
		t.Errorf("said first %q\nthen %q", first, again)
	}
}

// The relay makes the connection to a service that wants TLS, and says why it does not trust one.
func TestTLS(t *testing.T) {
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) }))
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the relay that does not trust it
	web.StartTLS()
	defer web.Close()
	get := func(transport http.RoundTripper) (status int, body string, notices []relay.Notice) {
		r, err := relay.New(relay.Options{Kind: "http", Config: plan.Relay{To: web.URL + "/base"}, Transport: transport, Notify: func(n relay.Notice) { notices = append(notices, n) }})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://parley/base/x", nil))
		return w.Code, w.Body.String(), notices
	}
	if status, body, _ := get(web.Client().Transport); status != http.StatusOK || body != "/base/x" {
		t.Errorf("status %d, %s", status, body)
	}
	status, body, notices := get(nil)
	if status != http.StatusBadGateway || len(notices) != 1 || !strings.Contains(notices[0].What, "certificate") {
		t.Errorf("status %d, %s, notices %+v", status, body, notices)
	}
}
