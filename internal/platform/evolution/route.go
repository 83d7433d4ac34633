package evolution

import (
	"bytes"
	"net/url"
	"strings"
)

// route is one operation of the send API.
type route struct {
	method    string
	operation string // its name in records
	instance  bool   // the path ends in the instance's name
	open      bool   // no key is needed
	schema    []property
	// other is the same operation in the gateway's other version, nil if its shape is not accepted.
	other *route
	serve func(*Platform, *exchange) answer
	// Of a send:
	kind        string // of the reply
	messageType string // WhatsApp's own name of it
	words       string // the property that holds the text or caption
}

// property is one property of a request's body, or of the object that in names. Routes have at most
// maxProperties of those parley looks at; others pass unseen, as they do at the gateway.
type property struct {
	name     string
	in       string
	kind     jsonKind
	required bool
	// complaint replaces the validator's own message when the kind is wrong.
	complaint string
	enum      []string
	least     int // fewest elements of an array
}

const maxProperties = 10

type jsonKind string

const (
	anyKind     jsonKind = ""
	stringKind  jsonKind = "string"
	integerKind jsonKind = "integer"
	numberKind  jsonKind = "number"
	booleanKind jsonKind = "boolean"
	arrayKind   jsonKind = "array"
	objectKind  jsonKind = "object"
)

// The first properties of every send, in this order; see exchange.value.
const (
	atNumber = iota
	atDelay
	atQuoted
	atOwn // where those of the route begin
)

// adder puts a route into a table.
type adder func(method, path string, r route)

// routes returns the API of a version by lower-case path without the instance. Express, which
// the gateway is built on, does not tell upper case from lower.
func routes(v1 bool) map[string]*route {
	table := map[string]*route{}
	add := func(method, path string, r route) {
		r.method = method
		r.instance = strings.HasSuffix(path, "/{instance}")
		r.operation = method + " " + path
		table[strings.ToLower(strings.TrimSuffix(path[1:], "/{instance}"))] = &r
	}
	addCommon(add)
	if v1 {
		addFirst(add)
		return table
	}
	addSends(add)
	add("POST", "/chat/sendPresence/{instance}", route{serve: (*Platform).presence, schema: []property{
		{name: "number", kind: stringKind, required: true, complaint: "Invalid format"},
		{name: "delay", kind: numberKind, required: true},
		{name: "presence", kind: stringKind, required: true,
			enum: []string{"unavailable", "available", "composing", "recording", "paused"}},
	}})
	add("POST", "/chat/markMessageAsRead/{instance}", route{serve: (*Platform).markRead, schema: []property{
		{name: "readMessages", kind: arrayKind, required: true, least: 1},
	}})
	add("POST", "/webhook/set/{instance}", route{serve: (*Platform).setWebhook, schema: []property{
		{name: "webhook", kind: objectKind, required: true},
	}})
	return table
}

// joined returns the routes of one version that accept the shapes of the other as well.
func joined(own, others map[string]*route) map[string]*route {
	for name, r := range others {
		if own[name] == nil {
			own[name] = r
		} else {
			own[name].other = r
		}
	}
	return own
}

// addCommon adds what is the same in both versions.
func addCommon(add adder) {
	add("GET", "/", route{serve: (*Platform).welcome, open: true})
	// The gateway has no schema for it, and looks at what it gets as it goes.
	add("POST", "/chat/getBase64FromMediaMessage/{instance}", route{serve: (*Platform).mediaMessage, schema: []property{
		{name: "message"}, {name: "convertToMp4"},
	}})
	add("POST", "/chat/whatsappNumbers/{instance}", route{serve: (*Platform).numbers, schema: []property{
		{name: "numbers", kind: arrayKind, least: 1},
	}})
	add("POST", "/chat/findMessages/{instance}", route{serve: (*Platform).findMessages, schema: []property{
		{name: "where", kind: objectKind},
	}})
	add("POST", "/chat/findContacts/{instance}", route{serve: (*Platform).findContacts, schema: []property{
		{name: "where", kind: objectKind},
	}})
	add("POST", "/chat/fetchProfilePictureUrl/{instance}", route{serve: (*Platform).picture, schema: []property{
		{name: "number", kind: stringKind},
	}})
	add("GET", "/instance/connectionState/{instance}", route{serve: (*Platform).connectionState})
	add("GET", "/instance/connect/{instance}", route{serve: (*Platform).connectionState})
	add("GET", "/instance/fetchInstances", route{serve: (*Platform).fetchInstances})
	add("GET", "/webhook/find/{instance}", route{serve: (*Platform).findWebhook})
}

// addSends adds the operations of version 2 that send a message. What each requires follows
// the gateway's src/validate/message.schema.ts.
func addSends(add adder) {
	need := func(kind jsonKind, name string) property { return property{name: name, kind: kind, required: true} }
	send := func(name, kind, messageType, words string, own ...property) {
		schema := []property{
			atNumber: {name: "number", kind: stringKind, required: true, complaint: "Invalid format"},
			atDelay:  {name: "delay", kind: integerKind, complaint: "Enter a value in milliseconds"},
			atQuoted: {name: "quoted"},
		}
		add("POST", "/message/"+name+"/{instance}", route{
			serve: (*Platform).send, schema: append(schema, own...), kind: kind, messageType: messageType, words: words,
		})
	}
	send("sendText", "text", "conversation", "text", need(stringKind, "text"))
	send("sendMedia", "", "", "caption",
		property{name: "mediatype", kind: stringKind, required: true, enum: []string{"image", "document", "video", "audio"}},
		property{name: "caption", kind: stringKind}, property{name: "media", kind: stringKind},
		property{name: "mimetype", kind: stringKind}, property{name: "fileName", kind: stringKind})
	send("sendWhatsAppAudio", "audio", "audioMessage", "", property{name: "audio", kind: stringKind})
	send("sendPtv", "video", "ptvMessage", "", property{name: "video", kind: stringKind})
	send("sendSticker", "sticker", "stickerMessage", "", property{name: "sticker", kind: stringKind})
	send("sendLocation", "location", "locationMessage", "name",
		need(numberKind, "latitude"), need(numberKind, "longitude"), need(stringKind, "name"), need(stringKind, "address"))
	send("sendContact", "contact", "contactMessage", "", property{name: "contact", kind: arrayKind, required: true, least: 1})
	send("sendPoll", "poll", "pollCreationMessage", "name", need(stringKind, "name"),
		need(integerKind, "selectableCount"), property{name: "values", kind: arrayKind, required: true, least: 2})
	send("sendList", "list", "listMessage", "title", need(stringKind, "title"), need(stringKind, "footerText"),
		need(stringKind, "buttonText"), property{name: "sections", kind: arrayKind, required: true, least: 1})
	send("sendButtons", "buttons", "interactiveMessage", "title", property{name: "title", kind: stringKind},
		property{name: "buttons", kind: arrayKind})
	send("sendTemplate", "template", "templateMessage", "name", need(stringKind, "name"), need(stringKind, "language"))
	add("POST", "/message/sendReaction/{instance}", route{
		serve: (*Platform).react, kind: "reaction", messageType: "reactionMessage", words: "reaction",
		schema: []property{need(objectKind, "key"), need(stringKind, "reaction")},
	})
	add("POST", "/message/sendStatus/{instance}", route{
		serve: (*Platform).sendStatus, kind: "status", messageType: "extendedTextMessage", words: "content",
		schema: []property{
			{name: "type", kind: stringKind, required: true, enum: []string{"text", "image", "audio", "video"}},
			{name: "content", kind: stringKind},
		},
	})
}

// findRoute splits a path as it stood in the request line and finds its route, nil
// if there is none. Like the gateway it tolerates one slash at the end, and
// no doubled one: a base URL that ends in a slash fails here as it does there.
func (p *Platform) findRoute(method, path []byte) (r *route, instance string) {
	if len(path) == 0 || path[0] != '/' {
		return nil, ""
	}
	path = path[1:]
	if bytes.HasPrefix(path, []byte(mediaPath)) && string(method) == p.media.method {
		return &p.media, ""
	}
	if len(path) > 0 && path[len(path)-1] == '/' {
		path = path[:len(path)-1]
	}
	name := path
	var last []byte
	if bytes.Count(path, []byte{'/'}) == 2 {
		i := bytes.LastIndexByte(path, '/')
		name, last = path[:i], path[i+1:]
	}
	var space [64]byte
	r = p.routes[string(lower(space[:0], name))]
	if r != nil && r.method != string(method) {
		r = r.other
	}
	if r == nil || r.method != string(method) || r.instance != (len(last) > 0) {
		return nil, ""
	}
	if string(last) == p.opt.Config.Instance {
		return r, p.opt.Config.Instance
	}
	instance = string(last)
	if bytes.IndexByte(last, '%') >= 0 {
		if decoded, err := url.PathUnescape(instance); err == nil {
			instance = decoded
		}
	}
	return r, instance
}

// lower appends text with ASCII capitals made small.
func lower(dst, text []byte) []byte {
	for _, c := range text {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
