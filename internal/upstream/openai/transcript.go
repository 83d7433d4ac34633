package openai

import (
	"fmt"
	"strings"
	"time"
)

// The shapes of transcriptions.

type plainTranscript struct {
	Text  string `json:"text"`
	Usage any    `json:"usage,omitempty"` // durationUsage or tokensUsage
}

type verboseTranscript struct {
	Task     string      `json:"task"`
	Language string      `json:"language"` // its English name
	Duration float64     `json:"duration"` // seconds
	Text     string      `json:"text"`
	Words    []timedWord `json:"words,omitempty"`
	Segments []segment   `json:"segments,omitempty"`
	Usage    any         `json:"usage,omitempty"`
}

type timedWord struct {
	Word  string  `json:"word"`
	Start float64 `json:"start"`
	End   float64 `json:"end"`
}

type segment struct {
	ID               int      `json:"id"`
	Seek             int      `json:"seek"` // in hundredths of a second
	Start            float64  `json:"start"`
	End              float64  `json:"end"`
	Text             string   `json:"text"`
	Tokens           []uint32 `json:"tokens"`
	Temperature      float64  `json:"temperature"`
	AvgLogprob       float64  `json:"avg_logprob"`
	CompressionRatio float64  `json:"compression_ratio"`
	NoSpeechProb     float64  `json:"no_speech_prob"`
}

type durationUsage struct {
	Type    string `json:"type"` // duration
	Seconds int    `json:"seconds"`
}

type tokensUsage struct {
	Type         string            `json:"type"` // tokens
	TotalTokens  int               `json:"total_tokens"`
	InputTokens  int               `json:"input_tokens"`
	Details      audioTokenDetails `json:"input_token_details"`
	OutputTokens int               `json:"output_tokens"`
}

type audioTokenDetails struct {
	TextTokens  int `json:"text_tokens"`
	AudioTokens int `json:"audio_tokens"`
}

// textDelta and textDone are events of a stream.
type textDelta struct {
	Type  string `json:"type"` // transcript.text.delta
	Delta string `json:"delta"`
}

type textDone struct {
	Type  string `json:"type"` // transcript.text.done
	Text  string `json:"text"`
	Usage any    `json:"usage"`
}

// body is the answer in the format asked for, with its content type.
func (t *transcription) body() (contentType string, body []byte) {
	const text = "text/plain; charset=utf-8"
	switch t.format {
	case "text":
		return text, []byte(t.text + "\n")
	case "srt":
		return text, []byte(t.subtitles("", ",", true))
	case "vtt":
		return text, []byte(t.subtitles("WEBVTT\n\n", ".", false))
	case "verbose_json":
		return "application/json", encode(t.verbose())
	}
	plain := plainTranscript{Text: t.text}
	if !t.translate {
		plain.Usage = t.usage()
	}
	return "application/json", encode(plain)
}

func (t *transcription) verbose() verboseTranscript {
	v := verboseTranscript{Task: "transcribe", Language: languageName(t.language), Duration: t.seconds, Text: t.text}
	if t.translate {
		v.Task, v.Language = "translate", "english"
	} else {
		v.Usage = t.usage()
	}
	if t.perWord {
		for _, s := range t.split(1) {
			v.Words = append(v.Words, timedWord{Word: s.text, Start: s.start, End: s.end})
		}
	}
	if t.perSegment {
		for i, s := range t.split(wordsInSegment) {
			v.Segments = append(v.Segments, segment{
				ID: i, Start: s.start, End: s.end, Text: " " + s.text, Tokens: t.counter.AppendTokens(nil, t.model, s.text), Temperature: t.temperature,
				AvgLogprob: -0.25, CompressionRatio: 1.2, NoSpeechProb: 0.01, // of a clear recording
			})
		}
	}
	return v
}

// wordsInSegment is about what Whisper puts on one line.
const wordsInSegment = 12

// span is a part of the text and when it is said, in seconds.
type span struct {
	text       string
	start, end float64
}

// split cuts the text into parts of n words, said at an even pace.
func (t *transcription) split(n int) []span {
	words := strings.Fields(t.text)
	var spans []span
	for i := 0; i < len(words); i += n {
		end := min(i+n, len(words))
		at := func(word int) float64 { return t.seconds * float64(word) / float64(len(words)) }
		spans = append(spans, span{strings.Join(words[i:end], " "), at(i), at(end)})
	}
	return spans
}

// subtitles writes the text in the form of SRT or WebVTT.
func (t *transcription) subtitles(head, point string, numbered bool) string {
	var b strings.Builder
	b.WriteString(head)
	for i, s := range t.split(wordsInSegment) {
		if numbered {
			fmt.Fprintf(&b, "%d\n", i+1)
		}
		fmt.Fprintf(&b, "%s --> %s\n%s\n\n", clock(s.start, point), clock(s.end, point), s.text)
	}
	return b.String()
}

// clock writes a moment as hours, minutes, seconds and milliseconds.
func clock(seconds float64, point string) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
	return fmt.Sprintf("%02d:%02d:%02d%s%03d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60, point, d.Milliseconds()%1000)
}

// languageName is the English name of a language, as Whisper gives it, from its code. Without a code it is English:
// nothing is heard here.
func languageName(code string) string {
	switch code {
	case "", "en":
		return "english"
	case "pt":
		return "portuguese"
	case "es":
		return "spanish"
	case "fr":
		return "french"
	case "de":
		return "german"
	case "it":
		return "italian"
	case "ja":
		return "japanese"
	case "th":
		return "thai"
	case "zh":
		return "chinese"
	case "hi":
		return "hindi"
	case "ar":
		return "arabic"
	case "id":
		return "indonesian"
	default:
		return code
	}
}
