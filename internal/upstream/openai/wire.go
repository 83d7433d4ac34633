package openai

import "encoding/json"

// The shapes of responses. Fields are in the API's own order; absent values are
// null or left out as the API does.

type chatResponse struct {
	ID                string   `json:"id"`
	Object            string   `json:"object"` // chat.completion
	Created           int64    `json:"created"`
	Model             string   `json:"model"`
	Choices           []choice `json:"choices"`
	Usage             usage    `json:"usage"`
	ServiceTier       string   `json:"service_tier"`
	SystemFingerprint string   `json:"system_fingerprint"`
}

type choice struct {
	Index        int       `json:"index"`
	Message      answer    `json:"message"`
	Logprobs     *struct{} `json:"logprobs"`
	FinishReason string    `json:"finish_reason"`
}

type answer struct {
	Role        string     `json:"role"`
	Content     *string    `json:"content"` // null when there are tool calls
	ToolCalls   []toolCall `json:"tool_calls,omitempty"`
	Refusal     *string    `json:"refusal"`
	Annotations []struct{} `json:"annotations"`
}

type usage struct {
	PromptTokens     int              `json:"prompt_tokens"`
	CompletionTokens int              `json:"completion_tokens"`
	TotalTokens      int              `json:"total_tokens"`
	PromptDetails    promptDetails    `json:"prompt_tokens_details"`
	Details          completionDetail `json:"completion_tokens_details"`
}

type promptDetails struct {
	CachedTokens int `json:"cached_tokens"`
	AudioTokens  int `json:"audio_tokens"`
	// CacheWriteTokens is left out by models that do not charge for them.
	CacheWriteTokens *int `json:"cache_write_tokens,omitempty"`
}

type completionDetail struct {
	ReasoningTokens          int `json:"reasoning_tokens"`
	AudioTokens              int `json:"audio_tokens"`
	AcceptedPredictionTokens int `json:"accepted_prediction_tokens"`
	RejectedPredictionTokens int `json:"rejected_prediction_tokens"`
}

// chunk is one event of a stream. Without include_usage there is no usage field
// at all; with it, it is null in all chunks but the last.
type chunk struct {
	ID                string        `json:"id"`
	Object            string        `json:"object"` // chat.completion.chunk
	Created           int64         `json:"created"`
	Model             string        `json:"model"`
	ServiceTier       string        `json:"service_tier"`
	SystemFingerprint string        `json:"system_fingerprint"`
	Choices           []chunkChoice `json:"choices"`
	// Usage is a pointer to a pointer: nil leaves the field out, a pointer to nil writes null.
	Usage **usage `json:"usage,omitempty"`
}

type chunkChoice struct {
	Index        int       `json:"index"`
	Delta        delta     `json:"delta"`
	Logprobs     *struct{} `json:"logprobs"`
	FinishReason *string   `json:"finish_reason"`
}

// delta is what a chunk adds to the message.
type delta struct {
	Role      string          `json:"role,omitempty"`
	Content   nullable        `json:"content,omitzero"`
	ToolCalls []toolCallDelta `json:"tool_calls,omitempty"`
	Refusal   nullable        `json:"refusal,omitzero"`
}

type toolCallDelta struct {
	Index    int    `json:"index"`
	ID       string `json:"id,omitempty"`
	Type     string `json:"type,omitempty"`
	Function struct {
		Name      string `json:"name,omitempty"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

type modelList struct {
	Object string  `json:"object"` // list
	Data   []model `json:"data"`
}

type model struct {
	ID      string `json:"id"`
	Object  string `json:"object"` // model
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// nullable is a field that may be left out, null or a string.
type nullable struct {
	present bool
	text    *string
}

func (n nullable) IsZero() bool { return !n.present }

func (n nullable) MarshalJSON() ([]byte, error) { return json.Marshal(n.text) }

func null() nullable            { return nullable{present: true} }
func some(text string) nullable { return nullable{present: true, text: &text} }
