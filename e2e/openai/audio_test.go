package openai_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"

	"parley/internal/audio"
	"parley/internal/fault"
	"parley/internal/plan"
)

func TestEmbeddings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.OpenAI{Embedding: fault.Constant(120 * time.Millisecond)}, "sk-right")
		texts := []string{"Opening hours on Saturday", "What are your opening hours?", "Parking behind the house"}
		list, err := j.Embeddings.New(t.Context(), openai.EmbeddingNewParams{
			Model: openai.EmbeddingModelTextEmbedding3Small,
			Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: texts},
		})
		if err != nil {
			t.Fatal(err)
		}
		cosine := func(a, b []float64) (sum float64) {
			for i := range a {
				sum += a[i] * b[i]
			}
			return sum
		}
		v := [][]float64{list.Data[0].Embedding, list.Data[1].Embedding, list.Data[2].Embedding}
		if len(v[0]) != 1536 || math.Abs(cosine(v[0], v[0])-1) > 1e-5 || cosine(v[0], v[1]) < 0.3 || math.Abs(cosine(v[0], v[2])) > 0.15 {
			t.Errorf("%d numbers, cosines %v %v %v", len(v[0]), cosine(v[0], v[0]), cosine(v[0], v[1]), cosine(v[0], v[2]))
		}
		if u := list.Usage; u.PromptTokens < 10 || u.TotalTokens != u.PromptTokens || list.Model != "text-embedding-3-small" || list.Data[2].Index != 2 {
			t.Errorf("usage %+v", u)
		}
		short, err := j.Embeddings.New(t.Context(), openai.EmbeddingNewParams{
			Model: openai.EmbeddingModelTextEmbedding3Small, Dimensions: openai.Int(64),
			Input: openai.EmbeddingNewParamsInputUnion{OfString: openai.String(texts[0])},
		})
		if err != nil || len(short.Data[0].Embedding) != 64 {
			t.Errorf("%v: %+v", err, short)
		}
		calls := j.recorded()
		if len(calls) != 2 || calls[0].Duration() != 120*time.Millisecond || calls[0].PromptTokens != list.Usage.PromptTokens {
			t.Errorf("recorded %+v", calls)
		}
	})
}

// The client cannot decode base64 by itself; OpenAI's client for Python asks for it and does.
func TestEmbeddingsInBase64(t *testing.T) {
	j := newJudge(t, plan.OpenAI{}, "sk-right")
	ask := func(format openai.EmbeddingNewParamsEncodingFormat) openai.EmbeddingNewParams {
		return openai.EmbeddingNewParams{
			Model: openai.EmbeddingModelTextEmbedding3Large, EncodingFormat: format,
			Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfTokens: []int64{9906, 1917}}, // "Hello world"
		}
	}
	floats, err := j.Embeddings.New(t.Context(), ask(openai.EmbeddingNewParamsEncodingFormatFloat))
	if err != nil {
		t.Fatal(err)
	}
	var packed struct{ Data []struct{ Embedding string } }
	if err := j.Post(t.Context(), "embeddings", ask(openai.EmbeddingNewParamsEncodingFormatBase64), &packed); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(packed.Data[0].Embedding)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, len(raw)/4)
	if err := binary.Read(bytes.NewReader(raw), binary.LittleEndian, got); err != nil {
		t.Fatal(err)
	}
	want := floats.Data[0].Embedding
	if len(got) != 3072 || len(want) != 3072 {
		t.Fatalf("%d and %d numbers", len(got), len(want))
	}
	for i := range got {
		if math.Abs(float64(got[i])-want[i]) > 1e-7 {
			t.Fatalf("number %d is %v and %v", i, got[i], want[i])
		}
	}
}

func voice() audio.Note {
	return audio.Note{ID: "3EB0C767D82B0A74C1F2AB", Words: "Do you have time on Friday at half past ten?"} // 4 s
}

func transcribe(model openai.AudioModel) openai.AudioTranscriptionNewParams {
	return openai.AudioTranscriptionNewParams{
		File: openai.File(bytes.NewReader(voice().Encode()), "voice.ogg", "audio/ogg"), Model: model,
	}
}

func TestTranscriptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.OpenAI{Transcription: fault.Constant(700 * time.Millisecond), PerAudioSecond: 50 * time.Millisecond}, "sk-right")
		plain, err := j.Audio.Transcriptions.New(t.Context(), transcribe(openai.AudioModelWhisper1))
		if err != nil {
			t.Fatal(err)
		}
		if u := plain.AsTranscription().Usage; plain.Text != voice().Words || u.Type != "duration" || u.AsDuration().Seconds != 4 {
			t.Errorf("%s", plain.RawJSON())
		}
		tokens, err := j.Audio.Transcriptions.New(t.Context(), transcribe(openai.AudioModelGPT4oTranscribe))
		if err != nil {
			t.Fatal(err)
		}
		u := tokens.AsTranscription().Usage.AsTokens()
		if u.InputTokens != 40 || u.InputTokenDetails.AudioTokens != 40 || u.OutputTokens != 11 || u.TotalTokens != 51 {
			t.Errorf("usage %s", u.RawJSON())
		}
		verbose := transcribe(openai.AudioModelWhisper1)
		verbose.ResponseFormat = openai.AudioResponseFormatVerboseJSON
		verbose.TimestampGranularities = []string{"word", "segment"}
		verbose.Language = openai.String("es")
		long, err := j.Audio.Transcriptions.New(t.Context(), verbose)
		if err != nil {
			t.Fatal(err)
		}
		if v := long.AsTranscriptionVerbose(); v.Duration != 4 || v.Language != "spanish" || len(v.Words) != 10 || v.Words[9].End != 4 || len(v.Segments) != 1 || len(v.Segments[0].Tokens) == 0 {
			t.Errorf("%s", long.RawJSON())
		}
		text := transcribe(openai.AudioModelWhisper1)
		text.ResponseFormat = openai.AudioResponseFormatText
		var words string
		if err := j.Post(t.Context(), "audio/transcriptions", text, &words); err != nil || words != voice().Words+"\n" {
			t.Errorf("%v: %q", err, words)
		}
		for _, c := range j.recorded() {
			if c.Duration() != 900*time.Millisecond || c.AudioSeconds != 4 {
				t.Errorf("recorded %+v", c)
			}
		}
	})
}

func TestTranscriptionStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.OpenAI{Transcription: fault.Constant(time.Second)}, "sk-right")
		stream := j.Audio.Transcriptions.NewStreaming(t.Context(), transcribe(openai.AudioModelGPT4oMiniTranscribe))
		var text strings.Builder
		var done openai.TranscriptionTextDoneEvent
		for stream.Next() {
			switch event := stream.Current(); event.Type {
			case "transcript.text.delta":
				text.WriteString(event.AsTranscriptTextDelta().Delta)
			case "transcript.text.done":
				done = event.AsTranscriptTextDone()
			default:
				t.Errorf("event %s", event.RawJSON())
			}
		}
		if err := stream.Err(); err != nil || text.String() != voice().Words || done.Text != voice().Words || done.Usage.InputTokens != 40 {
			t.Errorf("%v: %q, then %s", err, text.String(), done.RawJSON())
		}
	})
}

func TestTranslation(t *testing.T) {
	j := newJudge(t, plan.OpenAI{}, "sk-right")
	got, err := j.Audio.Translations.New(t.Context(), openai.AudioTranslationNewParams{
		File: openai.File(bytes.NewReader(voice().Encode()), "voice.ogg", "audio/ogg"), Model: openai.AudioModelWhisper1,
	})
	if err != nil || got.Text != voice().Words {
		t.Errorf("%v: %+v", err, got)
	}
}

func TestTranscriptionRefused(t *testing.T) {
	j := newJudge(t, plan.OpenAI{}, "sk-right")
	params := transcribe(openai.AudioModelWhisper1)
	params.File = openai.File(bytes.NewReader(voice().Encode()), "voice.opus", "audio/ogg")
	_, err := j.Audio.Transcriptions.New(t.Context(), params)
	var refusal *openai.Error
	if !errors.As(err, &refusal) || refusal.StatusCode != http.StatusBadRequest || !strings.HasPrefix(refusal.Message, "Invalid file format.") {
		t.Errorf("%v", err)
	}
}

func TestModels(t *testing.T) {
	j := newJudge(t, plan.OpenAI{}, "sk-right")
	page, err := j.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range page.Data {
		seen[m.ID] = true
		one, err := j.Models.Get(t.Context(), m.ID)
		if err != nil || one.ID != m.ID || one.Created != m.Created || one.OwnedBy == "" || one.Created == 0 {
			t.Errorf("%s: %v: %+v", m.ID, err, one)
		}
	}
	for _, name := range []string{openai.ChatModelGPT4oMini, openai.EmbeddingModelTextEmbedding3Small, openai.AudioModelWhisper1, openai.AudioModelGPT4oTranscribe} {
		if !seen[name] {
			t.Errorf("%s is not listed", name)
		}
	}
	var refusal *openai.Error
	if _, err := j.Models.Get(t.Context(), "none"); !errors.As(err, &refusal) || refusal.StatusCode != http.StatusNotFound || refusal.Code != "model_not_found" {
		t.Errorf("%v", err)
	}
}

// A prompt newly put into the cache is reported by the models that charge for it.
func TestCacheWrites(t *testing.T) {
	j := newJudge(t, plan.OpenAI{}, "sk-right")
	params := ask(strings.Repeat("We are a small dental practice in the old town. ", 150))
	params.Model = "gpt-5.6"
	c, err := j.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	var usage struct {
		Details struct {
			Written int64 `json:"cache_write_tokens"`
		} `json:"prompt_tokens_details"`
	}
	if err := json.Unmarshal([]byte(c.Usage.RawJSON()), &usage); err != nil || usage.Details.Written < 1024 || usage.Details.Written > c.Usage.PromptTokens {
		t.Errorf("%v: %s", err, c.Usage.RawJSON())
	}
}
