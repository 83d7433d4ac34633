package webtap

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// clockSkew is how far the clock of a bot in a container may be behind parley's.
const clockSkew = time.Hour

// Authority signs certificates for a list of hosts. Its own certificate is good for those hosts and the names below
// them only (RFC 5280, section 4.2.1.10), so that whoever trusts it trusts it for nothing else.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	leaf *ecdsa.PrivateKey // of all hosts: one process holds them all

	mu     sync.Mutex
	issued map[string]*tls.Config
}

// NewAuthority makes an authority for the hosts, which lasts for a while. Its key is in memory only.
func NewAuthority(hosts []string, lasts time.Duration) (*Authority, error) {
	if len(hosts) == 0 {
		return nil, errors.New("make a certificate authority: there are no hosts to make it for")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of a certificate authority: %w", err)
	}
	now := time.Now()
	every := func(bytes int) *net.IPNet { return &net.IPNet{IP: make(net.IP, bytes), Mask: make(net.IPMask, bytes)} }
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "parley, for one bot under test"},
		NotBefore: now.Add(-clockSkew), NotAfter: now.Add(lasts),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: hosts,
		ExcludedIPRanges: []*net.IPNet{every(net.IPv4len), every(net.IPv6len)}, // a name says nothing of addresses
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate authority: %w", err)
	}
	return authority(der, key)
}

func authority(der []byte, key *ecdsa.PrivateKey) (*Authority, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of an authority: %w", err)
	}
	leaf, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of certificates: %w", err)
	}
	return &Authority{cert: cert, key: key, leaf: leaf, issued: map[string]*tls.Config{}}, nil
}

// ParseAuthority reads what [Authority.Marshal] wrote.
func ParseAuthority(text []byte) (*Authority, error) {
	var der []byte
	var key *ecdsa.PrivateKey
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			der = block.Bytes
		case "PRIVATE KEY":
			parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, errors.New("read the key of a certificate authority: not a key") // the error may quote it
			}
			key, _ = parsed.(*ecdsa.PrivateKey) // nil if it is of another kind
		}
	}
	if der == nil || key == nil {
		return nil, errors.New("read a certificate authority: a certificate and its key must both be there")
	}
	a, err := authority(der, key)
	if err == nil && !key.PublicKey.Equal(a.cert.PublicKey) {
		err = errors.New("read a certificate authority: the key is not that of the certificate")
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Marshal is the authority as PEM, its key included.
func (a *Authority) Marshal() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, fmt.Errorf("write the key of a certificate authority: %w", err)
	}
	return append(a.PEM(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...), nil
}

// PEM is the certificate that a client must trust.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Covers reports whether the authority can sign for all the hosts until a moment.
func (a *Authority) Covers(hosts []string, until time.Time) bool {
	return until.Before(a.cert.NotAfter) && !slices.ContainsFunc(hosts, func(h string) bool { return !slices.Contains(a.cert.PermittedDNSDomains, h) })
}

// config is TLS for connections to a host. There are no more of them than hosts in the plan.
//
// HTTP/2 is spoken only with a client that can do nothing else: with HTTP/1.1 a connection carries one call at a
// time, so that a fault of the plan can end that one alone.
func (a *Authority) config(host string) (*tls.Config, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.issued[host]; c != nil {
		return c, nil
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		Subject: pkix.Name{Organization: []string{"parley"}}, DNSNames: []string{host},
		NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}, a.cert, &a.leaf.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of %s: %w", host, err)
	}
	speaking := func(protocols ...string) *tls.Config {
		return &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: protocols,
			Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: a.leaf}},
		}
	}
	// Each is one config for all connections, so that sessions can be resumed.
	plain, one, two := speaking(), speaking("http/1.1"), speaking("h2")
	c := speaking()
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		switch offered := hello.SupportedProtos; {
		case slices.Contains(offered, "http/1.1"):
			return one, nil
		case slices.Contains(offered, "h2"):
			return two, nil
		default:
			return plain, nil
		}
	}
	a.issued[host] = c
	return c, nil
}
