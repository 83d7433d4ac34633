package evolution

// addFirst adds what version 1 has in a shape of its own: what is sent stands in an object named after its
// kind, beside options. It follows the gateway's src/validate of release 1.8.
func addFirst(add adder) {
	addFirstSends(add)
	add("POST", "/chat/sendPresence/{instance}", route{serve: (*Platform).presence, schema: []property{
		{name: "number", kind: stringKind, required: true, complaint: "Invalid format"},
		{name: "delay", in: "options", kind: numberKind, required: true},
		{name: "presence", in: "options", kind: stringKind, required: true,
			enum: []string{"unavailable", "available", "composing", "recording", "paused"}},
		{name: "options", kind: objectKind, required: true},
	}})
	add("PUT", "/chat/markMessageAsRead/{instance}", route{serve: (*Platform).markRead, schema: []property{
		{name: "read_messages", kind: arrayKind, required: true, least: 1},
	}})
	add("POST", "/webhook/set/{instance}", route{serve: (*Platform).setFirstWebhook, schema: []property{
		{name: "url", kind: stringKind, required: true},
		{name: "events", kind: arrayKind},
		{name: "webhook_by_events", kind: booleanKind},
		{name: "webhook_base64", kind: booleanKind},
	}})
}

func addFirstSends(add adder) {
	need := func(kind jsonKind, name string) property { return property{name: name, kind: kind, required: true} }
	send := func(name, kind, messageType, words, object string, own ...property) {
		schema := []property{
			atNumber: {name: "number", kind: stringKind, required: true, complaint: "Invalid format"},
			atDelay:  {name: "delay", in: "options", kind: integerKind, complaint: "Enter a value in milliseconds"},
			atQuoted: {name: "quoted", in: "options"},
		}
		for i := range own {
			own[i].in = object
		}
		schema = append(append(schema, own...), need(objectKind, object))
		add("POST", "/message/"+name+"/{instance}", route{
			serve: (*Platform).send, schema: schema, kind: kind, messageType: messageType, words: words,
		})
	}
	send("sendText", "text", "extendedTextMessage", "text", "textMessage", need(stringKind, "text"))
	send("sendMedia", "", "", "caption", "mediaMessage",
		property{name: "mediatype", kind: stringKind, required: true, enum: []string{"image", "document", "video", "audio"}},
		need(stringKind, "media"), property{name: "caption", kind: stringKind},
		property{name: "mimetype", kind: stringKind}, property{name: "fileName", kind: stringKind})
	send("sendWhatsAppAudio", "audio", "audioMessage", "", "audioMessage", need(stringKind, "audio"))
	send("sendSticker", "sticker", "stickerMessage", "", "stickerMessage", need(stringKind, "image"))
	send("sendLocation", "location", "locationMessage", "name", "locationMessage",
		need(numberKind, "latitude"), need(numberKind, "longitude"), property{name: "name", kind: stringKind})
	send("sendPoll", "poll", "pollCreationMessage", "name", "pollMessage", need(stringKind, "name"),
		need(integerKind, "selectableCount"), property{name: "values", kind: arrayKind, required: true, least: 2})
	send("sendList", "list", "listMessage", "title", "listMessage", need(stringKind, "title"), need(stringKind, "description"),
		need(stringKind, "buttonText"), property{name: "sections", kind: arrayKind, required: true, least: 1})
	send("sendButtons", "buttons", "buttonsMessage", "title", "buttonMessage", need(stringKind, "title"),
		property{name: "buttons", kind: arrayKind, required: true, least: 1})
	send("sendTemplate", "template", "templateMessage", "name", "templateMessage", need(stringKind, "name"), need(stringKind, "language"))
	add("POST", "/message/sendContact/{instance}", route{
		serve: (*Platform).send, kind: "contact", messageType: "contactMessage",
		schema: []property{
			atNumber: {name: "number", kind: stringKind, required: true, complaint: "Invalid format"},
			atDelay:  {name: "delay", in: "options", kind: integerKind, complaint: "Enter a value in milliseconds"},
			atQuoted: {name: "quoted", in: "options"},
			atOwn:    {name: "contactMessage", kind: arrayKind, required: true, least: 1},
		},
	})
	in := func(object string, p property) property {
		p.in = object
		return p
	}
	add("POST", "/message/sendReaction/{instance}", route{
		serve: (*Platform).react, kind: "reaction", messageType: "reactionMessage", words: "reaction",
		schema: []property{
			in("reactionMessage", need(objectKind, "key")), in("reactionMessage", need(stringKind, "reaction")), need(objectKind, "reactionMessage"),
		},
	})
	add("POST", "/message/sendStatus/{instance}", route{
		serve: (*Platform).sendStatus, kind: "status", messageType: "extendedTextMessage", words: "content",
		schema: []property{
			in("statusMessage", property{name: "type", kind: stringKind, required: true, enum: []string{"text", "image", "audio", "video"}}),
			in("statusMessage", need(stringKind, "content")), need(objectKind, "statusMessage"),
		},
	})
}
