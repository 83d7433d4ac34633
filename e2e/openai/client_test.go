// Package openai_test drives the simulated OpenAI API with OpenAI's own Go
// client, in virtual time.
package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
	"parley/internal/upstream"
	simulator "parley/internal/upstream/openai"
)

// judge is the official client, connected to a simulator in memory.
type judge struct {
	openai.Client
	mu    sync.Mutex
	calls []parley.Call
}

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

func newJudge(t *testing.T, config plan.OpenAI, key string) *judge {
	t.Helper()
	j := &judge{}
	config.APIKey = "sk-right"
	sim := simulator.New(simulator.Options{Config: config, Options: upstream.Options{Wire: "openai", Seed: 1, Record: func(c parley.Call) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.calls = append(j.calls, c)
	}}})
	l := make(pipes)
	web := &http.Server{Handler: sim, ConnContext: sim.ConnContext}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		l <- server
		return client, nil
	}}
	j.Client = openai.NewClient(
		option.WithBaseURL("http://simulator/v1"), option.WithAPIKey(key), option.WithHTTPClient(&http.Client{Transport: transport}),
	)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := web.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return j
}

// recorded are the calls once the simulator is idle.
func (j *judge) recorded() []parley.Call {
	synctest.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.calls)
}

func ask(words string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    openai.ChatModelGPT4oMini,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("You are a receptionist."), openai.UserMessage(words)},
	}
}

func tools() []openai.ChatCompletionToolUnionParam {
	function := func(name, about string, properties map[string]any, required ...string) openai.ChatCompletionToolUnionParam {
		return openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name: name, Description: openai.String(about),
			Parameters: shared.FunctionParameters{"type": "object", "properties": properties, "required": required},
		})
	}
	return []openai.ChatCompletionToolUnionParam{
		function("check_availability", "Look up free slots.", map[string]any{"date": map[string]any{"type": "string", "format": "date"}}, "date"),
		function("cancel_booking", "Cancel an appointment.", map[string]any{"reason": map[string]any{"type": "string"}}, "reason"),
	}
}

func latency(t *testing.T) plan.OpenAI {
	t.Helper()
	first, err := fault.ParseDist("500ms")
	if err != nil {
		t.Fatal(err)
	}
	return plan.OpenAI{FirstToken: first, PerToken: fault.Constant(20 * time.Millisecond)}
}

func faults(t *testing.T, texts ...string) plan.OpenAI {
	t.Helper()
	var config plan.OpenAI
	for _, text := range texts {
		rule, err := fault.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		config.Faults = append(config.Faults, rule)
	}
	return config
}

func TestChat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, latency(t), "sk-right")
		c, err := j.Chat.Completions.New(t.Context(), ask("Are you open tomorrow?"))
		if err != nil {
			t.Fatal(err)
		}
		u := c.Usage
		if c.Choices[0].Message.Content == "" || c.Choices[0].FinishReason != "stop" || u.PromptTokens != 21 ||
			u.TotalTokens != u.PromptTokens+u.CompletionTokens || !u.JSON.PromptTokensDetails.Valid() || !u.JSON.CompletionTokensDetails.Valid() {
			t.Errorf("response %s", c.RawJSON())
		}
		calls := j.recorded()
		want := 500*time.Millisecond + time.Duration(u.CompletionTokens-1)*20*time.Millisecond
		if len(calls) != 1 || calls[0].Duration() != want || calls[0].CompletionTokens != u.CompletionTokens {
			t.Errorf("recorded %+v, want %v", calls, want)
		}
	})
}

func TestStream(t *testing.T) {
	for _, words := range []string{"Are you open tomorrow? 😀", "Cancel the booking and check availability"} {
		synctest.Test(t, func(t *testing.T) {
			j := newJudge(t, latency(t), "sk-right")
			params := ask(words)
			params.Tools = tools()
			whole, err := j.Chat.Completions.New(t.Context(), params)
			if err != nil {
				t.Fatal(err)
			}
			params.StreamOptions.IncludeUsage = openai.Bool(true)
			stream := j.Chat.Completions.NewStreaming(t.Context(), params)
			var acc openai.ChatCompletionAccumulator
			finished := 0
			for stream.Next() {
				if !acc.AddChunk(stream.Current()) {
					t.Fatalf("the accumulator refuses %s", stream.Current().RawJSON())
				}
				if _, ok := acc.JustFinishedToolCall(); ok {
					finished++
				}
			}
			if err := stream.Err(); err != nil {
				t.Fatal(err)
			}
			got, want := acc.Choices[0], whole.Choices[0]
			if got.Message.Content != want.Message.Content || got.FinishReason != want.FinishReason ||
				acc.Usage.TotalTokens != whole.Usage.TotalTokens || len(got.Message.ToolCalls) != len(want.Message.ToolCalls) || finished != len(want.Message.ToolCalls) {
				t.Errorf("streamed %+v\nwhole    %s", got, whole.RawJSON())
			}
			for i, call := range got.Message.ToolCalls {
				if f := want.Message.ToolCalls[i].Function; call.Function.Name != f.Name || call.Function.Arguments != f.Arguments {
					t.Errorf("call %d: %+v", i, call)
				}
			}
			calls := j.recorded()
			if len(calls) != 2 || calls[0].Duration() != calls[1].Duration() || calls[1].FirstByte-calls[1].Start >= calls[1].Duration() {
				t.Errorf("recorded %+v", calls)
			}
		})
	}
}

func TestToolsToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.OpenAI{}, "sk-right")
		params := ask("Is there any availability on 2026-12-24?")
		params.Tools = tools()
		c, err := j.Chat.Completions.New(t.Context(), params)
		if err != nil {
			t.Fatal(err)
		}
		message := c.Choices[0].Message
		if len(message.ToolCalls) != 1 || c.Choices[0].FinishReason != "tool_calls" || message.JSON.Content.Raw() != "null" {
			t.Fatalf("response %s", c.RawJSON())
		}
		call := message.ToolCalls[0]
		var arguments struct{ Date string }
		if err := json.Unmarshal([]byte(call.Function.Arguments), &arguments); err != nil || arguments.Date != "2026-12-24" || call.Function.Name != "check_availability" {
			t.Errorf("call %+v, %v", call, err)
		}
		params.Messages = append(params.Messages, message.ToParam(), openai.ToolMessage(`{"free":["10:00","11:30"]}`, call.ID))
		if c, err = j.Chat.Completions.New(t.Context(), params); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`10:00.*11:30`).MatchString(c.Choices[0].Message.Content) {
			t.Errorf("answer %q", c.Choices[0].Message.Content)
		}
		params.ToolChoice = openai.ChatCompletionToolChoiceOptionUnionParam{OfAuto: param.NewOpt("required")}
		if c, err = j.Chat.Completions.New(t.Context(), params); err != nil || len(c.Choices[0].Message.ToolCalls) == 0 {
			t.Errorf("required: %v, %v", c, err)
		}
	})
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name   string
		key    string
		call   func(ctx context.Context, j *judge) error
		status int
		code   string
	}{
		{"wrong key", "sk-wrong", func(ctx context.Context, j *judge) error {
			_, err := j.Chat.Completions.New(ctx, ask("x"))
			return err
		}, 401, "invalid_api_key"},
		{"no messages", "sk-right", func(ctx context.Context, j *judge) error {
			_, err := j.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{Model: "gpt-4o", Messages: []openai.ChatCompletionMessageParamUnion{}})
			return err
		}, 400, "empty_array"},
		{"unknown route", "sk-right", func(ctx context.Context, j *judge) error {
			return j.Post(ctx, "nowhere", nil, nil)
		}, 404, ""},
		{"unknown model", "sk-right", func(ctx context.Context, j *judge) error {
			_, err := j.Models.Get(ctx, "none")
			return err
		}, 404, "model_not_found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJudge(t, plan.OpenAI{}, test.key)
				e, ok := errors.AsType[*openai.Error](test.call(t.Context(), j))
				if !ok || e.StatusCode != test.status || e.Code != test.code || e.Type != "invalid_request_error" || e.Message == "" {
					t.Errorf("error %+v", e)
				}
				if calls := j.recorded(); len(calls) != 1 || calls[0].Retry != 0 {
					t.Errorf("recorded %+v", calls)
				}
			})
		})
	}
}

// The client waits as long as a 429 tells it to, and counts its retries.
func TestRateLimitIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.OpenAI{RequestsPerMinute: 2}, "sk-right")
		for range 3 {
			if _, err := j.Chat.Completions.New(t.Context(), ask("x")); err != nil {
				t.Fatal(err)
			}
		}
		calls := j.recorded()
		if len(calls) != 4 || calls[2].Status != 429 || calls[3].Status != 200 || calls[3].Retry != 1 {
			t.Fatalf("recorded %+v", calls)
		}
		if wait := calls[3].Start - calls[2].End; wait != 30*time.Second {
			t.Errorf("the client waited %v, want 30s", wait)
		}
	})
}

func TestFaultsAreRetried(t *testing.T) {
	for _, rule := range []string{"status 500", "status 503", "status 429", "reset"} {
		t.Run(rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJudge(t, faults(t, rule), "sk-right")
				if _, err := j.Chat.Completions.New(t.Context(), ask("x")); err == nil {
					t.Error("no error")
				}
				calls := j.recorded()
				if len(calls) != 3 {
					t.Fatalf("recorded %+v", calls)
				}
				for i, c := range calls {
					if int(c.Retry) != i || c.Fault != rule || c.Failure == "" {
						t.Errorf("call %d: %+v", i, c)
					}
				}
			})
		})
	}
}

func TestBrokenStreamsAreNoticed(t *testing.T) {
	for _, rule := range []string{"cut", "malformed"} {
		t.Run(rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJudge(t, faults(t, rule), "sk-right")
				stream := j.Chat.Completions.NewStreaming(t.Context(), ask("x"))
				for stream.Next() {
				}
				if err := stream.Err(); err == nil || rule == "cut" && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("the client sees %v", err)
				}
				if err := stream.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
