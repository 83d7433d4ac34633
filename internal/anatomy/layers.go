package anatomy

import (
	"strings"

	"parley"
)

// layer is a place where the time of a reply may go.
type layer uint8

// The layers, in the order of reports.
const (
	platformLayer layer = iota // until the webhook is sent, pauses before it is repeated, calls to the platform that send nothing
	waitingLayer               // from the webhook to the bot's first sign of life
	botLayer                   // no call the answer waited for was under way
	postgresLayer
	redisLayer
	modelLayer
	calendarLayer
	httpLayer    // all other services
	sendingLayer // calls that send, and the delivery of the answer
	layerCount
)

// String is the layer's name in a summary.
func (l layer) String() string {
	return [layerCount]string{"platform", "waiting", "bot", "postgres", "redis", "llm", "calendar", "http", "sending"}[l]
}

// LayerLabel is what people call a layer of a [Waterfall].
func LayerLabel(name string) string {
	switch name {
	case platformLayer.String():
		return "the platform"
	case waitingLayer.String():
		return "waiting before the bot"
	case botLayer.String():
		return Label(name)
	case postgresLayer.String(), redisLayer.String():
		return Label(name)
	case modelLayer.String():
		return "language models"
	case httpLayer.String():
		return "HTTP services"
	default:
		return name
	}
}

// Layers are the names of all layers, in the order of reports.
func Layers() []string {
	out := make([]string, 0, layerCount)
	for l := range layerCount {
		out = append(out, l.String())
	}
	return out
}

// layerOf is the layer of a call.
func (s *scene) layerOf(c *parley.Call) layer {
	wire := wireName(c.Wire)
	switch kind := s.kinds[wire]; {
	case kind == PlatformKind && sends(c.Operation):
		return sendingLayer
	case kind == PlatformKind:
		return platformLayer
	case s.toModel(c):
		return modelLayer
	case kind == databaseKind:
		return postgresLayer
	case kind == "redis":
		return redisLayer
	case kind == "calendar":
		return calendarLayer
	default:
		return httpLayer
	}
}

// sends reports whether an operation of a platform's API sends a message: its path says so on all of them
// ("POST /message/sendText/{instance}").
func sends(operation string) bool { return strings.Contains(operation, "/message/") }
