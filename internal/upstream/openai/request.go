package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// chatRequest is the body of POST /v1/chat/completions, as far as it matters here.
type chatRequest struct {
	Model         string    `json:"model"`
	Messages      []message `json:"messages"`
	Stream        bool      `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	Tools               []tool          `json:"tools"`
	ToolChoice          toolChoice      `json:"tool_choice"`
	ParallelToolCalls   *bool           `json:"parallel_tool_calls"`
	ResponseFormat      *responseFormat `json:"response_format"`
	N                   *int            `json:"n"`
	MaxTokens           *int            `json:"max_tokens"`
	MaxCompletionTokens *int            `json:"max_completion_tokens"`
	Stop                stopList        `json:"stop"`
}

type message struct {
	Role       string     `json:"role"`
	Content    content    `json:"content"`
	Name       string     `json:"name"`
	ToolCalls  []toolCall `json:"tool_calls"`
	ToolCallID string     `json:"tool_call_id"`
}

type tool struct {
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
}

// toolCall is the same in requests (history) and responses.
type toolCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function functionCall `json:"function"`
}

type functionCall struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // JSON in a string
}

type responseFormat struct {
	Type       string `json:"type"` // text, json_object, json_schema
	JSONSchema struct {
		Name   string          `json:"name"`
		Schema json.RawMessage `json:"schema"`
	} `json:"json_schema"`
}

// content is a message's text: a string, null, or parts of which the texts count.
type content string

func (c *content) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		var parts []struct {
			Text    string `json:"text"`
			Refusal string `json:"refusal"`
		}
		if err := json.Unmarshal(data, &parts); err != nil {
			return err
		}
		var b strings.Builder
		for _, p := range parts {
			b.WriteString(p.Text + p.Refusal)
		}
		*c = content(b.String())
		return nil
	}
	return json.Unmarshal(data, (*string)(c))
}

// toolChoice is auto (also when absent), none, required, or the name of one tool.
type toolChoice struct {
	mode string // "", "auto", "none", "required", "function"
	name string
}

func (t *toolChoice) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte{'{'}) {
		var named struct {
			Type     string   `json:"type"`
			Function function `json:"function"`
		}
		if err := json.Unmarshal(data, &named); err != nil {
			return err
		}
		t.mode, t.name = "function", named.Function.Name
		return nil
	}
	return json.Unmarshal(data, &t.mode)
}

// stopList is a string, null, or a list of strings.
type stopList []string

func (s *stopList) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte{'"'}) {
		*s = make(stopList, 1)
		return json.Unmarshal(data, &(*s)[0])
	}
	return json.Unmarshal(data, (*[]string)(s))
}

// parseChat reads and checks a request. ok is false if there is an error to answer
// with; req is nil only if the body could not be read at all.
func parseChat(body []byte) (req *chatRequest, e apiError, ok bool) {
	req = new(chatRequest)
	if err := json.Unmarshal(body, req); err != nil {
		if mismatch, is := errors.AsType[*json.UnmarshalTypeError](err); is && mismatch.Field != "" {
			return nil, wrongType(mismatch.Field, named(mismatch.Type.Kind().String()), named(mismatch.Value)), false
		}
		return nil, notJSON(), false
	}
	for _, check := range []func() (apiError, bool){req.checkBasics, req.checkLimits, req.checkTools, req.checkHistory} {
		if e, ok := check(); !ok {
			return req, e, false
		}
	}
	return req, apiError{}, true
}

// named puts a type's name into the API's words.
func named(kind string) string {
	switch word, _, _ := strings.Cut(kind, " "); word {
	case "string":
		return "a string"
	case "bool":
		return "a boolean"
	case "int", "number":
		return "an integer"
	case "slice", "array":
		return "an array"
	default:
		return "an object"
	}
}

func (r *chatRequest) checkBasics() (apiError, bool) {
	switch {
	case r.Model == "":
		return invalid("", "", "you must provide a model parameter"), false
	case r.Messages == nil:
		return missing("messages"), false
	case len(r.Messages) == 0:
		return invalid("messages", "empty_array",
			"Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."), false
	case r.N != nil && *r.N != 1:
		return invalid("n", "unsupported_value", "Unsupported value: 'n' does not support %d with this model. Only the default (1) value is supported.", *r.N), false
	}
	return apiError{}, true
}

func (r *chatRequest) checkLimits() (apiError, bool) {
	for _, limit := range []struct {
		param string
		value *int
	}{{"max_tokens", r.MaxTokens}, {"max_completion_tokens", r.MaxCompletionTokens}} {
		if limit.value != nil && *limit.value < 1 {
			return invalid(limit.param, "integer_below_min_value",
				"Invalid '%s': integer below minimum value. Expected a value >= 1, but got %d instead.", limit.param, *limit.value), false
		}
	}
	if len(r.Stop) > 4 {
		return invalid("stop", "array_above_max_length",
			"Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length %d instead.", len(r.Stop)), false
	}
	return apiError{}, true
}

func (r *chatRequest) checkTools() (apiError, bool) {
	for i, t := range r.Tools {
		if t.Function.Name == "" {
			return missing(fmt.Sprintf("tools[%d].function.name", i)), false
		}
	}
	switch c := r.ToolChoice; c.mode {
	case "", "auto", "none", "required":
		if c.mode != "" && c.mode != "none" && len(r.Tools) == 0 {
			return invalid("tool_choice", "", "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified."), false
		}
	case "function":
		if r.tool(c.name) == nil {
			return invalid("tool_choice", "", "Invalid value for 'tool_choice': '%s' is not in the list of tools.", c.name), false
		}
	default:
		return invalid("tool_choice", "invalid_value",
			"Invalid value: '%s'. Supported values are: 'none', 'auto', and 'required'.", c.mode), false
	}
	return apiError{}, true
}

// checkHistory refuses what the API refuses in a conversation's history. Bots
// that cut their history to the last n messages commonly break the last two rules.
func (r *chatRequest) checkHistory() (apiError, bool) {
	pending := map[string]bool{} // tool calls not answered yet
	for i, m := range r.Messages {
		if m.Role != "tool" && len(pending) > 0 {
			return unanswered(i, pending), false
		}
		switch m.Role {
		case "system", "developer", "user", "function":
		case "assistant":
			for _, c := range m.ToolCalls {
				pending[c.ID] = true
			}
		case "tool":
			if !pending[m.ToolCallID] && !r.answersEarlier(i) {
				return invalid(fmt.Sprintf("messages.[%d].role", i), "",
					"Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."), false //nolint:misspell // the API's own spelling
			}
			delete(pending, m.ToolCallID)
		case "":
			return missing(fmt.Sprintf("messages[%d].role", i)), false
		default:
			return invalid(fmt.Sprintf("messages[%d].role", i), "invalid_value",
				"Invalid value: '%s'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.", m.Role), false
		}
	}
	if len(pending) > 0 {
		return unanswered(len(r.Messages), pending), false
	}
	return apiError{}, true
}

// answersEarlier reports whether a second result for the same call stands at i, right after the first.
func (r *chatRequest) answersEarlier(i int) bool {
	return i > 0 && r.Messages[i-1].Role == "tool" && r.Messages[i-1].ToolCallID == r.Messages[i].ToolCallID
}

func unanswered(i int, pending map[string]bool) apiError {
	ids := make([]string, 0, len(pending))
	for id := range pending {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return invalid(fmt.Sprintf("messages.[%d].role", i), "",
		"An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "+
			"The following tool_call_ids did not have response messages: %s", strings.Join(ids, ", "))
}

func (r *chatRequest) tool(name string) *function {
	for i := range r.Tools {
		if r.Tools[i].Function.Name == name {
			return &r.Tools[i].Function
		}
	}
	return nil
}

// lastUser is the text of the last message of the user.
func (r *chatRequest) lastUser() string {
	for _, m := range slices.Backward(r.Messages) {
		if m.Role == "user" {
			return string(m.Content)
		}
	}
	return ""
}

// toolResult returns what tools said, if they spoke last.
func (r *chatRequest) toolResult() (text string, ok bool) {
	last := r.Messages[len(r.Messages)-1]
	return string(last.Content), last.Role == "tool" || last.Role == "function"
}

// limit is the most tokens of the completion, 0 for no limit.
func (r *chatRequest) limit() int {
	switch {
	case r.MaxCompletionTokens != nil:
		return *r.MaxCompletionTokens
	case r.MaxTokens != nil:
		return *r.MaxTokens
	default:
		return 0
	}
}
