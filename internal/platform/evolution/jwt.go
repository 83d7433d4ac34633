package evolution

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"parley/internal/platform"
)

// token is the Authorization a webhook carries, made anew each second as the gateway would.
type token struct {
	second int64
	header []platform.Field
}

// header returns the fields of a webhook sent at that time. It is shared: do not change it.
func (p *Platform) header(at time.Time) []platform.Field {
	if p.frames.jwtKey == "" {
		return p.frames.header
	}
	second := at.Unix()
	if t := p.token.Load(); t != nil && t.second == second {
		return t.header
	}
	t := &token{second: second, header: append(slices.Clone(p.frames.header),
		platform.Field{Name: "Authorization", Value: "Bearer " + sign(p.frames.jwtKey, second)})}
	p.token.Store(t)
	return t.header
}

// sign makes the gateway's JSON Web Token (RFC 7519, HS256) for a webhook sent
// at that second; it is valid for ten minutes.
func sign(key string, second int64) string {
	encoding := base64.RawURLEncoding
	text := encoding.AppendEncode(nil, []byte(`{"alg":"HS256","typ":"JWT"}`))
	claims := append(make([]byte, 0, 96), `{"iat":`...)
	claims = strconv.AppendInt(claims, second, 10)
	claims = append(claims, `,"exp":`...)
	claims = strconv.AppendInt(claims, second+600, 10)
	claims = append(claims, `,"app":"evolution","action":"webhook"}`...)
	text = append(text, '.')
	text = encoding.AppendEncode(text, claims)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(text)
	text = append(text, '.')
	return string(encoding.AppendEncode(text, mac.Sum(nil)))
}
