package openaiwire

import (
	"bytes"
	"iter"
)

// Events yields the data of each event of a stream of server-sent events, as far as it goes: an event that the
// stream ends within is left out, and so is OpenAI's closing "[DONE]". Lines end in LF, CR or CR LF, as the HTML standard has it.
func Events(stream []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		stream = bytes.TrimPrefix(stream, []byte("\uFEFF"))
		var data []byte
		var filled bool
		for {
			line, rest, ended := cutLine(stream)
			if !ended {
				return
			}
			stream = rest
			field, value, _ := bytes.Cut(line, []byte(":"))
			switch {
			case len(line) == 0 && filled:
				if string(data) != "[DONE]" && !yield(data) {
					return
				}
				data, filled = nil, false
			case string(field) == "data":
				if filled {
					data = append(data, '\n')
				}
				data, filled = append(data, bytes.TrimPrefix(value, []byte(" "))...), true
			}
		}
	}
}

func cutLine(text []byte) (line, rest []byte, ended bool) {
	i := bytes.IndexAny(text, "\r\n")
	if i < 0 {
		return nil, nil, false
	}
	line, rest = text[:i], text[i+1:]
	if text[i] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return line, rest, true
}
