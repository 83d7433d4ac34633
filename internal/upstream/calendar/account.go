package calendar

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

const (
	project      = "parley-simulated"
	accountEmail = "bot@" + project + ".iam.gserviceaccount.com"
	keyBits      = 2048 // as Google's
	// longestJWT bounds what is decoded of an assertion, in bytes.
	longestJWT = 16 << 10
)

// account is a service account made for the run. Its key opens nothing but the simulator.
type account struct {
	key *rsa.PrivateKey
	id  string // of the key
}

func newAccount() (*account, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("make the key of a service account: %w", err)
	}
	sum := sha256.Sum256(key.N.Bytes())
	return &account{key: key, id: hex.EncodeToString(sum[:20])}, nil
}

// keyFile is the JSON that Google's console gives out for a service account.
func (a *account) keyFile(tokenURI string) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, fmt.Errorf("write the key of a service account: %w", err)
	}
	text, err := json.MarshalIndent(struct {
		Type         string `json:"type"`
		ProjectID    string `json:"project_id"`
		PrivateKeyID string `json:"private_key_id"`
		PrivateKey   string `json:"private_key"`
		ClientEmail  string `json:"client_email"`
		ClientID     string `json:"client_id"`
		AuthURI      string `json:"auth_uri"`
		TokenURI     string `json:"token_uri"`
		Universe     string `json:"universe_domain"`
	}{
		Type: "service_account", ProjectID: project, PrivateKeyID: a.id,
		PrivateKey:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		ClientEmail: accountEmail, ClientID: "100000000000000000001",
		AuthURI: "https://accounts.google.com/o/oauth2/auth", TokenURI: tokenURI, Universe: "googleapis.com",
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the key file of a service account: %w", err)
	}
	return append(text, '\n'), nil
}

// claims are those of an assertion (RFC 7523, section 3; Google's "Using OAuth 2.0 for
// server to server applications").
type claims struct {
	Issuer   string  `json:"iss"`
	Subject  string  `json:"sub"`
	Scope    string  `json:"scope"`
	Audience string  `json:"aud"`
	Issued   float64 `json:"iat"` // seconds since 1970; a float, since some libraries send one
	Expires  float64 `json:"exp"`
}

// verify reads an assertion and checks its signature: RS256 by the account's key.
func (a *account) verify(assertion string) (claims, error) {
	parts := strings.Split(assertion, ".")
	if len(assertion) > longestJWT || len(parts) != 3 {
		return claims{}, errNotJWT
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	var c claims
	if !decodePart(parts[0], &header) || !decodePart(parts[1], &c) {
		return claims{}, errNotJWT
	}
	signature, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[2], "="))
	if err != nil || header.Algorithm != "RS256" {
		return claims{}, errSignature
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(&a.key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return claims{}, errSignature
	}
	return c, nil
}

func decodePart(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	return err == nil && json.Unmarshal(text, into) == nil
}

const (
	// longestLife is the longest an assertion may be valid, clockSkew how far the bot's clock may be ahead.
	longestLife = time.Hour
	clockSkew   = 5 * time.Minute
)

// timely reports whether the assertion is valid now, and not for longer than an hour.
func (c *claims) timely(now time.Time) bool {
	at := float64(now.Unix())
	return c.Expires > at && c.Issued <= at+clockSkew.Seconds() &&
		c.Expires-c.Issued <= longestLife.Seconds() && c.Issued >= at-longestLife.Seconds()
}
