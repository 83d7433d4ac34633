package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"parley/internal/upstream"
	"parley/internal/wire/openaiwire"
)

// key stands for all requests that mean the same.
type key [sha256.Size]byte

// volatile is what differs from run to run though it means the same: moments and days, ids, and numbers of ten digits and
// more, such as telephone numbers and Unix times. Times of day stay: users ask for them.
var volatile = regexp.MustCompile(
	`\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?` +
		`|\b\d{1,2}/\d{1,2}/\d{2,4}\b` +
		`|\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b` +
		`|\b(?:call|chatcmpl|toolu|msg|resp|req|run|thread|file|fc|rs|evt)[_-][A-Za-z0-9_-]{8,}` +
		`|\b[0-9a-fA-F]{16,}\b|\b[0-9A-Z]*\d{10,}\b`)

// steady returns text without what is volatile in it.
func steady(text string) string {
	if !strings.ContainsAny(text, "0123456789_") && len(text) < 16 {
		return text
	}
	return volatile.ReplaceAllLiteralString(text, "<*>")
}

// canonical writes a JSON value so that equal ones are written alike, without what is volatile.
func canonical(v any) any {
	switch v := v.(type) {
	case string:
		return steady(v)
	case json.Number:
		return steady(v.String())
	case map[string]any:
		for name, item := range v {
			v[name] = canonical(item)
		}
	case []any:
		for i, item := range v {
			v[i] = canonical(item)
		}
	}
	return v
}

// canonicalJSON is the canonical form of a document; ok is false if it is none.
func canonicalJSON(data []byte) (text []byte, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil || decoder.More() {
		return nil, false
	}
	text, err := json.Marshal(canonical(v))
	return text, err == nil
}

// plainKey is the key of a request to a service of any kind: method, path, query in any order, and body.
func plainKey(method, target, contentType string, body []byte) key {
	path, query, _ := strings.Cut(target, "?")
	return sum("plain", method, steady(path), steadyQuery(query), string(steadyBody(contentType, body)))
}

func steadyQuery(query string) string {
	values, err := url.ParseQuery(query)
	if err != nil {
		return steady(query)
	}
	return steady(values.Encode())
}

func steadyBody(contentType string, body []byte) []byte {
	if text, ok := canonicalJSON(body); ok {
		return text
	}
	switch {
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		return []byte(steadyQuery(string(body)))
	case utf8.Valid(body):
		return []byte(steady(string(body)))
	default:
		return body
	}
}

// modelKey is the key of a request to OpenAI: what decides what the model says, and whether it comes as a stream.
func modelKey(method, target, contentType string, body []byte) key {
	path, _, _ := strings.Cut(target, "?")
	operation := openaiwire.Operation(method, path)
	switch kind := openaiwire.KindOf(method, path); kind {
	case openaiwire.Other:
	case openaiwire.Chat:
		if text, ok := meaning(body); ok {
			return sum("chat", string(text))
		}
	case openaiwire.Embeddings, openaiwire.Responses:
		if text, ok := canonicalJSON(body); ok {
			return sum(operation, string(text))
		}
	case openaiwire.Transcription:
		if r, err := openaiwire.Parse(kind, contentType, body); err == nil { // the form's boundary is another each time
			return sum("transcription", r.Model, string(r.Audio))
		}
	}
	if method == http.MethodGet {
		return sum("get", target)
	}
	return plainKey(method, target, contentType, body)
}

// meaning is what matters of a chat request: the model, the messages without their ids, the tools.
func meaning(body []byte) (text []byte, ok bool) {
	type function struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Parameters  any    `json:"parameters"`
		Arguments   string `json:"arguments"`
	}
	type called struct {
		Function function `json:"function"`
	}
	var r struct {
		Model    string `json:"model"`
		Stream   bool   `json:"stream"`
		Messages []struct {
			Role      string   `json:"role"`
			Name      string   `json:"name"`
			Content   any      `json:"content"`
			ToolCalls []called `json:"tool_calls"`
		} `json:"messages"`
		Tools          []called `json:"tools"`
		ToolChoice     any      `json:"tool_choice"`
		ResponseFormat any      `json:"response_format"`
	}
	if json.Unmarshal(body, &r) != nil || len(r.Messages) == 0 {
		return nil, false
	}
	for i := range r.Messages {
		m := &r.Messages[i]
		m.Content = canonicalText(m.Content)
		for j := range m.ToolCalls {
			f := &m.ToolCalls[j].Function
			f.Arguments = textOf(f.Arguments)
		}
	}
	for i := range r.Tools {
		r.Tools[i].Function.Description = steady(r.Tools[i].Function.Description)
	}
	text, err := json.Marshal(r)
	return text, err == nil
}

// canonicalText is the content of a message; what a tool returned is often JSON itself.
func canonicalText(content any) any {
	if text, is := content.(string); is {
		return textOf(text)
	}
	return canonical(content)
}

func textOf(text string) string {
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		if plain, ok := canonicalJSON([]byte(text)); ok {
			return string(plain)
		}
	}
	return steady(text)
}

// operationOf is what a request asks for, whatever about.
func operationOf(method, target string) string {
	path, _, _ := strings.Cut(target, "?")
	return upstream.Operation(method, path)
}

// sum is the key of a list of texts.
func sum(parts ...string) key {
	h := sha256.New()
	for _, p := range parts {
		var length [8]byte
		for i := range length {
			length[i] = byte(len(p) >> (8 * i))
		}
		h.Write(length[:])
		h.Write([]byte(p))
	}
	return key(h.Sum(nil))
}
