package openai

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMaker(t *testing.T) {
	const said = "I am Ada, book 2026-12-01 at 14:30 for 7, ada@example.org"
	tests := []struct{ name, schema, want string }{
		{"empty", `{}`, `"I am Ada, book 2026-12-01 at 14:30 for 7, ada@example.org"`},
		{"const", `{"const":5}`, `5`},
		{"enum", `{"enum":["call","book"]}`, `"book"`},
		{"enum not named", `{"enum":["x1","x2"]}`, `"x1"`},
		{"integer said", `{"type":"integer"}`, `7`},
		{"integer beyond its bounds", `{"type":"integer","maximum":4}`, `1`},
		{"exclusive bounds", `{"type":"integer","exclusiveMinimum":8,"exclusiveMaximum":10}`, `9`},
		{"multiple", `{"type":"integer","minimum":11,"multipleOf":5}`, `15`},
		{"number", `{"type":"number","minimum":0.5,"maximum":0.75}`, `0.75`},
		{"nullable", `{"type":["null","boolean"]}`, `true`},
		{"null", `{"type":"null"}`, `null`},
		{"email", `{"type":"string","format":"email"}`, `"ada@example.org"`},
		{"date", `{"type":"string","format":"date"}`, `"2026-12-01"`},
		{"date-time", `{"type":"string","format":"date-time"}`, `"2026-12-01T14:30:00Z"`},
		{"shortest", `{"type":"string","format":"time","minLength":7}`, `"14:30.."`},
		{"longest", `{"type":"string","maxLength":4}`, `"I am"`},
		{"array", `{"type":"array","items":{"type":"integer"},"minItems":2}`, `[7,7]`},
		{"array of nothing", `{"type":"array","items":{"type":"integer"},"maxItems":0}`, `[]`},
		{"any of", `{"anyOf":[{"type":"null"},{"type":"boolean"}]}`, `true`},
		{
			"all of", `{"allOf":[{"type":"object","properties":{"a":{"const":1}},"required":["a"]},{"properties":{"b":{"const":2}},"required":["b"]}]}`,
			`{"a":1,"b":2}`,
		},
		{"only what is required or known", `{"type":"object","properties":{
			"a":{"const":1},"notes":{"type":"string"},"guest_email":{"type":"string"},"start_time":{"type":"string"}},"required":["a"]}`,
			`{"a":1,"guest_email":"ada@example.org","start_time":"2026-12-01T14:30:00Z"}`},
		{"reference", `{"$defs":{"p":{"type":"object","properties":{"end":{"type":"string"}},"required":["end"]}},"$ref":"#/$defs/p"}`, `{"end":"2026-12-01T15:00:00Z"}`},
		{"dangling reference", `{"$ref":"#/$defs/none"}`, `"I am Ada, book 2026-12-01 at 14:30 for 7, ada@example.org"`},
		{"circular reference", `{"$ref":"#"}`, `"I am Ada, book 2026-12-01 at 14:30 for 7, ada@example.org"`},
		{
			"tree", `{"type":"object","properties":{"sub":{"type":"array","items":{"$ref":"#"}}},"required":["sub"]}`,
			`{"sub":[{"sub":[{"sub":[]}]}]}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMaker(json.RawMessage(test.schema), said, sunday)
			if diff := cmp.Diff(test.want, jsonOf(m.value(m.root, "", 0))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A schema that doubles at each level ends all the same.
func TestMakerIsBounded(t *testing.T) {
	const schema = `{"type":"object","properties":{"a":{"$ref":"#"},"b":{"$ref":"#"},"c":{"$ref":"#"},"d":{"$ref":"#"}},"required":["a","b","c","d"]}`
	m := newMaker(json.RawMessage(schema), "", sunday)
	m.value(m.root, "", 0)
	if m.parts > 2*largest {
		t.Errorf("made %d parts", m.parts)
	}
}

func FuzzParseChat(f *testing.F) {
	for _, seed := range []string{
		"", "{}", ask("hello"), with(ask("book for 4"), calendarTools), afterTool("x", "{}"),
		with(ask("x"), `"stop":["a"],"n":1,"max_tokens":3,"parallel_tool_calls":false`),
		with(ask("x"), `"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"$ref":"#"}}}`),
		`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url"}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	server := New(Options{})
	f.Fuzz(func(t *testing.T, body []byte) {
		req, e, ok := parseChat(body)
		if !ok {
			if e.status != 400 || e.Message == "" {
				t.Errorf("refused with %+v", e)
			}
			return
		}
		x := &exchange{Server: server}
		_ = server.promptTokens(req)
		u := newSpeaker(req, nil, sunday).speak()
		for i := range u.calls {
			if !json.Valid([]byte(jsonOf(u.calls[i].arguments))) {
				t.Errorf("arguments are not JSON: %q", jsonOf(u.calls[i].arguments))
			}
		}
		if c := x.complete(req, utterance{text: u.text}); req.limit() > 0 && c.tokens > req.limit() {
			t.Errorf("%d tokens beyond the limit %d", c.tokens, req.limit())
		}
	})
}
