package recording

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
)

// hidden stands where a credential was.
const hidden = "<secret>"

// namesSecret reports whether a name says that its value is a credential, however programs write it: access_token, accessToken,
// db_password.
func namesSecret[T string | []byte](name T) bool {
	var space [longestName]byte
	plain := space[:0]
	for i := range min(len(name), longestName) {
		switch c := name[i]; {
		case c == '_' || c == '-':
		case c >= 'A' && c <= 'Z':
			plain = append(plain, c+'a'-'A')
		default:
			plain = append(plain, c)
		}
	}
	switch string(plain) {
	case "accesstoken", "refreshtoken", "idtoken", "authtoken", "sessiontoken", "bearertoken", "secretkey", "apikey", "xapikey", "privatekey",
		"authorization", "assertion":
		return true
	}
	return bytes.HasSuffix(plain, []byte("secret")) || bytes.HasSuffix(plain, []byte("password")) || bytes.HasSuffix(plain, []byte("passwd"))
}

// hidePairs takes the values of credentials out of a form or a query.
func hidePairs(text string) string {
	var out strings.Builder
	for text != "" {
		end := strings.IndexAny(text, "&#") // a fragment may have pairs as well
		if end < 0 {
			end = len(text)
		}
		name, value, _ := strings.Cut(text[:end], "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		short := slices.Contains([]string{"token", "key", "sig", "signature", "code"}, strings.ToLower(plain))
		if value != "" && (short || namesSecret(plain)) {
			out.WriteString(name + "=" + url.QueryEscape(hidden))
		} else {
			out.WriteString(text[:end])
		}
		if end < len(text) {
			out.WriteByte(text[end])
			end++
		}
		text = text[end:]
	}
	return out.String()
}

// hideFields takes the values of credentials out of JSON, texts and numbers, also where JSON stands in a text of JSON, as the
// arguments of a model's tools do. It goes by what stands around colons, so that what is no JSON, or a part of some, is read as well.
func hideFields(body []byte) []byte {
	var out []byte
	done := 0 // how much of body is in out
	for at := 0; ; {
		i := bytes.IndexByte(body[at:], ':')
		if i < 0 {
			break
		}
		at += i + 1
		name, escapes := nameBefore(body[done : at-1])
		token := bytes.EqualFold(name, []byte("token"))
		if name == nil || !token && !namesSecret(name) {
			continue
		}
		start := at + len(body[at:]) - len(bytes.TrimLeft(body[at:], " \t\r\n"))
		end := endOfValue(body, start, escapes)
		if end < 0 || token && !looksSecret(body[start:end]) {
			continue
		}
		quote := strings.Repeat(`\`, escapes) + `"`
		out = append(append(out, body[done:start]...), quote+hidden+quote...)
		done, at = end, end
	}
	if done == 0 {
		return body
	}
	return append(out, body[done:]...)
}

// longestName bounds the names that are looked at, mostEscapes how deep texts of JSON in texts of JSON are.
const (
	longestName = 64
	mostEscapes = 7
)

// nameBefore returns the name of a field whose colon comes next, nil if there is none, and how many backslashes stand before its
// quotes: none in JSON, one where that stands in a text, three where that does.
func nameBefore(text []byte) (name []byte, escapes int) {
	text = bytes.TrimRight(text, " \t\r\n")
	text, ok := bytes.CutSuffix(text, []byte(`"`))
	if !ok {
		return nil, 0
	}
	escapes = backslashes(text)
	text = text[:len(text)-escapes]
	start := len(text)
	for start > 0 && len(text)-start <= longestName && isNamed(text[start-1]) {
		start--
	}
	name = text[start:]
	text, ok = bytes.CutSuffix(text[:start], []byte(`"`))
	if !ok || len(name) == 0 || escapes > mostEscapes || escapes&(escapes+1) != 0 || backslashes(text) != escapes {
		return nil, 0
	}
	return name, escapes
}

func isNamed(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// backslashes is how many a text ends in.
func backslashes(text []byte) int { return len(text) - len(bytes.TrimRight(text, `\`)) }

// endOfValue returns where the text or number at start ends, -1 if there is none or it does not end.
func endOfValue(body []byte, start, escapes int) int {
	rest := body[start:]
	if len(rest) > 0 && (rest[0] == '-' || rest[0] >= '0' && rest[0] <= '9') {
		return start + len(rest) - len(bytes.TrimLeft(rest, "0123456789+-.eE"))
	}
	opening := strings.Repeat(`\`, escapes) + `"`
	if !bytes.HasPrefix(rest, []byte(opening)) {
		return -1
	}
	for at := start + len(opening); ; {
		i := bytes.IndexByte(body[at:], '"')
		if i < 0 {
			return -1
		}
		// Each backslash within the text stands there 2*(escapes+1) times. What is left over tells whose quote it is.
		switch backslashes(body[at:at+i]) % (2 * (escapes + 1)) {
		case escapes:
			return at + i + 1
		case 2*escapes + 1: // one within the text
		default:
			return -1 // a text around this one ends before it does
		}
		at += i + 1
	}
}

// looksSecret tells a token that is a credential from one that is part of a text, of which OpenAI's log probabilities tell.
func looksSecret(value []byte) bool {
	const shortest = 20
	return len(value) >= shortest && !bytes.ContainsAny(value, " \t\n")
}
