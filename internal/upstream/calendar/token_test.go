package calendar

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// sign makes an assertion.
func sign(t *testing.T, key *rsa.PrivateKey, algorithm string, claims map[string]any) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString(encode(map[string]string{"alg": algorithm, "typ": "JWT"})) + "." +
		base64.RawURLEncoding.EncodeToString(encode(claims))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

const jwtGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// fetch asks for a token and returns the status, the answer and its error.
func (b *bench) fetch(form url.Values) (int, map[string]any) {
	b.t.Helper()
	resp, data := b.call("POST", "/token", form.Encode(), "Content-Type: application/x-www-form-urlencoded")
	var o map[string]any
	if err := json.Unmarshal(data, &o); err != nil {
		b.t.Fatalf("%v: %s", err, data)
	}
	return resp.StatusCode, o
}

func TestAssertion(t *testing.T) {
	account, err := testAccount()
	if err != nil {
		t.Fatal(err)
	}
	other, err := newAccount()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(claims map[string]any)
		key    *rsa.PrivateKey
		alg    string
		status int
		want   string // of the error, or "" for a token
	}{
		"good":              {status: 200},
		"delegated":         {change: func(c map[string]any) { c["sub"] = "ana@practice.example" }, status: 200},
		"Google's audience": {change: func(c map[string]any) { c["aud"] = "https://oauth2.googleapis.com/token" }, status: 200},
		"another's key":     {key: other.key, status: 400, want: "invalid_grant Invalid JWT Signature."},
		"no signature":      {alg: "none", status: 400, want: "invalid_grant Invalid JWT Signature."},
		"another account":   {change: func(c map[string]any) { c["iss"] = "x@y" }, status: 400, want: "invalid_grant Invalid grant: account not found"},
		"another audience":  {change: func(c map[string]any) { c["aud"] = "https://example.com" }, status: 400, want: "invalid_grant Invalid JWT: Failed audience check. The right audience is http://service/token"},
		"expired":           {change: func(c map[string]any) { c["exp"] = time.Now().Unix() }, status: 400, want: "invalid_grant Invalid JWT: Token must be a short-lived token"},
		"too long":          {change: func(c map[string]any) { c["exp"] = time.Now().Unix() + 3601 }, status: 400, want: "invalid_grant Invalid JWT: Token must be a short-lived token"},
		"from the future":   {change: func(c map[string]any) { c["iat"] = time.Now().Unix() + 301 }, status: 400, want: "invalid_grant Invalid JWT: Token must be a short-lived token"},
		"no times":          {change: func(c map[string]any) { delete(c, "exp"); delete(c, "iat") }, status: 400, want: "invalid_grant Invalid JWT: Token must be a short-lived token"},
		"no scope":          {change: func(c map[string]any) { delete(c, "scope") }, status: 400, want: "invalid_scope Empty or missing scope"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Options{})
			claims := map[string]any{
				"iss": accountEmail, "aud": "http://service/token", "scope": scopeBase + " openid",
				"iat": time.Now().Unix(), "exp": time.Now().Unix() + 3600,
			}
			key, alg := account.key, "RS256"
			if test.key != nil {
				key = test.key
			}
			if test.alg != "" {
				alg = test.alg
			}
			if test.change != nil {
				test.change(claims)
			}
			status, answer := b.fetch(url.Values{"grant_type": {jwtGrant}, "assertion": {sign(t, key, alg, claims)}})
			got, _ := answer["error"].(string)
			if got != "" {
				got += " " + answer["error_description"].(string)
			}
			if status != test.status || (test.want == "") != (got == "") || !strings.HasPrefix(got, test.want) {
				t.Fatalf("%s: status %d, error %q", name, status, got)
			}
			if test.want != "" {
				return
			}
			if answer["token_type"] != "Bearer" || answer["expires_in"] != 3599.0 {
				t.Errorf("%s: %v", name, answer)
			}
			b.token = answer["access_token"].(string)
			b.ok(200, "GET", events, "")
		})
	}
}

func TestTokenRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		for _, test := range []struct {
			form   url.Values
			status int
			code   string
		}{
			{url.Values{}, 400, "invalid_request"},
			{url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
			{url.Values{"grant_type": {jwtGrant}}, 400, "invalid_request"},
			{url.Values{"grant_type": {jwtGrant}, "assertion": {"a.b.c"}}, 400, "invalid_grant"},
			{url.Values{"grant_type": {jwtGrant}, "assertion": {strings.Repeat("a", longestJWT+1)}}, 400, "invalid_grant"},
			{url.Values{"grant_type": {"refresh_token"}}, 400, "invalid_request"},
			{url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"1//x"}}, 400, "invalid_request"},
		} {
			if status, answer := b.fetch(test.form); status != test.status || answer["error"] != test.code {
				t.Errorf("%v: %d %v, want %d %s", test.form, status, answer, test.status, test.code)
			}
		}
		if resp, data := b.call("POST", "/token", "%zz"); resp.StatusCode != 400 || !strings.Contains(string(data), "invalid_request") {
			t.Errorf("no form: %d %s", resp.StatusCode, data)
		}
	})
}

// A token of a refresh token works for an hour, to the second.
func TestRefreshAndExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		status, answer := b.fetch(url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {"1//secret"}, "client_id": {"c"}, "client_secret": {"s"},
		})
		if status != 200 || answer["scope"] != scopeBase {
			t.Fatalf("%d %v", status, answer)
		}
		b.token = answer["access_token"].(string)
		time.Sleep(3598 * time.Second)
		b.ok(200, "GET", events, "")
		time.Sleep(time.Second)
		b.refused(401, "authError", "GET", events, "")
	})
}

func TestCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		good := b.token
		foreign := newBench(t, Options{}).token
		page := b.server.seal.close(cursor{Kind: pageKind})
		for _, test := range []struct{ header, reason string }{
			{"", "required"},
			{"Basic eDp5", "required"},
			{"Bearer ", "required"},
			{"Bearer ya29.real-token", "authError"},
			{"Bearer sk-other", "authError"},
			{"Bearer " + foreign, "authError"},
			{"Bearer " + good + "x", "authError"},
			{"Bearer " + tokenPrefix + page, "authError"}, // sealed by the same server, and no token
		} {
			b.token = ""
			b.refused(401, test.reason, "GET", events, "", "Authorization: "+test.header)
		}
		b.ok(200, "GET", events, "", "Authorization: bearer "+good)
		b.ok(200, "GET", events+"?access_token="+good, "")
		for _, test := range []struct {
			scope, method, path string
			permitted           bool
		}{
			{".readonly", "GET", events, true},
			{".readonly", "POST", events, false},
			{".readonly", "POST", "/calendar/v3/freeBusy", true},
			{".freebusy", "GET", events, false},
			{".events", "POST", events, true},
			{".events", "POST", "/calendar/v3/freeBusy", false},
			{".events", "GET", "/calendar/v3/users/me/calendarList", false},
			{"", "GET", "/calendar/v3/calendars/primary", true},
			{"s", "GET", events, false},
		} {
			b.token = b.mint(grant{User: "u", Scopes: []string{"openid", scopeBase + test.scope}})
			resp, data := b.call(test.method, test.path, "{}")
			if refused := resp.StatusCode == 403 && strings.Contains(string(data), "insufficientPermissions"); refused == test.permitted {
				t.Errorf("scope %q, %s %s: status %d", test.scope, test.method, test.path, resp.StatusCode)
			}
		}
	})
}

// The key file has what Google's has, and a key that signs for the account.
func TestKeyFile(t *testing.T) {
	s := New(Options{})
	text, err := s.KeyFile("http://127.0.0.1:1/token")
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]string
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if file["type"] != "service_account" || file["token_uri"] != "http://127.0.0.1:1/token" || file["client_email"] != accountEmail || file["private_key_id"] == "" {
		t.Errorf("key file %v", file["client_email"])
	}
	block, _ := pem.Decode([]byte(file["private_key"]))
	if block == nil {
		t.Fatal("no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	body := url.Values{"grant_type": {jwtGrant}, "assertion": {sign(t, key.(*rsa.PrivateKey), "RS256", map[string]any{
		"iss": accountEmail, "aud": file["token_uri"], "scope": scopeBase, "iat": now.Unix(), "exp": now.Unix() + 60,
	})}}.Encode()
	if _, refused := s.token([]byte(body), now); refused != nil {
		t.Error(refused.description)
	}
	if _, refused := New(Options{}).token([]byte(body), now); refused == nil {
		t.Error("a server that gave out no key accepts one")
	}
}
