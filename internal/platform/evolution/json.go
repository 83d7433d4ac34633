package evolution

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// appendString appends text as a JSON string, escaped as JSON.stringify does:
// the gateway is a Node program, so that < > & and U+2028 stay as they are.
// Invalid UTF-8 becomes U+FFFD.
func appendString(dst []byte, text string) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, text)
	return append(dst, '"')
}

// appendEscaped is appendString without the quotes.
func appendEscaped(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	from := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(text[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, text[from:i]...)
		i += size
		from = i
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		default:
			if c >= utf8.RuneSelf {
				dst = append(dst, "\uFFFD"...)
			} else {
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
		}
	}
	return append(dst, text[from:]...)
}

// appendDateTime appends the gateway's date_time: the local wall clock, which
// it nevertheless marks with Z. "Local" is the location of t.
func appendDateTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.AppendFormat(dst, "2006-01-02T15:04:05.000")
	return append(dst, 'Z', '"')
}

// members calls visit for each member of a JSON object in its order, with the key unescaped
// and the value as it stands. The document must be valid JSON; if it is not an object there is nothing to visit.
func members(document []byte, visit func(key, value []byte)) {
	i := skipSpace(document, 0)
	if i == len(document) || document[i] != '{' {
		return
	}
	i = skipSpace(document, i+1)
	for i < len(document) && document[i] == '"' {
		end := skipValue(document, i)
		key := document[i+1 : end-1]
		if bytes.IndexByte(key, '\\') >= 0 {
			key = []byte(textOf(document[i:end]))
		}
		i = skipSpace(document, end)
		i = skipSpace(document, i+1) // the colon
		end = skipValue(document, i)
		visit(key, document[i:end])
		i = skipSpace(document, end)
		if i == len(document) || document[i] != ',' {
			return
		}
		i = skipSpace(document, i+1)
	}
}

// elements calls visit for each element of a JSON array, on the same terms as members.
func elements(document []byte, visit func(value []byte)) {
	i := skipSpace(document, 0)
	if i == len(document) || document[i] != '[' {
		return
	}
	i = skipSpace(document, i+1)
	for i < len(document) && document[i] != ']' {
		end := skipValue(document, i)
		visit(document[i:end])
		i = skipSpace(document, end)
		if i == len(document) || document[i] != ',' {
			return
		}
		i = skipSpace(document, i+1)
	}
}

// member returns the value of the last member of that name, nil if there is none.
func member(document []byte, name string) (found []byte) {
	members(document, func(key, value []byte) {
		if string(key) == name {
			found = value
		}
	})
	return found
}

// skipValue returns where the value that starts at i ends.
func skipValue(document []byte, i int) int {
	depth := 0
	for i < len(document) {
		switch document[i] {
		case '"':
			i = skipString(document, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			switch depth--; {
			case depth == 0: // the value's own bracket
				return i + 1
			case depth < 0: // that of what holds it
				return i
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

// skipString returns the place after the string that starts at i.
func skipString(document []byte, i int) int {
	for i++; i < len(document); i++ {
		switch document[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(document)
}

func skipSpace(document []byte, i int) int {
	for i < len(document) && (document[i] == ' ' || document[i] == '\t' || document[i] == '\r' || document[i] == '\n') {
		i++
	}
	return i
}

// textOf returns the text of a JSON string, empty for any other value.
func textOf(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return strings.ToValidUTF8(string(inner), "\uFFFD")
	}
	var text string
	// The value was found in a valid document, so this cannot fail.
	_ = json.Unmarshal(value, &text)
	return text
}
