package pgtap

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/tap"
	"parley/internal/wire/pgwire"
)

const sslRequest = "\x00\x00\x00\x08\x04\xd2\x16\x2f"

// door is a protocol whose connections are opened by hand.
type door struct {
	*Protocol
	ctx   context.Context
	close context.CancelFunc
	warns []string
	calls []parley.Call
}

func newDoor(t *testing.T, encrypts bool, faults ...string) *door {
	t.Helper()
	d := &door{}
	o := tap.Options{
		Wire: "postgres", Epoch: time.Now(), Warn: func(text string) { d.warns = append(d.warns, text) },
		Record: func(c parley.Call) { d.calls = append(d.calls, c) },
	}
	for _, text := range faults {
		rule, err := fault.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		o.Faults = append(o.Faults, rule)
	}
	tap.New(o, func(t *tap.Tap) tap.Protocol { d.Protocol = New(t, encrypts); return d.Protocol })
	d.ctx, d.close = context.WithCancel(t.Context())
	t.Cleanup(d.close)
	return d
}

// open lets a client and a server play their parts while a connection is opened, and returns the error of that.
func (d *door) open(client, server func(net.Conn)) error {
	near, clients := net.Pipe()
	far, servers := net.Pipe()
	var playing sync.WaitGroup
	playing.Go(func() { client(clients); _ = clients.Close() })
	playing.Go(func() { server(servers); _ = servers.Close() })
	_, _, _, err := d.Open(d.ctx, near, far, 1)
	_, _ = near.Close(), far.Close()
	playing.Wait()
	return err
}

// say writes, and reads as many bytes as are expected.
func say(c net.Conn, text string, answer int) string {
	if text != "" { // a pipe waits for somebody to read even nothing
		_, _ = c.Write([]byte(text))
	}
	got := make([]byte, answer)
	n, _ := io.ReadFull(c, got)
	return string(got[:n])
}

func silent(net.Conn) {}

func swallow(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func TestDemandedEncryption(t *testing.T) {
	for name, says := range map[string]string{"asked for": sslRequest, "begun at once": "\x16\x03\x01\x02\x00\x01\x00\x01"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDoor(t, false)
				err := d.open(func(c net.Conn) {
					if got := say(c, says, len(says)%8+1); says == sslRequest && got != "N" {
						t.Errorf("answered %q", got)
					}
				}, silent)
				if !errors.Is(err, errEncrypted) || len(d.warns) != 1 || !strings.Contains(d.warns[0], "PGSSLMODE=prefer") {
					t.Errorf("%v, said %q", err, d.warns)
				}
			})
		})
	}
}

// TestPreferredEncryption: a client that comes back without demands nothing.
func TestPreferredEncryption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, false)
		var first sync.WaitGroup
		first.Go(func() { _ = d.open(func(c net.Conn) { say(c, sslRequest, 1) }, silent) })
		synctest.Wait()
		if err := d.open(func(c net.Conn) { say(c, start("user\x00ana\x00\x00"), 0) }, swallow); err != nil {
			t.Error(err)
		}
		first.Wait()
		if len(d.warns) > 0 {
			t.Errorf("said %q", d.warns)
		}
	})
}

// TestNotPostgres: what begins otherwise is told, without all that it says.
func TestNotPostgres(t *testing.T) {
	d := newDoor(t, false)
	err := d.open(func(c net.Conn) { say(c, "GET /?token=secret HTTP/1.1\r\n\r\n", 1) }, silent)
	if !errors.Is(err, pgwire.ErrMalformed) || len(d.warns) != 1 || !strings.Contains(d.warns[0], `"GET /?to"`) || strings.Contains(d.warns[0], "secret") {
		t.Errorf("%v, said %q", err, d.warns)
	}
}

// TestChannelBindingIsTakenOut of what a server behind TLS offers.
func TestChannelBindingIsTakenOut(t *testing.T) {
	const both, one = "SCRAM-SHA-256-PLUS\x00SCRAM-SHA-256\x00\x00", "SCRAM-SHA-256\x00\x00"
	offer := func(names string) string { return message('R', "\x00\x00\x00\x0a"+names) }
	for _, c := range []struct{ server, client string }{
		{offer(both), offer(one)},
		{offer(one), offer(one)},
		{message('R', "\x00\x00\x00\x00"), message('R', "\x00\x00\x00\x00")},
		{message('E', "SFATAL\x00C3D000\x00\x00"), message('E', "SFATAL\x00C3D000\x00\x00")},
	} {
		d := newDoor(t, true)
		first := start("user\x00ana\x00\x00")
		err := d.open(func(conn net.Conn) {
			if got := say(conn, first, len(c.client)); got != c.client {
				t.Errorf("the client got %q, want %q", got, c.client)
			}
		}, func(conn net.Conn) {
			if got := say(conn, "", len(first)); got != first {
				t.Errorf("the server got %q", got)
			}
			say(conn, c.server, 0)
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestFaultsOfConnecting strike before the server hears of the connection.
func TestFaultsOfConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		first := start("user\x00ana\x00\x00")
		d := newDoor(t, false, "delay 3s on connect")
		err := d.open(func(c net.Conn) { say(c, first, 0); time.Sleep(time.Minute) }, func(c net.Conn) {
			if got := say(c, "", len(first)); got != first || time.Since(begin) != 3*time.Second {
				t.Errorf("%q after %v", got, time.Since(begin))
			}
		})
		if err != nil {
			t.Error(err)
		}
		d = newDoor(t, false, "reset on connect")
		if err := d.open(func(c net.Conn) { say(c, first, 1) }, silent); !errors.Is(err, tap.ErrCut) {
			t.Error(err)
		}
		if len(d.calls) != 1 || d.calls[0].Fault != "reset" || d.calls[0].Failure != "connection closed" {
			t.Errorf("recorded %+v", d.calls)
		}
		d = newDoor(t, false, "hang on connect")
		if err := d.open(func(c net.Conn) { say(c, first, 0); time.Sleep(time.Hour) }, silent); !errors.Is(err, tap.ErrCut) {
			t.Error(err)
		}
	})
}

func TestParseServer(t *testing.T) {
	for _, c := range []struct {
		url, network, address string
		encrypted, wrong      bool
	}{
		{url: "postgres://u:p@db.example.com/bot", network: "tcp", address: "db.example.com:5432"},
		{url: "postgresql://u:p@[::1]:6000/bot?sslmode=prefer", network: "tcp", address: "[::1]:6000"},
		{url: "postgres://u:p@h/bot?sslmode=require", network: "tcp", address: "h:5432", encrypted: true},
		{url: "postgres://u:p@h/bot?sslmode=verify-full", network: "tcp", address: "h:5432", encrypted: true},
		{url: "postgres:///bot?host=/run/postgresql&port=5433", network: "unix", address: "/run/postgresql/.s.PGSQL.5433"},
		{url: "postgres://u:p@h/bot?sslmode=maybe", wrong: true},
		{url: "postgres://u:p@h:x/bot", wrong: true},
	} {
		s, err := ParseServer(c.url)
		if (err != nil) != c.wrong || err == nil && (s.Network != c.network || s.Address != c.address || (s.TLS != nil) != c.encrypted) {
			t.Errorf("%s: %+v, %v", c.url, s, err)
		}
		if err != nil && strings.Contains(err.Error(), "p@") {
			t.Errorf("a password in %v", err)
		}
	}
}
