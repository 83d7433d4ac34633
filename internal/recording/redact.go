package recording

import (
	"bytes"
	"net/http"
	"strings"
)

// Redactor takes credentials out of what is kept: by the names of fields and parameters, and the values it knows.
// The zero value knows none.
type Redactor struct{ known [][]byte }

// shortestKnown is the length from which a value is taken out wherever it stands; shorter ones stand in other words.
const shortestKnown = 6

// NewRedactor returns a Redactor that knows some values.
func NewRedactor(values ...string) Redactor {
	var r Redactor
	for _, v := range values {
		if len(v) >= shortestKnown {
			r.known = append(r.known, []byte(v))
		}
	}
	return r
}

// With returns a Redactor that knows what the headers of a request carry as well.
func (r Redactor) With(h http.Header) Redactor {
	values := []string{}
	for _, name := range CredentialHeaders() {
		for _, v := range h.Values(name) {
			values = append(values, v, v[strings.LastIndexByte(v, ' ')+1:]) // a token behind its scheme
		}
	}
	more := NewRedactor(values...)
	more.known = append(more.known, r.known...)
	return more
}

// CredentialHeaders are the fields that carry credentials.
func CredentialHeaders() []string {
	return []string{"Authorization", "Proxy-Authorization", "Api-Key", "Apikey", "X-Api-Key", "X-Goog-Api-Key", "X-Auth-Token", "Cookie"}
}

// Body returns a body without credentials. The body itself is not changed.
func (r Redactor) Body(contentType string, body []byte) []byte {
	for _, v := range r.known {
		body = bytes.ReplaceAll(body, v, []byte(hidden))
	}
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		return []byte(hidePairs(string(body)))
	}
	return hideFields(body)
}

// Target returns a path and query without credentials.
func (r Redactor) Target(target string) string {
	for _, v := range r.known {
		target = strings.ReplaceAll(target, string(v), hidden)
	}
	at := strings.IndexAny(target, "?#")
	if at < 0 {
		return target
	}
	return target[:at+1] + hidePairs(target[at+1:])
}

// Header returns the fields of a head that say how the body is to be read, or what a client acts on.
func (r Redactor) Header(h http.Header) map[string]string {
	var kept map[string]string
	for _, name := range []string{
		"Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition", "Location", "Retry-After", "Retry-After-Ms",
		"Etag", "Last-Modified", "Cache-Control", "Link", "Vary", "Www-Authenticate", "X-Total-Count",
		"X-Ratelimit-Limit-Requests", "X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Remaining-Tokens",
		"X-Ratelimit-Reset-Requests", "X-Ratelimit-Reset-Tokens",
	} {
		if v := h.Get(name); v != "" {
			if kept == nil {
				kept = map[string]string{}
			}
			kept[name] = r.Target(v)
		}
	}
	return kept
}

// Whole returns a message whose body came at once, as it is kept.
func (r Redactor) Whole(h http.Header, body []byte) Message {
	m := Message{Header: r.Header(h), Bytes: int64(len(body))}
	kept := r.Body(h.Get("Content-Type"), body)
	m.Hash = sum(kept)
	if len(kept) > MaxBody {
		kept, m.Truncated = kept[:MaxBody], true
	}
	if len(kept) > 0 {
		m.Pieces = []Piece{{Data: kept}}
	}
	return m
}
