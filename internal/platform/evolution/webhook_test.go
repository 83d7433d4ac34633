package evolution

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/internal/plan"
	"parley/internal/platform"
)

// The moment of the tests, in a place where local time is not UTC.
func moment() time.Time {
	return time.Date(2026, 11, 22, 10, 0, 1, 250e6, time.FixedZone("BRT", -3*3600))
}

func TestWebhook(t *testing.T) {
	p := newTest(nil)
	u := platform.User{Number: "999123000000042", Name: "Ana"}
	w := p.Webhook(nil, platform.Message{ID: "3EB0C767D82B0A74C1F2AA", From: u, Text: "Oi \"você\"\n<b>", At: moment()})
	// Spaces and line ends are dropped before comparing: the order of the fields is part of it.
	want := compact(t, `{
		"event": "messages.upsert",
		"instance": "receptionist",
		"data": {
			"key": {
				"remoteJid": "999123000000042@s.whatsapp.net",
				"fromMe": false,
				"id": "3EB0C767D82B0A74C1F2AA",
				"remoteJidAlt": "1123000000042@lid",
				"addressingMode": "pn"
			},
			"pushName": "Ana",
			"status": "DELIVERY_ACK",
			"message": {
				"conversation": "Oi \"você\"\n<b>",
				"messageContextInfo": {"deviceListMetadata": {}, "deviceListMetadataVersion": 2}
			},
			"contextInfo": null,
			"messageType": "conversation",
			"messageTimestamp": 1795352401,
			"instanceId": "`+p.id+`",
			"source": "android"
		},
		"destination": "http://127.0.0.1:9000/webhook",
		"date_time": "2026-11-22T10:00:01.250Z",
		"sender": "5511999990000@s.whatsapp.net",
		"server_url": "http://127.0.0.1:9001",
		"apikey": null
	}`)
	if d := cmp.Diff(want, string(w.Body)); d != "" {
		t.Errorf("body (-want +got):\n%s", d)
	}
	if w.URL != "http://127.0.0.1:9000/webhook" || w.Event != "messages.upsert" {
		t.Errorf("URL %s, event %s", w.URL, w.Event)
	}
	if d := cmp.Diff("application/json", field(w, "Content-Type")); d != "" {
		t.Error(d)
	}
}

func TestEcho(t *testing.T) {
	p := newTest(nil)
	w := p.own(messagesUpsert, "999123000000042", &message{id: "BAE5AA", kind: "text", messageType: "conversation", text: "Sure", at: moment()})
	for _, part := range []string{`"fromMe":true`, `"id":"BAE5AA"`, `"conversation":"Sure"`, `"remoteJid":"999123000000042@s.whatsapp.net"`, `"source":"web"`} {
		if !strings.Contains(string(w.Body), part) {
			t.Errorf("echo lacks %s: %s", part, w.Body)
		}
	}
}

func TestStatus(t *testing.T) {
	p := newTest(func(o *Options) { o.Config.ByEvents = true })
	r := platform.Reply{To: "999123000000042", ID: "BAE5AA", Text: "Sure", Delivered: moment()}
	s := p.Status(r)
	for i, status := range []string{"DELIVERY_ACK", "READ"} {
		var got struct {
			Event string
			Data  map[string]any
		}
		if err := json.Unmarshal(s[i].Body, &got); err != nil {
			t.Fatal(err)
		}
		rowID, _ := got.Data["messageId"].(string)
		if len(rowID) != 25 {
			t.Errorf("messageId %q is not a cuid", rowID)
		}
		want := map[string]any{
			"keyId": "BAE5AA", "remoteJid": "999123000000042@s.whatsapp.net", "fromMe": true,
			"participant": "999123000000042@s.whatsapp.net", "status": status, "instanceId": p.id, "messageId": rowID,
		}
		if d := cmp.Diff(want, got.Data); d != "" || got.Event != "messages.update" {
			t.Errorf("event %s (-want +got):\n%s", got.Event, d)
		}
		if s[i].URL != "http://127.0.0.1:9000/webhook/messages-update" {
			t.Errorf("URL %s", s[i].URL)
		}
	}
	if s[0].After <= 0 || s[1].After <= s[0].After {
		t.Errorf("delivered after %v, read after %v", s[0].After, s[1].After)
	}
}

func TestByEventsShowsInTheURLOnly(t *testing.T) {
	p := newTest(func(o *Options) { o.Config.ByEvents = true })
	w := p.Webhook(nil, p.Message(p.User(0), 0, "Oi", moment()))
	if w.URL != "http://127.0.0.1:9000/webhook/messages-upsert" || !strings.Contains(string(w.Body), `"destination":"http://127.0.0.1:9000/webhook",`) {
		t.Errorf("URL %s, body %s", w.URL, w.Body)
	}
}

func TestHeader(t *testing.T) {
	p := newTest(func(o *Options) {
		o.Config.Headers = map[string]plan.Secret{"X-Secret": "s", "jwt_key": "signing", "user-agent": "mine"}
	})
	w := p.Webhook(nil, p.Message(p.User(0), 0, "Oi", moment()))
	if field(w, "X-Secret") != "s" || field(w, "jwt_key") != "" || field(w, "User-Agent") != "" || field(w, "user-agent") != "mine" {
		t.Errorf("header %v", w.Header)
	}
	bearer, ok := strings.CutPrefix(field(w, "Authorization"), "Bearer ")
	parts := strings.Split(bearer, ".")
	if !ok || len(parts) != 3 {
		t.Fatalf("Authorization %q is no bearer token", field(w, "Authorization"))
	}
	mac := hmac.New(sha256.New, []byte("signing"))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if parts[2] != base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) {
		t.Error("the signature does not verify")
	}
	for i, want := range []string{`{"alg":"HS256","typ":"JWT"}`, `{"iat":1795352401,"exp":1795353001,"app":"evolution","action":"webhook"}`} {
		if got, err := base64.RawURLEncoding.DecodeString(parts[i]); err != nil || string(got) != want {
			t.Errorf("part %d is %s (%v), want %s", i, got, err, want)
		}
	}
	next := p.Webhook(nil, p.Message(p.User(0), 1, "Oi", moment().Add(time.Second)))
	if field(next, "Authorization") == field(w, "Authorization") || len(next.Header) != len(w.Header) {
		t.Errorf("a second later the header is %v", next.Header)
	}
}

func field(w platform.Webhook, name string) string {
	for _, f := range w.Header {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// compact drops the white space between the tokens of a JSON document.
func compact(t *testing.T, document string) string {
	t.Helper()
	var b strings.Builder
	inside := false
	for i, c := range document {
		if c == '"' && document[i-1] != '\\' {
			inside = !inside
		}
		if inside || !strings.ContainsRune(" \t\n", c) {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func TestWebhookCarriesAnyText(t *testing.T) {
	p := newTest(nil)
	rapid.Check(t, func(t *rapid.T) {
		text, name := rapid.String().Draw(t, "text"), rapid.String().Draw(t, "name")
		u := platform.User{Number: "999123000000042", Name: name}
		var got struct {
			Data struct {
				PushName string
				Message  struct{ Conversation string }
			}
		}
		if err := json.Unmarshal(p.Webhook(nil, platform.Message{ID: "A", From: u, Text: text, At: moment()}).Body, &got); err != nil {
			t.Fatal(err)
		}
		if got.Data.Message.Conversation != text || got.Data.PushName != name {
			t.Fatalf("said %q by %q, webhook says %q by %q", text, name, got.Data.Message.Conversation, got.Data.PushName)
		}
	})
}

func TestAppendStringIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		if rapid.Bool().Draw(t, "text") {
			text = rapid.String().Draw(t, "string")
		}
		var want, got string
		reference, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(reference, &want); err != nil {
			t.Fatal(err)
		}
		written := appendString(nil, text)
		if err := json.Unmarshal(written, &got); err != nil {
			t.Fatalf("%q written as %s: %v", text, written, err)
		}
		if got != want {
			t.Fatalf("%q written as %s, encoding/json writes %s", text, written, reference)
		}
	})
	if got, want := string(appendString(nil, "<&>\u2028\x01\b\f\n\r\t\"\\/")), "\"<&>\u2028\\u0001\\b\\f\\n\\r\\t\\\"\\\\/\""; got != want {
		t.Errorf("appendString = %s, JSON.stringify gives %s", got, want)
	}
}

func TestRetry(t *testing.T) {
	policy := newTest(nil).Retry()
	if policy.Timeout() != 30*time.Second {
		t.Errorf("timeout %v, want 30s", policy.Timeout())
	}
	for _, status := range []int{200, 201, 204, 299, 400, 401, 403, 404, 422} {
		if _, again := policy.Again(1, status, nil); again {
			t.Errorf("status %d is repeated", status)
		}
	}
	for _, status := range []int{0, 302, 408, 409, 410, 429, 500, 502, 503, 504} {
		if _, again := policy.Again(1, status, nil); !again {
			t.Errorf("status %d is not repeated", status)
		}
	}
	nominal := []time.Duration{5, 10, 20, 40, 80, 160, 300, 300, 300}
	for i, want := range nominal {
		want *= time.Second
		seen := map[time.Duration]bool{}
		for range 200 {
			pause, again := policy.Again(i+1, 500, nil)
			if !again || pause < max(5*time.Second, want*8/10) || pause > want*12/10 {
				t.Fatalf("after %d attempts: %v, %v; want about %v", i+1, pause, again, want)
			}
			seen[pause] = true
		}
		if len(seen) < 50 {
			t.Errorf("after %d attempts only %d different pauses", i+1, len(seen))
		}
	}
	if _, again := policy.Again(10, 500, nil); again {
		t.Error("an eleventh attempt")
	}
}

func TestRetryWithoutPlan(t *testing.T) {
	policy := newTest(func(o *Options) { o.Config.Retry = plan.Retry{} }).Retry()
	if _, again := policy.Again(9, 500, nil); !again || policy.Timeout() != 30*time.Second {
		t.Error("the defaults are not the gateway's")
	}
}
