package upstream

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"parley/internal/fingerprint"
	"parley/internal/wire/openaiwire"
)

// Asked notes what the call asks for, by its method, address and body.
func (x *Exchange) Asked(body []byte) {
	x.AskedFor([]byte(x.R.Method), []byte(x.R.URL.RequestURI()), body)
}

// AskedFor notes what the call asks for, where that is parts of its body.
func (x *Exchange) AskedFor(parts ...[]byte) {
	c := fingerprint.NewContent(x.Key)
	for _, part := range parts {
		c.AddNumber(uint64(len(part))) // or "ab" and "c" would be "a" and "bc"
		c.Add(part)
	}
	x.Call.Content = c.Sum()
}

// AskedOfModel notes what a call asks of a model, by the path and the members of its body, an object of JSON; of any other body by
// all of it. It looks at the whole object, however long: what the user says stands at the end.
func (x *Exchange) AskedOfModel(body []byte) {
	d, members := x.Key.Digest(), 0
	d.Add([]byte(x.R.URL.Path))
	for name, value := range fingerprint.Members(body) {
		if members++; !changesAnswer(name) {
			continue
		}
		d.AddNumber(uint64(len(name)))
		d.Add(name)
		d.AddNumber(uint64(len(value)))
		d.Add(value)
	}
	if x.Call.Content = d.Sum(); members == 0 {
		x.Asked(body)
	}
}

// changesAnswer reports whether a member of a request to a model bears on what the model says. Others say how the answer is sent, whom it is for,
// what it costs and where it is kept.
func changesAnswer(name []byte) bool {
	switch string(name) {
	case "stream", "stream_options", "user", "safety_identifier", "metadata", "seed", "store", "service_tier",
		"prompt_cache_key", "prompt_cache_retention", "encoding_format":
		return false
	}
	return true
}

// Patience is how long OpenAI's client libraries say that they wait for an answer, 0 if they say nothing. That of Python names
// the longest silence, those of JavaScript and Go the time for the whole.
func Patience(h http.Header) time.Duration {
	const most = 1e9 // seconds; a Duration can hold nine times as many
	for _, name := range []string{"X-Stainless-Read-Timeout", "X-Stainless-Timeout"} {
		if seconds, err := strconv.ParseFloat(h.Get(name), 64); err == nil && seconds > 0 && seconds <= most {
			return time.Duration(seconds * float64(time.Second))
		}
	}
	return 0
}

// AskedAs notes what a call of OpenAI's API asks for, as openaiwire has read its body, and the pieces of its prompt.
func (x *Exchange) AskedAs(r *openaiwire.Request, body []byte) {
	switch r.Kind {
	case openaiwire.Chat, openaiwire.Responses, openaiwire.Embeddings:
		x.AskedOfModel(body)
		var text []byte
		for _, t := range r.Texts {
			if len(text) > fingerprint.MostText {
				break
			}
			text = append(append(text, t...), '\n')
		}
		x.Call.Pieces = fingerprint.Pieces(nil, x.Key, text)
	case openaiwire.Transcription:
		x.AskedFor([]byte(r.Model), []byte(strings.Join(r.Texts, "\n")), r.Audio) // the form has another boundary each time
	default:
		x.Asked(body)
	}
}
