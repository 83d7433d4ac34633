package openai

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// What the API takes of sound.
const (
	mostAudio      = 25 << 20 // bytes
	mostAudioField = 1 << 20  // bytes in a field beside the file
	mostAudioParts = 64
)

// audioRequest is a request for a transcription or translation, a form of several parts.
type audioRequest struct {
	translate  bool
	file       []byte
	name       string // of the file
	hasFile    bool
	model      string
	language   string // ISO 639-1
	prompt     string
	format     string // json, text, srt, verbose_json, vtt
	stream     bool
	perWord    bool // which times verbose_json has
	perSegment bool
	// temperature goes back in verbose_json, and means nothing here.
	temperature float64
}

// byTokens reports whether the model is one that is paid by tokens, can stream, and answers in JSON only;
// others are as Whisper.
func (r *audioRequest) byTokens() bool { return strings.HasPrefix(r.model, "gpt-") }

var (
	errForm     = errors.New("openai: no form that can be read")
	errTooLarge = errors.New("openai: a part of the form is too large")
)

// parseAudio reads and checks a request, which is never nil. ok is false if there is an error to answer with.
func parseAudio(contentType string, body []byte, translate bool) (req *audioRequest, e apiError, ok bool) {
	req = &audioRequest{translate: translate}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return req, invalid("", "", "Invalid content type. Expected 'multipart/form-data' with a boundary, got '%s'.", contentType), false
	}
	switch err := req.read(multipart.NewReader(bytes.NewReader(body), params["boundary"])); {
	case errors.Is(err, errTooLarge):
		return req, newError(http.StatusRequestEntityTooLarge, "invalid_request_error", "", "",
			"Maximum content size limit (%d) exceeded (%d bytes read)", mostAudio, len(body)), false
	case err != nil:
		return req, invalid("", "", "Could not parse multipart form"), false
	}
	e, ok = req.check()
	return req, e, ok
}

// read takes the parts in. A part that comes twice counts the last time.
func (r *audioRequest) read(form *multipart.Reader) error {
	for range mostAudioParts {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errForm
		}
		limit := mostAudioField
		if part.FormName() == "file" {
			limit = mostAudio
		}
		value, err := io.ReadAll(io.LimitReader(part, int64(limit)+1))
		switch {
		case err != nil:
			return errForm
		case len(value) > limit:
			return errTooLarge
		case part.FormName() == "file":
			r.file, r.name, r.hasFile = value, part.FileName(), part.FileName() != ""
		default:
			r.set(part.FormName(), string(value))
		}
	}
	return errForm
}

func (r *audioRequest) set(field, value string) {
	switch field {
	case "model":
		r.model = value
	case "language":
		r.language = strings.ToLower(value)
	case "prompt":
		r.prompt = value
	case "response_format":
		r.format = value
	case "stream":
		r.stream, _ = strconv.ParseBool(value) // anything else means no
	case "temperature":
		if t, err := strconv.ParseFloat(value, 64); err == nil && t >= 0 && t <= 1 {
			r.temperature = t
		}
	case "timestamp_granularities[]", "timestamp_granularities":
		r.perWord = r.perWord || value == "word"
		r.perSegment = r.perSegment || value == "segment"
	}
}

func (r *audioRequest) check() (apiError, bool) {
	formats := []string{"json", "text", "srt", "verbose_json", "vtt"}
	if r.format == "" {
		r.format = "json"
	}
	timed := r.perWord || r.perSegment
	switch {
	case r.model == "":
		return invalid("", "", "you must provide a model parameter"), false
	case !r.hasFile:
		return missing("file"), false
	case !slices.Contains(formats, r.format):
		return invalid("response_format", "invalid_value", "Invalid value: '%s'. Supported values are: '%s'.", r.format, strings.Join(formats, "', '")), false
	case r.byTokens() && r.format != "json" && r.format != "text":
		return invalid("response_format", "unsupported_value",
			"response_format '%s' is not compatible with model '%s'. Use 'json' or 'text' instead.", r.format, r.model), false
	case timed && r.format != "verbose_json":
		return invalid("timestamp_granularities", "", "Timestamp granularities are only supported with response_format=verbose_json, got response_format=%s", r.format), false
	case !takes(r.name):
		return invalid("", "", "Invalid file format. Supported formats: ['%s']", strings.Join(extensions(), "', '")), false
	}
	r.perSegment = r.perSegment || !timed
	return apiError{}, true
}

func extensions() []string {
	return []string{"flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"}
}

// takes reports whether the API takes a file of that name: it goes by the extension, and a name without one, or
// with that of a format it could well read (.opus), is refused. Bots that save voice notes under such names fail there.
func takes(name string) bool {
	return slices.Contains(extensions(), strings.TrimPrefix(strings.ToLower(path.Ext(name)), "."))
}
