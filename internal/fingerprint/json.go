package fingerprint

import "iter"

// Members yields the members of a JSON object in their order: the name as it stands between its quotes, and the value as it stands.
// It is lenient: of a text that is cut, or no object, it yields what there is, and never fails.
func Members(text []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		rest := trimSpace(text)
		if len(rest) == 0 || rest[0] != '{' {
			return
		}
		rest = trimSpace(rest[1:])
		for len(rest) > 0 && rest[0] == '"' {
			n := stringLength(rest)
			name := rest[1:max(1, n-1)]
			rest = trimSpace(rest[n:])
			if len(rest) == 0 || rest[0] != ':' {
				return
			}
			rest = trimSpace(rest[1:])
			n = valueLength(rest)
			if !yield(name, rest[:n]) {
				return
			}
			rest = trimSpace(rest[n:])
			if len(rest) == 0 || rest[0] != ',' {
				return
			}
			rest = trimSpace(rest[1:])
		}
	}
}

func trimSpace(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	return text
}

// stringLength is the length of a string of JSON, its quotes included.
func stringLength(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// valueLength is the length of a value, which a comma or a brace ends that it has not opened. White space at its end is no part of it.
func valueLength(text []byte) int {
	depth, end := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			i += stringLength(text[i:]) - 1
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == '}' || c == ']'):
			return end
		case c == '}' || c == ']':
			depth--
		case isSpace(c):
			continue
		}
		end = i + 1
	}
	return end
}
