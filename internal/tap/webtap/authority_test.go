package webtap

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// verify is what a client makes of the certificate for a host.
func verify(t *testing.T, a *Authority, host string) error {
	t.Helper()
	config, err := a.config(host)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(config.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.PEM())
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
	return err
}

func TestAuthorityIsGoodForItsHostsOnly(t *testing.T) {
	a, err := NewAuthority([]string{"api.openai.com", "www.googleapis.com"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(t, a, "api.openai.com"); err != nil {
		t.Error(err)
	}
	for _, host := range []string{"bank.example", "openai.com", "googleapis.com"} {
		if err := verify(t, a, host); err == nil {
			t.Errorf("a certificate for %s is taken", host)
		}
	}
	if _, err := NewAuthority(nil, time.Hour); err == nil {
		t.Error("an authority for every host")
	}
	f := func(want bool, within time.Duration, hosts ...string) {
		t.Helper()
		if got := a.Covers(hosts, time.Now().Add(within)); got != want {
			t.Errorf("covers %q for %v: %v", hosts, within, got)
		}
	}
	f(true, time.Minute, "api.openai.com")
	f(false, 2*time.Hour, "api.openai.com")
	f(false, time.Minute, "api.openai.com", "bank.example")
}

func TestAuthorityIsReadBack(t *testing.T) {
	a, err := NewAuthority([]string{"api.openai.com"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	text, err := a.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParseAuthority(text)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.PEM(), b.PEM()) || bytes.Contains(b.PEM(), []byte("PRIVATE")) {
		t.Error("another certificate, or more than one")
	}
	if err := verify(t, b, "api.openai.com"); err != nil {
		t.Error(err)
	}
	other, err := NewAuthority([]string{"api.openai.com"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key := text[bytes.Index(text, []byte("-----BEGIN PRIVATE")):]
	for name, wrong := range map[string][]byte{
		"nothing": nil, "no key": a.PEM(), "no certificate": key, "another's key": append(other.PEM(), key...),
		"a key that is none": []byte(strings.Replace(string(text), "MIGH", "AAAA", 1)),
	} {
		if _, err := ParseAuthority(wrong); err == nil || strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBundle(t *testing.T) {
	own := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(own, []byte("ROOTS"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := Bundle([]byte("OURS"), own)
	if err != nil || string(text) != "ROOTS\nOURS" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Bundle(nil, own+".missing"); err == nil || !strings.Contains(err.Error(), "roots.pem.missing") {
		t.Errorf("a bundle that is not there: %v", err)
	}
	text, err = Bundle([]byte("OURS"), "")
	if err != nil || !strings.HasSuffix(string(text), "OURS") {
		t.Errorf("with the system's roots: %d bytes, %v", len(text), err)
	}
}
