package evolution

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"

	"parley"
	"parley/internal/fault"
	"parley/internal/platform"
)

// ask runs one request through the handler without a connection.
func ask(p *Platform, method, path, body string, header ...string) (int, string) {
	ctx := newContext(method, path, body, header...)
	p.Handler(ctx)
	return ctx.Response.StatusCode(), string(ctx.Response.Body())
}

func newContext(method, path, body string, header ...string) *fasthttp.RequestCtx {
	var request fasthttp.Request
	request.Header.SetMethod(method)
	request.SetRequestURI(path)
	request.Header.SetHost("127.0.0.1:9001")
	request.Header.Set("apikey", "key-1")
	if body != "" {
		request.Header.SetContentType("application/json")
		request.SetBodyString(body)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	ctx := &fasthttp.RequestCtx{}
	ctx.Init(&request, nil, nil)
	return ctx
}

const sendText = "/message/sendText/receptionist"

func TestRefusals(t *testing.T) {
	number := newTest(nil).User(1).Number
	tests := []struct {
		name, method, path, body string
		header                   []string
		status                   int
		want                     string
	}{
		{"no key", "POST", sendText, `{"number":"1","text":"a"}`, []string{"apikey", ""}, 401,
			`{"status":401,"error":"Unauthorized","response":{"message":"Unauthorized"}}`},
		{"wrong key", "POST", sendText, `{}`, []string{"apikey", "key-2"}, 401,
			`{"status":401,"error":"Unauthorized","response":{"message":"Unauthorized"}}`},
		{"unknown instance comes before the key", "POST", "/message/sendText/other", `{}`, []string{"apikey", ""}, 404,
			`{"status":404,"error":"Not Found","response":{"message":["The \"other\" instance does not exist"]}}`},
		{"unknown route", "POST", "/message/sendTelegram/receptionist", `{}`, nil, 404,
			`{"status":404,"error":"Not Found","response":{"message":["Cannot POST /message/sendTelegram/receptionist"]}}`},
		{"doubled slash", "POST", "//message/sendText/receptionist?a=1", `{}`, nil, 404,
			`{"status":404,"error":"Not Found","response":{"message":["Cannot POST //message/sendText/receptionist?a=1"]}}`},
		{"wrong method", "GET", sendText, ``, nil, 404,
			`{"status":404,"error":"Not Found","response":{"message":["Cannot GET /message/sendText/receptionist"]}}`},
		{"no instance", "POST", "/message/sendText", `{}`, nil, 404,
			`{"status":404,"error":"Not Found","response":{"message":["Cannot POST /message/sendText"]}}`},
		{"v1 body", "POST", sendText, `{"number":"` + number + `","textMessage":{"text":"a"}}`, nil, 400,
			`{"status":400,"error":"Bad Request","response":{"message":[["instance requires property \"text\""]]}}`},
		{"two complaints", "POST", sendText, `{"delay":"1200"}`, nil, 400,
			`{"status":400,"error":"Bad Request","response":{"message":[["Enter a value in milliseconds","instance requires property \"number\"","instance requires property \"text\""]]}}`},
		{"null is not absent", "POST", sendText, `{"number":"` + number + `","text":"a","delay":null}`, nil, 400,
			`{"status":400,"error":"Bad Request","response":{"message":[["Enter a value in milliseconds"]]}}`},
		{"text is a number", "POST", sendText, `{"number":5,"text":5}`, nil, 400,
			`{"status":400,"error":"Bad Request","response":{"message":[["Invalid format","text is not of a type(s) string"]]}}`},
		{"unknown kind of media", "POST", "/message/sendMedia/receptionist", `{"number":"1","mediatype":"gif"}`, nil, 400,
			`{"status":400,"error":"Bad Request","response":{"message":[["mediatype is not one of enum values: image,document,video,audio"]]}}`},
		{"short poll", "POST", "/message/sendPoll/receptionist", `{"number":"1","name":"n","selectableCount":1,"values":["a"]}`, nil, 400,
			`{"status":400,"error":"Bad Request","response":{"message":[["values does not meet minimum length of 2"]]}}`},
		{"content type is not JSON", "POST", sendText, `{"number":"1","text":"a"}`, []string{"Content-Type", "text/plain"}, 400,
			`{"status":400,"error":"Bad Request","response":{"message":[["instance requires property \"number\"","instance requires property \"text\""]]}}`},
		{"malformed", "POST", sendText, `{"number":x}`, nil, 400,
			`{"status":400,"error":"Internal Server Error","response":{"message":"Unexpected token 'x', \"{\"number\":x}\" is not valid JSON"}}`},
		{"truncated", "POST", sendText, `{"number":"1","te`, nil, 400,
			`{"status":400,"error":"Internal Server Error","response":{"message":"Unexpected end of JSON input"}}`},
		{"not an object", "POST", sendText, `"hello"`, nil, 400,
			`{"status":400,"error":"Internal Server Error","response":{"message":"Unexpected token '\"', \"\"hello\"\" is not valid JSON"}}`},
		{"stranger", "POST", sendText, `{"number":"+49 (30) 1234","text":"a"}`, nil, 400,
			`{"status":400,"error":"Bad Request","response":{"message":[{"jid":"49301234@s.whatsapp.net","exists":false,"number":"49301234"}]}}`},
		{"group", "POST", sendText, `{"number":"12036@g.us","text":"a"}`, nil, 400,
			`{"status":400,"error":"Bad Request","response":{"message":[{"jid":"12036@g.us","exists":false,"number":"12036@g.us"}]}}`},
		{"webhook without url", "POST", "/webhook/set/receptionist", `{"webhook":{"enabled":true}}`, nil, 400,
			`{"status":400,"error":"Bad Request","response":{"message":["Invalid \"url\" property"]}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var calls []parley.Call
			p := newTest(func(o *Options) {
				o.Known = func(n string) bool { return n == number }
				o.Record = func(c parley.Call) { calls = append(calls, c) }
			})
			status, body := ask(p, test.method, test.path, test.body, test.header...)
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if wanted := unescapeQuotes(test.want); diff(body, wanted) != "" && diff(body, test.want) != "" {
				t.Errorf("body (-want +got):\n%s", diff(test.want, body))
			}
			if len(calls) != 1 || calls[0].Status != int32(test.status) || calls[0].Failure != fmt.Sprintf("status %d", test.status) {
				t.Errorf("calls = %+v, want one failed with %d", calls, test.status)
			}
		})
	}
}

// unescapeQuotes lets the table hold the message of a parser, which quotes the body, without a second layer of escapes.
func unescapeQuotes(want string) string {
	return strings.NewReplacer(`"{"number":x}\"`, `"{\"number\":x}\"`, `'"'`, `'\"'`, `\""hello"\"`, `\"\"hello\"\"`).Replace(want)
}

// diff compares two JSON documents.
func diff(a, b string) string {
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		return err.Error()
	}
	return cmp.Diff(x, y)
}

func TestSends(t *testing.T) {
	u := newTest(nil).User(1)
	tests := []struct {
		operation, body, kind, text, quoted, messageType string
	}{
		{"sendText", `"text":"Olá\nAna","quoted":{"key":{"id":"3EB0AA"}}`, "text", "Olá\nAna", "3EB0AA", "conversation"},
		{"sendMedia", `"mediatype":"image","media":"aGk=","caption":"a map"`, "image", "a map", "", "imageMessage"},
		{"sendMedia", `"mediatype":"document","media":"https://x/y.pdf"`, "document", "", "", "documentMessage"},
		{"sendWhatsAppAudio", `"audio":"aGk="`, "audio", "", "", "audioMessage"},
		{"sendPtv", `"video":"aGk="`, "video", "", "", "ptvMessage"},
		{"sendSticker", `"sticker":"aGk="`, "sticker", "", "", "stickerMessage"},
		{"sendLocation", `"latitude":1.5,"longitude":2,"name":"here","address":"there"`, "location", "here", "", "locationMessage"},
		{"sendContact", `"contact":[{"fullName":"A","phoneNumber":"1234567890"}]`, "contact", "", "", "contactMessage"},
		{"sendPoll", `"name":"when","selectableCount":1,"values":["a","b"]`, "poll", "when", "", "pollCreationMessage"},
		{"sendList", `"title":"t","footerText":"f","buttonText":"b","sections":[{}]`, "list", "t", "", "listMessage"},
		{"sendButtons", `"title":"t","buttons":[]`, "buttons", "t", "", "interactiveMessage"},
		{"sendTemplate", `"name":"hello","language":"pt_BR"`, "template", "hello", "", "templateMessage"},
		{"sendReaction", `"key":{"id":"3EB0BB","remoteJid":"` + u.Number + `@s.whatsapp.net","fromMe":false},"reaction":"👍"`,
			"reaction", "👍", "3EB0BB", "reactionMessage"},
	}
	for _, test := range tests {
		t.Run(test.operation, func(t *testing.T) {
			var replies []platform.Reply
			p := newTest(func(o *Options) {
				o.Known = func(n string) bool { return n == u.Number }
				o.Deliver = func(r platform.Reply) { replies = append(replies, r) }
			})
			body := `{"number":"` + u.Number + `",` + test.body + `}`
			status, answer := ask(p, "POST", "/message/"+test.operation+"/receptionist", body)
			if status != 201 {
				t.Fatalf("status %d: %s", status, answer)
			}
			var sent struct {
				Key         struct{ RemoteJid, ID string }
				Status      string
				MessageType string
				Message     map[string]any
			}
			if err := json.Unmarshal([]byte(answer), &sent); err != nil {
				t.Fatal(err)
			}
			if sent.Key.RemoteJid != u.Number+"@s.whatsapp.net" || sent.Status != "PENDING" || sent.MessageType != test.messageType || sent.Message[test.messageType] == nil {
				t.Errorf("answer %s", answer)
			}
			if len(replies) != 1 {
				t.Fatalf("%d replies, want 1", len(replies))
			}
			got := replies[0]
			got.Delivered = time.Time{}
			want := platform.Reply{To: u.Number, ID: sent.Key.ID, Quoted: test.quoted, Kind: test.kind, Text: test.text, Bytes: len(body)}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("reply (-want +got):\n%s", d)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	p := newTest(nil)
	u := p.User(12)
	hidden := hiddenMark + u.Number[3:] + "@lid"
	for _, text := range []string{
		u.Number, "+" + u.Number, u.Number[:4] + " " + u.Number[4:9] + "-" + u.Number[9:],
		u.Number + "@s.whatsapp.net", u.Number + ":17@s.whatsapp.net", u.Number + "@c.us", hidden,
	} {
		if a := p.addressOf(text); a.number != u.Number || !a.person || a.jid != u.Number+personSuffix {
			t.Errorf("addressOf(%q) = %+v, want %s", text, a, u.Number)
		}
	}
	if body := string(p.Webhook(nil, p.Message(u, 1, "Oi", time.Unix(0, 0))).Body); !strings.Contains(body, `"`+hidden+`"`) {
		t.Errorf("webhook lacks the hidden identity %s: %s", hidden, body)
	}
	for _, text := range []string{"", "@s.whatsapp.net", "123@g.us", "status@broadcast", "abc"} {
		if a := p.addressOf(text); p.exists(a) {
			t.Errorf("addressOf(%q) = %+v exists", text, a)
		}
	}
}

func TestQueries(t *testing.T) {
	u := newTest(nil).User(1)
	tests := []struct{ method, path, body, want string }{
		{"GET", "/", "", `"message":"Welcome to the Evolution API, it is working!"`},
		{"POST", "/CHAT/sendpresence/receptionist/", `{"number":"` + u.Number + `","presence":"composing","delay":0}`, `{"presence":"composing"}`},
		{"POST", "/chat/markMessageAsRead/receptionist", `{"readMessages":[{"id":"A","fromMe":false,"remoteJid":"` + u.Number + `@s.whatsapp.net"}]}`, `"read":"success"`},
		{"POST", "/chat/whatsappNumbers/receptionist", `{"numbers":["` + u.Number + `","551"]}`, `"exists":false,"number":"551"}]`},
		{"POST", "/chat/findMessages/receptionist", `{"where":{"key":{"remoteJid":"` + u.Number + `"}}}`, `"records":[]`},
		{"POST", "/chat/findContacts/receptionist", `{"where":{"remoteJid":"` + u.Number + `@s.whatsapp.net"}}`, `"remoteJid":"` + u.Number},
		{"POST", "/chat/findContacts/receptionist", `{}`, `[]`},
		{"POST", "/chat/fetchProfilePictureUrl/receptionist", `{"number":"` + u.Number + `"}`, `"profilePictureUrl":null`},
		{"GET", "/instance/connectionState/receptionist", "", `{"instance":{"instanceName":"receptionist","state":"open"}}`},
		{"GET", "/instance/connect/receptionist", "", `"state":"open"`},
		{"GET", "/instance/fetchInstances?instanceName=receptionist", "", `"ownerJid":"5511999990000@s.whatsapp.net"`},
		{"GET", "/webhook/find/receptionist", "", `"url":"http://127.0.0.1:9000/webhook"`},
		{"POST", "/webhook/set/receptionist", `{"webhook":{"enabled":true,"url":"http://bot/hook","events":[]}}`, `{"webhook":{"enabled":true,"url":"http://bot/hook"`},
		{"POST", "/message/sendStatus/receptionist", `{"type":"text","content":"hi","allContacts":true}`, `"remoteJid":"status@broadcast"`},
	}
	for _, test := range tests {
		p := newTest(func(o *Options) {
			o.Known = func(n string) bool { return n == u.Number }
			o.Deliver = func(platform.Reply) { t.Errorf("%s is not a reply", test.path) }
		})
		status, body := ask(p, test.method, test.path, test.body)
		if status >= 300 || !strings.Contains(body, test.want) || !json.Valid([]byte(body)) {
			t.Errorf("%s %s: %d %s, want %s", test.method, test.path, status, body, test.want)
		}
	}
	p := newTest(nil)
	ask(p, "POST", "/webhook/set/receptionist", `{"webhook":{"enabled":true,"url":"http://bot/hook"}}`)
	if _, body := ask(p, "GET", "/webhook/find/receptionist", ""); body != `{"enabled":true,"url":"http://bot/hook"}` {
		t.Errorf("find after set: %s", body)
	}
	spaced := newTest(func(o *Options) { o.Config.Instance = "my bot" })
	if status, body := ask(spaced, "GET", "/instance/connectionState/my%20bot", ""); status != 200 {
		t.Errorf("instance with a space: %d %s", status, body)
	}
}

// gateway serves p on one connection in the bubble and returns the client's end.
func gateway(t *testing.T, p *Platform) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	s := &fasthttp.Server{Handler: p.Handler, NoDefaultDate: true, NoDefaultServerHeader: true}
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.ServeConn(server) })
	t.Cleanup(func() {
		_ = client.Close()
		wg.Wait()
	})
	return client
}

func post(conn net.Conn, path, body string) (*http.Response, []byte, error) {
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\napikey: key-1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, nil, err
	}
	got, err := io.ReadAll(response.Body)
	return response, got, err
}

func TestDelayIsHeldBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		epoch := time.Now()
		var (
			calls     []parley.Call
			delivered time.Duration
			later     []time.Duration
		)
		p := newTest(func(o *Options) {
			o.Epoch = epoch
			o.Config.Echo, o.Config.Statuses = true, true
			o.Config.SendLatency = fault.Constant(120 * time.Millisecond)
			o.Record = func(c parley.Call) { calls = append(calls, c) }
			o.Deliver = func(r platform.Reply) { delivered = r.Delivered.Sub(epoch) }
			o.Notify = func(s platform.Scheduled) { later = append(later, s.After) }
			o.Attribute = func(string) int64 { return 42 }
		})
		conn := gateway(t, p)
		u := p.User(3)
		time.Sleep(time.Second) // the virtual clock's: the run is one second old
		response, _, err := post(conn, sendText, `{"number":"`+u.Number+`","text":"hi","delay":1200}`)
		if err != nil || response.StatusCode != 201 {
			t.Fatalf("sendText: %v, %v", response, err)
		}
		const end = 2320 * time.Millisecond
		if got := time.Since(epoch); got != end || delivered != end {
			t.Errorf("answered at %v, delivered at %v, want both at %v", got, delivered, end)
		}
		if len(later) != 3 || later[0] > later[1] || later[1] >= later[2] {
			t.Errorf("webhooks after %v, want echo, delivery and read in this order", later)
		}
		calls[0].Conn, calls[0].Flight, calls[0].ResponseBytes = 0, 0, 0
		want := parley.Call{
			Turn: 42, By: parley.ByIdentity, Wire: "evolution", Operation: "POST /message/sendText/{instance}",
			Start: time.Second, FirstByte: end, End: end, Imposed: 1320 * time.Millisecond, Status: 201,
			RequestBytes: 53, Identities: []uint64{parley.Key{}.Hash(u.Number)},
		}
		if d := cmp.Diff([]parley.Call{want}, calls); d != "" {
			t.Errorf("calls (-want +got):\n%s", d)
		}
	})
}

func TestPresenceReturnsAfterItsDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTest(nil)
		conn := gateway(t, p)
		begin := time.Now()
		response, _, err := post(conn, "/chat/sendPresence/receptionist", `{"number":"`+p.User(1).Number+`","presence":"composing","delay":30000}`)
		if err != nil || response.StatusCode != 201 || time.Since(begin) != 30*time.Second {
			t.Errorf("presence: %v, %v after %v, want 201 after 30s", response, err, time.Since(begin))
		}
	})
}

func TestDelaysDoNotQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTest(nil)
		begin := time.Now()
		var wg sync.WaitGroup
		for i := range int64(50) {
			conn := gateway(t, p)
			wg.Go(func() {
				if _, _, err := post(conn, sendText, `{"number":"`+p.User(i).Number+`","text":"hi","delay":5000}`); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("50 sends with a delay of 5 s took %v", took)
		}
	})
}

func TestFaults(t *testing.T) {
	tests := []struct {
		rule      string
		wantErr   bool
		status    int32
		failure   string
		delivered bool
		took      time.Duration
	}{
		{"status 503", false, 503, "status 503", false, 0},
		{"delay 2s", false, 201, "", true, 2 * time.Second},
		{"reset", true, 0, "connection reset", false, 0},
		{"cut", true, 201, "answer cut", true, 0},
		{"malformed", false, 201, "malformed answer", true, 0},
		{"drip 100B/s", false, 201, "", true, 0},
		{"hang", true, 0, "no answer", false, 60 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rule, err := fault.ParseRule(test.rule + " on POST /message/sendText/*")
				if err != nil {
					t.Fatal(err)
				}
				replies := 0
				calls := make(chan parley.Call, 1)
				p := newTest(func(o *Options) {
					o.Epoch = time.Now()
					o.Config.Faults = []fault.Rule{rule}
					o.Deliver = func(platform.Reply) { replies++ }
					o.Record = func(c parley.Call) { calls <- c }
					o.Attribute = func(string) int64 { return 7 }
				})
				conn := gateway(t, p)
				begin := time.Now()
				_ = conn.SetReadDeadline(begin.Add(time.Minute))
				response, body, err := post(conn, sendText, `{"number":"`+p.User(1).Number+`","text":"hi"}`)
				if (err != nil) != test.wantErr {
					t.Errorf("error %v, response %v", err, response)
				}
				if test.rule == "malformed" && json.Valid(body) {
					t.Errorf("valid JSON: %s", body)
				}
				took := time.Since(begin)
				_ = conn.Close()
				call := <-calls
				want := test.took
				if test.rule == "drip 100B/s" {
					want = time.Duration(call.ResponseBytes) * time.Second / 100
				}
				if took != want {
					t.Errorf("took %v, want %v", took, want)
				}
				if call.Status != test.status || call.Failure != test.failure || call.Fault != test.rule {
					t.Errorf("call %d %q by %q, want %d %q", call.Status, call.Failure, call.Fault, test.status, test.failure)
				}
				if call.End-call.Start != took || call.Turn != 7 {
					t.Errorf("recorded %v of turn %d, want %v of turn 7", call.End-call.Start, call.Turn, took)
				}
				if (replies == 1) != test.delivered {
					t.Errorf("%d replies, delivered should be %v", replies, test.delivered)
				}
			})
		})
	}
}

func TestCloseEndsHangsAndDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule, err := fault.ParseRule("hang on POST /message/sendText/*")
		if err != nil {
			t.Fatal(err)
		}
		p := newTest(func(o *Options) { o.Config.Faults = []fault.Rule{rule} })
		hung, slow := gateway(t, p), gateway(t, p)
		begin := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { _, _, _ = post(hung, sendText, `{}`) })
		wg.Go(func() {
			_, _, _ = post(slow, "/chat/sendPresence/receptionist", `{"number":"1","presence":"composing","delay":600000}`)
		})
		time.Sleep(time.Second)
		p.Close()
		p.Close()
		wg.Wait()
		if took := time.Since(begin); took != time.Second {
			t.Errorf("closing after 1 s took until %v", took)
		}
	})
}

// TestResetOverTCP looks at what only a real connection can show.
func TestResetOverTCP(t *testing.T) {
	rule, err := fault.ParseRule("reset")
	if err != nil {
		t.Fatal(err)
	}
	p := newTest(func(o *Options) { o.Config.Faults = []fault.Rule{rule} })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fasthttp.Server{Handler: p.Handler}
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(listener) })
	t.Cleanup(func() {
		p.Close()
		_ = s.Shutdown()
		wg.Wait()
	})
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, _, err := post(conn, sendText, `{}`); err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("post: %v, want a connection reset", err)
	}
}

func TestFinderAndStrangers(t *testing.T) {
	var calls []parley.Call
	var strangers []string
	p := newTest(func(o *Options) {
		o.Known = func(string) bool { return false }
		o.Finder = func(dst []uint64, body []byte) []uint64 { return append(dst, uint64(bytes.Count(body, []byte("9")))) }
		o.Record = func(c parley.Call) { calls = append(calls, c) }
		o.Deliver = func(r platform.Reply) { strangers = append(strangers, r.To) }
	})
	ask(p, "POST", sendText, `{"number":"499","text":"hi"}`)
	if d := cmp.Diff([]uint64{2}, calls[0].Identities); d != "" {
		t.Errorf("identities %s", d)
	}
	if d := cmp.Diff([]string{"499"}, strangers); d != "" {
		t.Errorf("strangers %s", d)
	}
}
