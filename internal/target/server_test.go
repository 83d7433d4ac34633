//go:build linux

package target

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestPostgres(t *testing.T) {
	var log logBuffer
	pg, err := StartPostgres(t.Context(), ServerOptions{Log: &log, Settings: []string{"max_connections=7"}})
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Stop(30 * time.Second)
	if !strings.HasPrefix(pg.Version(), "PostgreSQL ") || len(pg.PIDs()) < 2 {
		t.Errorf("Version() = %q, PIDs() = %v", pg.Version(), pg.PIDs())
	}

	ask := func(url, sql string) string {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		var answer string
		if err := conn.QueryRow(t.Context(), sql).Scan(&answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	f := func(url, sql, want string) {
		t.Helper()
		if got := ask(url, sql); got != want {
			t.Errorf("%s = %q, want %q", sql, got, want)
		}
	}
	f(pg.URL(), "SELECT current_database() || ' ' || current_user", "bot parley")
	f(pg.URL(), "SHOW fsync", "on")
	f(pg.URL(), "SHOW synchronous_commit", "on")
	f(pg.URL(), "SHOW max_connections", "7")
	f(pg.URL(), "SHOW listen_addresses", "127.0.0.1")
	f(pg.URL(), "SELECT count(*)::text FROM pg_extension WHERE extname <> 'plpgsql'", "0")
	f(pg.AdminURL(), "SELECT (count(*) > 0)::text FROM pg_stat_statements", "true")

	wrong := strings.Replace(pg.URL(), pg.Password(), "wrong", 1)
	if conn, err := pgx.Connect(t.Context(), wrong); err == nil {
		_ = conn.Close(t.Context())
		t.Error("a wrong password was accepted")
	}
	dir := pg.scratch.dir
	pg.Stop(30 * time.Second)
	if pg.Err() != nil {
		t.Errorf("Err() after Stop = %v", pg.Err())
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data folder is still there: %v", err)
	}
	if strings.Contains(log.String(), pg.Password()) || !strings.Contains(log.String(), "shutting down") {
		t.Errorf("the log:\n%s", log.String())
	}
}

func TestPostgresRefusesSettings(t *testing.T) {
	_, err := StartPostgres(t.Context(), ServerOptions{Settings: []string{"no_such_setting=1"}})
	exit, ok := errors.AsType[*ExitError](err)
	if !ok || !strings.Contains(strings.Join(exit.Tail, "\n"), "no_such_setting") {
		t.Errorf("error %v, want an ExitError that names the setting", err)
	}
}

func TestRedis(t *testing.T) {
	r, err := StartRedis(t.Context(), ServerOptions{Settings: []string{"maxmemory 64mb"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop(30 * time.Second)
	conn, err := net.Dial("tcp", r.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("CONFIG GET maxmemory\r\nCONFIG GET save\r\nQUIT\r\n")); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if _, err := said.ReadFrom(conn); err != nil {
		t.Fatal(err)
	}
	want := "*2\r\n$9\r\nmaxmemory\r\n$8\r\n67108864\r\n*2\r\n$4\r\nsave\r\n$0\r\n\r\n+OK\r\n"
	if said.String() != want {
		t.Errorf("Redis says %q, want %q", said.String(), want)
	}
	if !strings.HasPrefix(r.Version(), "Redis ") || len(r.PIDs()) != 1 || r.URL() != "redis://"+r.Address()+"/0" {
		t.Errorf("Version() = %q, PIDs() = %v, URL() = %q", r.Version(), r.PIDs(), r.URL())
	}
	kill(r.PIDs()[0])
	<-r.Done()
	if r.Err() == nil {
		t.Error("Err() of a killed server = nil")
	}
}

func TestMissingServersNamePackages(t *testing.T) {
	f := func(kind, want string) {
		t.Helper()
		if err := Installed(kind); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("Installed(%q) = %v, want %q", kind, err, want)
		}
	}
	f("postgres", "")
	f("redis", "")
	f("rabbitmq", "cannot start a private rabbitmq")
	t.Setenv("PATH", t.TempDir())
	f("redis", "apt-get install redis-server")
	if _, err := StartRedis(t.Context(), ServerOptions{}); err == nil {
		t.Error("Redis was started without its program")
	}
}

func TestSweepSparesTheLiving(t *testing.T) {
	base := t.TempDir()
	mkdir := func(name string, lock bool) string {
		t.Helper()
		dir := filepath.Join(base, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if lock {
			if err := os.WriteFile(filepath.Join(dir, lockName), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	living := mkdir("parley-redis-living", true)
	held, err := lockFile(filepath.Join(living, lockName), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	spared := []string{living, mkdir("parley-redis-unlocked", false), mkdir("other-redis-1", true), mkdir("parley-postgres-1", true)}
	dead := mkdir("parley-redis-dead", true)
	if err := os.Symlink(spared[2], filepath.Join(base, "parley-redis-link")); err != nil {
		t.Fatal(err)
	}
	sweep(base, "parley-redis-")
	for _, dir := range spared {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("%s: %v", filepath.Base(dir), err)
		}
	}
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead folder: %v", err)
	}
}

func TestTraversable(t *testing.T) {
	base := t.TempDir()
	closed := filepath.Join(base, "closed")
	if err := os.MkdirAll(filepath.Join(closed, "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	f := func(dir string, want bool) {
		t.Helper()
		if got := traversable(dir); got != want {
			t.Errorf("traversable(%q) = %t", dir, got)
		}
	}
	f("/", true)
	f("/usr/bin", true)
	f(filepath.Join(closed, "inside"), false)
	f(filepath.Join(base, "missing"), false)
}
