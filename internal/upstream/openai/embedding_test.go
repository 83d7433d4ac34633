package openai

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/fingerprint"
	"parley/internal/plan"
	"parley/internal/upstream"
)

// embedded is a response with numbers.
type embedded struct {
	Object string
	Data   []struct {
		Object    string
		Index     int
		Embedding []float32
	}
	Model string
	Usage struct {
		PromptTokens int `json:"prompt_tokens"`
		TotalTokens  int `json:"total_tokens"`
	}
}

func (b *bench) embed(body string) embedded {
	b.t.Helper()
	resp, data := b.Do(b.Request(b.t.Context(), http.MethodPost, "/v1/embeddings", body))
	var e embedded
	if err := json.Unmarshal(data, &e); err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("status %d, %v: %.300s", resp.StatusCode, err, data)
	}
	return e
}

func TestEmbeddings(t *testing.T) {
	b := newBench(t, Options{})
	list := b.embed(`{"model":"text-embedding-3-small","input":["Are you open tomorrow?","Parking"]}`)
	if list.Object != "list" || len(list.Data) != 2 || list.Data[1].Index != 1 || list.Data[1].Object != "embedding" ||
		list.Model != "text-embedding-3-small" || list.Usage.PromptTokens != 5+1 || list.Usage.TotalTokens != 6 {
		t.Errorf("%+v", list)
	}
	one := b.embed(`{"model":"text-embedding-3-small","input":"Are you open tomorrow?"}`)
	// cl100k_base of the same text.
	ids := b.embed(`{"model":"text-embedding-3-small","input":[11787,499,1825,16986,30],"encoding_format":"float","user":"x"}`)
	nested := b.embed(`{"model":"text-embedding-3-small","input":[[11787,499,1825,16986,30]]}`)
	for name, got := range map[string]embedded{"one": one, "tokens": ids, "lists of tokens": nested} {
		if d := dot(got.Data[0].Embedding, list.Data[0].Embedding); d < 0.999999 || len(got.Data) != 1 || got.Usage.PromptTokens != 5 {
			t.Errorf("%s: cosine %v, usage %+v", name, d, got.Usage)
		}
	}
	if d := dot(list.Data[0].Embedding, list.Data[1].Embedding); math.Abs(d) > 0.15 {
		t.Errorf("texts that share nothing have cosine %v", d)
	}
}

// dot is the cosine of unit vectors.
func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestEmbeddingInBase64(t *testing.T) {
	b := newBench(t, Options{})
	for model, size := range map[string]int{"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536, "another": 1536} {
		want := b.embed(`{"model":"` + model + `","input":"hello"}`).Data[0].Embedding
		_, data := b.Do(b.Request(t.Context(), http.MethodPost, "/v1/embeddings", `{"model":"`+model+`","input":"hello","encoding_format":"base64"}`))
		var got struct{ Data []struct{ Embedding string } }
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(got.Data[0].Embedding)
		if err != nil || len(raw) != 4*size || len(want) != size {
			t.Fatalf("%s: %d bytes, %d numbers, %v", model, len(raw), len(want), err)
		}
		for i := range want {
			if v := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])); v != want[i] {
				t.Fatalf("%s: number %d is %v, and %v in base64", model, i, want[i], v)
			}
		}
	}
}

func TestEmbeddingDimensions(t *testing.T) {
	b := newBench(t, Options{})
	whole := b.embed(`{"model":"text-embedding-3-large","input":"opening hours on Friday"}`).Data[0].Embedding
	short := b.embed(`{"model":"text-embedding-3-large","input":"opening hours on Friday","dimensions":256}`).Data[0].Embedding
	if n := dot(short, short); len(short) != 256 || math.Abs(n-1) > 1e-5 {
		t.Errorf("%d numbers, length %v", len(short), n)
	}
	if d := dot(short, unit(whole[:256])); d < 0.99999 {
		t.Errorf("the short vector is not the beginning of the long one: cosine %v", d)
	}
}

// What a search by vectors relies on.
func TestVectorsOfSimilarTextsAreNear(t *testing.T) {
	vector := func(text string) []float32 { return embed("text-embedding-3-small", text, 1536) }
	question := vector("What are your opening hours on Saturday?")
	passages := []string{
		"Opening hours: Monday to Friday from nine to six, Saturday from ten to two.",
		"Parking is behind the house. There is a ramp for wheelchairs.",
		"A cleaning costs 95, a check-up 60. We take cards.",
		"What should you bring on your first visit? A passport.",
	}
	near := dot(question, vector(passages[0]))
	for _, p := range passages[1:] {
		if far := dot(question, vector(p)); near < far+0.1 {
			t.Errorf("%q is at %.2f, %q at %.2f", passages[0], near, p, far)
		}
	}
	if d := dot(question, vector("What are your opening hours on Saturday?")); d < 0.999999 {
		t.Errorf("equal texts are at %v", d)
	}
	if d := dot(question, vector("on Saturday what are your opening hours")); d > 0.99 || d < 0.8 {
		t.Errorf("the same words in another order are at %v", d)
	}
	for _, text := range []string{"", "?!", "the and", strings.Repeat("a b ", 5000), "日本語"} {
		if n := dot(vector(text), vector(text)); math.Abs(n-1) > 1e-5 {
			t.Errorf("%.10q has length %v", text, n)
		}
	}
	if d := dot(question, embed("text-embedding-ada-002", "What are your opening hours on Saturday?", 1536)); math.Abs(d) > 0.15 {
		t.Errorf("another model puts the same text at %v", d)
	}
}

func TestEmbeddingRefusals(t *testing.T) {
	b := newBench(t, Options{})
	words := func(n int) string { return strings.Repeat("word ", n) }
	tests := []struct {
		name, body, message string
		param, code         string
	}{
		{"no JSON", `{`, "We could not parse the JSON body", "", ""},
		{"no model", `{"input":"a"}`, "you must provide a model parameter", "", ""},
		{"model of a wrong type", `{"model":1,"input":"a"}`, "Invalid type for 'model'", "model", "invalid_type"},
		{"no input", `{"model":"m"}`, "Missing required parameter: 'input'.", "input", "missing_required_parameter"},
		{"empty", `{"model":"m","input":""}`, "'$.input' is invalid.", "", ""},
		{"null", `{"model":"m","input":null}`, "'$.input' is invalid.", "", ""},
		{"empty list", `{"model":"m","input":[]}`, "'$.input' is invalid.", "", ""},
		{"empty in a list", `{"model":"m","input":["a",""]}`, "'$.input' is invalid.", "", ""},
		{"empty tokens", `{"model":"m","input":[[1],[]]}`, "'$.input' is invalid.", "", ""},
		{"object", `{"model":"m","input":{"a":1}}`, "'$.input' is invalid.", "", ""},
		{"negative token", `{"model":"m","input":[-1]}`, "'$.input' is invalid.", "", ""},
		{"many", `{"model":"m","input":["a"` + strings.Repeat(`,"a"`, mostInputs) + `]}`, "Invalid 'input': array too long.", "input", "array_above_max_length"},
		{"long", `{"model":"text-embedding-3-small","input":"` + words(8193) + `"}`, "This model's maximum context length is 8192 tokens, however you requested 819", "", ""},
		{"long tokens", `{"model":"m","input":[1` + strings.Repeat(",1", 8192) + `]}`, "This model's maximum context length is 8192 tokens, however you requested 8193 tokens", "", ""},
		{"format", `{"model":"m","input":"a","encoding_format":"int8"}`, "Invalid value: 'int8'.", "encoding_format", "invalid_value"},
		{"dimensions of ada", `{"model":"text-embedding-ada-002","input":"a","dimensions":10}`, "This model does not support specifying dimensions.", "", ""},
		{"too many dimensions", `{"model":"text-embedding-3-small","input":"a","dimensions":1537}`, "Invalid value for 'dimensions' = 1537.", "dimensions", ""},
		{"no dimensions", `{"model":"text-embedding-3-small","input":"a","dimensions":0}`, "Invalid 'dimensions'", "dimensions", "integer_below_min_value"},
	}
	for _, test := range tests {
		resp, data := b.Do(b.Request(t.Context(), http.MethodPost, "/v1/embeddings", test.body))
		var got errorBody
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if e := got.Error; resp.StatusCode != http.StatusBadRequest || !strings.HasPrefix(e.Message, test.message) || deref(e.Param) != test.param || deref(e.Code) != test.code {
			t.Errorf("%s: status %d, param %q, code %q, %.200s", test.name, resp.StatusCode, deref(e.Param), deref(e.Code), e.Message)
		}
	}
	batch := `{"model":"m","input":["` + words(8000) + `"` + strings.Repeat(`,"`+words(8000)+`"`, 37) + `]}`
	resp, data := b.Do(b.Request(t.Context(), http.MethodPost, "/v1/embeddings", batch))
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(data), "max 300000 tokens per request") {
		t.Errorf("a batch: status %d: %.200s", resp.StatusCode, data)
	}
}

func TestEmbeddingCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := parley.Key{9}
		b := newBench(t, Options{
			Config: plan.OpenAI{Embedding: dist(t, "120ms"), TokensPerMinute: 20, Faults: rules(t, "delay 30ms on POST /v1/embeddings")},
			Options: upstream.Options{Key: key, Attribute: func(c *parley.Call, _ []fingerprint.Field) uint64 {
				if c.Words == key.Hash("Are you open tomorrow?") {
					c.Turn, c.By = 5, parley.ByWords
				}
				return 0
			}},
		})
		start := time.Now()
		b.embed(`{"model":"text-embedding-3-small","input":"Are you open tomorrow?"}`)
		if took := time.Since(start); took != 150*time.Millisecond {
			t.Errorf("took %v", took)
		}
		resp, data := b.Do(b.Request(t.Context(), http.MethodPost, "/v1/embeddings", `{"model":"text-embedding-3-small","input":"`+strings.Repeat("word ", 18)+`"}`))
		wantMessage(t, resp, data, "Rate limit reached for text-embedding-3-small in organization org-parley on tokens per min (TPM): Limit 20")
		synctest.Wait()
		calls := b.Recorded()
		c := calls[0]
		if c.Operation != "POST /v1/embeddings" || c.Model != "text-embedding-3-small" || c.PromptTokens != 5 || c.CompletionTokens != 0 ||
			c.Turn != 5 || c.By != parley.ByWords || c.Status != 200 || c.Imposed != 150*time.Millisecond {
			t.Errorf("recorded %+v", c)
		}
		if calls[1].Failure != "status 429" || calls[1].Turn != 0 {
			t.Errorf("recorded %+v", calls[1])
		}
	})
}

func TestEmbeddingFault(t *testing.T) {
	b := newBench(t, Options{Config: plan.OpenAI{Faults: []fault.Rule{rules(t, "status 503 on POST /v1/embeddings")[0]}}})
	resp, data := b.Do(b.Request(t.Context(), http.MethodPost, "/v1/embeddings", `{"model":"m","input":"a"}`))
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(data), "overloaded") {
		t.Errorf("status %d: %s", resp.StatusCode, data)
	}
}

// FuzzEmbeddingRequest: any body is understood or refused, and what is understood has vectors of one length.
func FuzzEmbeddingRequest(f *testing.F) {
	for _, seed := range []string{`{"model":"m","input":"a"}`, `{"model":"m","input":["a","b"],"dimensions":3}`, `{"model":"m","input":[1,2]}`, `{"input":[[1],[2]]}`, `[]`, ``} {
		f.Add([]byte(seed))
	}
	s := New(Options{})
	f.Fuzz(func(t *testing.T, body []byte) {
		req, e, ok := parseEmbedding(body)
		if !ok {
			if e.Message == "" || e.status != http.StatusBadRequest {
				t.Errorf("refused with %+v", e)
			}
			return
		}
		(&exchange{Server: s}).resolve(req)
		if len(req.Input.texts) > 3 {
			return
		}
		var got embedded
		if err := json.Unmarshal(appendEmbeddings(nil, req, 1), &got); err != nil && req.EncodingFormat != "base64" {
			t.Errorf("%s: %v", body, err)
		}
	})
}

func BenchmarkEmbed(b *testing.B) {
	text := strings.Repeat("Opening hours: Monday to Friday from nine to six, Saturday from ten to two. ", 20)
	b.ReportAllocs()
	for b.Loop() {
		embed("text-embedding-3-small", text, 1536)
	}
}
