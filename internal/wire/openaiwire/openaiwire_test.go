package openaiwire

import (
	"bytes"
	"errors"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKinds(t *testing.T) {
	for _, test := range []struct {
		method, path string
		kind         Kind
		reads        bool
		operation    string
	}{
		{"POST", "/v1/chat/completions", Chat, true, "POST /v1/chat/completions"},
		{"POST", "/openai/deployments/mini/chat/completions", Chat, true, "POST /v1/openai/deployments/mini/chat/*"},
		{"POST", "/v1/chat/completions/", Chat, true, "POST /v1/chat/completions"},
		{"GET", "/v1/chat/completions", Other, true, "GET /v1/chat/completions"},
		{"POST", "/v1/embeddings", Embeddings, true, "POST /v1/embeddings"},
		{"POST", "/v1/audio/transcriptions", Transcription, true, "POST /v1/audio/transcriptions"},
		{"POST", "/v1/responses", Responses, false, "POST /v1/responses"},
		{"POST", "/v1/files", Other, false, "POST /v1/files"},
		{"DELETE", "/v1/models/ft:gpt-4o:x", Other, false, "DELETE /v1/models/*"},
		{"HEAD", "/v1/models", Other, true, "HEAD /v1/models"},
	} {
		kind, reads, operation := KindOf(test.method, test.path), Reads(test.method, test.path), Operation(test.method, test.path)
		if kind != test.kind || reads != test.reads || operation != test.operation {
			t.Errorf("%s %s: %d, %v, %s", test.method, test.path, kind, reads, operation)
		}
	}
}

func TestParseChat(t *testing.T) {
	r, err := Parse(Chat, "", []byte(`{"model":"m","stream":true,"max_tokens":5,"max_completion_tokens":7,"n":2,"messages":[
		{"role":"system","content":"be kind"},
		{"role":"user","name":"ana","content":[{"type":"text","text":"look: "},{"type":"image_url","image_url":{"url":"data:..."}},{"type":"text","text":"this"}]},
		{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}],
		"tools":[{"type":"function","function":{"name":"f"}}]}`))
	want := &Request{
		Kind: Chat, Model: "m", Stream: true, Messages: 3, Limit: 7, Choices: 2, Images: 1, Said: "look: this",
		Texts: []string{"be kind", "look: this", "ana", `[{"id":"1"}]`, `{"type":"function","function":{"name":"f"}}`},
	}
	if diff := cmp.Diff(want, r); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	// 64 and 16 a message, 37,000 an image, 7 + 10 + 3 + 12 + 43 characters.
	if n := r.Prompt(func(text string) int { return len(text) }); n != 64+3*16+37_000+75 {
		t.Errorf("bound of %d tokens", n)
	}
}

func TestParseOthers(t *testing.T) {
	for _, test := range []struct {
		kind      Kind
		body      string
		texts     []string
		unbounded string
	}{
		{Embeddings, `{"model":"e","input":"one"}`, []string{"one"}, ""},
		{Embeddings, `{"model":"e","input":["one","two"]}`, []string{"one", "two"}, ""},
		{Embeddings, `{"model":"e","input":[1,2,3]}`, []string{"[1,2,3]"}, ""},
		{Embeddings, `{"model":"e","input":null}`, nil, ""},
		{Responses, `{"model":"m","instructions":"kind","input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]}`, []string{"kind", "hi"}, ""},
		{Responses, `{"model":"m","input":[{"type":"function_call_output","output":"x"}]}`, []string{`{"type":"function_call_output","output":"x"}`}, ""},
		{Responses, `{"model":"m","previous_response_id":"r","input":"x"}`, []string{"x"}, "previous_response_id"},
		{Responses, `{"model":"m","input":"x","tools":[{"type":"web_search"}]}`, []string{`{"type":"web_search"}`, "x"}, `a tool of type "web_search"`},
		{Chat, `{"messages":[{"role":"user","content":[{"type":"input_audio"}]}]}`, []string{""}, `a part of type "input_audio"`},
		{Chat, `{"messages":["?"]}`, []string{`"?"`}, ""},
		{Chat, `{"messages":[{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"},"tool_call_id":"1","reasoning_content":"so"}]}`,
			[]string{`{"name":"f","arguments":"{}"}`, `"so"`}, ""},
		{Chat, `{"messages":[{"role":"assistant","audio":{"id":"audio_1"}}]}`, nil, "earlier audio by its id"},
		{Chat, `{"model":"gpt-4o-search-preview","messages":[]}`, nil, "the web search of the model"},
		{Responses, `{"model":"o3-deep-research","input":"x"}`, []string{"x"}, "the web search of the model"},
	} {
		r, err := Parse(test.kind, "", []byte(test.body))
		if err != nil || r.Unbounded != test.unbounded {
			t.Errorf("%s: %v, unbounded %q", test.body, err, r.Unbounded)
		}
		if diff := cmp.Diff(test.texts, r.Texts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.body, diff)
		}
	}
}

func TestParseTranscription(t *testing.T) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for name, value := range map[string]string{"model": "whisper-1", "prompt": "names", "response_format": "json"} {
		if err := form.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	file, err := form.CreateFormFile("file", "note.ogg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	_ = form.Close()
	r, err := Parse(Transcription, form.FormDataContentType(), b.Bytes())
	if err != nil || r.Model != "whisper-1" || len(r.Audio) != 1000 || r.AudioBound() != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, contentType := range []string{"", "multipart/form-data", "application/json"} {
		if _, err := Parse(Transcription, contentType, b.Bytes()); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v", contentType, err)
		}
	}
	if _, err := Parse(Transcription, form.FormDataContentType(), b.Bytes()[:b.Len()-10]); !errors.Is(err, ErrUnreadable) {
		t.Errorf("torn: %v", err)
	}
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		body   string
		stream bool
		want   Usage
	}{
		{`{"usage":{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":8}}}`, false, Usage{Known: true, Prompt: 10, Completion: 2, Cached: 8}},
		{`{"usage":{"input_tokens":10,"output_tokens":2,"input_tokens_details":{"cached_tokens":99}}}`, false, Usage{Known: true, Prompt: 10, Completion: 2, Cached: 10}},
		{`{"usage":{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":4}}}`, false, Usage{Known: true, Prompt: 10, Completion: 2, Cached: 3, CacheWritten: 4}},
		{`{"usage":{"prompt_tokens":10,"completion_tokens":2,"cache_creation_input_tokens":4,"cache_read_input_tokens":3}}`, false, Usage{Known: true, Prompt: 10, Completion: 2, Cached: 3, CacheWritten: 4}},
		{`{"text":"hi","usage":{"type":"duration","seconds":7}}`, false, Usage{Known: true, AudioSeconds: 7}},
		{`{"text":"hi","duration":6.5}`, false, Usage{Known: true, AudioSeconds: 6.5}},
		{`{"text":"hi","duration":"6.5"}`, false, Usage{Known: true, AudioSeconds: 6.5}},
		{`{"usage":null}`, false, Usage{}},
		{`{"usage":{"prompt_tokens":-1,"completion_tokens":2}}`, false, Usage{}},
		{`{"usage":{"prompt_tokens":1e30}}`, false, Usage{}},
		{`not json`, false, Usage{}},
		{"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\ndata: [DONE]\n\n", true, Usage{Text: "af{}"}},
		{"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\r\n\r\ndata: [DONE]\r\n\r\n", true, Usage{Known: true, Prompt: 3, Completion: 1}},
		{"event: response.output_text.delta\ndata: {\"delta\":\"hey\"}\n\nevent: response.completed\ndata: {\"response\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n", true, Usage{Known: true, Prompt: 3, Completion: 1, Text: "hey"}},
		{"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"del", true, Usage{Text: "a"}},
	} {
		if diff := cmp.Diff(test.want, ParseUsage([]byte(test.body), test.stream)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.body, diff)
		}
	}
}

func TestEvents(t *testing.T) {
	stream := "\uFEFF: comment\ndata: one\ndata: more\nid: 5\n\nretry: 3\n\ndata:two\r\n\r\ndata:  three\r\rdata: torn\n"
	var got []string
	for data := range Events([]byte(stream)) {
		got = append(got, string(data))
	}
	if diff := cmp.Diff([]string{"one\nmore", "two", " three"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCompletionBound(t *testing.T) {
	for model, want := range map[string]int{
		"gpt-4o-mini-2024-07-18": 16384, "gpt-4.1": 32768, "gpt-4": 8192, "gpt-4-0613": 8192, "gpt-4-turbo": 4096, "gpt-3.5-turbo": 4096,
		"gpt-5": 128_000, "openai/gpt-4o": 16384, "": 128_000,
	} {
		if got := CompletionBound(model); got != want {
			t.Errorf("%s: %d, want %d", model, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"model":"m","messages":[{"role":"user","content":"hi"}]}`, "application/json")
	f.Add(`{"model":"m","input":[[1,2],[3]]}`, "")
	f.Add("--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nabc\r\n--x--", "multipart/form-data; boundary=x")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		for _, kind := range []Kind{Other, Chat, Responses, Embeddings, Transcription} {
			r, err := Parse(kind, contentType, []byte(body))
			if r == nil || r.Choices < 1 {
				t.Fatalf("%v: %+v", err, r)
			}
			size := 0
			for _, text := range r.Texts {
				size += len(text)
			}
			if r.Prompt(func(text string) int { return len(text) }) < size {
				t.Error("the bound is below what was said")
			}
		}
	})
}

func FuzzUsage(f *testing.F) {
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":3}}\r\n\r\ndata: [DONE]\n\n"), true)
	f.Add([]byte(`{"usage":{"prompt_tokens":10,"completion_tokens":2},"duration":"3"}`), false)
	f.Fuzz(func(t *testing.T, body []byte, stream bool) {
		u := ParseUsage(body, stream)
		if u.Prompt < 0 || u.Completion < 0 || u.Cached > u.Prompt || u.CacheWritten > u.Prompt-u.Cached || u.AudioSeconds < 0 {
			t.Errorf("%+v", u)
		}
		n := 0
		for data := range Events(body) {
			n += len(data)
		}
		if n > len(body) {
			t.Error("events hold more than the stream")
		}
	})
}

func TestReadsIsAboutMethods(t *testing.T) {
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete, "BREW"} {
		if Reads(method, "/v1/chat/completions") || !slices.Contains([]Kind{Other}, KindOf(method, "/v1/chat/completions")) {
			t.Errorf("%s passes for a question", method)
		}
	}
	if !strings.HasPrefix(Operation("BREW", "/v1/pot"), "BREW ") {
		t.Error("the method is lost")
	}
}

// Each API has its own name for the limit, and passes over the others.
func TestLimitsByTheirNames(t *testing.T) {
	const body = `{"max_tokens":1,"max_completion_tokens":2,"max_output_tokens":3}`
	for kind, want := range map[Kind]int{Chat: 2, Responses: 3, Embeddings: 0} {
		if r, err := Parse(kind, "", []byte(body)); err != nil || r.Limit != want {
			t.Errorf("kind %d: limit %d, want %d: %v", kind, r.Limit, want, err)
		}
	}
}
