package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"parley/internal/fault"
	"parley/internal/fingerprint"
)

// chat serves POST /v1/chat/completions.
func (x *exchange) chat() {
	if !x.read() {
		return
	}
	req, refusal, ok := parseChat(x.body)
	x.AskedOfModel(x.body)
	if req != nil {
		x.identify(req)
	}
	switch {
	case !x.meetFate():
		return
	case !ok:
		x.refuse(refusal)
		return
	}
	prompt := x.promptTokens(req)
	x.Call.PromptTokens = int64(len(prompt))
	if window := contextWindow(req.Model); window > 0 && len(prompt) > window {
		x.refuse(tooLong(window, len(prompt)))
		return
	}
	// The API judges a request by its prompt or by the completion it allows for, whichever is larger.
	if refusal, ok := x.limits.take(x.W.Header(), req.Model, int64(max(len(prompt), req.limit())), x.Since()); !ok {
		x.refuse(refusal)
		return
	}
	cached, written := x.cache.match(req.Model, prompt, x.Since())
	x.Call.CachedTokens = int64(cached)
	c := x.complete(req, newSpeaker(req, x.config.Script, time.Now()).speak())
	u := usageOf(len(prompt), cached, c.tokens)
	if paysForWriting(req.Model) {
		x.Call.CacheWrittenTokens = int64(written)
		u.PromptDetails.CacheWriteTokens = &written
	}
	x.generate(req, c, u)
}

// read takes the request's body in, or refuses it.
func (x *exchange) read() bool {
	body, err := x.Read(maxBody)
	x.body = body
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		x.refuse(tooLarge())
	}
	return err == nil
}

// identify notes what ties the call to a turn.
func (x *exchange) identify(req *chatRequest) {
	x.Call.Model = req.Model
	x.Call.Pieces = fingerprint.Pieces(nil, x.Key, req.said())
	x.Identify(x.body, fingerprint.LastWords(req.lastUser()))
	x.body = nil // parsed: what waits for its answer need not hold it
}

// meetFate carries out the faults that come instead of an answer.
func (x *exchange) meetFate() bool {
	return x.MeetFate(func(status int) { x.refuse(injected(status)) })
}

func usageOf(prompt, cached, completion int) usage {
	return usage{
		PromptTokens: prompt, CompletionTokens: completion, TotalTokens: prompt + completion,
		PromptDetails: promptDetails{CachedTokens: cached},
	}
}

// generate answers with the completion, at the pace of the latency model.
func (x *exchange) generate(req *chatRequest, c *completion, u usage) {
	others := x.inFlight.Add(1) - 1
	defer x.inFlight.Add(-1)
	start := x.Ready + x.Fate.Delay
	due := x.pace(start, u.PromptTokens-u.PromptDetails.CachedTokens, c.tokens, float64(others))
	id := "chatcmpl-" + x.letters(alphabet, 29)
	fingerprint := "fp_" + x.letters(hexDigits, 10)
	created := time.Now().Unix()
	if req.Stream {
		x.stream(c, due, u, chunk{
			ID: id, Object: "chat.completion.chunk", Created: created, Model: snapshot(req.Model),
			ServiceTier: "default", SystemFingerprint: fingerprint,
		}, req.StreamOptions.IncludeUsage)
		return
	}
	x.whole(due[len(due)-1], chatResponse{
		ID: id, Object: "chat.completion", Created: created, Model: snapshot(req.Model),
		Choices: []choice{{
			Message:      answer{Role: "assistant", Content: c.said(), ToolCalls: c.toolCalls(), Annotations: []struct{}{}},
			FinishReason: c.finish,
		}},
		Usage: u, ServiceTier: "default", SystemFingerprint: fingerprint,
	})
}

// pace draws when each token is generated, as offsets from the epoch; at least one.
// The whole is stretched by the number of other calls in flight as this one starts.
func (x *exchange) pace(start time.Duration, uncached, tokens int, others float64) []time.Duration {
	m := &x.config
	stretch := 1 + m.PerCallInFlight*others
	elapsed := float64(m.FirstToken.Sample(x.Random) + m.PerPromptToken*time.Duration(uncached))
	due := make([]time.Duration, max(1, tokens))
	for i := range due {
		if i > 0 {
			elapsed += float64(m.PerToken.Sample(x.Random))
		}
		due[i] = start + time.Duration(elapsed*stretch)
	}
	return due
}

// whole answers at once when the last token is due.
func (x *exchange) whole(due time.Duration, response chatResponse) {
	body, err := json.Marshal(response)
	if err != nil {
		panic(fmt.Errorf("openai: encode response: %w", err)) // texts and numbers always encode
	}
	if x.Impose(due) != nil {
		return
	}
	x.Call.CompletionTokens = int64(response.Usage.CompletionTokens)
	_ = x.answer(http.StatusOK, body) // a client that went away is in the record
}

// stream answers chunk by chunk. Chunks that are due at the same time leave in one write.
func (x *exchange) stream(c *completion, due []time.Duration, u usage, base chunk, includeUsage bool) {
	events := c.events(includeUsage)
	bad := -1 // the chunk that a fault strikes
	if x.Fate.Effect == fault.Cut || x.Fate.Effect == fault.Malformed {
		bad = 1 + int(float64(len(events)-1)*x.Fate.Where)
	}
	if includeUsage {
		base.Usage = new(*usage)
	}
	dueAt := func(e event) time.Duration { return due[max(1, e.after)-1] }
	var buf []byte
	for i := 0; i < len(events); {
		if x.Impose(dueAt(events[i])) != nil {
			return
		}
		if i == 0 {
			x.W.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			x.W.Header().Set("Cache-Control", "no-cache")
			x.processed()
			x.Head(http.StatusOK)
		}
		buf = buf[:0]
		for now := x.Since(); i < len(events) && dueAt(events[i]) <= now; i++ {
			from := len(buf)
			buf = appendChunk(buf, base, events[i], u)
			x.Call.CompletionTokens = int64(events[i].after)
			if i == bad {
				buf = x.damage(buf, (from+len(buf))/2)
			}
		}
		if i == len(events) {
			buf = append(buf, "data: [DONE]\n\n"...)
		}
		if x.Send(buf) != nil {
			return
		}
	}
}

// damage ends the last chunk at an offset. If the stream is to be cut there, it does not return.
func (x *exchange) damage(buf []byte, at int) []byte {
	if x.Fate.Effect == fault.Cut {
		_ = x.Send(buf[:at]) // the connection closes either way
		x.Cut()
	}
	x.Call.Failure = "malformed"
	return append(buf[:at], "\n\n"...)
}

// appendChunk appends one event of the stream in the SSE format.
func appendChunk(buf []byte, base chunk, e event, u usage) []byte {
	if e.usage {
		base.Choices = []chunkChoice{}
		last := &u
		base.Usage = &last
	} else {
		one := chunkChoice{Delta: e.delta}
		if e.finish != "" {
			one.FinishReason = &e.finish
		}
		base.Choices = []chunkChoice{one}
	}
	data, err := json.Marshal(base)
	if err != nil {
		panic(fmt.Errorf("openai: encode chunk: %w", err)) // texts and numbers always encode
	}
	buf = append(buf, "data: "...)
	buf = append(buf, data...)
	return append(buf, "\n\n"...)
}
