package evolution

import (
	"bufio"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/e2e/product"
)

const (
	instance     = "judge"
	apiKey       = "key-of-the-judge"
	ownNumber    = "5511999990001"
	personSuffix = "@s.whatsapp.net"
	jwtKey       = "signs the webhooks"
	otherHeader  = "configured by the plan"
	place        = "America/Sao_Paulo" // three hours behind UTC: a clock that is not UTC's shows
	awkwardWords = `Olá "João" \ <b>&amp;</b> 👋🏽 ẞ`
)

// variant is one way to configure the instance.
type variant struct {
	name     string
	byEvents bool
	signed   bool // by a key among the headers
	keyed    bool // by a key of its own
	silent   bool // neither echoes nor receipts
	first    bool // version 1
	lenient  bool
	media    string
	phases   string
}

// speaksFirst reports whether the bot writes as to version 1.
func (v variant) speaksFirst() bool { return v.first || v.lenient }

// plan reviews the bot which is this test's binary.
func (v variant) plan(t *testing.T, capture string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	header, key := "{X-Secret: "+otherHeader+"}", ""
	if v.signed {
		header = "{jwt_key: " + jwtKey + "}"
	}
	if v.keyed {
		key = "jwt_key: " + jwtKey
	}
	version, first, media := "v2", "", cmp.Or(v.media, "api")
	if v.first {
		version = "v1"
	}
	if v.speaksFirst() {
		first = ", " + firstVariable + ": yes"
	}
	yes := func(b bool) string { return map[bool]string{true: "true", false: "false"}[b] }
	return `
target:
  webhook: http://127.0.0.1:${PORT}/hook
  ready: http://127.0.0.1:${PORT}/
  command: ["` + self + `"]
  env: {` + captureVariable + `: "` + capture + `", EVOLUTION_API_KEY: ` + apiKey + first + `}
  evolution:
    version: ` + version + `
    lenient: ` + yes(v.lenient) + `
    media: ` + media + `
    ` + key + `
    instance: ` + instance + `
    api_key: ` + apiKey + `
    number: "` + ownNumber + `"
    by_events: ` + yes(v.byEvents) + `
    echo: ` + yes(!v.silent) + `
    statuses: ` + yes(!v.silent) + `
    headers: ` + header + `
    send_latency: 20ms
    retry: {initial_delay: 1s}
dependencies:
  openai: {canary: optional, simulate: {transcription: 50ms}}
users: {returning: 0%, alike: 0%}
scenarios:
  - {name: spoken, turns: [{voice: ["` + spokenWords + `"]}]}
  - {name: plain, weight: 3, think: 300ms, turns: ['` + awkwardWords + `', "My name is {name}"]}
  - {name: refused, patience: 3s, turns: ["` + wordsOfRefusal + `"]}
  - {name: trouble, patience: 5s, turns: ["` + wordsOfTrouble + `"]}
load:
  conversations_per_hour: 7200
  arrivals: even
  phases: ` + v.phases + "\n"
}

func TestGateway(t *testing.T) {
	built := product.Build(t)
	variants := []variant{
		{name: "plain", phases: "[solo: 2s, steady: 14s]"},
		{name: "by events, signed", byEvents: true, signed: true, phases: "[steady: 10s]"},
		{name: "silent", silent: true, media: "url", phases: "[steady: 6s]"},
		{name: "version 1", first: true, keyed: true, media: "base64", phases: "[steady: 10s]"},
		{name: "lenient", lenient: true, silent: true, phases: "[steady: 5s]"},
	}
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			capture := filepath.Join(t.TempDir(), "capture")
			dir := filepath.Join(t.TempDir(), "run")
			r := built.Run(t, []string{"TZ=" + place}, "load", "-f", product.Write(t, v.plan(t, capture)), "--out", dir)
			if r.Code != 0 && r.Code != 3 { // on a busy machine the run may be invalid, but its webhooks are not
				t.Fatalf("exit code %d\n%s\n%s", r.Code, r.Stdout, r.Stderr)
			}
			a := newAccount(t, v, capture)
			a.judgeWebhooks(t)
			a.judgeAnswers(t)
			a.judgeWhole(t)
			a.judgeVoice(t)
			judgeRecord(t, dir)
		})
	}
}

// account is what one run's bot met.
type account struct {
	variant
	place    *time.Location
	met      []meeting
	webhook  string   // as the plan has it
	id       string   // of the instance
	said     []string // ids of the users' messages, one per delivery
	refused  map[string][]meeting
	sentIDs  map[string]string // by id of the bot's message, to whom it went
	echoes   map[string]int
	statuses map[string][]string
	voices   int
}

func newAccount(t *testing.T, v variant, capture string) *account {
	t.Helper()
	f, err := os.Open(capture)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := &account{
		variant: v, refused: map[string][]meeting{},
		sentIDs: map[string]string{}, echoes: map[string]int{}, statuses: map[string][]string{},
	}
	if a.place, err = time.LoadLocation(place); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m meeting
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		a.met = append(a.met, m)
		var body struct {
			Destination string
			Key         struct{ RemoteJid, ID string }
			InstanceID  string
		}
		_ = json.Unmarshal([]byte(m.Body), &body) // what is no JSON is complained about below
		switch {
		case m.Kind == "webhook" && a.webhook == "":
			a.webhook = body.Destination
		case m.Status == 201 && body.Key.ID != "":
			a.sentIDs[body.Key.ID], a.id = body.Key.RemoteJid, body.InstanceID
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return a
}

// Kinds of strings.
var (
	anyText   = like(`(?s:.+)`)
	uuid      = like(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	personJid = like(`999\d{12}@s\.whatsapp\.net`)
	messageID = like(`[0-9A-F]{16,32}`)
	device    = like(`android|ios|web|desktop|unknown`)
)

// envelope is the body of every webhook (1.1).
func (a *account) envelope(event string, at time.Time, data check) object {
	return object{
		"event": text(event), "instance": text(instance), "data": data,
		"destination": like(`http://127\.0\.0\.1:\d+/hook`),
		"date_time":   wallClock{at, a.place},
		"sender":      text(ownNumber + personSuffix),
		"server_url":  like(`http://127\.0\.0\.1:\d+`),
		"apikey":      null{},
	}
}

// message is the data of a message (1.2): its content and what WhatsApp calls that.
func (a *account) message(at time.Time, fromMe bool, kind string, content check) object {
	name := check(anyText)
	if fromMe {
		name = like(".*")
	}
	o := object{
		"key": object{
			"remoteJid": personJid, "fromMe": truth(fromMe), "id": messageID,
			"remoteJidAlt": optional{like(`\d+@lid`)}, "addressingMode": optional{like("pn|lid")},
		},
		"pushName": name, "status": like("DELIVERY_ACK|SERVER_ACK|PENDING"),
		"contextInfo": null{}, "messageType": text(kind),
		"messageTimestamp": unixSeconds{at}, "instanceId": uuid, "source": device,
	}
	members := object{kind: content, "messageContextInfo": optional{object{
		"deviceListMetadata": object{}, "deviceListMetadataVersion": number(2),
	}}}
	if kind == "audioMessage" && !fromMe {
		switch a.media {
		case "base64":
			members["base64"] = anyText
		case "url":
			members["mediaUrl"] = like(`http://127\.0\.0\.1:\d+/.+`)
		}
	}
	o["message"] = members
	if a.first {
		a.turnFirst(o)
		o["key"] = object{"remoteJid": personJid, "fromMe": truth(fromMe), "id": messageID}
	}
	return o
}

// turnFirst takes out of a message's data what version 1 does not have, and names the instance as it does.
func (a *account) turnFirst(o object) {
	for _, name := range []string{"status", "contextInfo", "instanceId"} {
		delete(o, name)
	}
	o["owner"] = text(instance)
}

// update is the data of a delivery or read receipt (1.2).
func (a *account) update() object {
	if a.first {
		return object{
			"remoteJid": personJid, "fromMe": truth(true), "id": messageID, "status": like("DELIVERY_ACK|READ"),
			"datetime": anything{}, "owner": text(instance),
		}
	}
	return object{
		"keyId": messageID, "remoteJid": personJid, "fromMe": truth(true), "participant": personJid,
		"status": like("DELIVERY_ACK|READ"), "instanceId": uuid, "messageId": like("c[0-9a-z]{24}"),
	}
}

// sent is the account of a message the gateway accepted (1.4).
func (a *account) sent(messageType string, message check) object {
	return object{
		"key":      object{"remoteJid": personJid, "fromMe": truth(true), "id": like("(BAE5|3EB0)[0-9A-F]{12,28}")},
		"pushName": text(""), "status": text("PENDING"), "message": message, "contextInfo": null{},
		"messageType": text(messageType), "messageTimestamp": unixSeconds{time.Now()}, "instanceId": text(a.id), "source": text("web"),
	}
}

// sentFirst is what sent is in version 1.
func (a *account) sentFirst(message check) object {
	return object{
		"key":     object{"remoteJid": personJid, "fromMe": truth(true), "id": like("(BAE5|3EB0)[0-9A-F]{12,28}")},
		"message": message, "messageTimestamp": like(`\d{10}`), "status": text("PENDING"),
	}
}

// judgeWebhooks holds each webhook against its documented shape and files it.
func (a *account) judgeWebhooks(t *testing.T) {
	for _, m := range a.met {
		if m.Kind != "webhook" {
			continue
		}
		var hook inbound
		if err := json.Unmarshal([]byte(m.Body), &hook); err != nil {
			t.Errorf("webhook: %v: %s", err, m.Body)
			continue
		}
		var shape check
		path, d := "/hook", &hook.Data
		switch hook.Event {
		case "messages.upsert":
			kind, content := a.content(&hook)
			shape, path = a.message(m.At, d.Key.FromMe, kind, content), path+"/messages-upsert"
			a.fileMessage(t, m, &hook)
		case "messages.update":
			shape, path = a.update(), path+"/messages-update"
			id := cmp.Or(d.KeyID, d.ID)
			a.statuses[id] = append(a.statuses[id], d.Status)
		default:
			t.Errorf("event %q", hook.Event)
			continue
		}
		if !a.byEvents {
			path = "/hook"
		}
		if m.Path != path || m.Method != "POST" {
			t.Errorf("%s came by %s %s, want %s", hook.Event, m.Method, m.Path, path)
		}
		for _, complaint := range shaped(m.Body, a.envelope(hook.Event, m.At, shape)) {
			t.Errorf("%s: %s", hook.Event, complaint)
		}
		a.judgeHeader(t, m)
	}
}

// content is what a message may hold, by its kind. Those of the bot itself are of the kinds it sends.
func (a *account) content(hook *inbound) (kind string, content check) {
	m := &hook.Data.Message
	switch fromMe := hook.Data.Key.FromMe; {
	case m.AudioMessage != nil && fromMe:
		return "audioMessage", object{"mimetype": anyText, "ptt": truth(true)}
	case m.AudioMessage != nil:
		return "audioMessage", voiceNote(m.AudioMessage)
	case m.ImageMessage != nil:
		return "imageMessage", object{"mimetype": anyText, "caption": anyText}
	case m.DocumentMessage != nil:
		return "documentMessage", object{"mimetype": anyText, "fileName": anyText}
	case a.first && (fromMe || m.ExtendedTextMessage.Text != ""): // the library sends extended texts, iPhones too
		return "extendedTextMessage", object{"text": anyText}
	default:
		return "conversation", anyText
	}
}

// fileMessage keeps what judgeWhole must know of a messages.upsert.
func (a *account) fileMessage(t *testing.T, m meeting, hook *inbound) {
	t.Helper()
	id, words := hook.Data.Key.ID, hook.Data.Message.Conversation+hook.Data.Message.ExtendedTextMessage.Text
	if hook.Data.Key.FromMe {
		a.echoes[id]++
		return
	}
	a.said = append(a.said, id)
	switch {
	case hook.Data.Message.AudioMessage != nil:
		a.voices++
	case words == wordsOfRefusal || words == wordsOfTrouble:
		a.refused[id] = append(a.refused[id], m)
	case words != awkwardWords && !like(`My name is \pL+`).MatchString(words):
		t.Errorf("nobody says %q", words)
	}
}

// judgeHeader: JSON, no signature but the configured one, and only header fields that Node's axios sends.
func (a *account) judgeHeader(t *testing.T, m meeting) {
	t.Helper()
	known := []string{"Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "User-Agent"}
	if a.signed || a.keyed {
		known = append(known, "Authorization")
		judgeToken(t, m)
	}
	if !a.signed {
		known = append(known, "X-Secret")
		if got := m.Header.Get("X-Secret"); got != otherHeader {
			t.Errorf("X-Secret is %q", got)
		}
	}
	for name, values := range m.Header {
		if !slices.Contains(known, name) || len(values) != 1 {
			t.Errorf("header field %s: %q", name, values)
		}
	}
	if kind := m.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("Content-Type is %q", kind)
	}
}

// judgeToken verifies the JSON Web Token that jwt_key asks for.
func judgeToken(t *testing.T, m meeting) {
	t.Helper()
	parts := strings.Split(strings.TrimPrefix(m.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		t.Errorf("Authorization is %q", m.Header.Get("Authorization"))
		return
	}
	mac := hmac.New(sha256.New, []byte(jwtKey))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) != parts[2] {
		t.Error("the token's signature is wrong")
	}
	var claims struct{ Iat, Exp int64 }
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil || claims.Exp != claims.Iat+600 {
		t.Errorf("the token claims %s (%v)", payload, err)
	}
	for _, complaint := range shaped(string(payload), object{
		"iat": unixSeconds{m.At}, "exp": unixSeconds{m.At.Add(10 * time.Minute)}, "app": text("evolution"), "action": text("webhook"),
	}) {
		t.Errorf("token: %s", complaint)
	}
}
