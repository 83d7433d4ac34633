package openaiwire

import (
	"net/http"
	"strings"
)

// Kind is what a request asks for.
type Kind uint8

const (
	Other         Kind = iota // anything parley does not know
	Chat                      // chat completions
	Responses                 // responses, which the service stores
	Embeddings                // embeddings
	Transcription             // transcriptions of audio
)

// KindOf returns the kind of a request by its method and path, whatever stands before the route: "/v1",
// or "/openai/deployments/<name>" at Azure.
func KindOf(method, path string) Kind {
	path = strings.TrimSuffix(path, "/")
	switch {
	case method != http.MethodPost:
		return Other
	case strings.HasSuffix(path, "/chat/completions"):
		return Chat
	case strings.HasSuffix(path, "/responses"):
		return Responses
	case strings.HasSuffix(path, "/embeddings"):
		return Embeddings
	case strings.HasSuffix(path, "/audio/transcriptions"):
		return Transcription
	default:
		return Other
	}
}

// Reads reports whether a request changes nothing at the service that is there afterwards.
func Reads(method, path string) bool {
	switch KindOf(method, path) {
	case Chat, Embeddings, Transcription:
		return true
	default:
		return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
	}
}

// Operation is the path as operations name it: with /v1, and with a star for segments that hold digits or
// are long, since they may identify someone.
func Operation(method, path string) string {
	path = strings.Trim(path, "/")
	if path == "v1" || strings.HasPrefix(path, "v1/") {
		path = path[len("v1"):]
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) > 4 {
		parts = append(parts[:4:4], "*")
	}
	for i, part := range parts {
		if len(part) > 24 || strings.ContainsAny(part, "0123456789@%+") || i > 0 && parts[0] == "models" {
			parts[i] = "*"
		}
	}
	const longestMethod = 16 // of real ones: HTTP allows for any
	return method[:min(len(method), longestMethod)] + " /v1/" + strings.Join(parts, "/")
}

// CompletionBound is the most tokens that a model can generate for one choice when the request sets no limit. It follows
// max_output_tokens of LiteLLM's list of 2026-07-24, family by family; models it does not know get the largest.
func CompletionBound(model string) int {
	if i := strings.LastIndexByte(model, '/'); i >= 0 {
		model = model[i+1:] // a gateway's name of the provider
	}
	for _, family := range []struct {
		prefix string
		most   int
	}{
		{"gpt-3.5", 4096}, {"gpt-35", 4096}, {"gpt-4-32k", 4096}, {"gpt-4-turbo", 4096}, {"gpt-4o", 16384}, {"gpt-4.1", 32768},
		{"gpt-4.5", 16384},
	} {
		if strings.HasPrefix(model, family.prefix) {
			return family.most
		}
	}
	if model == "gpt-4" || strings.HasPrefix(model, "gpt-4-0") {
		return 8192
	}
	return 128_000
}
