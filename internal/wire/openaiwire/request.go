package openaiwire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"slices"
	"strings"
)

// Request is what a request says about itself.
type Request struct {
	Kind   Kind
	Model  string
	Stream bool
	// Texts is everything in words that the model reads: messages, tools, formats.
	Texts    []string
	Messages int
	// Limit is the most tokens of one choice, 0 if the request sets none; Choices is n.
	Limit, Choices int
	Images         int
	// Audio is the file of a transcription.
	Audio []byte
	// Unbounded says what makes the cost of the request impossible to bound, empty if nothing does.
	Unbounded string
	// Said is what the user said last.
	Said string
}

// ErrUnreadable is the error of a request that the service would refuse.
var ErrUnreadable = errors.New("the request is not one OpenAI's API describes")

// Parse reads a request of a known kind; the error wraps ErrUnreadable.
func Parse(kind Kind, contentType string, body []byte) (*Request, error) {
	r := &Request{Kind: kind, Choices: 1}
	var err error
	switch kind {
	case Chat, Responses, Embeddings:
		err = r.parseJSON(body)
	case Transcription:
		err = r.parseForm(contentType, body)
	default:
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return r, nil
}

// wireRequest holds the fields of all three kinds.
type wireRequest struct {
	Model               string            `json:"model"`
	Stream              bool              `json:"stream"`
	Messages            []json.RawMessage `json:"messages"`
	Tools               []json.RawMessage `json:"tools"`
	Functions           json.RawMessage   `json:"functions"`
	ResponseFormat      json.RawMessage   `json:"response_format"`
	Text                json.RawMessage   `json:"text"`
	Input               json.RawMessage   `json:"input"`
	Instructions        json.RawMessage   `json:"instructions"`
	N                   *int              `json:"n"`
	MaxTokens           *int              `json:"max_tokens"`
	MaxCompletionTokens *int              `json:"max_completion_tokens"`
	MaxOutputTokens     *int              `json:"max_output_tokens"`
	Modalities          []string          `json:"modalities"`
	ServiceTier         string            `json:"service_tier"`

	WebSearch        json.RawMessage `json:"web_search_options"`
	Prediction       json.RawMessage `json:"prediction"`
	PreviousResponse json.RawMessage `json:"previous_response_id"`
	Conversation     json.RawMessage `json:"conversation"`
	Prompt           json.RawMessage `json:"prompt"`
}

// limits are those of the API of a kind, which passes over the others' names.
func (w *wireRequest) limits(kind Kind) []*int {
	switch kind {
	case Chat:
		return []*int{w.MaxTokens, w.MaxCompletionTokens}
	case Responses:
		return []*int{w.MaxOutputTokens}
	default:
		return nil
	}
}

func (r *Request) parseJSON(body []byte) error {
	var w wireRequest
	if err := json.Unmarshal(body, &w); err != nil {
		return err
	}
	r.Model, r.Stream, r.Messages = w.Model, w.Stream, len(w.Messages)
	for _, limit := range w.limits(r.Kind) {
		if limit != nil {
			r.Limit = max(r.Limit, *limit)
		}
	}
	if w.N != nil {
		r.Choices = max(1, *w.N)
	}
	for _, m := range w.Messages {
		r.message(m)
	}
	for _, raw := range append(slices.Clone(w.Tools), w.Functions, w.ResponseFormat, w.Text) {
		if present(raw) {
			r.Texts = append(r.Texts, string(raw))
		}
	}
	r.input(w.Instructions)
	r.input(w.Input)
	r.unbound(&w)
	return nil
}

// unbound finds what has a price of its own.
func (r *Request) unbound(w *wireRequest) {
	for _, one := range []struct {
		what string
		is   bool
	}{
		{"web_search_options", present(w.WebSearch)},
		{"prediction", present(w.Prediction)},
		{"service_tier " + w.ServiceTier, w.ServiceTier == "priority"},
		{"audio among modalities", slices.Contains(w.Modalities, "audio")},
		{"previous_response_id", present(w.PreviousResponse)},
		{"conversation", present(w.Conversation)},
		{"prompt", present(w.Prompt)},
		{"the web search of the model", strings.Contains(w.Model, "-search-") || strings.Contains(w.Model, "-deep-research")},
	} {
		if one.is && r.Unbounded == "" {
			r.Unbounded = one.what
		}
	}
	for _, raw := range w.Tools {
		var tool struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(raw, &tool) == nil && tool.Type != "function" && tool.Type != "custom" && r.Unbounded == "" {
			r.Unbounded = fmt.Sprintf("a tool of type %.40q", tool.Type)
		}
	}
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// message takes the texts of one message.
func (r *Request) message(raw json.RawMessage) {
	var m struct {
		Role      string          `json:"role"`
		Name      string          `json:"name"`
		Content   json.RawMessage `json:"content"`
		ToolCalls json.RawMessage `json:"tool_calls"`
	}
	if json.Unmarshal(raw, &m) != nil {
		r.Texts = append(r.Texts, string(raw)) // the service refuses it, but if it did not, it would read it
		return
	}
	text := r.content(m.Content)
	if m.Role == "user" {
		r.Said = text
	}
	if m.Name != "" {
		r.Texts = append(r.Texts, m.Name)
	}
	if present(m.ToolCalls) {
		r.Texts = append(r.Texts, string(m.ToolCalls))
	}
	r.others(raw)
}

// others takes the fields of a message that are out of use or of other vendors, which the model may read all the same:
// function_call, reasoning_content.
func (r *Request) others(raw json.RawMessage) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return // of no message
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch name {
		case "role", "content", "name", "tool_calls", "tool_call_id", "type", "id", "status":
			continue
		case "audio":
			if present(fields[name]) {
				r.Unbounded = "earlier audio by its id"
			}
			continue
		}
		if present(fields[name]) {
			r.Texts = append(r.Texts, string(fields[name]))
		}
	}
}

// content takes the texts of a message's content, a string or a list of parts, and returns them joined.
func (r *Request) content(raw json.RawMessage) string {
	var text string
	if !present(raw) || json.Unmarshal(raw, &text) == nil {
		if text != "" {
			r.Texts = append(r.Texts, text)
		}
		return text
	}
	var parts []struct {
		Type    string `json:"type"`
		Text    string `json:"text"`
		Refusal string `json:"refusal"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		r.Texts = append(r.Texts, string(raw))
		return ""
	}
	var all strings.Builder
	for _, p := range parts {
		switch p.Type {
		case "text", "input_text", "output_text", "refusal", "":
			all.WriteString(p.Text + p.Refusal)
		case "image_url", "input_image":
			r.Images++
		default:
			r.Unbounded = fmt.Sprintf("a part of type %.40q", p.Type)
		}
	}
	r.Texts = append(r.Texts, all.String())
	return all.String()
}

// input takes the input of embeddings and responses: a text, a list of texts, of token ids, or of messages.
func (r *Request) input(raw json.RawMessage) {
	if !present(raw) {
		return
	}
	var text string
	var texts []string
	var items []json.RawMessage
	switch {
	case json.Unmarshal(raw, &text) == nil:
		texts = []string{text}
	case json.Unmarshal(raw, &texts) == nil:
	case r.Kind == Responses && json.Unmarshal(raw, &items) == nil:
		r.Messages += len(items)
		for _, item := range items {
			r.item(item)
		}
		return
	default:
		texts = []string{string(raw)} // token ids take more characters than they are tokens
	}
	r.Texts = append(r.Texts, texts...)
	if len(texts) > 0 {
		r.Said = texts[len(texts)-1]
	}
}

// item takes one item of the input of a response: a message, or what was called and came back.
func (r *Request) item(raw json.RawMessage) {
	var kind struct {
		Type    string          `json:"type"`
		Content json.RawMessage `json:"content"`
	}
	if json.Unmarshal(raw, &kind) == nil && present(kind.Content) {
		r.message(raw)
		return
	}
	switch kind.Type {
	case "function_call", "function_call_output", "message", "reasoning", "":
	default:
		r.Unbounded = fmt.Sprintf("an item of type %.40q", kind.Type)
	}
	r.Texts = append(r.Texts, string(raw))
}

// parseForm reads the form of a transcription.
func (r *Request) parseForm(contentType string, body []byte) error {
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return err
	}
	form := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	const parts = 64 // a request has a handful
	for range parts {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		switch part.FormName() {
		case "model":
			r.Model = string(data)
		case "prompt":
			r.Texts = append(r.Texts, string(data))
		case "stream":
			r.Stream = string(data) == "true"
		case "file":
			r.Audio = data
		}
	}
	return errors.New("the form has too many parts")
}

// Prompt is a bound on the tokens of the prompt, given a count or a bound of those of a text. What a message costs beside its text is
// three tokens at OpenAI; this allows for other services' marks. An image is at most 36,835 tokens (gpt-4o-mini, "Images and vision").
func (r *Request) Prompt(count func(text string) int) int {
	const message, image, fixed = 16, 37_000, 64
	total := fixed + message*r.Messages + image*r.Images
	for _, text := range r.Texts {
		total += count(text)
	}
	return total
}

// AudioBound is the longest that the audio can be, in seconds: no speech codec goes below 4 kbit/s.
func (r *Request) AudioBound() float64 { return float64(len(r.Audio)) / 500 }
