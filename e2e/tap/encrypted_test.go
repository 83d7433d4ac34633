package tap

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/internal/target"
)

// certificate writes a certificate for 127.0.0.1, signed by itself, and its key, for a server that runs as an account.
func certificate(t *testing.T, account string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "tap-certificate-") //nolint:usetesting // the server's account cannot reach into the folder of a test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	_ = os.Chmod(dir, 0o711)
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		if who, err := user.Lookup(account); err == nil && os.Geteuid() == 0 {
			uid, _ := strconv.Atoi(who.Uid)
			if err := os.Chown(path, uid, -1); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "EC PRIVATE KEY", bytes)
}

// TestEncryptedPostgres: the server's side is TLS, the bot's is not. SCRAM passes, without the binding to a channel that the
// bot does not have; libpq and Go's client agree, and cancelling works.
func TestEncryptedPostgres(t *testing.T) {
	cert, key := certificate(t, "postgres")
	pg, err := target.StartPostgres(t.Context(), target.ServerOptions{Settings: []string{"ssl=on", "ssl_cert_file=" + cert, "ssl_key_file=" + key}})
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Stop(10 * time.Second)
	w := tapped(t, pg.URL()+"?sslmode=require")
	const ask = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
	for _, mode := range []string{"disable", "prefer"} {
		if got := query(t, w.url+"?sslmode="+mode, ask); got != "true" {
			t.Errorf("sslmode=%s: encrypted: %s", mode, got)
		}
		if got := strings.TrimSpace(run(t, nil, "psql", "-XAtc", ask, w.url+"?sslmode="+mode)); got != "true" {
			t.Errorf("libpq, sslmode=%s: encrypted: %s", mode, got)
		}
	}
	wrong := strings.Replace(w.url, pg.Password(), "wrong", 1)
	if _, err := pgconn.Connect(t.Context(), wrong+"?sslmode=disable"); err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("with a wrong password: %v", err)
	}
	c, err := pgconn.Connect(t.Context(), w.url+"?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = c.CancelRequest(context.Background()) }()
	if _, err := c.Exec(t.Context(), "SELECT pg_sleep(60)").ReadAll(); err != nil && !strings.Contains(err.Error(), "57014") {
		t.Errorf("cancelled: %v", err)
	}
	_ = c.Close(context.Background())
	calls := w.end()
	counts := map[string]int{}
	for _, call := range calls {
		counts[call.Operation+" "+call.Failure]++
	}
	if counts["connect "] != 5 || counts["connect SQLSTATE 28P01"] != 1 || counts["SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid() "] != 4 || counts["cancel "] != 1 {
		t.Errorf("recorded %v", counts)
	}
	if said := w.warnings(); said != "" {
		t.Errorf("said %q", said)
	}
}

// TestServerWithoutEncryption is told from one that is not there.
func TestServerWithoutEncryption(t *testing.T) {
	w := tapped(t, shared.postgres.URL()+"?sslmode=require")
	if _, err := pgconn.Connect(t.Context(), w.url+"?sslmode=disable"); err == nil {
		t.Error("connected")
	}
	calls := w.end()
	if said := w.warnings(); !strings.Contains(said, "does not encrypt") || len(calls) == 0 || calls[0].Failure != "unreachable" {
		t.Errorf("said %q, recorded %+v", said, calls)
	}
}

// TestBotThatDemandsEncryption gets no connection, and a person the reason, whichever library it is.
func TestBotThatDemandsEncryption(t *testing.T) {
	for name, connect := range map[string]func(address, url string){
		"pgx":   func(_, url string) { _, _ = pgconn.Connect(t.Context(), url+"?sslmode=require") },
		"libpq": func(_, url string) { runFailing(t, "psql", "-XAtc", "SELECT 1", url+"?sslmode=require") },
		"asyncpg": func(_, url string) {
			runFailing(t, python, "-c", "import asyncio, asyncpg, sys; asyncio.run(asyncpg.connect(sys.argv[1]))", url+"?sslmode=require")
		},
		"TLS at once": func(address, _ string) {
			_, _ = tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", address, &tls.Config{InsecureSkipVerify: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := tapped(t, shared.postgres.URL())
			connect(w.address(), w.url)
			w.end()
			if said := w.warnings(); !strings.Contains(said, "the bot demands an encrypted connection") || !strings.Contains(said, "PGSSLMODE=prefer") {
				t.Errorf("said %q", said)
			}
		})
	}
}

// TestEncryptedRedis: rediss:// behind the tap, redis:// before it.
func TestEncryptedRedis(t *testing.T) {
	cert, key := certificate(t, "redis")
	port, err := target.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	r, err := target.StartRedis(t.Context(), target.ServerOptions{Settings: []string{
		fmt.Sprint("tls-port ", port), "tls-cert-file " + cert, "tls-key-file " + key, "tls-auth-clients no",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop(10 * time.Second)
	w := tapped(t, fmt.Sprintf("rediss://127.0.0.1:%d/0?ssl_cert_reqs=none", port))
	_, at, _ := net.SplitHostPort(w.address())
	if got := run(t, nil, "redis-cli", "-p", at, "SET", "a", "b"); got != "OK\n" {
		t.Errorf("%q", got)
	}
	if got := run(t, nil, "redis-cli", "-p", r.Address()[len("127.0.0.1:"):], "GET", "a"); got != "b\n" {
		t.Errorf("%q arrived", got)
	}
	want(t, w.end(), map[string]int{"SET a": 1})
	// A certificate that is not trusted is an error that is said.
	strict := tapped(t, fmt.Sprintf("rediss://127.0.0.1:%d/0", port))
	_, at, _ = net.SplitHostPort(strict.address())
	runFailing(t, "redis-cli", "-p", at, "PING")
	strict.end()
	if said := strict.warnings(); !strings.Contains(said, "cannot be reached") || !strings.Contains(said, "certificate") {
		t.Errorf("said %q", said)
	}
}
