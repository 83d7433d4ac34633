package openai

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"

	"parley/internal/fingerprint"
)

// What the API takes in one request for embeddings.
const (
	mostInputs      = 2048
	mostInputTokens = 8192    // in one input
	mostBatchTokens = 300_000 // in all of them
)

// embeddingRequest is the body of POST /v1/embeddings.
type embeddingRequest struct {
	Model          string `json:"model"`
	Input          inputs `json:"input"`
	Dimensions     *int   `json:"dimensions"`
	EncodingFormat string `json:"encoding_format"` // float, base64
}

// inputs are a string, a list of strings, the tokens of one text, or a list of those.
type inputs struct {
	texts  []string
	tokens [][]uint32 // in place of texts
	given  bool
}

var errInput = errors.New("openai: no input that the API takes")

func (in *inputs) UnmarshalJSON(data []byte) error {
	in.given = true
	var text string
	var ids []uint32
	switch {
	case json.Unmarshal(data, &text) == nil && text != "":
		in.texts = []string{text}
	case json.Unmarshal(data, &in.texts) == nil && len(in.texts) > 0:
	case json.Unmarshal(data, &ids) == nil && len(ids) > 0:
		in.texts, in.tokens = nil, [][]uint32{ids}
	case json.Unmarshal(data, &in.tokens) == nil && len(in.tokens) > 0:
		in.texts = nil
	default:
		return errInput
	}
	return nil
}

func (in *inputs) count() int { return max(len(in.texts), len(in.tokens)) }

// embeddings serves POST /v1/embeddings.
func (x *exchange) embeddings() {
	if !x.read() {
		return
	}
	req, refusal, ok := parseEmbedding(x.body)
	words := ""
	if req != nil {
		x.Call.Model = req.Model
		words = x.resolve(req)
		x.Call.Pieces = fingerprint.Pieces(nil, x.Key, req.said())
	}
	x.AskedOfModel(x.body)
	x.Identify(x.body, words)
	x.body = nil
	switch {
	case !x.meetFate():
		return
	case !ok:
		x.refuse(refusal)
		return
	}
	if refusal, ok := x.countInputs(req); !ok {
		x.refuse(refusal)
		return
	}
	if refusal, ok := x.limits.take(x.W.Header(), req.Model, x.Call.PromptTokens, x.Since()); !ok {
		x.refuse(refusal)
		return
	}
	due := x.Ready + x.Fate.Delay + x.config.Embedding.Sample(x.Random)
	body := appendEmbeddings(nil, req, x.Call.PromptTokens)
	if x.Impose(due) != nil {
		return
	}
	_ = x.answer(http.StatusOK, body) // a client that went away is in the record
}

// parseEmbedding reads and checks a request. ok is false if there is an error to answer with; req is nil if the
// body could not be read at all.
func parseEmbedding(body []byte) (req *embeddingRequest, e apiError, ok bool) {
	const badInput = "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference."
	req = new(embeddingRequest)
	if err := json.Unmarshal(body, req); err != nil {
		if errors.Is(err, errInput) {
			return req, invalid("", "", badInput), false
		}
		if mismatch, is := errors.AsType[*json.UnmarshalTypeError](err); is && mismatch.Field != "" {
			return nil, wrongType(mismatch.Field, named(mismatch.Type.Kind().String()), named(mismatch.Value)), false
		}
		return nil, notJSON(), false
	}
	size, fixed := dimensionsOf(req.Model)
	switch d := req.Dimensions; {
	case req.Model == "":
		return req, invalid("", "", "you must provide a model parameter"), false
	case !req.Input.given:
		return req, missing("input"), false
	case req.Input.count() > mostInputs:
		return req, invalid("input", "array_above_max_length",
			"Invalid 'input': array too long. Expected an array with maximum length %d, but got an array with length %d instead.",
			mostInputs, req.Input.count()), false
	case req.EncodingFormat != "" && req.EncodingFormat != "float" && req.EncodingFormat != "base64":
		return req, invalid("encoding_format", "invalid_value",
			"Invalid value: '%s'. Supported values are: 'float' and 'base64'.", req.EncodingFormat), false
	case d != nil && fixed:
		return req, invalid("", "", "This model does not support specifying dimensions."), false
	case d != nil && *d < 1:
		return req, invalid("dimensions", "integer_below_min_value",
			"Invalid 'dimensions': integer below minimum value. Expected a value >= 1, but got %d instead.", *d), false
	case d != nil && *d > size:
		return req, invalid("dimensions", "", "Invalid value for 'dimensions' = %d. Must be less than or equal to %d.", *d, size), false
	}
	if slices.Contains(req.Input.texts, "") || slices.ContainsFunc(req.Input.tokens, func(ids []uint32) bool { return len(ids) == 0 }) {
		return req, invalid("", "", badInput), false
	}
	return req, apiError{}, true
}

// dimensionsOf returns how long a model's vectors are, and whether they can be had shorter.
func dimensionsOf(model string) (size int, fixed bool) {
	switch model {
	case "text-embedding-3-large":
		return 3072, false
	case "text-embedding-ada-002":
		return 1536, true
	default:
		return 1536, false
	}
}

// resolve turns tokens into the text they stand for, and returns what the user said last, if one
// text alone was sent: of many it is not one user's message.
func (x *exchange) resolve(req *embeddingRequest) (words string) {
	in := &req.Input
	for _, ids := range in.tokens[:min(len(in.tokens), mostInputs)] {
		in.texts = append(in.texts, x.tokens.Text(req.Model, ids))
	}
	if len(in.texts) != 1 {
		return ""
	}
	return fingerprint.LastWords(in.texts[0])
}

// countInputs counts the tokens, and refuses what is too long.
func (x *exchange) countInputs(req *embeddingRequest) (apiError, bool) {
	for i, text := range req.Input.texts {
		var n int
		if req.Input.tokens != nil {
			n = len(req.Input.tokens[i])
		} else {
			n = x.tokens.Tokens(req.Model, text)
		}
		if n > mostInputTokens {
			return invalid("", "", "This model's maximum context length is %d tokens, however you requested %d tokens (%d in your prompt; 0 for the completion). "+
				"Please reduce your prompt; or completion length.", mostInputTokens, n, n), false
		}
		x.Call.PromptTokens += int64(n)
	}
	if n := x.Call.PromptTokens; n > mostBatchTokens {
		return newError(http.StatusBadRequest, "max_tokens_per_request", "", "max_tokens_per_request",
			"Requested %d tokens, max %d tokens per request", n, mostBatchTokens), false
	}
	return apiError{}, true
}

// appendEmbeddings appends the response. It is written by hand, since it can hold millions of numbers.
func appendEmbeddings(b []byte, req *embeddingRequest, tokens int64) []byte {
	size, _ := dimensionsOf(req.Model)
	b = append(b, `{"object":"list","data":[`...)
	for i, text := range req.Input.texts {
		if i > 0 {
			b = append(b, ',')
		}
		vector := embed(req.Model, text, size)
		if req.Dimensions != nil {
			vector = unit(vector[:*req.Dimensions])
		}
		b = append(b, `{"object":"embedding","index":`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `,"embedding":`...)
		b = appendVector(b, vector, req.EncodingFormat == "base64")
		b = append(b, '}')
	}
	return fmt.Appendf(b, `],"model":%s,"usage":{"prompt_tokens":%d,"total_tokens":%d}}`, jsonOf(req.Model), tokens, tokens)
}

// appendVector appends numbers, or in base64 the bytes of 32-bit floats, little end first.
func appendVector(b []byte, vector []float32, packed bool) []byte {
	if packed {
		raw := make([]byte, 0, 4*len(vector))
		for _, v := range vector {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, raw)
		return append(b, '"')
	}
	b = append(b, '[')
	for i, v := range vector {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, float64(v), 'g', -1, 32)
	}
	return append(b, ']')
}
