package evolution

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"parley/internal/platform"
)

// FuzzMembers holds the scanner against encoding/json.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `5`, ` { "a" : 1 , "b":[1,{"c":"}"}], "d\u0065":"x\"y" , "a":null}`, `{"a":"\ud83d"}`, `{"":{}}`, `{"a":-1e5}`, `[1,"a",[],{}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		if !json.Valid(document) {
			return // never scanned
		}
		var list []json.RawMessage
		if json.Unmarshal(document, &list) == nil {
			n := 0
			elements(document, func(value []byte) {
				if !bytes.Equal(value, bytes.TrimSpace(list[n])) {
					t.Errorf("element %d of %s is %s", n, document, value)
				}
				n++
			})
			if n != len(list) {
				t.Errorf("%d elements in %s", n, document)
			}
		}
		var want map[string]json.RawMessage
		if json.Unmarshal(document, &want) != nil {
			return
		}
		got := map[string]string{}
		members(document, func(key, value []byte) { got[strings.ToValidUTF8(string(key), "\uFFFD")] = string(value) })
		for key, value := range want {
			if strings.ContainsRune(key, '\uFFFD') {
				return // runs of invalid bytes are counted differently
			}
			if got[key] != string(value) {
				t.Errorf("%q of %s is %s, want %s", key, document, got[key], value)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d members in %s, want %d", len(got), document, len(want))
		}
	})
}

// FuzzSend sends any body to any operation: the answer is always JSON of a status the gateway has.
func FuzzSend(f *testing.F) {
	p := newTest(func(o *Options) {
		o.Known = func(n string) bool { return strings.HasPrefix(n, "999") }
		o.Deliver = func(r platform.Reply) {}
	})
	p.Close() // no delay is spent
	f.Add("sendText", []byte(`{"number":"999123000000001","text":"a","delay":5,"quoted":{"key":{"id":"A"}}}`))
	f.Add("sendMedia", []byte(`{"number":"999123000000001","mediatype":"image","media":"aGk="}`))
	f.Add("sendReaction", []byte(`{"key":{"remoteJid":"999@s.whatsapp.net","id":1},"reaction":""}`))
	f.Add("sendText", []byte(`{"number":"1","options":{"delay":1200},"textMessage":{"text":"a"}}`))
	f.Add("sendPoll", []byte("[\x00"))
	f.Fuzz(func(t *testing.T, operation string, body []byte) {
		ctx := newContext("POST", sendText, string(body))
		ctx.Request.SetRequestURI("/message/" + operation + "/receptionist")
		p.Handler(ctx)
		switch status := ctx.Response.StatusCode(); status {
		case 201, 400, 404:
		default:
			t.Errorf("status %d", status)
		}
		if !json.Valid(ctx.Response.Body()) {
			t.Errorf("%s: answer %q", body, ctx.Response.Body())
		}
	})
}

// FuzzRoute looks for paths that break the router or reach an instance they do not name.
func FuzzRoute(f *testing.F) {
	for _, path := range []string{"/", "", "//", "/message/sendText/receptionist", "/MESSAGE/sendText/r%2f/", "/instance/fetchInstances", "/a/b/c/d", "/message/sendText/%zz"} {
		f.Add("POST", path)
		f.Add("GET", path)
	}
	p := newTest(nil)
	f.Fuzz(func(t *testing.T, method, path string) {
		r, instance := p.findRoute([]byte(method), []byte(path))
		if r == nil {
			return
		}
		if r.method != method || r.instance != (instance != "") {
			t.Errorf("%s %q found %s of instance %q", method, path, r.operation, instance)
		}
	})
}
