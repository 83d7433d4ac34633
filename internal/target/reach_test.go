package target

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// The doctor logs in to real servers, and says what is wrong if it cannot.
func TestReach(t *testing.T) {
	pg, err := StartPostgres(t.Context(), ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Stop(time.Second)
	redis, err := StartRedis(t.Context(), ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer redis.Stop(time.Second)
	protect(t, redis.Address(), "sesame")
	f := func(kind, url, version, problem string) {
		t.Helper()
		got, err := Reach(t.Context(), kind, url)
		switch {
		case problem == "" && (err != nil || !strings.HasPrefix(got, version)):
			t.Errorf("%s: version %q, %v; want %q", kind, got, err, version)
		case problem != "" && (err == nil || !strings.Contains(err.Error(), problem)):
			t.Errorf("%s: %v; want an error with %q", kind, err, problem)
		case err != nil && strings.Contains(err.Error(), "open-sesame"):
			t.Errorf("%s: the password stands in %q", kind, err)
		}
	}
	major := strings.TrimPrefix(pg.Version(), "PostgreSQL ")
	f("postgres", pg.URL(), major, "")
	f("postgres", strings.Replace(pg.URL(), "://", "+asyncpg://", 1), major, "")
	f("postgres", strings.Replace(pg.URL(), pg.Password(), "open-sesame", 1), "", "password authentication failed")
	f("redis", "redis://:sesame@"+redis.Address()+"/0", strings.TrimPrefix(redis.Version(), "Redis "), "")
	f("redis", "redis://:open-sesame@"+redis.Address()+"/0", "", "invalid username-password pair")
	f("redis", "redis://"+redis.Address()+"/0", "", "Authentication required")
}

// protect gives a Redis server of the test a password.
func protect(t *testing.T, address, password string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := askRedis(conn, bufio.NewReader(conn), "CONFIG", "SET", "requirepass", password); err != nil {
		t.Fatal(err)
	}
}

// Whatever answers on the port, the doctor neither hangs nor trusts it.
func TestReachSomethingElse(t *testing.T) {
	for _, answer := range []string{"HTTP/1.1 400 Bad Request\r\n\r\n", "$-1\r\n", "$999999999\r\n", "$5\r\nab\r\n", "\n", ""} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(answer))
			_ = conn.Close()
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if version, err := Reach(ctx, "redis", "redis://"+l.Addr().String()); err == nil {
			t.Errorf("%q passed for Redis %q", answer, version)
		}
		cancel()
		_ = l.Close()
		<-served
	}
}

func TestAddress(t *testing.T) {
	for link, want := range map[string]string{
		"http://127.0.0.1:8000/webhook?key=x": "127.0.0.1:8000",
		"http://localhost/webhook":            "localhost:80",
		"https://bot.example/webhook":         "bot.example:443",
		"http://[::1]/webhook":                "[::1]:80",
		"http://[::1]:81":                     "[::1]:81",
		"127.0.0.1:8000":                      "",
		"http:///webhook":                     "",
	} {
		if got, err := Address(link); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", link, got, err, want)
		}
	}
}
