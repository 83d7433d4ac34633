package evolution

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"

	"parley"
	"parley/internal/platform"
)

// TestSentTextIsShownAsTheGatewayShowsIt compares the answer to a send field by field.
func TestSentTextIsShownAsTheGatewayShowsIt(t *testing.T) {
	p := newTest(nil)
	u := p.User(1)
	_, body := ask(p, "POST", sendText, `{"number":"`+u.Number+`","text":"Olá, \"Ana\""}`)
	body = regexp.MustCompile(`"id":"BAE5[0-9A-F]{18}"`).ReplaceAllString(body, `"id":"BAE5"`)
	body = regexp.MustCompile(`"messageTimestamp":\d{10}\b`).ReplaceAllString(body, `"messageTimestamp":1`)
	want := compact(t, `{
		"key": {"remoteJid": "`+u.Number+`@s.whatsapp.net", "fromMe": true, "id": "BAE5"},
		"pushName": "",
		"status": "PENDING",
		"message": {"conversation": "Olá, \"Ana\""},
		"contextInfo": null,
		"messageType": "conversation",
		"messageTimestamp": 1,
		"instanceId": "`+p.id+`",
		"source": "web"
	}`)
	if d := cmp.Diff(want, body); d != "" {
		t.Errorf("answer (-want +got):\n%s", d)
	}
}

// TestExchangesForgetEachOther: a request is answered as if it were the first, whatever came before.
func TestExchangesForgetEachOther(t *testing.T) {
	u := newTest(nil).User(1)
	requests := [][2]string{
		{"/message/sendText/receptionist", `{"number":"` + u.Number + `","text":"` + strings.Repeat("long ", 9000) + `"}`},
		{"/message/sendText/receptionist", `{"number":"` + u.Number + `"}`},
		{"/message/sendMedia/receptionist", `{"number":"` + u.Number + `","mediatype":"image","caption":"c"}`},
		{"/message/sendMedia/receptionist", `{"number":"` + u.Number + `","mediatype":"image"}`},
		{"/message/sendText/receptionist", `{"text":"a"}`},
		{"/chat/findContacts/receptionist", `{}`},
		{"/nowhere", `{"number":"` + u.Number + `","text":"a"}`},
		{"/message/sendText/receptionist", `{"number":`},
	}
	changing := regexp.MustCompile(`BAE5[0-9A-F]{18}|"messageTimestamp":\d+`)
	old := newTest(nil)
	for i := range 3 * len(requests) {
		r := requests[(i*5)%len(requests)]
		status, body := ask(old, "POST", r[0], r[1])
		wantStatus, want := ask(newTest(nil), "POST", r[0], r[1])
		if d := cmp.Diff(changing.ReplaceAllString(want, "-"), changing.ReplaceAllString(body, "-")); d != "" || status != wantStatus {
			t.Errorf("%s %.60s: status %d, want %d (-want +got):\n%s", r[0], r[1], status, wantStatus, d)
		}
	}
}

// TestManyBotsAtOnce sends from several connections over TCP and counts what arrives.
func TestManyBotsAtOnce(t *testing.T) {
	const clients, each = 8, 50
	var (
		mu      sync.Mutex
		ids     = map[string]bool{}
		calls   = map[int64]int{} // by connection
		flights = map[int64]bool{}
	)
	p := newTest(func(o *Options) {
		o.Deliver = func(r platform.Reply) {
			mu.Lock()
			defer mu.Unlock()
			ids[r.ID+" "+r.To] = true
		}
		o.Record = func(c parley.Call) {
			mu.Lock()
			defer mu.Unlock()
			calls[c.Conn]++
			flights[c.Flight] = true
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fasthttp.Server{Handler: p.Handler}
	var serving, sending sync.WaitGroup
	serving.Go(func() { _ = s.Serve(listener) })
	t.Cleanup(func() {
		p.Close()
		_ = s.Shutdown()
		serving.Wait()
	})
	for i := range clients {
		sending.Go(func() {
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for n := range each {
				number := p.User(int64(i*each + n)).Number
				response, body, err := post(conn, sendText, fmt.Sprintf(`{"number":"%s","text":"%d"}`, number, n))
				if err != nil || response.StatusCode != 201 || !strings.Contains(string(body), number) {
					t.Errorf("send %d of client %d: %v %s", n, i, err, body)
				}
			}
		})
	}
	sending.Wait()
	if len(ids) != clients*each || len(calls) != clients || len(flights) != clients*each {
		t.Errorf("%d replies on %d connections in %d round trips, want %d, %d, %d",
			len(ids), len(calls), len(flights), clients*each, clients, clients*each)
	}
	for conn, n := range calls {
		if n != each {
			t.Errorf("connection %d made %d calls, want %d", conn, n, each)
		}
	}
}
