package openai

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/internal/plan"
)

// sunday is what the speaker takes for today.
var sunday = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func parsed(t *testing.T, body string) *chatRequest {
	t.Helper()
	req, e, ok := parseChat([]byte(body))
	if !ok {
		t.Fatalf("refused: %s", e.Message)
	}
	return req
}

// brief writes an utterance as "say: text" or "tool{arguments} tool{arguments}".
func brief(u utterance) string {
	if len(u.calls) == 0 {
		return "say: " + u.text
	}
	var calls []string
	for _, c := range u.calls {
		calls = append(calls, c.tool+jsonOf(c.arguments))
	}
	return strings.Join(calls, " ")
}

func TestReachesForTools(t *testing.T) {
	tests := []struct{ words, fields, want string }{
		{"Is there any availability on Friday for 4 guests?", "", `check_availability{"date":"2026-11-27","guests":4}`},
		{"Please check availability for 2026-12-24", "", `check_availability{"date":"2026-12-24","guests":1}`},
		{"Cancel my booking please", "", `cancel_booking{"reason":"Cancel my booking please"}`},
		{"Cancel the booking and check tomorrow's availability", "", `check_availability{"date":"2026-11-23","guests":1} cancel_booking{"reason":"Cancel the booking and check tomorrow's availability"}`},
		{"Cancel the booking and check availability", `"parallel_tool_calls":false`, `check_availability{"date":"2026-11-23","guests":1}`},
		{"Cancel my booking please", `"tool_choice":"none"`, "say: "},
		{"Hello!", "", "say: "},
		{"Hello!", `"tool_choice":"required"`, `check_availability{"date":"2026-11-23","guests":1}`},
		{"Hello!", `"tool_choice":{"type":"function","function":{"name":"cancel_booking"}}`, `cancel_booking{"reason":"Hello!"}`},
	}
	for _, test := range tests {
		t.Run(test.words+test.fields, func(t *testing.T) {
			body := with(ask(test.words), calendarTools)
			if test.fields != "" {
				body = with(body, test.fields)
			}
			got := brief(newSpeaker(parsed(t, body), nil, sunday).speak())
			if test.want == "say: " { // anything
				got = got[:min(len(got), len(test.want))]
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// afterTool is a request whose last message is a tool's result.
func afterTool(words, result string) string {
	said, _ := json.Marshal(words)
	content, _ := json.Marshal(result)
	return fmt.Sprintf(`{"model":"gpt-4o","messages":[{"role":"user","content":%s},
	 {"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"check_availability","arguments":"{}"}}]},
	 {"role":"tool","tool_call_id":"call_1","content":%s}],%s}`, said, content, calendarTools)
}

func TestUsesWhatToolsSaid(t *testing.T) {
	for result, want := range map[string]string{
		`{"slots":["10:00","11:30"],"room_name":"A"}`: "room name A, slots 10:00, slots 11:30",
		"two tables are free":                         "two tables are free",
		`[]`:                                          "there is nothing there",
	} {
		u := newSpeaker(parsed(t, afterTool("Check availability", result)), nil, sunday).speak()
		if !strings.Contains(u.text, want) || len(u.calls) > 0 {
			t.Errorf("%s: said %q, want %q in it", result, u.text, want)
		}
	}
}

func TestScript(t *testing.T) {
	script := []plan.Line{
		{When: regexp.MustCompile(`(?i)table for (\d+)`), Call: "check_availability", Arguments: map[string]any{"note": "party of $1"}},
		{When: regexp.MustCompile(`(?i)table for (\d+)`), Say: "A table for $1 it is."},
		{When: regexp.MustCompile(`missing`), Call: "no_such_tool"},
	}
	tests := []struct{ body, want string }{
		{with(ask("A table for 3, please"), calendarTools), `check_availability{"date":"2026-11-23","guests":3,"note":"party of 3"}`},
		{afterTool("A table for 3, please", "{}"), "say: A table for 3 it is."},
		{ask("A table for 3, please"), "say: A table for 3 it is."},
		{with(with(ask("A table for 3, please"), calendarTools), `"tool_choice":"none"`), "say: A table for 3 it is."},
		{ask("missing"), "say: " + reply("missing")},
	}
	for _, test := range tests {
		if got := brief(newSpeaker(parsed(t, test.body), script, sunday).speak()); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestResponseFormat(t *testing.T) {
	tests := []struct{ format, want string }{
		{`{"type":"text"}`, reply("x")},
		{`{"type":"json_object"}`, `{"reply":` + jsonOf(reply("x")) + "}"},
		{
			`{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object","required":["intent","answer","score"],
			  "properties":{"intent":{"enum":["greet","book"]},"answer":{"type":"string"},"score":{"type":"number","minimum":2}}}}}`,
			`{"answer":` + jsonOf(reply("x")) + `,"intent":"greet","score":2}`,
		},
	}
	for _, test := range tests {
		u := newSpeaker(parsed(t, with(ask("x"), `"response_format":`+test.format)), nil, sunday).speak()
		if u.text != test.want {
			t.Errorf("got  %s\nwant %s", u.text, test.want)
		}
	}
}

func TestFindFacts(t *testing.T) {
	tests := []struct {
		said string
		want facts
	}{
		{"I'm Ada Lovelace, ada@example.org, Tuesday at 3 pm for 6", facts{
			email: "ada@example.org", name: "Ada Lovelace", clock: "15:00", date: sunday.AddDate(0, 0, 2), dated: true, number: 6, numbered: true,
		}},
		{"today at 9:05", facts{clock: "09:05", date: sunday, dated: true}},
		{"at 12am on 2027-01-31", facts{clock: "00:00", date: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), dated: true}},
		{"hello", facts{date: sunday.AddDate(0, 0, 1)}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, findFacts(test.said, sunday), cmp.AllowUnexported(facts{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.said, diff)
		}
	}
}

func TestLimitsOfACompletion(t *testing.T) {
	script := []plan.Line{{When: regexp.MustCompile(``), Say: "One two three. Four five six."}}
	b := newBench(t, Options{Config: plan.OpenAI{Script: script}})
	tests := []struct {
		fields, text, finish string
		tokens               int
	}{
		{`"max_tokens":2`, "One two", "length", 2},
		{`"max_completion_tokens":100`, "One two three. Four five six.", "stop", 8},
		{`"stop":". "`, "One two three", "stop", 3},
		{`"stop":["six","Four"]`, "One two three. ", "stop", 5},
		{`"stop":null`, "One two three. Four five six.", "stop", 8},
	}
	for _, test := range tests {
		c := b.chat(with(ask("x"), test.fields))
		if got := c.Choices[0]; *got.Message.Content != test.text || got.FinishReason != test.finish || c.Usage.CompletionTokens != test.tokens {
			t.Errorf("%s: %q, %s, %d tokens", test.fields, *got.Message.Content, got.FinishReason, c.Usage.CompletionTokens)
		}
	}
}

// What streams adds up to what the same request gets whole.
func TestStreamAddsUpToTheWhole(t *testing.T) {
	for _, words := range []string{"Hello, wie geht's? 😀", "Cancel the booking and check availability"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{})
			body := with(ask(words), calendarTools)
			want := b.chat(body)
			resp, err := b.Client.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions",
				with(body, `"stream":true,"stream_options":{"include_usage":true}`)))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			s, err := readStream(t, time.Now(), resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if last := s.events[len(s.events)-1]; last != "[DONE]" {
				t.Errorf("the last event is %s", last)
			}
			got := gather(t, s.events[:len(s.events)-1])
			for i := range got.Choices[0].Message.ToolCalls { // ids differ from call to call
				got.Choices[0].Message.ToolCalls[i].ID = want.Choices[0].Message.ToolCalls[i].ID
			}
			want.ID, want.SystemFingerprint = got.ID, got.SystemFingerprint
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-whole +stream):\n%s", diff)
			}
		})
	}
}

// gather puts a stream together the way a client does, checking that chunks agree.
func gather(t *testing.T, events []string) chatResponse {
	t.Helper()
	var got chatResponse
	message := answer{Annotations: []struct{}{}}
	var text *string
	var finish string
	for i, event := range events {
		var c struct {
			chatResponse
			Choices []struct { // wider than a response's
				Delta struct {
					Role      string
					Content   *string
					ToolCalls []struct {
						Index    int
						ID, Type string
						Function functionCall
					} `json:"tool_calls"`
				}
				FinishReason *string `json:"finish_reason"`
			} `json:"choices"`
		}
		if err := json.Unmarshal([]byte(event), &c); err != nil {
			t.Fatalf("%s: %v", event, err)
		}
		if c.Object != "chat.completion.chunk" || i > 0 && c.ID != got.ID || !strings.Contains(event, `"usage":`) {
			t.Errorf("chunk %s", event)
		}
		got = c.chatResponse
		for _, choice := range c.Choices {
			message.Role += choice.Delta.Role
			if choice.Delta.Content != nil {
				joined := deref(text) + *choice.Delta.Content
				text = &joined
			}
			for _, call := range choice.Delta.ToolCalls {
				if call.ID != "" {
					message.ToolCalls = append(message.ToolCalls, toolCall{ID: call.ID, Type: call.Type})
				}
				f := &message.ToolCalls[call.Index].Function
				f.Name += call.Function.Name
				f.Arguments += call.Function.Arguments
			}
			finish += deref(choice.FinishReason)
		}
	}
	message.Content = text
	got.Object = "chat.completion"
	got.Choices = []choice{{Message: message, FinishReason: finish}}
	return got
}
