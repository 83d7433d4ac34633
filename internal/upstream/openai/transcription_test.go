package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley"
	"parley/internal/audio"
	"parley/internal/fingerprint"
	"parley/internal/plan"
	"parley/internal/upstream"
)

// spoken is a note of ten words: 4 s.
func spoken() audio.Note {
	return audio.Note{ID: "3EB0C767D82B0A74C1F2AB", Words: "Do you have time on Friday at half past ten?"}
}

// audioForm builds a request from "name=value" fields; an empty filename leaves the file out.
func (b *bench) audioForm(path, filename string, file []byte, fields ...string) *http.Request {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, field := range fields {
		name, value, _ := strings.Cut(field, "=")
		if err := form.WriteField(name, value); err != nil {
			b.t.Fatal(err)
		}
	}
	if filename != "" {
		part, err := form.CreateFormFile("file", filename)
		if err != nil {
			b.t.Fatal(err)
		}
		if _, err := part.Write(file); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		b.t.Fatal(err)
	}
	r := b.Request(b.t.Context(), http.MethodPost, path, body.String())
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

const transcriptions = "/v1/audio/transcriptions"

func (b *bench) hear(fields ...string) (*http.Response, string) {
	b.t.Helper()
	resp, data := b.Do(b.audioForm(transcriptions, "voice.ogg", spoken().Encode(), fields...))
	return resp, string(data)
}

func TestTranscriptionFormats(t *testing.T) {
	const words = "Do you have time on Friday at half past ten?"
	segments := `"segments":[{"id":0,"seek":0,"start":0,"end":4,"text":" ` + words + `","tokens":[6449,481,679,1058,402,9377,540,6375,4241,4325,30],` +
		`"temperature":0,"avg_logprob":-0.25,"compression_ratio":1.2,"no_speech_prob":0.01}]`
	tests := []struct {
		name, kind, want string
		fields           []string
	}{
		{"json", "application/json", `{"text":"` + words + `","usage":{"type":"duration","seconds":4}}`, []string{"model=whisper-1"}},
		{"tokens", "application/json", `{"text":"` + words + `","usage":{"type":"tokens","total_tokens":53,"input_tokens":42,"input_token_details":{"text_tokens":2,"audio_tokens":40},"output_tokens":11}}`,
			[]string{"model=gpt-4o-mini-transcribe", "prompt=A dentist", "language=en"}},
		{"text", "text/plain; charset=utf-8", words + "\n", []string{"model=whisper-1", "response_format=text"}},
		{"srt", "text/plain; charset=utf-8", "1\n00:00:00,000 --> 00:00:04,000\n" + words + "\n\n", []string{"model=whisper-1", "response_format=srt"}},
		{"vtt", "text/plain; charset=utf-8", "WEBVTT\n\n00:00:00.000 --> 00:00:04.000\n" + words + "\n\n", []string{"model=whisper-1", "response_format=vtt"}},
		{"verbose", "application/json", `{"task":"transcribe","language":"portuguese","duration":4,"text":"` + words + `",` + segments + `,"usage":{"type":"duration","seconds":4}}`,
			[]string{"model=whisper-1", "response_format=verbose_json", "language=pt"}},
	}
	b := newBench(t, Options{})
	for _, test := range tests {
		resp, got := b.hear(test.fields...)
		if resp.StatusCode != http.StatusOK || got != test.want || resp.Header.Get("Content-Type") != test.kind {
			t.Errorf("%s: status %d, %s:\n%s\nwant\n%s", test.name, resp.StatusCode, resp.Header.Get("Content-Type"), got, test.want)
		}
	}
	_, got := b.hear("model=whisper-1", "response_format=verbose_json", "timestamp_granularities[]=word")
	var v verboseTranscript
	if err := json.Unmarshal([]byte(got), &v); err != nil || len(v.Words) != 10 || v.Segments != nil || v.Words[9] != (timedWord{"ten?", 3.6, 4}) {
		t.Errorf("with times for words: %v: %s", err, got)
	}
}

func TestTranslation(t *testing.T) {
	b := newBench(t, Options{})
	resp, data := b.Do(b.audioForm("/v1/audio/translations", "voice.oga", spoken().Encode(), "model=whisper-1"))
	if want := `{"text":"` + spoken().Words + `"}`; resp.StatusCode != http.StatusOK || string(data) != want {
		t.Errorf("status %d: %s", resp.StatusCode, data)
	}
	_, data = b.Do(b.audioForm("/v1/audio/translations", "voice.oga", spoken().Encode(), "model=whisper-1", "response_format=verbose_json"))
	if !strings.HasPrefix(string(data), `{"task":"translate","language":"english","duration":4,`) {
		t.Errorf("%s", data)
	}
}

// A file without parley's title is something plausible, the same each time.
func TestSoundOfOthers(t *testing.T) {
	b := newBench(t, Options{})
	wav := func(fill byte) []byte {
		head := "RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x80\x3e\x00\x00"
		return append([]byte(head), bytes.Repeat([]byte{fill}, 16_000)...)
	}
	said := map[string]bool{}
	for fill := range byte(20) {
		var first string
		for range 2 {
			resp, data := b.Do(b.audioForm(transcriptions, "x.wav", wav(fill), "model=whisper-1", "response_format=text"))
			if resp.StatusCode != http.StatusOK || len(data) < 20 || first != "" && first != string(data) {
				t.Fatalf("status %d: %q, then %q", resp.StatusCode, first, data)
			}
			first = string(data)
		}
		said[first] = true
	}
	if len(said) < 3 {
		t.Errorf("20 files say %d things", len(said))
	}
}

func TestTranscriptionRefusals(t *testing.T) {
	b := newBench(t, Options{})
	whole := spoken().Encode()
	tests := []struct {
		name, filename string
		file           []byte
		fields         []string
		status         int
		message        string
		param, code    string
	}{
		{"no model", "a.ogg", whole, nil, 400, "you must provide a model parameter", "", ""},
		{"no file", "", nil, []string{"model=whisper-1"}, 400, "Missing required parameter: 'file'.", "file", "missing_required_parameter"},
		{"file as text", "", nil, []string{"model=whisper-1", "file=abc"}, 400, "Missing required parameter: 'file'.", "file", "missing_required_parameter"},
		{"no extension", "voice", whole, []string{"model=whisper-1"}, 400, "Invalid file format. Supported formats: ['flac', 'm4a',", "", ""},
		{"opus", "voice.opus", whole, []string{"model=whisper-1"}, 400, "Invalid file format.", "", ""},
		{"no sound", "voice.ogg", []byte("this is encrypted"), []string{"model=whisper-1"}, 400, "The audio file could not be decoded", "", ""},
		{"no sound, newer", "voice.ogg", []byte("this is encrypted"), []string{"model=gpt-4o-transcribe"}, 400, "Audio file might be corrupted or unsupported", "file", "invalid_value"},
		{"empty", "voice.ogg", nil, []string{"model=whisper-1"}, 400, "The audio file could not be decoded", "", ""},
		{"short", "voice.ogg", whole[:bytes.LastIndex(whole, []byte("OggS"))][:300], []string{"model=whisper-1"}, 400, "Audio file is too short.", "file", "audio_too_short"},
		{"format", "a.ogg", whole, []string{"model=whisper-1", "response_format=xml"}, 400, "Invalid value: 'xml'.", "response_format", "invalid_value"},
		{"format of the newer", "a.ogg", whole, []string{"model=gpt-4o-transcribe", "response_format=srt"}, 400, "response_format 'srt' is not compatible with model 'gpt-4o-transcribe'.", "response_format", "unsupported_value"},
		{"times", "a.ogg", whole, []string{"model=whisper-1", "timestamp_granularities[]=word"}, 400, "Timestamp granularities are only supported", "timestamp_granularities", ""},
		{"large", "a.ogg", make([]byte, mostAudio+1), []string{"model=whisper-1"}, 413, "Maximum content size limit (26214400) exceeded", "", ""},
	}
	for _, test := range tests {
		resp, data := b.Do(b.audioForm(transcriptions, test.filename, test.file, test.fields...))
		checkRefusal(t, test.name, resp, data, test.status, test.message, test.param, test.code)
	}
	for kind, message := range map[string]string{
		"application/json": "Invalid content type.", "multipart/form-data": "Invalid content type.", "": "Invalid content type.",
		"multipart/form-data; boundary=x": "Could not parse multipart form",
	} {
		r := b.Request(t.Context(), http.MethodPost, transcriptions, "--x\r\nbroken")
		r.Header.Set("Content-Type", kind)
		resp, data := b.Do(r)
		checkRefusal(t, kind, resp, data, 400, message, "", "")
	}
	var fields []string
	for i := range mostAudioParts {
		fields = append(fields, fmt.Sprintf("f%d=x", i))
	}
	resp, data := b.Do(b.audioForm(transcriptions, "a.ogg", whole, fields...))
	checkRefusal(t, "many parts", resp, data, 400, "Could not parse multipart form", "", "")
}

func checkRefusal(t *testing.T, name string, resp *http.Response, data []byte, status int, message, param, code string) {
	t.Helper()
	var got errorBody
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%s: %v: %s", name, err, data)
	}
	if e := got.Error; resp.StatusCode != status || !strings.HasPrefix(e.Message, message) || deref(e.Param) != param || deref(e.Code) != code {
		t.Errorf("%s: status %d, param %q, code %q, %s", name, resp.StatusCode, deref(e.Param), deref(e.Code), e.Message)
	}
}

func TestTranscriptionCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := parley.Key{9}
		finder, err := fingerprint.NewFinder(fingerprint.Pattern{Prefix: "3EB0", Rest: 18, Class: fingerprint.UpperHex})
		if err != nil {
			t.Fatal(err)
		}
		id, words := key.Hash(spoken().ID), key.Hash(spoken().Words)
		b := newBench(t, Options{
			Config: plan.OpenAI{Transcription: dist(t, "700ms"), PerAudioSecond: 30 * time.Millisecond},
			Options: upstream.Options{Key: key, Finder: finder, Attribute: func(c *parley.Call, _ []fingerprint.Field) uint64 {
				ids := c.Identities
				switch {
				case len(ids) == 1 && ids[0] == id && c.Words == words:
					c.Turn, c.By = 5, parley.ByIdentity
				case len(ids) == 1 && ids[0] == id:
					c.Turn, c.By = 6, parley.ByIdentity
				default:
					c.Turn, c.By = 7, parley.ByTime
				}
				return 0
			}},
		})
		start := time.Now()
		b.hear("model=whisper-1")
		if took := time.Since(start); took != 700*time.Millisecond+4*30*time.Millisecond {
			t.Errorf("took %v", took)
		}
		b.hear("model=gpt-4o-transcribe")
		other := bytes.ReplaceAll(spoken().Encode(), []byte("parley"), []byte("ffmpeg")) // the title is lost
		other = bytes.ReplaceAll(other, []byte(spoken().ID), []byte("lost"))
		b.Do(b.audioForm(transcriptions, "tmp.ogg", other, "model=whisper-1"))
		b.Do(b.audioForm(transcriptions, spoken().ID+".ogg", other, "model=whisper-1"))
		synctest.Wait()
		calls := b.Recorded()
		for i, want := range []parley.Call{
			{Turn: 5, By: parley.ByIdentity, Model: "whisper-1", AudioSeconds: 4},
			{Turn: 5, By: parley.ByIdentity, Model: "gpt-4o-transcribe", AudioSeconds: 4, PromptTokens: 40, CompletionTokens: 11},
			{Turn: 7, By: parley.ByTime, Model: "whisper-1", AudioSeconds: 4},
			{Turn: 6, By: parley.ByIdentity, Model: "whisper-1", AudioSeconds: 4},
		} {
			c := calls[i]
			got := parley.Call{Turn: c.Turn, By: c.By, Model: c.Model, AudioSeconds: c.AudioSeconds, PromptTokens: c.PromptTokens, CompletionTokens: c.CompletionTokens}
			if fmt.Sprint(got) != fmt.Sprint(want) || c.Operation != "POST /v1/audio/transcriptions" || c.Failure != "" {
				t.Errorf("call %d: %+v", i, c)
			}
		}
	})
}

func TestTranscriptionStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.OpenAI{Transcription: dist(t, "1100ms")}})
		start := time.Now()
		resp, err := b.Client.Do(b.audioForm(transcriptions, "v.ogg", spoken().Encode(), "model=gpt-4o-transcribe", "stream=true"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		s, err := readStream(t, start, resp.Body)
		if err != nil || len(s.events) != 12 || s.at[0] != 550*time.Millisecond || s.at[1] != 600*time.Millisecond || s.at[11] != 1100*time.Millisecond {
			t.Fatalf("%v: %d events at %v", err, len(s.events), s.at)
		}
		var text string
		for _, e := range s.events[:11] {
			var d textDelta
			if err := json.Unmarshal([]byte(e), &d); err != nil || d.Type != "transcript.text.delta" {
				t.Errorf("event %s: %v", e, err)
			}
			text += d.Delta
		}
		if want := `{"type":"transcript.text.done","text":"` + text + `","usage":{"type":"tokens",`; text != spoken().Words || !strings.HasPrefix(s.events[11], want) {
			t.Errorf("%q, then %s", text, s.events[11])
		}
	})
}

func TestTranscriptionFaults(t *testing.T) {
	for rule, failure := range map[string]string{"malformed": "malformed", "cut": "cut"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{Config: plan.OpenAI{Faults: rules(t, rule+" on POST /v1/audio/transcriptions")}})
			for _, stream := range []string{"true", "false"} {
				resp, err := b.Client.Do(b.audioForm(transcriptions, "v.ogg", spoken().Encode(), "model=gpt-4o-transcribe", "stream="+stream))
				if err == nil {
					var whole strings.Builder
					s, _ := readStream(t, time.Now(), resp.Body) // that it ends early is checked below
					fmt.Fprint(&whole, s.events)
					resp.Body.Close()
				}
			}
			synctest.Wait()
			for _, c := range b.Recorded() {
				if c.Failure != failure {
					t.Errorf("%s: recorded %+v", rule, c)
				}
			}
			if n := len(b.Recorded()); n != 2 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

func FuzzAudioForm(f *testing.F) {
	form := func(boundary, filename, file string) []byte {
		return []byte("--" + boundary + "\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--" + boundary +
			"\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + filename + "\"\r\n\r\n" + file + "\r\n--" + boundary + "--\r\n")
	}
	f.Add("multipart/form-data; boundary=x", form("x", "a.ogg", string(spoken().Encode())))
	f.Add("multipart/form-data; boundary=x", form("x", "a.mp3", "\xff\xfb\x90\x00"))
	f.Add("multipart/form-data; boundary=\"\"", []byte("--"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		req, e, ok := parseAudio(kind, body, false)
		if ok {
			_, e, ok = inspect(req)
		}
		if !ok && (e.Message == "" || e.status < 400) {
			t.Errorf("refused with %+v", e)
		}
		if len(req.file) > len(body) {
			t.Errorf("a file of %d bytes in a body of %d", len(req.file), len(body))
		}
	})
}
