package evolution

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/audio"
	"parley/internal/plan"
	"parley/internal/platform"
)

// heard is a voice note as a webhook shows it.
type heard struct {
	Data struct {
		MessageType string
		Message     struct {
			Conversation *string
			Base64       *string
			MediaURL     *string `json:"mediaUrl"`
			AudioMessage struct {
				URL           string
				Mimetype      string
				FileSha256    []byte
				FileLength    string
				Seconds       int
				Ptt           bool
				MediaKey      []byte
				FileEncSha256 []byte
				DirectPath    string
				Waveform      []byte
			}
		}
	}
}

func voiced(text string) platform.Message {
	return platform.Message{ID: "3EB0C767D82B0A74C1F2AA", From: platform.User{Number: "999123000000042", Name: "Ana"}, Text: text, At: moment(), Voice: true}
}

func hear(t *testing.T, p *Platform, m platform.Message) heard {
	t.Helper()
	var h heard
	if err := json.Unmarshal(p.Webhook(nil, m).Body, &h); err != nil {
		t.Fatal(err)
	}
	return h
}

const voiceWords = "Do you have time on Friday at half past ten?" // 4 s

// get fetches a file from an address of the gateway, without a key.
func get(t *testing.T, p *Platform, url string) (status int, kind string, body []byte) {
	t.Helper()
	path, ok := strings.CutPrefix(url, "http://127.0.0.1:9001/")
	if !ok {
		t.Fatalf("%s leads away from the gateway", url)
	}
	ctx := newContext("GET", "/"+path, "", "apikey", "")
	p.Handler(ctx)
	return ctx.Response.StatusCode(), string(ctx.Response.Header.ContentType()), ctx.Response.Body()
}

func TestVoiceNote(t *testing.T) {
	for _, version := range []string{"v2", "v1"} {
		for _, media := range []string{"api", "base64", "url"} {
			p := newTest(func(o *Options) { o.Config.Version, o.Config.Media = version, media })
			h := hear(t, p, voiced(voiceWords))
			m, a := h.Data.Message, h.Data.Message.AudioMessage
			file := audio.Note{ID: "3EB0C767D82B0A74C1F2AA", Words: voiceWords}.Encode()
			sum := sha256.Sum256(file)
			if h.Data.MessageType != "audioMessage" || m.Conversation != nil || a.Mimetype != "audio/ogg; codecs=opus" || a.Seconds != 4 || !a.Ptt ||
				a.FileLength != fmt.Sprint(len(file)) || !bytes.Equal(a.FileSha256, sum[:]) || len(a.MediaKey) != 32 || len(a.Waveform) != 64 ||
				!strings.HasSuffix(a.URL, a.DirectPath) {
				t.Errorf("%s, %s: %+v", version, media, h)
			}
			if (m.Base64 != nil) != (media == "base64") || (m.MediaURL != nil) != (media == "url") {
				t.Errorf("%s, %s: base64 %v, mediaUrl %v", version, media, m.Base64 != nil, m.MediaURL != nil)
			}
			if m.Base64 != nil && *m.Base64 != base64.StdEncoding.EncodeToString(file) {
				t.Errorf("%s: another file in base64", version)
			}
			if m.MediaURL != nil {
				if status, kind, body := get(t, p, *m.MediaURL); status != 200 || kind != audio.MIMEType || !bytes.Equal(body, file) {
					t.Errorf("%s: the link gives %d, %s, %d bytes", version, status, kind, len(body))
				}
			}
			status, kind, sealed := get(t, p, a.URL)
			if status != 200 || kind != "application/octet-stream" || !bytes.Equal(unseal(t, sealed, a.MediaKey), file) {
				t.Errorf("%s: the encrypted file: status %d, %s", version, status, kind)
			}
			if sum := sha256.Sum256(sealed); !bytes.Equal(a.FileEncSha256, sum[:]) {
				t.Errorf("%s: fileEncSha256 is of another file", version)
			}
		}
	}
}

// unseal is what WhatsApp's clients do with a file they have downloaded.
func unseal(t *testing.T, sealed, key []byte) []byte {
	t.Helper()
	keys, err := hkdf.Key(sha256.New, key, make([]byte, 32), "WhatsApp Audio Keys", 112)
	if err != nil {
		t.Fatal(err)
	}
	text, tag := sealed[:len(sealed)-10], sealed[len(sealed)-10:]
	mac := hmac.New(sha256.New, keys[48:80])
	mac.Write(append(append([]byte(nil), keys[:16]...), text...))
	if !bytes.Equal(mac.Sum(nil)[:10], tag) {
		t.Fatal("the file's authentication code is wrong")
	}
	block, err := aes.NewCipher(keys[16:48])
	if err != nil {
		t.Fatal(err)
	}
	plain := make([]byte, len(text))
	cipher.NewCBCDecrypter(block, keys[:16]).CryptBlocks(plain, text)
	return plain[:len(plain)-int(plain[len(plain)-1])]
}

func TestMediaMessage(t *testing.T) {
	const path = "/chat/getBase64FromMediaMessage/receptionist"
	key := parley.Key{3}
	var calls []parley.Call
	for _, version := range []string{"v2", "v1"} {
		p := newTest(func(o *Options) {
			o.Config.Version, o.Key = version, key
			o.Attribute = func(number string) int64 {
				return map[string]int64{"999123000000042": 7}[number]
			}
			o.Record = func(c parley.Call) { calls = append(calls, c) }
		})
		hook := p.Webhook(nil, voiced(voiceWords))
		var data struct{ Data json.RawMessage }
		if err := json.Unmarshal(hook.Body, &data); err != nil {
			t.Fatal(err)
		}
		file := audio.Note{ID: "3EB0C767D82B0A74C1F2AA", Words: voiceWords}.Encode()
		want := map[string]any{
			"mediaType": "audioMessage", "size": map[string]any{"fileLength": fmt.Sprint(len(file))},
			"mimetype": audio.MIMEType, "base64": base64.StdEncoding.EncodeToString(file),
		}
		if version == "v2" {
			want["fileName"], want["buffer"] = "3EB0C767D82B0A74C1F2AA.oga", nil
		}
		for _, body := range []string{
			`{"message":{"key":{"id":"3EB0C767D82B0A74C1F2AA"}}}`, `{"message":` + string(data.Data) + `,"convertToMp4":false}`,
		} {
			status, answer := ask(p, "POST", path, body)
			var got map[string]any
			if err := json.Unmarshal([]byte(answer), &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" || status != 201 {
				t.Errorf("%s: status %d (-want +got):\n%s", version, status, d)
			}
		}
		if _, answer := ask(p, "POST", path, `{"message":{"key":{"id":"3EB0C767D82B0A74C1F2AA"}},"convertToMp4":true}`); !strings.Contains(answer, `"mimetype":"audio/mp4"`) {
			t.Errorf("converted: %.200s", answer)
		}
		for body, complaint := range map[string]string{
			`{"message":{"key":{"id":"3EB0FFFFFFFFFFFFFFFFFF"}}}`:           "Message not found",
			`{"message":{"key":{}}}`:                                        "Message not found",
			`{"message":{"key":{"id":"A"},"message":{"conversation":"a"}}}`: "The message is not of the media type",
			`{"message":null}`:                                              "TypeError: Cannot read properties of undefined (reading 'key')",
			`{}`:                                                            "TypeError: Cannot read properties of undefined (reading 'key')",
		} {
			status, answer := ask(p, "POST", path, body)
			if want := `{"status":400,"error":"Bad Request","response":{"message":["` + complaint + `"]}}`; status != 400 || answer != want {
				t.Errorf("%s: status %d: %s", body, status, answer)
			}
		}
	}
	if c := calls[0]; c.Operation != "POST /chat/getBase64FromMediaMessage/{instance}" || c.Identities[len(c.Identities)-1] != key.Hash("3EB0C767D82B0A74C1F2AA") {
		t.Errorf("recorded %+v", c)
	}
	for _, c := range calls[:2] { // the first names the message alone
		if c.Turn != 7 || c.By != parley.ByIdentity {
			t.Errorf("recorded %+v", c)
		}
	}
}

func TestMediaFilesNeedTheirName(t *testing.T) {
	var calls []parley.Call
	p := newTest(func(o *Options) {
		o.Config.Media = "url"
		o.Attribute = func(number string) int64 { return 7 }
		o.Record = func(c parley.Call) { calls = append(calls, c) }
	})
	link := *hear(t, p, voiced(voiceWords)).Data.Message.MediaURL
	for name, url := range map[string]string{
		"another name": strings.Replace(link, ".oga", "0.oga", 1), "another form": strings.Replace(link, ".oga", ".mp3", 1),
		"no name": link[:strings.LastIndexByte(link, '/')+1], "another message": strings.Replace(link, "3EB0C", "3EB0D", 1),
		"nothing": "http://127.0.0.1:9001/media/", "deeper": link + "/x",
	} {
		if status, _, body := get(t, p, url); status != 404 || !json.Valid(body) {
			t.Errorf("%s: status %d: %s", name, status, body)
		}
	}
	if status, _ := ask(p, "POST", strings.TrimPrefix(link, "http://127.0.0.1:9001"), `{}`); status != 404 {
		t.Errorf("POST: status %d", status)
	}
	calls = nil
	if status, _, _ := get(t, p, link); status != 200 || len(calls) != 1 || calls[0].Operation != "GET /media/{id}" || calls[0].Turn != 7 {
		t.Errorf("status %d, recorded %+v", status, calls)
	}
	other := newTest(func(o *Options) { o.Config.Media, o.Key = "url", parley.Key{1} })
	if again := *hear(t, other, voiced(voiceWords)).Data.Message.MediaURL; again == link {
		t.Error("the address is the same under another key")
	}
}

func TestNotesAreBounded(t *testing.T) {
	var n notes
	at := moment()
	add := func(i int, at time.Time) { n.add(&platform.Message{ID: fmt.Sprint(i), Text: "a", At: at}) }
	for i := range 3 * notesKept {
		add(i, at)
		add(i, at) // a webhook that is made again
	}
	if _, old := n.find(fmt.Sprint(2*notesKept - 1)); old || len(n.byID) != notesKept || len(n.ids) > 2*notesKept {
		t.Errorf("%d notes, %d ids", len(n.byID), len(n.ids))
	}
	if _, ok := n.find(fmt.Sprint(2 * notesKept)); !ok {
		t.Error("a note is gone too early")
	}
	add(-1, at.Add(notesStay+time.Second))
	if len(n.byID) != 1 || len(n.ids)-n.first != 1 {
		t.Errorf("%d notes are left after their time", len(n.byID))
	}
}

// A text costs nothing for what voice notes need.
func TestTextsAreNotKept(t *testing.T) {
	p := newTest(nil)
	p.Webhook(nil, platform.Message{ID: "A", Text: "a", At: moment()})
	if len(p.notes.byID) != 0 {
		t.Error("a text is kept")
	}
	m := p.Message(p.User(17), 4, "Do you have time on Friday?", moment())
	space := make([]byte, 0, 4<<10)
	if n := testing.AllocsPerRun(50, func() { p.Webhook(space, m) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSentMediaAreWhatTheyAre(t *testing.T) {
	var echoes []string
	p := newTest(func(o *Options) {
		o.Config.Echo = true
		o.Notify = func(s platform.Scheduled) { echoes = append(echoes, string(s.Body)) }
	})
	number := p.User(1).Number
	for _, test := range []struct{ operation, body, kind, message string }{
		{"sendMedia", `"mediatype":"image","mimetype":"image/jpeg","media":"aGk=","caption":"a map"`, "imageMessage", `{"mimetype":"image/jpeg","caption":"a map"}`},
		{"sendMedia", `"mediatype":"image","media":"aGk="`, "imageMessage", `{"mimetype":"image/png"}`},
		{"sendMedia", `"mediatype":"document","mimetype":"application/pdf","media":"aGk=","fileName":"a.pdf"`, "documentMessage", `{"mimetype":"application/pdf","fileName":"a.pdf"}`},
		{"sendMedia", `"mediatype":"video","media":"aGk="`, "videoMessage", `{"mimetype":"video/mp4"}`},
		{"sendMedia", `"mediatype":"audio","media":"aGk="`, "audioMessage", `{"mimetype":"audio/mpeg"}`},
		{"sendWhatsAppAudio", `"audio":"aGk="`, "audioMessage", `{"mimetype":"audio/ogg; codecs=opus","ptt":true}`},
		{"sendPtv", `"video":"aGk="`, "ptvMessage", `{"mimetype":"video/mp4"}`},
		{"sendSticker", `"sticker":"aGk="`, "stickerMessage", `{"mimetype":"image/webp"}`},
		{"sendText", `"text":"a"`, "conversation", `"a"`},
	} {
		echoes = nil
		status, answer := ask(p, "POST", "/message/"+test.operation+"/receptionist", `{"number":"`+number+`",`+test.body+`}`)
		content := `"message":{"` + test.kind + `":` + test.message
		if status != 201 || !strings.Contains(answer, content+"}") || !strings.Contains(answer, `"messageType":"`+test.kind+`"`) {
			t.Errorf("%s: status %d: %s", test.operation, status, answer)
		}
		if len(echoes) != 1 || !strings.Contains(echoes[0], content+`,"messageContextInfo"`) || !strings.Contains(echoes[0], `"messageType":"`+test.kind+`"`) {
			t.Errorf("%s: echoes %v", test.operation, echoes)
		}
	}
}

// A bot that has set its webhook to get send.message gets it, before the echo.
func TestSendMessageIsSentOnRequest(t *testing.T) {
	for _, test := range []struct {
		version, set string
		want         []string
	}{
		{"v2", ``, []string{"messages.upsert"}},
		{"v2", `{"webhook":{"url":"http://b","events":["MESSAGES_UPSERT"]}}`, []string{"messages.upsert"}},
		{"v2", `{"webhook":{"url":"http://b","events":["MESSAGES_UPSERT","SEND_MESSAGE"]}}`, []string{"send.message", "messages.upsert"}},
		{"v1", `{"url":"http://b","events":["SEND_MESSAGE"]}`, []string{"send.message", "messages.upsert"}},
	} {
		var got []platform.Scheduled
		p := newTest(func(o *Options) {
			o.Config.Version, o.Config.Echo, o.Config.Lenient, o.Config.ByEvents = test.version, true, true, true
			o.Notify = func(s platform.Scheduled) { got = append(got, s) }
		})
		if test.set != "" {
			if status, body := ask(p, "POST", "/webhook/set/receptionist", test.set); status != 201 {
				t.Fatalf("status %d: %s", status, body)
			}
		}
		_, answer := ask(p, "POST", sendText, `{"number":"`+p.User(1).Number+`","text":"Sure"}`)
		var sent struct{ Key struct{ ID string } }
		if err := json.Unmarshal([]byte(answer), &sent); err != nil {
			t.Fatal(err)
		}
		var events []string
		for _, s := range got {
			events = append(events, s.Event)
			if want := `"id":"` + sent.Key.ID + `"`; !strings.Contains(string(s.Body), want) || !strings.Contains(string(s.Body), `"event":"`+s.Event+`"`) ||
				!strings.HasSuffix(s.URL, "/"+strings.ReplaceAll(s.Event, ".", "-")) {
				t.Errorf("%s to %s: %s", s.Event, s.URL, s.Body)
			}
			if s.Event == "send.message" && test.version == "v2" && !strings.Contains(string(s.Body), `"status":"PENDING"`) {
				t.Errorf("send.message: %s", s.Body)
			}
		}
		if d := cmp.Diff(test.want, events); d != "" {
			t.Errorf("%s %s: (-want +got):\n%s", test.version, test.set, d)
		}
	}
}

// The plan's own key goes before the one among the headers, and shows nowhere.
func TestJWTKey(t *testing.T) {
	p := newTest(func(o *Options) {
		o.Config.JWTKey = "from the plan"
		o.Config.Headers = map[string]plan.Secret{"jwt_key": "from the headers"}
	})
	w := p.Webhook(nil, p.Message(p.User(0), 1, "Oi", moment()))
	if got, want := field(w, "Authorization"), "Bearer "+sign("from the plan", moment().Unix()); got != want {
		t.Errorf("Authorization %q, want %q", got, want)
	}
	if strings.Contains(fmt.Sprint(w), "from the") {
		t.Errorf("the key is in the webhook: %v", w)
	}
	at := moment()
	if n := testing.AllocsPerRun(50, func() { p.header(at) }); n != 0 {
		t.Errorf("a header costs %v allocations within its second", n)
	}
}
