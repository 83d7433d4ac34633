package openai

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/plan"
)

func TestWholeTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: steady(t)})
		c := b.chat(ask("Are you open tomorrow?"))
		synctest.Wait()
		call := b.Only()
		want := 500*time.Millisecond + time.Duration(c.Usage.CompletionTokens-1)*20*time.Millisecond
		if call.Duration() != want || call.Imposed != want || call.FirstByte-call.Start != want {
			t.Errorf("took %v (imposed %v, first byte %v), want %v", call.Duration(), call.Imposed, call.FirstByte-call.Start, want)
		}
	})
}

func TestStreamComesTokenByToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: steady(t)})
		start := time.Now()
		resp, err := b.Client.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions",
			with(ask("Are you open tomorrow?"), `"stream":true,"stream_options":{"include_usage":true},"max_tokens":3`)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		s, err := readStream(t, start, resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		// Role and first token together, two more tokens, then the end with usage and [DONE].
		ms := time.Millisecond
		want := []time.Duration{500 * ms, 500 * ms, 520 * ms, 540 * ms, 540 * ms, 540 * ms, 540 * ms}
		if diff := cmp.Diff(want, s.at); diff != "" {
			t.Errorf("times (-want +got):\n%s", diff)
		}
		synctest.Wait()
		call := b.Only()
		if call.FirstByte != 500*ms || call.End != 540*ms || call.Imposed != 540*ms || call.CompletionTokens != 3 {
			t.Errorf("recorded %+v", call)
		}
	})
}

func TestPromptAndCrowdSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := steady(t)
		config.PerPromptToken = time.Millisecond
		config.PerCallInFlight = 0.5
		b := newBench(t, Options{Config: config})
		done := make(chan chatResponse, 2)
		for i := range 2 {
			go func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				done <- b.chat(ask("hello"))
			}()
		}
		c := <-done
		<-done
		synctest.Wait()
		alone := 500*time.Millisecond + time.Duration(c.Usage.PromptTokens)*time.Millisecond +
			time.Duration(c.Usage.CompletionTokens-1)*20*time.Millisecond
		calls := b.Recorded()
		if calls[0].Duration() != alone || calls[1].Duration() != alone+alone/2 {
			t.Errorf("took %v and %v, want %v and half as much again", calls[0].Duration(), calls[1].Duration(), alone)
		}
	})
}

func TestClientWhoGoesAwayEndsTheCall(t *testing.T) {
	for _, fields := range []string{`"stream":false`, `"stream":true`} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Config: steady(t)})
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err := b.Client.Do(b.Request(ctx, http.MethodPost, "/v1/chat/completions", with(ask("hello"), fields)))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %v, want a time-out", err)
			}
			synctest.Wait()
			call := b.Only()
			if call.Failure != "client went away" || call.End != 300*time.Millisecond || call.FirstByte != parley.None || call.Imposed != call.End {
				t.Errorf("%s: recorded %+v", fields, call)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	tests := []struct {
		rule, fields string
		failure      string
		status       int32
		check        func(t *testing.T, data string, err error)
	}{
		{"status 503", "", "status 503", 503, func(t *testing.T, data string, err error) {
			if err != nil || !strings.Contains(data, `"server_error"`) {
				t.Errorf("%q, %v", data, err)
			}
		}},
		{"cut", "", "cut", 200, func(t *testing.T, data string, err error) {
			if !errors.Is(err, io.ErrUnexpectedEOF) || data == "" {
				t.Errorf("%q, %v", data, err)
			}
		}},
		{"cut", `"stream":true`, "cut", 200, func(t *testing.T, data string, err error) {
			if !errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(data, "[DONE]") || !strings.HasPrefix(data, "data: {") {
				t.Errorf("%q, %v", data, err)
			}
		}},
		{"malformed", "", "malformed", 200, func(t *testing.T, data string, err error) {
			if err != nil || data == "" || json.Valid([]byte(data)) {
				t.Errorf("%q, %v", data, err)
			}
		}},
		{"malformed", `"stream":true`, "malformed", 200, func(t *testing.T, data string, err error) {
			bad := 0
			for event := range strings.SplitSeq(data, "\n\n") {
				if body, ok := strings.CutPrefix(event, "data: "); ok && !json.Valid([]byte(body)) && body != "[DONE]" {
					bad++
				}
			}
			if err != nil || bad != 1 || !strings.HasSuffix(data, "[DONE]\n\n") {
				t.Errorf("%d bad events in %q, %v", bad, data, err)
			}
		}},
		{"drip 100B/s", "", "", 200, func(t *testing.T, data string, err error) {
			if err != nil || !json.Valid([]byte(data)) {
				t.Errorf("%q, %v", data, err)
			}
		}},
		{"delay 3s", "", "", 200, func(t *testing.T, _ string, err error) {
			if err != nil {
				t.Error(err)
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.rule+test.fields, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := steady(t)
				config.Faults = rules(t, test.rule)
				b := newBench(t, Options{Config: config})
				body := ask("hello")
				if test.fields != "" {
					body = with(body, test.fields)
				}
				resp, err := b.Client.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", body))
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				test.check(t, string(data), err)
				synctest.Wait()
				call := b.Only()
				if call.Failure != test.failure || call.Status != test.status || call.Fault != test.rule {
					t.Errorf("recorded %+v", call)
				}
				if int(call.ResponseBytes) != len(data) {
					t.Errorf("recorded %d bytes, the client got %d", call.ResponseBytes, len(data))
				}
			})
		})
	}
}

func TestDelayAndDripAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.OpenAI{Faults: rules(t, "delay 3s", "drip 100B/s")}})
		b.chat(ask("hello"))
		synctest.Wait()
		call := b.Only()
		if want := 3*time.Second + time.Duration(call.ResponseBytes)*10*time.Millisecond; call.Duration() != want || call.Imposed != want {
			t.Errorf("took %v, imposed %v, want %v", call.Duration(), call.Imposed, want)
		}
		if call.Fault != "delay 3s + drip 100B/s" {
			t.Errorf("fault %q", call.Fault)
		}
	})
}

// Many streams at once take exactly as long as one.
func TestCrowdOfStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const crowd = 200
		b := newBench(t, Options{Config: steady(t)})
		var wg sync.WaitGroup
		for i := range crowd {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 3 * time.Millisecond) // virtual
				b.post(with(ask("hello"), `"stream":true`))
			})
		}
		wg.Wait()
		synctest.Wait()
		calls := b.Recorded()
		if len(calls) != crowd {
			t.Fatalf("%d calls recorded", len(calls))
		}
		for _, c := range calls {
			want := 500*time.Millisecond + time.Duration(c.CompletionTokens-1)*20*time.Millisecond
			if c.Duration() != want || c.Imposed != want || c.FirstByte-c.Start != 500*time.Millisecond {
				t.Fatalf("recorded %+v, want %v", c, want)
			}
		}
	})
}

// Over TCP the client sees a true reset.
func TestResetOverTCP(t *testing.T) {
	web := httptest.NewServer(New(Options{Config: plan.OpenAI{Faults: rules(t, "reset")}}))
	defer web.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/v1/chat/completions", strings.NewReader(ask("hello")))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := web.Client().Do(r)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v", err)
	}
}

func TestHangAndReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.OpenAI{Faults: rules(t, "hang from 0s to 1m", "reset from 1m")}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := b.Client.Do(b.Request(ctx, http.MethodPost, "/v1/chat/completions", ask("hello"))); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("hang: %v", err)
		}
		synctest.Wait() // until the first call has ended
		if _, err := b.Client.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", ask("hello"))); !errors.Is(err, io.EOF) {
			t.Errorf("reset: %v", err)
		}
		synctest.Wait()
		calls := b.Recorded()
		if len(calls) != 2 || calls[0].Fault != "hang" || calls[0].Failure != "client went away" || calls[0].Duration() != time.Minute ||
			calls[1].Failure != "reset" || calls[1].Status != 0 {
			t.Errorf("recorded %+v", calls)
		}
	})
}
