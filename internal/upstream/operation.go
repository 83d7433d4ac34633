package upstream

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Operation names a call that has no name of its own, by its method and path.
func Operation(method, path string) string { return Method(method) + " " + OperationPath(path) }

// Method is a method as operations name it: cut to the length of real ones, since HTTP allows for any.
func Method(method string) string {
	const longest = 16
	return method[:min(len(method), longest)]
}

// OperationPath is a path as operations name it: with a star for segments that hold digits or are long, since they may
// identify someone, and for all that follows the sixth. Version segments ("v1") stay.
func OperationPath(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	const deepest = 6
	if len(parts) > deepest {
		parts = append(parts[:deepest:deepest], "*")
	}
	for i, part := range parts {
		if len(part) > 24 || strings.ContainsAny(part, "0123456789@%+*") && !isVersion(part) {
			parts[i] = "*"
		}
	}
	return "/" + strings.Join(parts, "/")
}

// isVersion reports whether a segment is v1, v2 and so on.
func isVersion(s string) bool {
	return len(s) >= 2 && len(s) <= 3 && s[0] == 'v' && strings.Trim(s[1:], "0123456789") == ""
}

// Said is everything of a request that may name a user: its URL, its body, and the header fields that carry no
// credentials nor describe the client.
func Said(r *http.Request, body []byte, secret []string) []byte {
	text := append([]byte(r.URL.RequestURI()), '\n')
	for _, name := range slices.Sorted(maps.Keys(r.Header)) { // in one order: only the first identities are kept
		if slices.Contains(secret, name) || name == "User-Agent" || name == "Content-Length" {
			continue
		}
		for _, v := range r.Header[name] {
			text = append(append(text, v...), '\n')
		}
	}
	return append(text, body...)
}
