package openai

import (
	"net/http"
	"slices"
	"strings"
)

// models serves GET /v1/models and, with a name, GET /v1/models/{name}. It lists well-known models of
// each kind; a name of OpenAI's families exists whether it is listed or not, since calls accept it as well.
func (x *exchange) models(name string) {
	x.Asked(nil)
	if !x.meetFate() {
		return
	}
	if name == "" {
		x.answerJSON(modelList{Object: "list", Data: catalogue()})
		return
	}
	list := catalogue()
	if i := slices.IndexFunc(list, func(m model) bool { return m.ID == name }); i >= 0 {
		x.answerJSON(list[i])
		return
	}
	for _, family := range []string{"gpt-", "chatgpt-", "o1", "o3", "o4", "text-embedding-", "whisper-", "ft:"} {
		if strings.HasPrefix(name, family) {
			x.answerJSON(model{ID: name, Object: "model", Created: 1_754_425_777, OwnedBy: "system"})
			return
		}
	}
	x.refuse(newError(http.StatusNotFound, "invalid_request_error", "model", "model_not_found",
		"The model '%s' does not exist or you do not have access to it.", name))
}

// catalogue is part of what the API lists, with the times and owners it gives.
func catalogue() []model {
	list := []model{
		{ID: "text-embedding-ada-002", Created: 1_671_217_299, OwnedBy: "openai-internal"},
		{ID: "whisper-1", Created: 1_677_532_384, OwnedBy: "openai-internal"},
		{ID: "gpt-3.5-turbo", Created: 1_677_610_602, OwnedBy: "openai"},
		{ID: "gpt-4", Created: 1_687_882_411, OwnedBy: "openai"},
		{ID: "text-embedding-3-large", Created: 1_705_953_180, OwnedBy: "system"},
		{ID: "text-embedding-3-small", Created: 1_705_948_997, OwnedBy: "system"},
		{ID: "gpt-4-turbo", Created: 1_712_361_441, OwnedBy: "system"},
		{ID: "gpt-4o", Created: 1_715_367_049, OwnedBy: "system"},
		{ID: "gpt-4o-mini", Created: 1_721_172_741, OwnedBy: "system"},
		{ID: "gpt-4o-transcribe", Created: 1_742_068_463, OwnedBy: "system"},
		{ID: "gpt-4o-mini-transcribe", Created: 1_742_068_596, OwnedBy: "system"},
		{ID: "gpt-4.1", Created: 1_744_316_542, OwnedBy: "system"},
		{ID: "gpt-4.1-mini", Created: 1_744_318_173, OwnedBy: "system"},
		{ID: "gpt-4.1-nano", Created: 1_744_321_025, OwnedBy: "system"},
		{ID: "gpt-5", Created: 1_754_425_777, OwnedBy: "system"},
		{ID: "gpt-5-mini", Created: 1_754_425_928, OwnedBy: "system"},
		{ID: "gpt-5-nano", Created: 1_754_426_384, OwnedBy: "system"},
	}
	for i := range list {
		list[i].Object = "model"
	}
	return list
}

func (x *exchange) answerJSON(v any) {
	_ = x.answer(http.StatusOK, encode(v)) // a client that went away is in the record
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
