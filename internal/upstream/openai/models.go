package openai

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// models serves GET /v1/models and, with a name, GET /v1/models/{name}. It lists a few
// well-known models; chat completions accept any name.
func (x *exchange) models(name string) {
	if !x.meetFate() {
		return
	}
	list := modelList{Object: "list"}
	for _, id := range []string{
		"gpt-3.5-turbo", "gpt-4", "gpt-4-turbo", "gpt-4o", "gpt-4o-mini",
		"gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-5", "gpt-5-mini", "gpt-5-nano",
	} {
		list.Data = append(list.Data, model{ID: id, Object: "model", Created: 1715367049, OwnedBy: "system"})
	}
	if name == "" {
		x.answerJSON(list)
		return
	}
	for _, m := range list.Data {
		if m.ID == name {
			x.answerJSON(m)
			return
		}
	}
	x.refuse(newError(http.StatusNotFound, "invalid_request_error", "model", "model_not_found",
		"The model '%s' does not exist or you do not have access to it.", name))
}

func (x *exchange) answerJSON(v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("openai: encode models: %w", err)) // texts and numbers always encode
	}
	_ = x.answer(http.StatusOK, body) // a client that went away is in the record
}

// snapshot is the dated model the API names in its answers when asked for an
// alias. Other names stay as they are.
func snapshot(model string) string {
	switch model {
	case "gpt-3.5-turbo":
		return "gpt-3.5-turbo-0125"
	case "gpt-4":
		return "gpt-4-0613"
	case "gpt-4-turbo":
		return "gpt-4-turbo-2024-04-09"
	case "gpt-4o":
		return "gpt-4o-2024-08-06"
	case "gpt-4o-mini":
		return "gpt-4o-mini-2024-07-18"
	case "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano":
		return model + "-2025-04-14"
	case "gpt-5", "gpt-5-mini", "gpt-5-nano":
		return model + "-2025-08-07"
	default:
		return model
	}
}

// contextWindow is the most tokens a prompt of the model may have, 0 if not known.
func contextWindow(model string) int {
	switch {
	case strings.HasPrefix(model, "gpt-3.5-turbo"):
		return 16_385
	case strings.HasPrefix(model, "gpt-4.1"):
		return 1_047_576
	case strings.HasPrefix(model, "gpt-4o"), strings.HasPrefix(model, "gpt-4-turbo"):
		return 128_000
	case model == "gpt-4", strings.HasPrefix(model, "gpt-4-0"):
		return 8_192
	case strings.HasPrefix(model, "gpt-5"):
		return 400_000
	default:
		return 0
	}
}
