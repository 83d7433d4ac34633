package pgtap

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/tap"
	"parley/internal/wire/pgwire"
)

// Protocol opens the connections of one tap.
type Protocol struct {
	tap *tap.Tap
	// encrypts: the server's side is TLS, so that a client must not bind itself to a channel that it does not have.
	encrypts bool
	// shapes are the statements met so far, by their text.
	shapes shapes
	// flights number the round trips of all connections.
	flights atomic.Int64
	starts  atomic.Int64 // connections that began, in clear
	faults  *fault.Decider
}

// New returns the protocol for a tap; encrypts says that the connections it dials are TLS.
func New(t *tap.Tap, encrypts bool) *Protocol {
	return &Protocol{tap: t, encrypts: encrypts, faults: fault.NewDecider(t.Seed, t.Wire, t.Faults)}
}

// startPatience is how long the two sides may take to get acquainted.
const startPatience = 30 * time.Second

// Open speaks with a client until its connection begins in earnest.
func (p *Protocol) Open(ctx context.Context, client, server net.Conn, conn int64) (tap.Session, net.Conn, net.Conn, error) {
	if err := client.SetReadDeadline(time.Now().Add(startPatience)); err != nil {
		return nil, nil, nil, err
	}
	start, err := p.start(client)
	if errors.Is(err, errEncrypted) {
		_, _ = client.Close(), server.Close() // they are of no more use
		p.refused(ctx)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	p.starts.Add(1)
	if binary.BigEndian.Uint32(start[4:]) == pgwire.CancelRequest {
		return nil, nil, nil, p.cancel(client, server, start, conn)
	}
	if err := client.SetReadDeadline(time.Time{}); err != nil {
		return nil, nil, nil, err
	}
	s := newSession(p, conn)
	s.begin(start)
	if err := s.delayed(ctx, client); err != nil {
		s.Closed(p.tap.Since())
		return nil, nil, nil, err
	}
	if _, err := server.Write(start); err != nil {
		return nil, nil, nil, fmt.Errorf("start the session: %w", err)
	}
	if p.encrypts {
		if err := s.withoutChannelBinding(ctx, client, server); err != nil {
			s.Closed(p.tap.Since())
			return nil, nil, nil, err
		}
	}
	return s, client, server, nil
}

// delayed lets the plan's faults happen to the start of a connection.
func (s *session) delayed(ctx context.Context, client net.Conn) error {
	switch {
	case s.hold == tap.Never:
		_, err := io.Copy(io.Discard, client) // until the client gives up
		return errors.Join(tap.ErrCut, err)
	case s.hold > 0:
		timer := time.NewTimer(s.hold)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.Released(s.reads, s.tap.Since()-s.at)
	}
	if tcp, ok := client.(*net.TCPConn); ok && s.cut != nil {
		_ = tcp.SetLinger(0) // it is closed as a reset
	}
	return s.cut
}

// refused says that a client left because it was refused encryption, unless it, or another one, comes back without: some
// libraries take a new connection for what sslmode=prefer asks for.
func (p *Protocol) refused(ctx context.Context) {
	const patience = time.Second
	starts := p.starts.Load()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	if p.starts.Load() == starts {
		p.tap.Once("encrypted", "the bot demands an encrypted connection to "+p.tap.Wire+
			", where parley cannot listen: take sslmode=require out of its settings for the run, or set PGSSLMODE=prefer")
	}
}

// start reads a client's first packet, having declined encryption if it asks for that. errEncrypted: it wants nothing else.
func (p *Protocol) start(client net.Conn) ([]byte, error) {
	asked := false
	for {
		packet, err := readStart(client)
		switch {
		case err == nil:
		case asked && errors.Is(err, io.EOF):
			return nil, errEncrypted
		case errors.Is(err, pgwire.ErrMalformed):
			p.tap.Once("malformed", "something that does not speak PostgreSQL connects to "+p.tap.Wire+" ("+err.Error()+
				"): look which of the bot's settings has the address of the tap; the connection is closed, as PostgreSQL does")
			return nil, err
		default:
			return nil, err
		}
		switch binary.BigEndian.Uint32(packet[4:]) {
		case pgwire.SSLRequest, pgwire.GSSENCRequest:
			asked = true
			if _, err := client.Write([]byte{'N'}); err != nil {
				return nil, err
			}
		default:
			return packet, nil
		}
	}
}

// errEncrypted: a client leaves when encryption is declined, or begins with TLS without asking (sslnegotiation=direct).
var errEncrypted = errors.New("it demands encryption")

// readStart reads one untyped packet.
func readStart(from io.Reader) ([]byte, error) {
	const longest = 10_000 // MAX_STARTUP_PACKET_LENGTH of the server
	packet := make([]byte, 8, longest)
	if _, err := io.ReadFull(from, packet); err != nil {
		return nil, err
	}
	const handshake, tls = 0x16, 0x03 // a TLS record of that type, and its version
	n := binary.BigEndian.Uint32(packet)
	switch {
	case packet[0] == handshake && packet[1] == tls:
		return nil, errEncrypted
	case n < 8 || n > longest:
		return nil, fmt.Errorf("%w: it begins with %q", pgwire.ErrMalformed, packet)
	}
	packet = packet[:n]
	_, err := io.ReadFull(from, packet[8:])
	return packet, err
}

// cancel passes a request to cancel on. It has a connection of its own, and the server answers by closing it.
func (p *Protocol) cancel(client, server net.Conn, packet []byte, conn int64) error {
	call := parley.Call{
		Wire: p.tap.Wire, Operation: "cancel", Conn: conn, Flight: p.flights.Add(1),
		Start: p.tap.Since(), FirstByte: parley.None, RequestBytes: int64(len(packet)),
	}
	_, err := server.Write(packet)
	if err == nil {
		_, err = io.Copy(struct{ io.Writer }{client}, server) // without the pipes of splice(2), for nothing or next to it
	}
	if err != nil {
		call.Failure, err = "connection closed", fmt.Errorf("pass on a request to cancel: %w", err)
	}
	call.End = p.tap.Since()
	if p.tap.Record != nil {
		p.tap.Record(call)
	}
	return err
}

// withoutChannelBinding passes on the server's first answer without the mechanisms that bind to a TLS channel: the client
// has none, and would take their offer for an attack.
func (s *session) withoutChannelBinding(ctx context.Context, client, server net.Conn) error {
	if deadline, ok := ctx.Deadline(); ok {
		if err := server.SetReadDeadline(deadline); err != nil {
			return err
		}
	}
	const longest = 1 << 16
	answer := make([]byte, 5, longest)
	if _, err := io.ReadFull(server, answer); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(answer[1:])
	if n < 4 || n >= longest {
		return fmt.Errorf("%w: an answer of %d bytes", pgwire.ErrMalformed, n)
	}
	answer = answer[:n+1]
	if _, err := io.ReadFull(server, answer[5:]); err != nil {
		return err
	}
	pass, cut := s.Response(answer, s.tap.Since())
	switch {
	case cut != nil:
		answer = answer[:pass]
	case answer[0] == 'R':
		answer = unbound(answer)
	}
	_, err := client.Write(answer)
	return errors.Join(err, cut)
}

// unbound is an offer of mechanisms without those that end in -PLUS.
func unbound(offer []byte) []byte {
	const head = 9 // type, length and kind of request
	if len(offer) < head {
		return offer
	}
	names := slices.Collect(pgwire.Mechanisms(offer[5:]))
	if !slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, "-PLUS") }) {
		return offer
	}
	out := bytes.Clone(offer[:head])
	for _, name := range names {
		if !strings.HasSuffix(name, "-PLUS") {
			out = append(append(out, name...), 0)
		}
	}
	out = append(out, 0)
	binary.BigEndian.PutUint32(out[1:], uint32(len(out)-1))
	return out
}

// Server is the address of a real server.
type Server struct {
	Network, Address string
	// TLS is nil for a connection in clear.
	TLS *tls.Config
}

// ParseServer reads a URL as libpq does. The connection is encrypted for sslmode require and the stricter ones.
func ParseServer(text string) (Server, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Server{}, errors.New("not a URL") // which may hold a password
	}
	host, port := u.Hostname(), u.Port()
	query := u.Query()
	if other := query.Get("host"); other != "" {
		host = other
	}
	if other := query.Get("port"); other != "" {
		port = other
	}
	if port == "" {
		port = "5432"
	}
	if strings.HasPrefix(host, "/") {
		return Server{Network: "unix", Address: host + "/.s.PGSQL." + port}, nil
	}
	s := Server{Network: "tcp", Address: net.JoinHostPort(host, port)}
	switch mode := query.Get("sslmode"); mode {
	case "", "disable", "allow", "prefer":
	case "require":
		s.TLS = &tls.Config{ServerName: host, InsecureSkipVerify: true} //nolint:gosec // what require means: encrypted, to whomever
	case "verify-ca", "verify-full":
		s.TLS = &tls.Config{ServerName: host}
	default:
		return Server{}, fmt.Errorf("sslmode %q is none", mode)
	}
	return s, nil
}

// Dial opens a connection to the server.
func (s Server) Dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(ctx, s.Network, s.Address)
	if err != nil || s.TLS == nil {
		return conn, err
	}
	encrypted, err := s.encrypt(ctx, conn)
	if err != nil {
		_ = conn.Close() // the error is what counts
		return nil, err
	}
	return encrypted, nil
}

func (s Server) encrypt(ctx context.Context, conn net.Conn) (net.Conn, error) {
	request := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), pgwire.SSLRequest)
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return nil, err
	}
	if answer[0] != 'S' {
		return nil, errors.New("the server does not encrypt, as its sslmode asks for")
	}
	encrypted := tls.Client(conn, s.TLS)
	return encrypted, encrypted.HandshakeContext(ctx)
}
