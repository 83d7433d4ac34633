package relay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/plan"
)

func TestCredentials(t *testing.T) {
	for _, test := range []struct{ header, value, key, want, query string }{
		{"Authorization", "Bearer sk-bot", "", "Bearer sk-bot", ""},
		{"Authorization", "Bearer sk-bot", "sk-plan", "Bearer sk-plan", ""},
		{"Api-Key", "bot", "sk-plan", "sk-plan", ""},
		{"X-Api-Key", "bot", "sk-plan", "sk-plan", ""},
		{"Authorization", "", "sk-plan", "Bearer sk-plan", ""},
		{"Authorization", "", "sk-plan", "", "key=sk-plan"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Kind: "http", Config: plan.Relay{Key: plan.Secret(test.key)}}, func(_ http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get(test.header); got != test.want || r.URL.RawQuery != test.query {
					t.Errorf("%+v: sent %q, query %q", test, got, r.URL.RawQuery)
				}
				if test.key != "" && strings.Contains(fmt.Sprint(r.Header), "bot") {
					t.Errorf("%+v: the bot's own credential was passed on: %v", test, r.Header)
				}
			})
			path := "/v1/a"
			if test.query != "" {
				path += "?key=bot"
			}
			r := b.Request(t.Context(), http.MethodGet, path, "")
			if test.value != "" {
				r.Header.Set(test.header, test.value)
			}
			b.Do(r)
		})
	}
}

// What is not passed on, and what is said about it.
func TestRefusals(t *testing.T) {
	long := chat("hi", `,"max_tokens":10`)
	for _, test := range []struct {
		kind, method, path, body string
		relay                    plan.Relay
		failure, notice          string // no failure: it passes
	}{
		{"openai", "POST", "/v1/chat/completions", long, plan.Relay{Spend: 2}, "", ""},
		{"openai", "GET", "/v1/models", "", plan.Relay{Spend: 0.01}, "", ""},
		{"openai", "POST", "/v1/files", "{}", plan.Relay{Spend: 9}, "refused: write", "allow_writes"},
		{"openai", "DELETE", "/v1/files/file-1", "", plan.Relay{Spend: 9}, "refused: write", "allow_writes"},
		{"openai", "DELETE", "/v1/files/file-1", "", plan.Relay{Spend: 9, AllowWrites: true}, "", ""},
		{"openai", "POST", "/v1/responses", `{"model":"gpt-4o-mini","input":"hi"}`, plan.Relay{Spend: 9999}, "refused: write", "allow_writes"},
		{"openai", "POST", "/v1/responses", `{"model":"gpt-4o-mini","input":"hi"}`, plan.Relay{Spend: 9999, AllowWrites: true}, "", ""},
		{"openai", "POST", "/v1/images/generations", `{}`, plan.Relay{Spend: 9999, AllowWrites: true}, "refused: cost unknown", "does not know its price"},
		{"openai", "POST", "/v1/chat/completions", `{"model":"gpt-9","messages":[]}`, plan.Relay{Spend: 9}, "refused: no price", "gpt-9"},
		{"openai", "POST", "/v1/chat/completions", `{"messages":[]}`, plan.Relay{Spend: 9}, "refused: no price", "no price"},
		{"openai", "POST", "/v1/chat/completions", `{"model":`, plan.Relay{Spend: 9}, "refused: cost unknown", "cannot be read"},
		{"openai", "POST", "/v1/chat/completions", chat("hi", `,"web_search_options":{}`), plan.Relay{Spend: 9999}, "refused: cost unknown", "web_search_options"},
		{"openai", "POST", "/v1/chat/completions", chat("hi", `,"service_tier":"priority"`), plan.Relay{Spend: 9999}, "refused: cost unknown", "priority"},
		{"openai", "POST", "/v1/chat/completions", chat("hi", ""), plan.Relay{Spend: 1000}, "refused: spend ceiling", "max_completion_tokens"},
		{"openai", "POST", "/v1/chat/completions", long, plan.Relay{Spend: 1.5}, "refused: spend ceiling", "$1.5"},
		{"openai", "POST", "/v1/chat/completions", chat("hi", `,"max_tokens":10,"n":2`), plan.Relay{Spend: 2}, "refused: spend ceiling", "could cost up to"},
		// A limit that the API does not know by that name limits nothing.
		{"openai", "POST", "/v1/chat/completions", chat("hi", `,"max_output_tokens":10`), plan.Relay{Spend: 1000}, "refused: spend ceiling", "could cost up to"},
		// At Azure the path says which model it is, whatever the body says.
		{"openai", "POST", "/openai/deployments/gpt-9/chat/completions", long, plan.Relay{Spend: 9}, "refused: no price", "gpt-9"},
		{"openai", "POST", "/openai/deployments/gpt-4o-mini/chat/completions", long, plan.Relay{Spend: 9}, "", ""},
		{"calendar", "POST", "/calendar/v3/freeBusy", `{}`, plan.Relay{Calls: 9}, "", ""},
		{"calendar", "POST", "/calendar/v3/calendars/primary/events", `{}`, plan.Relay{Calls: 9}, "refused: write", "events.insert"},
		{"http", "OPTIONS", "/x", "", plan.Relay{Calls: 9}, "", ""},
		{"http", "PATCH", "/x", "", plan.Relay{Calls: 9}, "refused: write", "allow_writes"},
		{"http", "PATCH", "/x", "", plan.Relay{Calls: 9, AllowWrites: true}, "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Kind: test.kind, Config: test.relay}, answer)
			resp, body := b.Do(b.Request(t.Context(), test.method, test.path, test.body))
			synctest.Wait()
			call := b.Only()
			if call.Failure != test.failure {
				t.Errorf("%s %s: failure %q, want %q", test.method, test.path, call.Failure, test.failure)
			}
			if test.failure == "" {
				if resp.StatusCode != http.StatusOK || len(b.notices) > 0 || b.far.asked() != 1 {
					t.Errorf("%s %s: status %d, notices %+v", test.method, test.path, resp.StatusCode, b.notices)
				}
				return
			}
			var e struct {
				Error struct{ Message, Code string }
			}
			if err := json.Unmarshal(body, &e); err != nil || e.Error.Message == "" || e.Error.Code == "" || resp.StatusCode != http.StatusForbidden || call.Status != 403 {
				t.Errorf("%s %s: status %d, %s", test.method, test.path, resp.StatusCode, body)
			}
			if len(b.notices) != 1 || !strings.Contains(b.notices[0].What+b.notices[0].Hint, test.notice) || b.far.asked() != 0 {
				t.Errorf("%s %s: notices %+v, %d calls passed on", test.method, test.path, b.notices, b.far.asked())
			}
		})
	}
}

// However many calls come at once, no more is spent than the plan allows, and no call that fits is refused.
func TestCeilingsAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Each call is 82 prompt tokens at most and 10 of completion: $1.82; it costs $0.40 in the end.
		b := newBench(t, Options{Kind: "openai", Config: plan.Relay{Spend: 10}}, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			answer(w, r)
		})
		ask := func(n int) (passed int) {
			var wg sync.WaitGroup
			var mu sync.Mutex
			for range n {
				wg.Go(func() {
					if resp, _ := b.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", chat("hi", `,"max_tokens":10`))); resp.StatusCode == http.StatusOK {
						mu.Lock()
						passed++
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			synctest.Wait() // a call is settled after its last byte
			return passed
		}
		// Five worst cases fit into $10, 9.10; then 2.00 are spent and four fit into the rest, and so on.
		for i, want := range []int{5, 4, 3, 2, 2, 1, 1, 1, 1, 1, 0, 0} {
			if got := ask(40); got != want {
				t.Errorf("round %d: %d passed, want %d", i, got, want)
			}
		}
		if spent, calls := b.relay.Spent(); fmt.Sprintf("%.2f", spent) != "8.40" || calls != 21 || b.far.asked() != 21 {
			t.Errorf("%.4f spent in %d calls", spent, calls)
		}
		if len(b.notices) != 1 || !b.notices[0].Ceiling {
			t.Errorf("notices %+v", b.notices)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Kind: "http", Config: plan.Relay{Calls: 7}}, answer)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { b.Do(b.Request(t.Context(), http.MethodGet, "/v1/x", "")) })
		}
		wg.Wait()
		if b.far.asked() != 7 || len(b.notices) != 1 || !b.notices[0].Ceiling {
			t.Errorf("%d calls were passed on, notices %+v", b.far.asked(), b.notices)
		}
	})
}

// A write that passes itself off as a read.
func TestMethodInAHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Kind: "calendar", Config: plan.Relay{Calls: 9}}, answer)
		for override, passed := range map[string]int{"DELETE": 0, "get": 1, "GET DELETE": 0} {
			before := b.far.asked()
			r := b.Request(t.Context(), http.MethodGet, "/calendar/v3/calendars/primary/events/e1", "")
			for method := range strings.FieldsSeq(override) {
				r.Header.Add("X-HTTP-Method-Override", method)
			}
			b.Do(r)
			if got := b.far.asked() - before; got != passed {
				t.Errorf("%s: %d passed", override, got)
			}
		}
	})
}

// What may have been served is not sent again by the relay itself: it would be paid twice, and count once.
func TestACallIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		b := newBench(t, Options{Kind: "openai", Config: plan.Relay{Spend: 100}}, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Idempotency-Key"); got != "one" {
				t.Errorf("the key is %q", got)
			}
			if sent++; sent > 1 {
				panic(http.ErrAbortHandler)
			}
			answer(w, r)
		})
		for _, want := range []int{http.StatusOK, http.StatusBadGateway} {
			r := b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", chat("hi", `,"max_tokens":10`))
			r.Header.Set("Idempotency-Key", "one")
			if resp, _ := b.Do(r); resp.StatusCode != want {
				t.Errorf("status %d, want %d", resp.StatusCode, want)
			}
		}
		if sent != 2 {
			t.Errorf("2 calls were sent %d times", sent)
		}
	})
}

// An error says that nothing was done, unless it comes from whoever gave up waiting for the service.
func TestWhatErrorsCost(t *testing.T) {
	for status, cost := range map[int]string{400: "0.00", 429: "0.00", 500: "0.00", 408: "1.82", 502: "1.82", 504: "1.82", 524: "1.82"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Kind: "openai", Config: plan.Relay{Spend: 100}}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			b.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", chat("hi", `,"max_tokens":10`)))
			synctest.Wait()
			if spent, _ := b.relay.Spent(); fmt.Sprintf("%.2f", spent) != cost {
				t.Errorf("status %d: %.4f spent, want %s", status, spent, cost)
			}
		})
	}
}

// The usage in a completion that is looked up was paid for when it was made.
func TestLookingUpCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Kind: "openai", Config: plan.Relay{Spend: 1}}, answer)
		b.Do(b.Request(t.Context(), http.MethodGet, "/v1/chat/completions/1", ""))
		synctest.Wait()
		if spent, _ := b.relay.Spent(); spent != 0 || b.Only().PromptTokens != 0 {
			t.Errorf("%.4f spent, recorded %+v", spent, b.Only())
		}
	})
}

// A bot that makes up models does not fill memory, and does not keep the end of the run from being told.
func TestNoticesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Kind: "openai", Config: plan.Relay{Spend: 1}}, answer)
		for i := range 200 {
			b.post(t, "/v1/chat/completions", fmt.Sprintf(`{"model":"made-up-%d","messages":[]}`, i))
		}
		b.post(t, "/v1/chat/completions", chat("hi", ""))
		b.post(t, "/v1/chat/completions", chat("hi", ""))
		synctest.Wait()
		if n := len(b.notices); n != mostNotices+1 || !b.notices[n-1].Ceiling || len(b.relay.told) != n {
			t.Errorf("%d notices, %d kinds are remembered, the last is %+v", n, len(b.relay.told), b.notices[n-1])
		}
	})
}
