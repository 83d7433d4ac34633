package webtap

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
	"parley/internal/upstream"
	"parley/internal/upstream/stub"
)

// Faults of the plan strike what comes through a tunnel as they strike what comes without one: a reset is one of TCP, below TLS.
func TestFaultsInATunnel(t *testing.T) {
	f := func(rule string, check func(resp *http.Response, body string, err error), protocols ...func(*http.Protocols)) {
		t.Helper()
		r, err := fault.ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		recorded := make(chan parley.Call, 10)
		s := stub.New(stub.Options{
			Config:  plan.HTTP{Faults: []fault.Rule{r}, Routes: []plan.Route{{Method: "*", Path: "/**", Status: http.StatusOK, Body: strings.Repeat("x", 1000)}}},
			Options: upstream.Options{Wire: "model", Record: func(c parley.Call) { recorded <- c }},
		})
		stage := open(t, map[string]*Service{model: {Handler: s, ConnContext: s.ConnContext}})
		resp, err := stage.client(protocols...).Post("https://"+model+"/v1/things", "text/plain", strings.NewReader("hi"))
		body := ""
		if err == nil {
			var text []byte
			text, err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			body = string(text)
		}
		check(resp, body, err)
		if c := <-recorded; c.Fault == "" || c.Conn != 1 || c.Operation != "POST /**" {
			t.Errorf("%s: recorded %+v", rule, c)
		}
	}
	f("status 503", func(resp *http.Response, _ string, err error) {
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("status: %v, %v", resp, err)
		}
	})
	f("reset", func(_ *http.Response, _ string, err error) {
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("reset: %v", err)
		}
	})
	f("cut", func(_ *http.Response, body string, err error) {
		if err == nil || len(body) == 1000 {
			t.Errorf("cut: %d bytes, %v", len(body), err)
		}
	})
	two := func(p *http.Protocols) { p.SetHTTP1(false); p.SetHTTP2(true) }
	f("reset", func(_ *http.Response, _ string, err error) {
		if err == nil {
			t.Error("reset of HTTP/2: no error")
		}
	}, two)
}
