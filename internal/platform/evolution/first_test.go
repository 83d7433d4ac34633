package evolution

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"

	"parley/internal/platform"
)

func first(o *Options) { o.Config.Version = "v1" }

func firstLenient(o *Options)  { o.Config.Version, o.Config.Lenient = "v1", true }
func secondLenient(o *Options) { o.Config.Version, o.Config.Lenient = "v2", true }

// changing is what differs from call to call.
var changing = regexp.MustCompile(`BAE5[0-9A-F]{18}|\d{10}\b|\d{13}\b`)

func TestFirstWebhook(t *testing.T) {
	p := newTest(first)
	data := func(u platform.User, text string) string {
		var got struct{ Data json.RawMessage }
		if err := json.Unmarshal(p.Webhook(nil, platform.Message{ID: "3EB0AA", From: u, Text: text, At: moment()}).Body, &got); err != nil {
			t.Fatal(err)
		}
		return string(got.Data)
	}
	want := func(number, message, kind, source string) string {
		return `{"key":{"remoteJid":"` + number + `@s.whatsapp.net","fromMe":false,"id":"3EB0AA"},"pushName":"Ana","message":{` + message +
			`,"messageContextInfo":{"deviceListMetadata":{},"deviceListMetadataVersion":2}},"messageType":"` + kind +
			`","messageTimestamp":1795352401,"owner":"receptionist","source":"` + source + `"}`
	}
	for _, test := range []struct{ number, text, message, kind, source string }{
		{"999123000000042", "Oi", `"conversation":"Oi"`, "conversation", "android"},
		{"999123000000042", "see http://a.b", `"extendedTextMessage":{"text":"see http://a.b"}`, "extendedTextMessage", "android"},
		{"999123000000043", "Oi", `"extendedTextMessage":{"text":"Oi"}`, "extendedTextMessage", "ios"},
	} {
		got := data(platform.User{Number: test.number, Name: "Ana"}, test.text)
		if d := cmp.Diff(want(test.number, test.message, test.kind, test.source), got); d != "" {
			t.Errorf("%s: data (-want +got):\n%s", test.text, d)
		}
	}
	echo := string(p.own(messagesUpsert, "999123000000042", &message{id: "BAE5AA", kind: "text", messageType: "extendedTextMessage", words: "text", text: "Sure", at: moment()}).Body)
	if !strings.Contains(echo, `"fromMe":true,"id":"BAE5AA"},"pushName":"","message":{"extendedTextMessage":{"text":"Sure"},`) {
		t.Errorf("echo %s", echo)
	}
	receipt := string(p.Status(platform.Reply{To: "999123000000042", ID: "BAE5AA", Delivered: moment()})[1].Body)
	if !regexp.MustCompile(`"data":\{"remoteJid":"999123000000042@s\.whatsapp\.net","fromMe":true,"id":"BAE5AA","status":"READ","datetime":\d{13},"owner":"receptionist"\}`).MatchString(receipt) {
		t.Errorf("receipt %s", receipt)
	}
}

func TestFirstMakesOneAttempt(t *testing.T) {
	policy := newTest(first).Retry()
	for _, status := range []int{0, 200, 404, 500, 503} {
		if _, again := policy.Again(1, status, nil); again {
			t.Errorf("a webhook answered with %d is repeated", status)
		}
	}
}

// Each version refuses the shape of the other, unless the plan is lenient; the answer always has the gateway's own shape.
func TestBothShapes(t *testing.T) {
	number := newTest(nil).User(1).Number
	bodies := map[string][2]string{ // of version 1, of version 2
		"/message/sendText":          {`{"number":"N","options":{"delay":0,"presence":"composing"},"textMessage":{"text":"a"}}`, `{"number":"N","text":"a"}`},
		"/message/sendMedia":         {`{"number":"N","mediaMessage":{"mediatype":"image","media":"aGk=","caption":"a"}}`, `{"number":"N","mediatype":"image","media":"aGk=","caption":"a"}`},
		"/message/sendLocation":      {`{"number":"N","locationMessage":{"latitude":1,"longitude":2,"name":"a"}}`, `{"number":"N","latitude":1,"longitude":2,"name":"a","address":"b"}`},
		"/message/sendContact":       {`{"number":"N","contactMessage":[{"fullName":"A"}]}`, `{"number":"N","contact":[{"fullName":"A"}]}`},
		"/message/sendPoll":          {`{"number":"N","pollMessage":{"name":"a","selectableCount":1,"values":["a","b"]}}`, `{"number":"N","name":"a","selectableCount":1,"values":["a","b"]}`},
		"/message/sendReaction":      {`{"reactionMessage":{"key":{"remoteJid":"N@s.whatsapp.net","id":"A"},"reaction":"+"}}`, `{"key":{"remoteJid":"N@s.whatsapp.net","id":"A"},"reaction":"+"}`},
		"/message/sendStatus":        {`{"statusMessage":{"type":"text","content":"a"}}`, `{"type":"text","content":"a"}`},
		"/message/sendWhatsAppAudio": {`{"number":"N","audioMessage":{"audio":"aGk="}}`, ``}, // version 2 asks for no property but the number
		"/chat/sendPresence":         {`{"number":"N","options":{"delay":1,"presence":"composing"}}`, `{"number":"N","delay":1,"presence":"composing"}`},
		"/webhook/set":               {`{"url":"http://b","events":[]}`, `{"webhook":{"url":"http://b"}}`},
	}
	for path, pair := range bodies {
		for i, change := range []func(*Options){first, nil} {
			own, other := pair[i], pair[1-i]
			lenient := []func(*Options){firstLenient, secondLenient}[i]
			f := func(change func(*Options), body string) (int, string) {
				p := newTest(change)
				p.Close() // no delay is spent
				status, answer := ask(p, "POST", path+"/receptionist", strings.ReplaceAll(body, "N", number))
				return status, changing.ReplaceAllString(answer, "-")
			}
			if own == "" || other == "" {
				continue
			}
			status, answer := f(change, own)
			if status != 201 {
				t.Errorf("%s of version %d is answered with %d: %s", path, i+1, status, answer)
			}
			if status, refused := f(change, other); status != 400 || !strings.Contains(refused, "requires property") {
				t.Errorf("%s of version %d takes the other shape: %d: %s", path, i+1, status, refused)
			}
			for _, body := range []string{own, other} {
				if status, got := f(lenient, body); status != 201 || got != answer && path != "/webhook/set" && path != "/message/sendLocation" {
					t.Errorf("%s of lenient version %d: %s is answered with %d %s, want %s", path, i+1, body, status, got, answer)
				}
			}
		}
	}
}

func TestFirstRefusals(t *testing.T) {
	p := newTest(first)
	for _, test := range []struct{ name, method, path, body, want string }{
		{"shape of version 2", "POST", sendText, `{"number":"1","text":"a"}`, `[["instance requires property \"textMessage\""]]`},
		{"no text", "POST", sendText, `{"number":"1","textMessage":{}}`, `[["textMessage requires property \"text\""]]`},
		{"text of a wrong type", "POST", sendText, `{"number":"1","textMessage":{"text":1}}`, `[["textMessage.text is not of a type(s) string"]]`},
		{"textMessage of a wrong type", "POST", sendText, `{"number":"1","textMessage":"a"}`, `[["textMessage is not of a type(s) object"]]`},
		{"delay of a wrong type", "POST", sendText, `{"number":"1","options":{"delay":"5"},"textMessage":{"text":"a"}}`, `[["Enter a value in milliseconds"]]`},
		{"kind of media", "POST", "/message/sendMedia/receptionist", `{"number":"1","mediaMessage":{"mediatype":"gif","media":"a"}}`, `[["mediaMessage.mediatype is not one of enum values: image,document,video,audio"]]`},
		{"no options", "POST", "/chat/sendPresence/receptionist", `{"number":"1"}`, `[["instance requires property \"options\""]]`},
		{"no URL", "POST", "/webhook/set/receptionist", `{"url":""}`, `["Invalid \"url\" property"]`},
		{"nothing read", "PUT", "/chat/markMessageAsRead/receptionist", `{"readMessages":[1]}`, `[["instance requires property \"read_messages\""]]`},
	} {
		status, got := ask(p, test.method, test.path, test.body)
		if want := `{"status":400,"error":"Bad Request","response":{"message":` + test.want + `}}`; status != 400 || got != want {
			t.Errorf("%s: status %d: %s\nwant %s", test.name, status, got, want)
		}
	}
	for _, call := range [][2]string{{"POST", "/chat/markMessageAsRead/receptionist"}, {"POST", "/message/sendPtv/receptionist"}} {
		if status, body := ask(p, call[0], call[1], `{}`); status != 404 {
			t.Errorf("%s: status %d: %s", call[1], status, body)
		}
	}
	for _, change := range []func(*Options){firstLenient, secondLenient} {
		p := newTest(change)
		for method, body := range map[string]string{"PUT": `{"read_messages":[{"id":"A"}]}`, "POST": `{"readMessages":[{"id":"A"}]}`} {
			if status, body := ask(p, method, "/chat/markMessageAsRead/receptionist", body); status != 201 {
				t.Errorf("lenient: %s: status %d: %s", method, status, body)
			}
		}
	}
}

func TestFirstAnswers(t *testing.T) {
	p := newTest(first)
	u := p.User(1)
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", sendText, `{"number":"` + u.Number + `","textMessage":{"text":"Olá"}}`, 201,
			`{"key":{"remoteJid":"` + u.Number + `@s.whatsapp.net","fromMe":true,"id":"-"},"message":{"extendedTextMessage":{"text":"Olá"}},"messageTimestamp":"-","status":"PENDING"}`},
		{"POST", "/message/sendWhatsAppAudio/receptionist", `{"number":"` + u.Number + `","audioMessage":{"audio":"aGk="}}`, 201,
			`{"key":{"remoteJid":"` + u.Number + `@s.whatsapp.net","fromMe":true,"id":"-"},"message":{"audioMessage":{"mimetype":"audio/ogg; codecs=opus","ptt":true}},"messageTimestamp":"-","status":"PENDING"}`},
		{"POST", "/webhook/set/receptionist", `{"url":"http://b","webhook_by_events":true,"events":["MESSAGES_UPSERT"]}`, 201,
			`{"webhook":{"instanceName":"receptionist","webhook":{"enabled":true,"url":"http://b","events":["MESSAGES_UPSERT"],"webhook_by_events":true,"webhook_base64":false}}}`},
		{"GET", "/webhook/find/receptionist", ``, 200, `{"enabled":true,"url":"http://b","events":["MESSAGES_UPSERT"],"webhook_by_events":true,"webhook_base64":false}`},
		{"POST", "/chat/findMessages/receptionist", `{}`, 200, `[]`},
		{"POST", "/chat/findContacts/receptionist", `{"where":{"id":"` + u.Number + `@s.whatsapp.net"}}`, 200,
			`[{"id":"` + u.Number + `@s.whatsapp.net","pushName":null,"profilePictureUrl":null,"owner":"receptionist"}]`},
		{"GET", "/instance/fetchInstances", ``, 200,
			`[{"instance":{"instanceName":"receptionist","owner":"5511999990000@s.whatsapp.net","profileName":null,"profilePictureUrl":null,"profileStatus":null,"status":"open"}}]`},
	} {
		status, got := ask(p, test.method, test.path, test.body)
		got = regexp.MustCompile(`BAE5[0-9A-F]{18}|\b\d{10}\b`).ReplaceAllString(got, "-")
		if status != test.status || got != test.want {
			t.Errorf("%s: status %d:\n%s\nwant\n%s", test.path, status, got, test.want)
		}
	}
	if _, got := ask(newTest(first), "GET", "/webhook/find/receptionist", ""); got != `{"enabled":true,"url":"http://127.0.0.1:9000/webhook","webhook_by_events":false,"webhook_base64":false,"events":["MESSAGES_UPSERT"]}` {
		t.Errorf("the plan's webhook: %s", got)
	}
}

// FuzzSendFirst sends any body to any operation of version 1, strict and lenient.
func FuzzSendFirst(f *testing.F) {
	strict, lenient := newTest(first), newTest(firstLenient)
	strict.Close() // no delay is spent
	lenient.Close()
	f.Add("sendText", []byte(`{"number":"999123000000001","options":{"delay":5,"quoted":{"key":{"id":"A"}}},"textMessage":{"text":"a"}}`))
	f.Add("sendMedia", []byte(`{"number":"999123000000001","mediaMessage":{"mediatype":"image","media":"aGk="}}`))
	f.Add("sendReaction", []byte(`{"reactionMessage":{"key":{"remoteJid":"999@s.whatsapp.net","id":1},"reaction":""}}`))
	f.Add("sendText", []byte(`{"number":"1","text":"a"}`))
	f.Add("sendContact", []byte(`{"number":"1","contactMessage":{},"options":[]}`))
	f.Fuzz(func(t *testing.T, operation string, body []byte) {
		statuses := [2]int{}
		for i, p := range []*Platform{strict, lenient} {
			ctx := newContext("POST", sendText, string(body))
			ctx.Request.SetRequestURI("/message/" + operation + "/receptionist")
			p.Handler(ctx)
			statuses[i] = ctx.Response.StatusCode()
			if !json.Valid(ctx.Response.Body()) {
				t.Errorf("%s: answer %q", body, ctx.Response.Body())
			}
		}
		if statuses[0] == fasthttp.StatusCreated && statuses[1] != fasthttp.StatusCreated {
			t.Errorf("%s: %d, and %d when lenient", body, statuses[0], statuses[1])
		}
	})
}
