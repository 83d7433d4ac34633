package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	x.call.PromptTokens = int64(len(prompt))
	if window := contextWindow(req.Model); window > 0 && len(prompt) > window {
		x.refuse(tooLong(window, len(prompt)))
		return
	}
	// The API judges a request by its prompt or by the completion it allows for, whichever is larger.
	if refusal, ok := x.limits.take(x.w.Header(), req.Model, int64(max(len(prompt), req.limit())), x.since()); !ok {
		x.refuse(refusal)
		return
	}
	cached := x.cache.match(req.Model, prompt, x.since())
	x.call.CachedTokens = int64(cached)
	c := x.complete(req, newSpeaker(req, x.opts.Config.Script, time.Now()).speak())
	x.generate(req, c, usageOf(len(prompt), cached, c.tokens))
}

// read takes the request's body in.
func (x *exchange) read() bool {
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxBody))
	x.call.RequestBytes = int64(len(body))
	x.ready = x.since()
	x.body = body
	if err == nil {
		return true
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		x.refuse(tooLarge())
	} else {
		_ = x.out.gone() // the record says so
	}
	return false
}

// identify notes what ties the call to a turn.
func (x *exchange) identify(req *chatRequest) {
	x.call.Model = req.Model
	x.call.Identities = x.opts.Finder.AppendHashes(nil, x.body, x.opts.Key)
	x.call.Words = x.opts.Key.Hash(fingerprint.LastWords(req.lastUser()))
	if x.opts.Attribute != nil {
		x.call.Turn, x.call.By = x.opts.Attribute(x.call.Identities, x.call.Words)
	}
	x.body = nil // parsed: what waits for its answer need not hold it
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
	start := x.ready + x.fate.Delay
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
	m := &x.opts.Config
	stretch := 1 + m.PerCallInFlight*others
	elapsed := float64(m.FirstToken.Sample(x.random) + m.PerPromptToken*time.Duration(uncached))
	due := make([]time.Duration, max(1, tokens))
	for i := range due {
		if i > 0 {
			elapsed += float64(m.PerToken.Sample(x.random))
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
	err = x.out.until(due)
	x.call.Imposed = x.since() - x.ready
	if err != nil {
		return
	}
	x.call.CompletionTokens = int64(response.Usage.CompletionTokens)
	_ = x.answer(http.StatusOK, body) // a client that went away is in the record
}

// stream answers chunk by chunk. Chunks that are due at the same time leave in one write.
func (x *exchange) stream(c *completion, due []time.Duration, u usage, base chunk, includeUsage bool) {
	events := c.events(includeUsage)
	bad := -1 // the chunk that a fault strikes
	if x.fate.Effect == fault.Cut || x.fate.Effect == fault.Malformed {
		bad = 1 + int(float64(len(events)-1)*x.fate.Where)
	}
	if includeUsage {
		base.Usage = new(*usage)
	}
	dueAt := func(e event) time.Duration { return due[max(1, e.after)-1] }
	var buf []byte
	for i := 0; i < len(events); {
		err := x.out.until(dueAt(events[i]))
		x.call.Imposed = x.since() - x.ready
		if err != nil {
			return
		}
		if i == 0 {
			x.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			x.w.Header().Set("Cache-Control", "no-cache")
			x.answerHead(http.StatusOK)
		}
		buf = buf[:0]
		for now := x.since(); i < len(events) && dueAt(events[i]) <= now; i++ {
			from := len(buf)
			buf = appendChunk(buf, base, events[i], u)
			x.call.CompletionTokens = int64(events[i].after)
			if i == bad {
				buf = x.damage(buf, (from+len(buf))/2)
			}
		}
		if i == len(events) {
			buf = append(buf, "data: [DONE]\n\n"...)
		}
		if x.out.send(buf) != nil {
			return
		}
	}
}

// damage ends the last chunk at an offset. If the stream is to be cut there, it does not return.
func (x *exchange) damage(buf []byte, at int) []byte {
	if x.fate.Effect == fault.Cut {
		_ = x.out.send(buf[:at]) // the connection closes either way
		x.out.cut()
	}
	x.call.Failure = "malformed"
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
