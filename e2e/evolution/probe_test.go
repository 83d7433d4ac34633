package evolution

import (
	"net/http"
	"time"
)

// nobody is a number no user of parley has.
const nobody = "999000000000000"

// delay is what the bot asks the gateway to show "typing" for, in milliseconds.
const delay = 300

// probe tries the send API out, right and wrong, for a user who waits for nothing any more.
func (b *bot) probe(number string) {
	post := func(kind, path string, body any) { b.ask(kind, http.MethodPost, path+"/"+b.instance, b.key, body) }
	text := map[string]any{"number": number, "text": "extra"}
	b.ask("no key", http.MethodPost, "/message/sendText/"+b.instance, "", text)
	b.ask("wrong key", http.MethodPost, "/message/sendText/"+b.instance, "wrong", text)
	b.ask("no instance", http.MethodPost, "/message/sendText/elsewhere", b.key, text)
	b.ask("no route", http.MethodPost, "/message/sendNothing/"+b.instance, b.key, text)
	b.ask("no json", http.MethodPost, "/message/sendText/"+b.instance, b.key, `{"number":`)
	post("version 1", "/message/sendText", map[string]any{"number": number, "textMessage": map[string]any{"text": "extra"}})
	post("no number", "/message/sendText", map[string]any{"text": "extra"})
	post("nobody", "/message/sendText", map[string]any{"number": nobody, "text": "extra"})
	post("delay", "/message/sendText", map[string]any{"number": number + personSuffix, "text": "delayed", "delay": delay})
	post("media", "/message/sendMedia", map[string]any{
		"number": number, "mediatype": "image", "mimetype": "image/png", "media": "aGVsbG8=", "caption": "a picture", "fileName": "a.png",
	})
	post("presence", "/chat/sendPresence", map[string]any{"number": number, "presence": "composing", "delay": delay})
	post("read", "/chat/markMessageAsRead", map[string]any{
		"readMessages": []any{map[string]any{"id": "3EB0C767D82B0A74C1F2", "fromMe": false, "remoteJid": number + personSuffix}},
	})
	b.ask("state", http.MethodGet, "/instance/connectionState/"+b.instance, b.key, nil)
	b.ask("welcome", http.MethodGet, "/", "", nil)
}

// probeFirst is probe for version 1, as far as its shapes differ.
func (b *bot) probeFirst(number string) {
	post := func(kind, path string, body any) { b.ask(kind, http.MethodPost, path+"/"+b.instance, b.key, body) }
	text := map[string]any{"text": "extra"}
	post("version 2", "/message/sendText", map[string]any{"number": number, "text": "extra"})
	post("no text", "/message/sendText", map[string]any{"number": number, "textMessage": map[string]any{}})
	post("nobody", "/message/sendText", map[string]any{"number": nobody, "textMessage": text})
	post("delay", "/message/sendText", map[string]any{"number": number, "options": map[string]any{"delay": delay}, "textMessage": map[string]any{"text": "delayed"}})
	post("media", "/message/sendMedia", map[string]any{
		"number": number, "mediaMessage": map[string]any{"mediatype": "document", "media": "aGVsbG8=", "fileName": "a.pdf"},
	})
	post("audio", "/message/sendWhatsAppAudio", map[string]any{"number": number, "audioMessage": map[string]any{"audio": "aGVsbG8="}})
	b.ask("read", http.MethodPut, "/chat/markMessageAsRead/"+b.instance, b.key, map[string]any{
		"read_messages": []any{map[string]any{"id": "3EB0C767D82B0A74C1F2", "fromMe": false, "remoteJid": number + personSuffix}},
	})
	post("set", "/webhook/set", map[string]any{"url": "http://bot/hook", "webhook_by_events": false, "events": []string{"MESSAGES_UPSERT"}})
	b.ask("find", http.MethodGet, "/webhook/find/"+b.instance, b.key, nil)
}

// answersFirst are what the probes of version 1 must be answered with.
func answersFirst(a *account) map[string]answer {
	set := object{"enabled": truth(true), "url": text("http://bot/hook"), "events": list{text("MESSAGES_UPSERT")},
		"webhook_by_events": truth(false), "webhook_base64": truth(false)}
	return map[string]answer{
		"version 2": {400, refused(400, "Bad Request", nested{text(`instance requires property "textMessage"`)}), 0},
		"no text":   {400, refused(400, "Bad Request", nested{text(`textMessage requires property "text"`)}), 0},
		"nobody": {400, refused(400, "Bad Request", list{object{
			"jid": text(nobody + personSuffix), "exists": truth(false), "number": text(nobody),
		}}), 0},
		"reply": {201, a.sentFirst(object{"extendedTextMessage": object{"text": anyText}}), 0},
		"delay": {201, a.sentFirst(object{"extendedTextMessage": object{"text": text("delayed")}}), delay * time.Millisecond},
		"media": {201, a.sentFirst(object{"documentMessage": anything{}}), 0},
		"audio": {201, a.sentFirst(object{"audioMessage": object{"mimetype": anyText, "ptt": truth(true)}}), 0},
		"read":  {201, object{"message": text("Read messages"), "read": text("success")}, 0},
		"set":   {201, object{"webhook": object{"instanceName": text(instance), "webhook": set}}, 0},
		"find":  {200, set, 0},
	}
}

// refused is the shape of all errors (1.3 of the facts).
func refused(status int, name string, message check) object {
	return object{"status": number(float64(status)), "error": text(name), "response": object{"message": message}}
}

// answers are what the probes must be answered with: the status, the body, and what it takes at least.
func answers(a *account) map[string]answer {
	return map[string]answer{
		"no key":      {401, refused(401, "Unauthorized", text("Unauthorized")), 0},
		"wrong key":   {401, refused(401, "Unauthorized", text("Unauthorized")), 0},
		"no instance": {404, refused(404, "Not Found", list{text(`The "elsewhere" instance does not exist`)}), 0},
		"no route":    {404, refused(404, "Not Found", list{text("Cannot POST /message/sendNothing/" + instance)}), 0},
		"no json":     {400, object{"status": number(400), "error": anyText, "response": object{"message": anything{}}}, 0},
		"version 1":   {400, refused(400, "Bad Request", nested{text(`instance requires property "text"`)}), 0},
		"no number":   {400, refused(400, "Bad Request", nested{text(`instance requires property "number"`)}), 0},
		"nobody": {400, refused(400, "Bad Request", list{object{
			"jid": text(nobody + personSuffix), "exists": truth(false), "number": text(nobody),
		}}), 0},
		"reply":    {201, a.sent("conversation", object{"conversation": anyText}), 0},
		"delay":    {201, a.sent("conversation", object{"conversation": text("delayed")}), delay * time.Millisecond},
		"media":    {201, a.sent("imageMessage", object{"imageMessage": object{"mimetype": text("image/png"), "caption": text("a picture")}}), 0},
		"presence": {201, object{"presence": text("composing")}, delay * time.Millisecond},
		"read":     {201, object{"message": text("Read messages"), "read": text("success")}, 0},
		"state":    {200, object{"instance": object{"instanceName": text(instance), "state": text("open")}}, 0},
		"welcome": {200, object{"status": number(200), "message": anyText, "version": anyText, "clientName": anyText,
			"documentation": anyText, "manager": optional{anyText}, "swagger": optional{anyText}}, 0},
	}
}

// answer is what the send API must answer.
type answer struct {
	status int
	body   check
	least  time.Duration
}
