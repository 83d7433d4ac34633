package calendar

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// tokenLife is how long an access token is valid; Google's says 3599 s.
const tokenLife = time.Hour - time.Second

var (
	errNotJWT    = errors.New("not a signed token")
	errSignature = errors.New("not signed by the key of the account")
)

// grant is what an access token stands for. The token itself carries it, sealed, so that
// no table of tokens grows.
type grant struct {
	Kind    string   `json:"k"`
	User    string   `json:"u"` // whose quota it uses
	Scopes  []string `json:"s"`
	Expires int64    `json:"x"`           // seconds since 1970
	Service bool     `json:"v,omitempty"` // a service account that acts as itself
}

const (
	accessKind  = "access"
	tokenPrefix = "ya29."
)

// tokenError is an error of the token endpoint (RFC 6749, section 5.2).
type tokenError struct {
	status            int
	code, description string
}

func (e *tokenError) body() []byte {
	return encode(struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{e.code, e.description})
}

func invalidGrant(description string) *tokenError {
	return &tokenError{http.StatusBadRequest, "invalid_grant", description}
}

// injectedTokenError is the error of a fault.
func injectedTokenError(status int) *tokenError {
	switch {
	case status >= http.StatusInternalServerError:
		return &tokenError{status, "internal_failure", "Backend Error"}
	case status == http.StatusTooManyRequests:
		return &tokenError{status, "rate_limit_exceeded", "Rate Limit Exceeded"}
	case status == http.StatusUnauthorized:
		return &tokenError{status, "invalid_client", "Unauthorized"}
	}
	return &tokenError{status, "invalid_grant", "Bad Request"}
}

// token answers a request for an access token.
func (s *Server) token(body []byte, now time.Time) ([]byte, *tokenError) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &tokenError{http.StatusBadRequest, "invalid_request", "The body is not a form."}
	}
	var g grant
	var refused *tokenError
	switch kind := form.Get("grant_type"); kind {
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		g, refused = s.assertion(form.Get("assertion"), now)
	case "refresh_token":
		g, refused = refresh(form)
	case "":
		refused = &tokenError{http.StatusBadRequest, "invalid_request", "Required parameter is missing: grant_type"}
	default:
		refused = &tokenError{http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: " + clip(kind, 100)}
	}
	if refused != nil {
		return nil, refused
	}
	g.Kind, g.Expires = accessKind, now.Add(tokenLife).Unix()
	return encode(struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		Scope       string `json:"scope,omitempty"`
		TokenType   string `json:"token_type"`
	}{tokenPrefix + s.seal.close(g), int(tokenLife.Seconds()), refreshScope(form, g), "Bearer"}), nil
}

// refreshScope is the scope as the answer repeats it: that of a refresh token, not that of an assertion.
func refreshScope(form url.Values, g grant) string {
	if form.Get("grant_type") != "refresh_token" {
		return ""
	}
	return strings.Join(g.Scopes, " ")
}

// assertion takes a service account at its signed word.
func (s *Server) assertion(text string, now time.Time) (grant, *tokenError) {
	if text == "" {
		return grant{}, &tokenError{http.StatusBadRequest, "invalid_request", "Required parameter is missing: assertion"}
	}
	a, audience := s.account.Load(), s.tokenURI.Load()
	if a == nil || audience == nil {
		return grant{}, invalidGrant("Invalid grant: account not found")
	}
	c, err := a.verify(text)
	known := slices.Contains([]string{*audience, "https://oauth2.googleapis.com/token", "https://www.googleapis.com/oauth2/v4/token"}, c.Audience)
	scopes := strings.Fields(c.Scope)
	switch {
	case errors.Is(err, errSignature):
		return grant{}, invalidGrant("Invalid JWT Signature.")
	case err != nil:
		return grant{}, invalidGrant("Bad Request")
	case c.Issuer != accountEmail:
		return grant{}, invalidGrant("Invalid grant: account not found")
	case !known:
		return grant{}, invalidGrant("Invalid JWT: Failed audience check. The right audience is " + *audience)
	case !c.timely(now):
		return grant{}, invalidGrant("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.")
	case len(scopes) == 0:
		return grant{}, &tokenError{http.StatusBadRequest, "invalid_scope", "Empty or missing scope not allowed."}
	}
	g := grant{User: clip(c.Subject, 256), Scopes: scopes}
	if g.User == "" || g.User == c.Issuer {
		g.User, g.Service = c.Issuer, true
	}
	return g, nil
}

// refresh takes any refresh token: it stands for a user who once agreed.
func refresh(form url.Values) (grant, *tokenError) {
	secret := form.Get("refresh_token")
	switch {
	case secret == "":
		return grant{}, &tokenError{http.StatusBadRequest, "invalid_request", "Missing required parameter: refresh_token"}
	case form.Get("client_id") == "":
		return grant{}, &tokenError{http.StatusBadRequest, "invalid_request", "Could not determine client ID from request."}
	}
	sum := sha256.Sum256([]byte(secret))
	scopes := strings.Fields(form.Get("scope"))
	if len(scopes) == 0 {
		scopes = []string{scopeBase}
	}
	return grant{User: "refresh:" + base64.RawURLEncoding.EncodeToString(sum[:9]), Scopes: scopes}, nil
}

// scopeBase is the scope for everything, and the beginning of all others.
const scopeBase = "https://www.googleapis.com/auth/calendar"

// scopesOf lists the scopes, without what all begin with, of which an operation needs one,
// beside the one for everything (from Google's discovery document).
func scopesOf(operation string) []string {
	switch operation {
	case opFreeBusy:
		return []string{".freebusy", ".events.freebusy", ".readonly"}
	case opCalendarList:
		return []string{".calendarlist", ".calendarlist.readonly", ".readonly"}
	case opCalendarsGet:
		return []string{".calendars", ".calendars.readonly", ".app.created", ".readonly"}
	case opList, opGet:
		return []string{
			".events", ".events.readonly", ".events.owned", ".events.owned.readonly", ".events.public.readonly", ".events.freebusy",
			".app.created", ".readonly",
		}
	default:
		return []string{".events", ".events.owned", ".app.created"}
	}
}

// permits reports whether the grant's scopes cover an operation.
func (g *grant) permits(operation string) bool {
	allowed := scopesOf(operation)
	return slices.ContainsFunc(g.Scopes, func(scope string) bool {
		rest, ours := strings.CutPrefix(scope, scopeBase)
		return ours && (rest == "" || rest == "/" || slices.Contains(allowed, rest)) || scope == "https://www.google.com/calendar/feeds"
	})
}

// authenticate returns what the request's access token stands for.
func (s *Server) authenticate(r *http.Request, query url.Values, operation string, now time.Time) (grant, *apiError) {
	text := query.Get("access_token")
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, rest, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return grant{}, loginRequired()
		}
		text = strings.TrimSpace(rest)
	}
	if text == "" {
		return grant{}, loginRequired()
	}
	var g grant
	sealed, ours := strings.CutPrefix(text, tokenPrefix)
	switch {
	case !ours || !s.seal.open(sealed, &g) || g.Kind != accessKind || now.Unix() >= g.Expires:
		return grant{}, invalidCredentials()
	case !g.permits(operation):
		return grant{}, insufficientScope()
	}
	return g, nil
}

// seal makes texts that only it can make, out of values that travel with the client.
type seal struct{ key []byte }

const (
	sealLength    = 12      // bytes of the code before the value
	longestSealed = 8 << 10 // bytes
)

func (s seal) code(text []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(text)
	return mac.Sum(nil)[:sealLength]
}

func (s seal) close(v any) string {
	text := encode(v)
	return base64.RawURLEncoding.EncodeToString(append(s.code(text), text...))
}

// open reports whether sealed was made by close, and reads it.
func (s seal) open(sealed string, into any) bool {
	if len(sealed) > longestSealed {
		return false
	}
	text, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(text) < sealLength || !hmac.Equal(text[:sealLength], s.code(text[sealLength:])) {
		return false
	}
	return json.Unmarshal(text[sealLength:], into) == nil
}

// clip bounds a text that came from outside, in bytes.
func clip(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "")
	}
	return text
}
