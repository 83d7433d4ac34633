package redistap

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"time"
)

// Server is the address of a real server.
type Server struct {
	Network, Address string
	// TLS is nil for a connection in clear.
	TLS *tls.Config
}

// ParseServer reads a URL: redis://, rediss:// or unix://.
func ParseServer(text string) (Server, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Server{}, errors.New("not a URL") // which may hold a password
	}
	if u.Scheme == "unix" {
		return Server{Network: "unix", Address: u.Path}, nil
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	s := Server{Network: "tcp", Address: net.JoinHostPort(u.Hostname(), port)}
	if u.Scheme == "rediss" {
		s.TLS = &tls.Config{ServerName: u.Hostname(), InsecureSkipVerify: u.Query().Get("ssl_cert_reqs") == "none"} //nolint:gosec // as the address asks for
	}
	return s, nil
}

// Dial opens a connection to the server.
func (s Server) Dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	if s.TLS == nil {
		return dialer.DialContext(ctx, s.Network, s.Address)
	}
	encrypted := tls.Dialer{NetDialer: &dialer, Config: s.TLS}
	return encrypted.DialContext(ctx, s.Network, s.Address)
}
