package openai

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"time"

	"parley/internal/audio"
	"parley/internal/fault"
	"parley/internal/fingerprint"
	"parley/internal/price"
)

// audioTokensPerSecond is what the models that are paid by tokens count for sound, one for each 100 ms.
const audioTokensPerSecond = 10

// transcription is an answer in the making.
type transcription struct {
	*audioRequest
	text    string
	seconds float64
	// Of a model that is paid by tokens.
	audioTokens, promptTokens int
	words                     []string // the tokens of the text
	counter                   *price.Counter
}

// transcribe serves POST /v1/audio/transcriptions and /v1/audio/translations.
func (x *exchange) transcribe(translate bool) {
	if !x.read() {
		return
	}
	req, refusal, ok := parseAudio(x.R.Header.Get("Content-Type"), x.body, translate)
	note, said := audio.Find(req.file)
	x.Call.Model = req.model
	x.AskedFor([]byte(req.model), []byte(req.language), []byte(req.prompt), []byte(req.format), req.file) // the form has another boundary each time
	x.Identify(x.body, fingerprint.LastWords(note.Words))
	x.body = nil
	var f audio.File
	if ok {
		f, refusal, ok = inspect(req)
	}
	x.Call.AudioSeconds = f.Length.Seconds()
	switch {
	case !x.meetFate():
		return
	case !ok:
		x.refuse(refusal)
		return
	}
	t := &transcription{audioRequest: req, text: note.Words, seconds: f.Length.Seconds(), counter: &x.tokens}
	if !said {
		t.text = guess(req.file)
	}
	req.file = nil // what waits for its answer need not hold it
	x.countAudio(t)
	if refusal, ok := x.limits.take(x.W.Header(), req.model, x.Call.PromptTokens, x.Since()); !ok {
		x.refuse(refusal)
		return
	}
	start := x.Ready + x.Fate.Delay
	due := start + x.config.Transcription.Sample(x.Random) + time.Duration(t.seconds*float64(x.config.PerAudioSecond))
	if req.stream && req.byTokens() {
		x.streamText(t, start, due)
		return
	}
	kind, body := t.body()
	if x.Impose(due) != nil {
		return
	}
	x.Call.CompletionTokens = int64(len(t.words))
	x.processed()
	_ = x.Answer(http.StatusOK, kind, body) // a client that went away is in the record
}

// countAudio counts what the model is paid for, if that is tokens.
func (x *exchange) countAudio(t *transcription) {
	if !t.byTokens() {
		return
	}
	t.audioTokens = int(math.Ceil(t.seconds * audioTokensPerSecond))
	t.promptTokens = x.tokens.Tokens(t.model, t.prompt)
	for _, piece := range x.tokens.Pieces(t.model, t.text) {
		t.words = append(t.words, piece.Text)
	}
	x.Call.PromptTokens = int64(t.audioTokens + t.promptTokens)
}

// guess is what somebody might have said, where the file does not tell what was.
func guess(file []byte) string {
	sentences := [...]string{
		"Hello, I would like to make an appointment for next week, please.",
		"Hi, are you open on Saturday morning?",
		"Good morning, could you tell me how much it costs?",
		"I have to change my appointment, does Thursday afternoon work?",
		"Hello, I have a question about my booking.",
		"Can you call me back when you have a moment? Thank you.",
	}
	hash := fnv.New32a()
	_, _ = hash.Write(file) // never fails
	return sentences[hash.Sum32()%uint32(len(sentences))]
}

// inspect reads the sound's length, or refuses what is none.
func inspect(req *audioRequest) (audio.File, apiError, bool) {
	const shortest = 100 * time.Millisecond
	f, ok := audio.Inspect(req.file)
	switch {
	case !ok && req.byTokens():
		return f, invalid("file", "invalid_value", "Audio file might be corrupted or unsupported"), false
	case !ok:
		return f, invalid("", "", "The audio file could not be decoded or its format is not supported."), false
	case f.Length < shortest:
		return f, invalid("file", "audio_too_short", "Audio file is too short. Minimum audio length is 0.1 seconds."), false
	}
	return f, apiError{}, true
}

// usage is what the call is paid by.
func (t *transcription) usage() any {
	if !t.byTokens() {
		return durationUsage{Type: "duration", Seconds: int(math.Ceil(t.seconds))}
	}
	in := t.audioTokens + t.promptTokens
	return tokensUsage{
		Type: "tokens", TotalTokens: in + len(t.words), InputTokens: in, OutputTokens: len(t.words),
		Details: audioTokenDetails{TextTokens: t.promptTokens, AudioTokens: t.audioTokens},
	}
}

// streamText answers word by word. The model is assumed to listen for half of its time and to write for the
// other; OpenAI says nothing of it.
func (x *exchange) streamText(t *transcription, start, due time.Duration) {
	bad := -1 // the event that a fault strikes
	if x.Fate.Effect == fault.Cut || x.Fate.Effect == fault.Malformed {
		bad = int(float64(len(t.words)) * x.Fate.Where)
	}
	for i := range len(t.words) + 1 {
		event := any(textDone{Type: "transcript.text.done", Text: t.text, Usage: t.usage()})
		if i < len(t.words) {
			event = textDelta{Type: "transcript.text.delta", Delta: t.words[i]}
		}
		at := start + (due-start)/2 + (due-start)/2*time.Duration(i)/time.Duration(max(1, len(t.words)))
		if x.Impose(at) != nil {
			return
		}
		if i == 0 {
			x.W.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			x.processed()
			x.Head(http.StatusOK)
		}
		data := append(append([]byte("data: "), encode(event)...), "\n\n"...)
		if i == bad {
			data = x.damage(data, len(data)/2)
		}
		if x.Send(data) != nil {
			return
		}
		x.Call.CompletionTokens = int64(min(i+1, len(t.words)))
	}
}

// encode writes a response of texts and numbers, which always encode.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("openai: encode %T: %w", v, err))
	}
	return data
}
