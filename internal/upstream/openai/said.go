package openai

import (
	"strings"

	"parley/internal/fingerprint"
)

// said is the text of a prompt as far as pieces are made of it: the messages in their order, each with its role before it.
func (r *chatRequest) said() []byte {
	var text []byte
	for i := range r.Messages {
		m := &r.Messages[i]
		if len(text) > fingerprint.MostText {
			break
		}
		text = append(append(text, m.Role...), '\n')
		text = append(append(text, m.Content...), '\n')
		for _, c := range m.ToolCalls {
			text = append(append(text, c.Function.Name...), ' ')
			text = append(append(text, c.Function.Arguments...), '\n')
		}
	}
	return text
}

// said is the text of what is to be embedded.
func (r *embeddingRequest) said() []byte { return []byte(strings.Join(r.Input.texts, "\n")) }
