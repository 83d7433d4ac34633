package openai

import (
	"strings"

	"parley/internal/price"
)

// completion is what the model generates, token by token.
type completion struct {
	text   []price.Piece
	calls  []generatedCall
	finish string // stop, length, tool_calls
	tokens int
}

// generatedCall is a tool call with the pieces its arguments come in.
type generatedCall struct {
	id, name string
	// head is what the model generates before the arguments: the name and marks, in tokens.
	head      int
	arguments []price.Piece
}

// complete turns an utterance into tokens, within the limits of the request.
func (x *exchange) complete(req *chatRequest, u utterance) *completion {
	c := &completion{finish: "stop"}
	c.text = x.tokens.Pieces(req.Model, untilStop(u.text, req.Stop))
	for _, call := range u.calls {
		c.finish = "tool_calls"
		c.calls = append(c.calls, generatedCall{
			id:        "call_" + x.letters(alphabet, 24),
			name:      call.tool,
			head:      perCall + x.tokens.Tokens(req.Model, call.tool),
			arguments: x.tokens.Pieces(req.Model, jsonOf(call.arguments)),
		})
	}
	// A tool the request insists on by name ends with "stop" at OpenAI.
	if req.ToolChoice.mode == "function" && len(c.calls) > 0 {
		c.finish = "stop"
	}
	c.cutAt(req.limit())
	return c
}

// untilStop ends text before the first of the stop sequences.
func untilStop(text string, stops []string) string {
	for _, stop := range stops {
		if stop != "" {
			text, _, _ = strings.Cut(text, stop)
		}
	}
	return text
}

// cutAt counts the tokens, and ends the completion at the limit if it has one.
func (c *completion) cutAt(limit int) {
	room := limit
	if limit <= 0 {
		room = 1 << 30
	}
	take := func(pieces []price.Piece) []price.Piece {
		for i, p := range pieces {
			if c.tokens+p.Tokens > room {
				c.finish = "length"
				return pieces[:i]
			}
			c.tokens += p.Tokens
		}
		return pieces
	}
	c.text = take(c.text)
	for i := range c.calls {
		call := &c.calls[i]
		if c.tokens+call.head > room {
			c.finish = "length"
			c.calls = c.calls[:i]
			break
		}
		c.tokens += call.head
		call.arguments = take(call.arguments)
	}
	if c.finish == "length" {
		c.tokens = limit
	}
}

// said is the text, nil if there are tool calls instead.
func (c *completion) said() *string {
	if len(c.calls) > 0 {
		return nil
	}
	text := joined(c.text)
	return &text
}

func joined(pieces []price.Piece) string {
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(p.Text)
	}
	return b.String()
}

// toolCalls are the calls as a whole response has them.
func (c *completion) toolCalls() []toolCall {
	var calls []toolCall
	for _, g := range c.calls {
		calls = append(calls, toolCall{
			ID: g.id, Type: "function",
			Function: functionCall{Name: g.name, Arguments: joined(g.arguments)},
		})
	}
	return calls
}

// event is one chunk of a stream: what it adds, and after how many generated tokens it can be sent.
type event struct {
	after  int
	delta  delta
	finish string
	usage  bool
}

// events lists the chunks of a stream.
func (c *completion) events(includeUsage bool) []event {
	events := make([]event, 0, len(c.text)+4)
	generated := 0
	add := func(tokens int, d delta) {
		generated += tokens
		events = append(events, event{after: generated, delta: d})
	}
	role := delta{Role: "assistant", Content: some(""), Refusal: null()}
	if len(c.calls) > 0 {
		role.Content = null()
	}
	events = append(events, event{after: 1, delta: role})
	for _, p := range c.text {
		add(p.Tokens, delta{Content: some(p.Text)})
	}
	for i, call := range c.calls {
		head := toolCallDelta{Index: i, ID: call.id, Type: "function"}
		head.Function.Name = call.name
		add(call.head, delta{ToolCalls: []toolCallDelta{head}})
		for _, p := range call.arguments {
			fragment := toolCallDelta{Index: i}
			fragment.Function.Arguments = p.Text
			add(p.Tokens, delta{ToolCalls: []toolCallDelta{fragment}})
		}
	}
	events = append(events, event{after: c.tokens, finish: c.finish})
	if includeUsage {
		events = append(events, event{after: c.tokens, usage: true})
	}
	return events
}
