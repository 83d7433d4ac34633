package openaiwire

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Usage is what a response says about itself.
type Usage struct {
	// Known: the service reported the tokens or the seconds. If not, only Text is there.
	Known                                    bool
	Prompt, Cached, CacheWritten, Completion int64
	AudioSeconds                             float64
	// Text is everything the model said in a stream, tool calls included.
	Text string
}

// wireUsage holds the usage of all kinds of answers.
type wireUsage struct {
	PromptTokens     int64   `json:"prompt_tokens"`
	CompletionTokens int64   `json:"completion_tokens"`
	InputTokens      int64   `json:"input_tokens"`
	OutputTokens     int64   `json:"output_tokens"`
	Seconds          float64 `json:"seconds"`
	PromptDetails    details `json:"prompt_tokens_details"`
	InputDetails     details `json:"input_tokens_details"`
	// As gateways to other vendors' models report it.
	CacheRead    int64 `json:"cache_read_input_tokens"`
	CacheWritten int64 `json:"cache_creation_input_tokens"`
}

type details struct {
	Cached       int64 `json:"cached_tokens"`
	CacheWritten int64 `json:"cache_write_tokens"`
	// As some gateways name them.
	CacheCreated int64 `json:"cache_creation_tokens"`
}

// wireResponse is a whole answer, or one event of a stream.
type wireResponse struct {
	Usage    *wireUsage      `json:"usage"`
	Duration json.RawMessage `json:"duration"` // a number, in some versions as text
	// Response is that of the events of a stream of responses.
	Response *struct {
		Usage *wireUsage `json:"usage"`
	} `json:"response"`
	Delta   json.RawMessage `json:"delta"`
	Choices []struct {
		Delta struct {
			Content   string `json:"content"`
			Refusal   string `json:"refusal"`
			ToolCalls []struct {
				Function struct {
					Name      string `json:"name"`
					Arguments string `json:"arguments"`
				} `json:"function"`
			} `json:"tool_calls"`
		} `json:"delta"`
	} `json:"choices"`
}

// ParseUsage reads the usage off a whole answer, or off a stream that may end anywhere.
func ParseUsage(body []byte, stream bool) Usage {
	var u Usage
	if !stream {
		u.take(body, nil)
		return u
	}
	var said strings.Builder
	for data := range Events(body) {
		u.take(data, &said)
	}
	u.Text = said.String()
	return u
}

// take adds what one JSON document says.
func (u *Usage) take(data []byte, said *strings.Builder) {
	var r wireResponse
	// Fields of another type than expected leave the others readable.
	if err := json.Unmarshal(data, &r); err != nil && !json.Valid(data) {
		return
	}
	if r.Usage == nil && r.Response != nil {
		r.Usage = r.Response.Usage
	}
	if r.Usage != nil {
		u.from(r.Usage)
	}
	var seconds float64
	if json.Unmarshal(bytes.Trim(r.Duration, `"`), &seconds) == nil && plausible(seconds) {
		u.AudioSeconds, u.Known = max(u.AudioSeconds, seconds), true
	}
	if said == nil {
		return
	}
	for _, c := range r.Choices {
		said.WriteString(c.Delta.Content + c.Delta.Refusal)
		for _, call := range c.Delta.ToolCalls {
			said.WriteString(call.Function.Name + call.Function.Arguments)
		}
	}
	var delta string
	if json.Unmarshal(r.Delta, &delta) == nil {
		said.WriteString(delta)
	}
}

// mostTokens bounds what is believed: a figure beyond it is damage.
const mostTokens = 1 << 40

func plausible(seconds float64) bool { return seconds > 0 && seconds < 1e6 }

func (u *Usage) from(w *wireUsage) {
	prompt, completion := max(w.PromptTokens, w.InputTokens), max(w.CompletionTokens, w.OutputTokens)
	cached := max(w.PromptDetails.Cached, w.InputDetails.Cached, w.CacheRead)
	written := max(w.PromptDetails.CacheWritten, w.InputDetails.CacheWritten, w.PromptDetails.CacheCreated, w.InputDetails.CacheCreated, w.CacheWritten)
	for _, n := range []int64{w.PromptTokens, w.CompletionTokens, w.InputTokens, w.OutputTokens, cached, written} {
		if n < 0 || n > mostTokens {
			return
		}
	}
	if prompt+completion == 0 && !plausible(w.Seconds) {
		return
	}
	u.Known, u.Prompt, u.Completion = true, prompt, completion
	u.Cached = min(cached, prompt)
	u.CacheWritten = min(written, prompt-u.Cached)
	if plausible(w.Seconds) {
		u.AudioSeconds = w.Seconds
	}
}
