package openai

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/fingerprint"
	"parley/internal/plan"
	"parley/internal/upstream"
)

const calendarTools = `"tools":[
 {"type":"function","function":{"name":"check_availability","description":"Look up free slots.",
  "parameters":{"type":"object","properties":{"date":{"type":"string","format":"date"},"guests":{"type":"integer","minimum":1}},"required":["date","guests"]}}},
 {"type":"function","function":{"name":"cancel_booking","description":"Cancel an appointment.",
  "parameters":{"type":"object","properties":{"reason":{"type":"string"}},"required":["reason"]}}}]`

func TestChat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		resp, data := b.post(ask("Are you open tomorrow?"))
		var c chatResponse
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^chatcmpl-[A-Za-z0-9]{29}$`).MatchString(c.ID) || c.Object != "chat.completion" ||
			c.Created != time.Now().Unix() || c.Model != "gpt-4o-mini-2024-07-18" || len(c.Choices) != 1 {
			t.Errorf("response %s", data)
		}
		// 3 per message, 1 per role, 3 to prime, 5 + 5 of text.
		u := c.Usage
		if u.PromptTokens != 3+1+5+3+1+5+3 || u.TotalTokens != u.PromptTokens+u.CompletionTokens || u.CompletionTokens < 15 || u.CompletionTokens > 60 {
			t.Errorf("usage %+v", u)
		}
		if got := c.Choices[0]; got.FinishReason != "stop" || got.Message.Role != "assistant" || *got.Message.Content == "" {
			t.Errorf("choice %+v", got)
		}
		for _, null := range []string{`"logprobs":null`, `"refusal":null`, `"service_tier":"default"`} {
			if !bytes.Contains(data, []byte(null)) {
				t.Errorf("%s is missing in %s", null, data)
			}
		}
		for name, want := range map[string]string{
			"X-Request-Id": `^req_[0-9a-f]{32}$`, "Openai-Processing-Ms": `^\d+$`, "Content-Type": `^application/json$`,
			"X-Ratelimit-Limit-Requests": `^30000$`, "X-Ratelimit-Remaining-Requests": `^29999$`, "X-Ratelimit-Reset-Requests": `^2ms$`,
		} {
			if got := resp.Header.Get(name); !regexp.MustCompile(want).MatchString(got) {
				t.Errorf("%s: %q, want %s", name, got, want)
			}
		}
	})
}

func TestTheSameWordsGetTheSameAnswer(t *testing.T) {
	b := newBench(t, Options{})
	first := *b.chat(ask("Do you have parking?")).Choices[0].Message.Content
	if again := *b.chat(ask("Do you have parking?")).Choices[0].Message.Content; again != first {
		t.Errorf("%q, then %q", first, again)
	}
	if other := *b.chat(ask("Where are you?")).Choices[0].Message.Content; other == first {
		t.Errorf("other words, same answer %q", other)
	}
}

func TestCallIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := parley.Key{9}
		finder, err := fingerprint.NewFinder(fingerprint.Pattern{Prefix: "999", Rest: 12, Class: fingerprint.Digits})
		if err != nil {
			t.Fatal(err)
		}
		b := newBench(t, Options{Options: upstream.Options{Key: key, Finder: finder, Attribute: func(c *parley.Call, _ []fingerprint.Field) uint64 {
			if ids := c.Identities; len(ids) == 1 && ids[0] == key.Hash("999000000000001") && c.Words == key.Hash("are you open?") {
				c.Turn, c.By = 42, parley.ByIdentity
			}
			return 0
		}}})
		body := with(ask("hi\nare you open?"), `"user":"999000000000001"`)
		r := b.Request(t.Context(), http.MethodPost, "/chat/completions", body)
		r.Header.Set("X-Stainless-Retry-Count", "2")
		resp, err := b.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var c chatResponse
		if err := json.NewDecoder(resp.Body).Decode(&c); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		synctest.Wait()
		want := parley.Call{
			Turn: 42, By: parley.ByIdentity, Wire: "openai", Operation: "POST /v1/chat/completions", Conn: 1, Flight: 1,
			Status: 200, Retry: 2, RequestBytes: int64(len(body)), ResponseBytes: resp.ContentLength, Model: "gpt-4o-mini",
			PromptTokens: int64(c.Usage.PromptTokens), CompletionTokens: int64(c.Usage.CompletionTokens),
			Identities: []uint64{key.Hash("999000000000001")}, Words: key.Hash("are you open?"),
		}
		got := b.Only()
		if got.Content == 0 || len(got.Pieces) != 1 {
			t.Errorf("content %x, pieces %x", got.Content, got.Pieces)
		}
		want.Content, want.Pieces = got.Content, got.Pieces // TestContent and TestPieces look at them
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestRefusals(t *testing.T) {
	const toolMessage = `{"role":"tool","tool_call_id":"call_1","content":"x"}`
	tests := []struct {
		name, method, path, body string
		status                   int
		message, param, code     string
	}{
		{"not JSON", "POST", "/v1/chat/completions", `{"model":`, 400, "We could not parse the JSON body", "", ""},
		{"empty", "POST", "/v1/chat/completions", ``, 400, "We could not parse the JSON body", "", ""},
		{"no model", "POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]}`, 400, "you must provide a model parameter", "", ""},
		{"no messages", "POST", "/v1/chat/completions", `{"model":"gpt-4o"}`, 400, "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"},
		{"empty messages", "POST", "/v1/chat/completions", `{"model":"gpt-4o","messages":[]}`, 400, "Invalid 'messages': empty array", "messages", "empty_array"},
		{"wrong type", "POST", "/v1/chat/completions", `{"model":5}`, 400, "Invalid type for 'model': expected a string, but got an integer instead.", "model", "invalid_type"},
		{"wrong role", "POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"bot","content":"x"}]}`, 400, "Invalid value: 'bot'", "messages[0].role", "invalid_value"},
		{"stray tool message", "POST", "/v1/chat/completions", `{"model":"m","messages":[` + toolMessage + `]}`, 400, "Invalid parameter: messages with role 'tool'", "messages.[0].role", ""},
		{
			"unanswered call", "POST", "/v1/chat/completions",
			`{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"user","content":"x"}]}`,
			400, "An assistant message with 'tool_calls' must be followed", "messages.[1].role", "",
		},
		{"no tools to choose", "POST", "/v1/chat/completions", with(ask("x"), `"tool_choice":"auto"`), 400, "Invalid value for 'tool_choice'", "tool_choice", ""},
		{"unknown tool chosen", "POST", "/v1/chat/completions", with(ask("x"), calendarTools+`,"tool_choice":{"type":"function","function":{"name":"f"}}`), 400, "Invalid value for 'tool_choice'", "tool_choice", ""},
		{"max_tokens", "POST", "/v1/chat/completions", with(ask("x"), `"max_tokens":0`), 400, "Invalid 'max_tokens'", "max_tokens", "integer_below_min_value"},
		{"unknown route", "POST", "/v1/responses", `{}`, 404, "Invalid URL (POST /v1/responses)", "", ""},
		{"wrong method", "GET", "/v1/chat/completions", ``, 405, "Not allowed to GET on /v1/chat/completions.", "", "method_not_supported"},
		{"unknown model", "GET", "/v1/models/none", ``, 404, "The model 'none' does not exist", "model", "model_not_found"},
		{"too long", "POST", "/v1/chat/completions", strings.Replace(ask(strings.Repeat("word ", 9000)), "gpt-4o-mini", "gpt-4", 1), 400, "This model's maximum context length is 8192 tokens.", "messages", "context_length_exceeded"},
		{"too large", "POST", "/v1/chat/completions", ask(strings.Repeat("x", maxBody)), 413, "The request body is larger", "", ""},
	}
	b := newBench(t, Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resp, err := b.Client.Do(b.Request(t.Context(), test.method, test.path, test.body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var got errorBody
			if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			e := got.Error
			if resp.StatusCode != test.status || !strings.HasPrefix(e.Message, test.message) || deref(e.Param) != test.param ||
				deref(e.Code) != test.code || e.Type != "invalid_request_error" {
				t.Errorf("status %d, param %q, code %q, %+v", resp.StatusCode, deref(e.Param), deref(e.Code), e)
			}
		})
	}
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// A refused request belongs to a turn like any other.
func TestRefusedCallsAreAttributed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Options: upstream.Options{Attribute: func(c *parley.Call, _ []fingerprint.Field) uint64 {
			c.Turn, c.By = 3, parley.ByTime
			return 0
		}}})
		b.post(with(ask("hello"), `"max_tokens":-1`))
		synctest.Wait()
		call := b.Only()
		if call.Turn != 3 || call.By != parley.ByTime || call.Model != "gpt-4o-mini" || call.Words == 0 || call.Failure != "status 400" {
			t.Errorf("recorded %+v", call)
		}
	})
}

func TestKey(t *testing.T) {
	b := newBench(t, Options{Config: plan.OpenAI{APIKey: "sk-right"}})
	for header, want := range map[string]int{"": 401, "Bearer sk-wrong": 401, "Basic sk-right": 401, "Bearer sk-right": 200} {
		r := b.Request(t.Context(), http.MethodGet, "/v1/models", "")
		r.Header.Set("Authorization", header)
		resp, err := b.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%q: status %d, want %d", header, resp.StatusCode, want)
		}
	}
}

func TestRateLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.OpenAI{RequestsPerMinute: 3, TokensPerMinute: 1000}})
		b.chat(ask("one"))
		resp, data := b.post(with(ask("two"), `"max_tokens":990`))
		wantMessage(t, resp, data, "Rate limit reached for gpt-4o-mini in organization org-parley on tokens per min (TPM): Limit 1000, Used 17, Requested 990. Please try again in 420ms.")
		if got := resp.Header.Get("Retry-After-Ms"); got != "420" || resp.Header.Get("Retry-After") != "1" {
			t.Errorf("retry-after-ms %q", got)
		}
		resp, data = b.post(with(ask("two"), `"max_tokens":2000`))
		wantMessage(t, resp, data, "Request too large for gpt-4o-mini in organization org-parley on tokens per min (TPM): Limit 1000, Requested 2000.")
		resp, data = b.post(ask("three"))
		wantMessage(t, resp, data, "Rate limit reached for gpt-4o-mini in organization org-parley on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.")
		if got := resp.Header.Get("X-Ratelimit-Reset-Requests"); got != "1m0s" {
			t.Errorf("reset %q", got)
		}
		time.Sleep(20 * time.Second) // virtual
		b.chat(ask("four"))
		synctest.Wait()
		if calls := b.Recorded(); len(calls) != 5 || calls[1].Failure != "status 429" || calls[4].Failure != "" {
			t.Errorf("recorded %+v", calls)
		}
	})
}

func wantMessage(t *testing.T, resp *http.Response, data []byte, message string) {
	t.Helper()
	var got errorBody
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusTooManyRequests || !strings.HasPrefix(got.Error.Message, message) || deref(got.Error.Code) != "rate_limit_exceeded" {
		t.Errorf("status %d, %q\nwant %q", resp.StatusCode, got.Error.Message, message)
	}
}

func TestPromptCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		long := strings.Repeat("We are a small dental practice in the old town. ", 150)
		body := func(system, user string) string {
			data, err := json.Marshal(map[string]any{"model": "gpt-4o", "messages": []map[string]string{
				{"role": "system", "content": system}, {"role": "user", "content": user},
			}})
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		steps := []struct {
			name, body string
			want       func(prompt int) int
		}{
			{"new", body(long, "hello"), func(int) int { return 0 }},
			{"same", body(long, "hello"), func(n int) int { return n / 128 * 128 }},
			{"same start", body(long, "Are you open tomorrow in the afternoon?"), func(n int) int { return (n - 14) / 128 * 128 }},
			{"the time first", body("10:31 "+long, "hello"), func(int) int { return 0 }},
			{"short", body("Be brief.", "hello"), func(int) int { return 0 }},
			{"short again", body("Be brief.", "hello"), func(int) int { return 0 }},
		}
		for _, step := range steps {
			u := b.chat(step.body).Usage
			if want := step.want(u.PromptTokens); u.PromptDetails.CachedTokens != want {
				t.Errorf("%s: %d of %d cached, want %d", step.name, u.PromptDetails.CachedTokens, u.PromptTokens, want)
			}
		}
		time.Sleep(cacheStays + time.Second) // virtual
		if got := b.chat(body(long, "hello")).Usage.PromptDetails.CachedTokens; got != 0 {
			t.Errorf("%d tokens cached after the cache's time", got)
		}
	})
}

// Models that charge for what they put into the cache say how much it was; others do not.
func TestTokensWrittenToTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		long := strings.Repeat("We are a small dental practice in the old town. ", 150)
		for _, model := range []string{"gpt-5.6", "gpt-5"} {
			for i, end := range []string{"", "", strings.Repeat("More words. ", 200)} {
				resp, data := b.post(strings.Replace(ask(long+end), "gpt-4o-mini", model, 1))
				var c chatResponse
				if err := json.Unmarshal(data, &c); err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("%v: %s", err, data)
				}
				synctest.Wait()
				call := b.Recorded()[len(b.Recorded())-1]
				d := c.Usage.PromptDetails
				whole := c.Usage.PromptTokens / cacheStep * cacheStep
				switch written := d.CacheWriteTokens; {
				case model == "gpt-5":
					if written != nil || call.CacheWrittenTokens != 0 || bytes.Contains(data, []byte("cache_write")) {
						t.Errorf("%s tells of %v tokens written: %+v", model, written, call)
					}
				case written == nil || *written+d.CachedTokens != whole || call.CacheWrittenTokens != int64(*written) || (*written == 0) != (i == 1):
					t.Errorf("call %d: usage %+v of %d, recorded %+v", i, d, whole, call)
				}
			}
		}
	})
}

func TestModels(t *testing.T) {
	b := newBench(t, Options{})
	for path, object := range map[string]string{"/v1/models": "list", "/models": "list", "/v1/models/gpt-4o": "model", "/v1/models/gpt-5.6-mini": "model", "/v1/models/whisper-1": "model"} {
		resp, err := b.Client.Do(b.Request(t.Context(), http.MethodGet, path, ""))
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Object string }
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.Object != object {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
		resp.Body.Close()
	}
}

func TestOperationPath(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/chat/completions": "/v1/chat/completions", "/chat/completions": "/v1/chat/completions", "/v1/models/gpt-x": "/v1/models/*",
		"/v1/threads/thread_abc123/runs": "/v1/threads/*/runs", "/999000000000001": "/v1/*", "/a/b/c/d/e/f": "/v1/a/b/c/d/*",
	} {
		if got := operationPath(path); got != want {
			t.Errorf("operationPath(%q) = %q, want %q", path, got, want)
		}
	}
}
