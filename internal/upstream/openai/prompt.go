package openai

import (
	"encoding/json"
	"strings"

	"parley/internal/price"
)

// What a tool's definition costs beyond the text in it, in tokens. Source: OpenAI
// cookbook, "How to count tokens with tiktoken", section on tool calls, for gpt-4o.
const (
	perFunction   = 7
	perProperties = 3
	perProperty   = 3
	perEnumItem   = 3
	lessForEnum   = 3
	afterTools    = 12
	// Its calls in the history are not documented; this much for the marks around one is near what the API reports.
	perCall = 5
)

// mark is the first of the ids that stand for what is not text: no vocabulary has ids so large.
const mark = 1 << 30

// promptTokens returns the ids of the tokens of a prompt in the order the model sees
// them, tools first, so that prompts with a common prefix have ids with a common prefix.
func (s *Server) promptTokens(req *chatRequest) []uint32 {
	p := prompt{server: s, model: req.Model}
	if len(req.Tools) > 0 {
		for _, t := range req.Tools {
			p.tool(&t.Function)
		}
		p.marks(afterTools)
	}
	if f := req.ResponseFormat; f != nil && len(f.JSONSchema.Schema) > 0 {
		p.text(string(f.JSONSchema.Schema))
	}
	for i := range req.Messages {
		p.message(&req.Messages[i])
	}
	p.marks(price.Priming)
	return p.ids
}

type prompt struct {
	server *Server
	model  string
	ids    []uint32
}

func (p *prompt) text(text string) {
	p.ids = p.server.tokens.AppendTokens(p.ids, p.model, text)
}

func (p *prompt) marks(n int) {
	for i := range n {
		p.ids = append(p.ids, mark+uint32(i))
	}
}

func (p *prompt) message(m *message) {
	p.marks(price.PerMessage)
	p.text(m.Role)
	if m.Name != "" {
		p.marks(price.PerName)
		p.text(m.Name)
	}
	p.text(string(m.Content))
	for _, c := range m.ToolCalls {
		p.marks(perCall)
		p.text(c.Function.Name)
		p.text(c.Function.Arguments)
	}
}

func (p *prompt) tool(f *function) {
	var parameters struct {
		Properties map[string]struct {
			Type        any    `json:"type"`
			Description string `json:"description"`
			Enum        []any  `json:"enum"`
		} `json:"properties"`
	}
	p.marks(perFunction)
	p.text(f.Name + ":" + strings.TrimSuffix(f.Description, "."))
	if err := json.Unmarshal(f.Parameters, &parameters); err != nil || len(parameters.Properties) == 0 {
		return // without parameters, or with ones the model would not see as properties
	}
	p.marks(perProperties)
	for _, key := range sortedKeys(parameters.Properties) {
		property := parameters.Properties[key]
		p.marks(perProperty)
		if len(property.Enum) > 0 {
			p.ids = p.ids[:len(p.ids)-lessForEnum]
			for _, item := range property.Enum {
				p.marks(perEnumItem)
				p.text(textOf(item))
			}
		}
		p.text(key + ":" + textOf(property.Type) + ":" + strings.TrimSuffix(property.Description, "."))
	}
}

// textOf is a JSON value as text: a string as it is, anything else as JSON.
func textOf(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	return jsonOf(v)
}

func jsonOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "null" // a value that JSON has no form for, such as an infinite number in a script
	}
	return string(data)
}
