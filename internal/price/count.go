// Package price counts the tokens of language models, offline and exactly as the
// vendor's published vocabularies do, and knows what they cost by a dated price list. It calls no service.
package price

import (
	"strings"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer"
)

// What a chat prompt costs beyond the text in it, in tokens. Source: OpenAI
// cookbook, "How to count tokens with tiktoken", for gpt-3.5-turbo-0125 and all later models.
const (
	PerMessage = 3 // start, role and end marks of each message
	PerName    = 1 // a message's name field, beside the name itself
	Priming    = 3 // every reply is primed with <|start|>assistant<|message|>
)

// Counter counts tokens. The zero value is ready; vocabularies (a few tens of
// milliseconds and megabytes each) are built when first needed. It remembers the texts it met
// lately, since the prompts of a chat repeat nearly all of their text. It is safe
// for concurrent use and must not be copied.
type Counter struct {
	o200k, cl100k vocabulary
}

// Tokens returns the number of tokens of text for the model.
func (c *Counter) Tokens(model, text string) int {
	return len(c.vocabulary(model).tokens(text))
}

// AppendTokens appends the ids of the tokens of text to dst.
func (c *Counter) AppendTokens(dst []uint32, model, text string) []uint32 {
	return append(dst, c.vocabulary(model).tokens(text)...)
}

// Piece is a part of a text that a model can emit at once: one token, or
// several if the first of them end within a character.
type Piece struct {
	Text   string
	Tokens int
}

// Pieces splits text into what a model would emit, token by token. The pieces
// joined are the text; their tokens add up to [Counter.Tokens] of it.
func (c *Counter) Pieces(model, text string) []Piece {
	_, tokens, err := c.vocabulary(model).codec.Encode(text)
	if err != nil {
		return []Piece{{Text: text, Tokens: estimate(text)}}
	}
	pieces := make([]Piece, 0, len(tokens))
	begin, end, n := 0, 0, 0
	for _, token := range tokens {
		// The tokenizer passes over a few control characters, which go with the token after them.
		skipped := strings.Index(text[end:], token)
		if skipped < 0 {
			return []Piece{{Text: text, Tokens: len(tokens)}} // not valid UTF-8
		}
		end += skipped + len(token)
		n++
		if utf8.ValidString(text[begin:end]) {
			pieces = append(pieces, Piece{Text: text[begin:end], Tokens: n})
			begin, n = end, 0
		}
	}
	if begin < len(text) {
		pieces = append(pieces, Piece{Text: text[begin:], Tokens: n})
	}
	return pieces
}

// Text is the text of tokens, empty if the model's vocabulary has not all of them.
func (c *Counter) Text(model string, tokens []uint32) string {
	ids := make([]uint, len(tokens))
	for i, id := range tokens {
		ids[i] = uint(id)
	}
	text, err := c.vocabulary(model).codec.Decode(ids)
	if err != nil {
		return ""
	}
	return text
}

// vocabulary returns cl100k_base for the gpt-3.5 and gpt-4 families and the models that embed text, and
// o200k_base, that of gpt-4o and everything newer, for all other names.
func (c *Counter) vocabulary(model string) *vocabulary {
	model = strings.TrimPrefix(model, "ft:")
	old := strings.HasPrefix(model, "gpt-3.5") || strings.HasPrefix(model, "gpt-35") || strings.HasPrefix(model, "text-embedding-") ||
		model == "gpt-4" || strings.HasPrefix(model, "gpt-4-") || strings.HasPrefix(model, "gpt-4:")
	if old {
		return c.cl100k.of(tokenizer.Cl100kBase)
	}
	return c.o200k.of(tokenizer.O200kBase)
}
