package tap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"parley"
	"parley/internal/target"
)

func dial(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c.(*net.TCPConn)
}

// last is the last call of a name.
func last(t *testing.T, calls []parley.Call, name string) parley.Call {
	t.Helper()
	for i := range calls {
		if c := calls[len(calls)-1-i]; c.Operation == name {
			return c
		}
	}
	t.Fatalf("no call %q in %+v", name, calls)
	return parley.Call{}
}

// TestClientKilled in the middle of a statement: the server hears of it, and the call has no answer, or the one that came.
func TestClientKilled(t *testing.T) {
	w := tapped(t, shared.postgres.URL())
	for range 5 {
		c, err := pgconn.Connect(t.Context(), w.url+"?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		raw, err := c.Hijack()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := raw.Conn.Write([]byte("Q\x00\x00\x00\x17SELECT pg_sleep(1)\x00")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // it runs
		_ = raw.Conn.(*net.TCPConn).SetLinger(0)
		_ = raw.Conn.Close()
	}
	until(t, "the server is rid of the clients", func() bool {
		return query(t, shared.postgres.URL(), "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1)'") == "0"
	})
	calls := w.end()
	if c := last(t, calls, "SELECT pg_sleep(?)"); c.Failure != "connection closed" || c.FirstByte != parley.None {
		t.Errorf("recorded %+v", c)
	}
}

// TestServerKilled in the middle of a statement, and not there afterwards.
func TestServerKilled(t *testing.T) {
	r, err := target.StartRedis(t.Context(), target.ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := tapped(t, r.URL())
	c := dial(t, w.address())
	if _, err := c.Write([]byte("*3\r\n$5\r\nBLPOP\r\n$5\r\nqueue\r\n$1\r\n0\r\n")); err != nil {
		t.Fatal(err)
	}
	until(t, "the server knows the command", func() bool { return len(r.PIDs()) > 0 && blocked(t, r.Address()) })
	for _, pid := range r.PIDs() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if _, err := io.ReadAll(c); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v", err)
	}
	_ = c.Close()
	r.Stop(time.Second)
	if again, err := net.Dial("tcp", w.address()); err == nil { // it may be reset at once
		if _, err := again.Read(make([]byte, 1)); err == nil {
			t.Error("somebody answers")
		}
		_ = again.Close()
	}
	calls := w.end()
	if c := last(t, calls, "BLPOP queue"); c.Failure != "connection closed" || !c.Blocking {
		t.Errorf("recorded %+v", c)
	}
}

// blocked reports whether a client of the server waits for work.
func blocked(t *testing.T, address string) bool {
	t.Helper()
	_, port, _ := net.SplitHostPort(address)
	return strings.Contains(run(t, nil, "redis-cli", "-p", port, "INFO", "clients"), "blocked_clients:1")
}

// TestHundredMegabytes in one value, one reply and one row.
func TestHundredMegabytes(t *testing.T) {
	const size = 100 << 20
	w := tapped(t, shared.redis.URL())
	c := dial(t, w.address())
	content := strings.Repeat("0123456789abcdef", size/16)
	go func() {
		_, _ = fmt.Fprintf(c, "*3\r\n$3\r\nSET\r\n$4\r\nhuge\r\n$%d\r\n", size)
		_, _ = io.WriteString(c, content)
		_, _ = io.WriteString(c, "\r\n*2\r\n$3\r\nGET\r\n$4\r\nhuge\r\n*2\r\n$3\r\nDEL\r\n$4\r\nhuge\r\n")
	}()
	head := fmt.Sprintf("+OK\r\n$%d\r\n", size)
	got := make([]byte, len(head)+size+len("\r\n:1\r\n"))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != head+content+"\r\n:1\r\n" {
		t.Errorf("%.60q, %v", got, err)
	}
	_ = c.Close()
	w.exact()
	calls := w.end()
	set, get := last(t, calls, "SET huge"), last(t, calls, "GET huge")
	if set.RequestBytes < size || get.ResponseBytes < size || set.FirstByte <= set.Start || get.FirstByte >= get.End {
		t.Errorf("recorded %+v and %+v", set, get)
	}
	p := tapped(t, shared.postgres.URL())
	if n := len(query(t, p.url+"?sslmode=disable", fmt.Sprintf("SELECT repeat('x', %d)", size))); n != size {
		t.Errorf("%d bytes of a row", n)
	}
	p.exact()
	if c := last(t, p.end(), "SELECT repeat(?...)"); c.ResponseBytes < size || c.Rows != 1 {
		t.Errorf("recorded %+v", c)
	}
}

// TestGarbage of every kind ends, is said, and hurts nobody else.
func TestGarbage(t *testing.T) {
	for name, server := range map[string]string{"postgres": shared.postgres.URL(), "redis": shared.redis.URL()} {
		t.Run(name, func(t *testing.T) {
			w := tapped(t, server)
			random := rand.NewChaCha8([32]byte{1})
			for i := range 40 {
				c := dial(t, w.address())
				junk := make([]byte, 20_000)
				_, _ = random.Read(junk)
				if i%4 == 0 {
					copy(junk, "\x00\x00\x00\x14\x00\x03\x00\x00user\x00nobody\x00\x00") // it begins well
				}
				_, _ = c.Write(junk)
				_ = c.CloseWrite()
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			}
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
			if _, err := client.Get("http://" + w.address() + "/"); err == nil {
				t.Error("HTTP was answered")
			}
			if name == "postgres" {
				if got := query(t, w.url+"?sslmode=disable", "SELECT 1"); got != "1" {
					t.Errorf("another client gets %q", got)
				}
			}
			w.end()
			if said := w.warnings(); !strings.Contains(said, "does not speak") && !strings.Contains(said, "not be followed") && !strings.Contains(said, "begins with TLS") {
				t.Errorf("said %q", said)
			}
		})
	}
}

// TestHalfOpen: a client that has said all it has to say gets its answers all the same.
func TestHalfOpen(t *testing.T) {
	w := tapped(t, shared.redis.URL())
	c := dial(t, w.address())
	_, _ = io.WriteString(c, strings.Repeat("PING\r\n", 1000))
	_ = c.CloseWrite()
	if got, err := io.ReadAll(c); err != nil || string(got) != strings.Repeat("+PONG\r\n", 1000) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	_ = c.Close()
	w.exact()
	want(t, w.end(), map[string]int{"PING": 1000})
}

// TestThousandsOfConnects: connections that come and go, or just stay, leave nothing behind. The bot that never begins is told from
// one that does.
func TestThousandsOfConnects(t *testing.T) {
	for name, server := range map[string]string{"postgres": shared.postgres.URL(), "redis": shared.redis.URL()} {
		t.Run(name, func(t *testing.T) {
			w := tapped(t, server)
			const each, workers = 150, 20
			var all sync.WaitGroup
			for range workers {
				all.Go(func() {
					for i := range each {
						c, err := net.Dial("tcp", w.address())
						if err != nil {
							t.Error(err)
							return
						}
						if name == "redis" && i%2 == 0 {
							_, _ = io.WriteString(c, "PING\r\n")
							_, _ = c.Read(make([]byte, 16))
						}
						if i%3 == 0 {
							_ = c.(*net.TCPConn).SetLinger(0)
						}
						_ = c.Close()
					}
				})
			}
			all.Wait()
			calls := w.end()
			if name == "redis" && len(calls) < each*workers/2 {
				t.Errorf("%d calls", len(calls))
			}
		})
	}
}

// TestFaults of a plan on real servers: what is added is what the record says was imposed, no more and no less than the machine's
// own noise, and order is kept.
func TestFaults(t *testing.T) {
	w := tapped(t, shared.redis.URL(), "delay 30ms on SET*", "every 3rd reset on DEL*", "cut on LRANGE*", "hang on KEYS")
	_, direct, _ := net.SplitHostPort(shared.redis.Address())
	run(t, nil, "redis-cli", "-p", direct, "FLUSHALL")
	c := dial(t, w.address())
	answer := func(n int) string {
		got := make([]byte, n)
		_, err := io.ReadFull(c, got)
		if err != nil {
			t.Fatal(err)
		}
		return string(got)
	}
	var waited time.Duration
	for i := range 10 {
		begin := time.Now()
		_, _ = fmt.Fprintf(c, "SET seat %d\r\nGET seat\r\n", i)
		if got := answer(12); got != fmt.Sprintf("+OK\r\n$1\r\n%d\r\n", i) {
			t.Fatalf("answered %q", got)
		}
		waited += time.Since(begin)
		// A command that comes while another one is held back leaves after it.
		_, _ = fmt.Fprintf(c, "SET seat %d\r\n", 9-i)
		time.Sleep(time.Millisecond)
		_, _ = fmt.Fprintf(c, "GET seat\r\n")
		if got := answer(12); got != fmt.Sprintf("+OK\r\n$1\r\n%d\r\n", 9-i) {
			t.Fatalf("answered %q", got)
		}
	}
	_, _ = io.WriteString(c, "RPUSH list a b c d e f g h\r\n")
	answer(4)
	_, _ = io.WriteString(c, "LRANGE list 0 -1\r\n")
	if got, _ := io.ReadAll(c); len(got) < 1 || len(got) >= len("*8\r\n")+8*len("$1\r\na\r\n") {
		t.Errorf("of the list came %q", got)
	}
	for range 3 {
		d := dial(t, w.address())
		_, _ = io.WriteString(d, "DEL seat\r\n")
		_, _ = d.Read(make([]byte, 16))
		_ = d.Close()
	}
	hung := dial(t, w.address())
	_, _ = io.WriteString(hung, "KEYS *\r\n")
	_ = hung.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := hung.Read(make([]byte, 1)); n > 0 || !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(fmt.Sprint(err), "timeout") {
		t.Errorf("answered, %v", err)
	}
	_ = hung.Close()
	_ = c.Close()
	calls := w.end()
	judgeFaults(t, calls, waited)
}

func judgeFaults(t *testing.T, calls []parley.Call, waited time.Duration) {
	t.Helper()
	counts := map[string]int{}
	var imposed time.Duration
	var rest []time.Duration
	for _, call := range calls {
		counts[strings.Fields(call.Operation)[0]+" "+call.Fault+" "+call.Failure]++
		switch call.Operation {
		case "SET seat":
			if call.Imposed < 30*time.Millisecond || call.Imposed > call.End-call.Start {
				t.Errorf("imposed %v of %v", call.Imposed, call.End-call.Start)
			}
			imposed += call.Imposed
			rest = append(rest, call.End-call.Start-call.Imposed)
		case "GET seat":
			if call.Imposed <= 0 {
				t.Errorf("GET came with SET or after it, and was held for %v", call.Imposed)
			}
		}
	}
	// What is left, when what was imposed is taken off, is the server's own time, and next to nothing beside the delay.
	if slices.Sort(rest); len(rest) != 20 || rest[10] > 15*time.Millisecond {
		t.Errorf("not explained: %v", rest)
	}
	if waited < imposed/2 {
		t.Errorf("waited %v in all, imposed %v", waited, imposed)
	}
	for what, n := range map[string]int{
		"SET delay 30ms ": 20, "GET  ": 20, "RPUSH  ": 1, "LRANGE cut connection closed": 1, "DEL  ": 2,
		"DEL reset connection closed": 1, "KEYS hang connection closed": 1,
	} {
		if counts[what] != n {
			t.Errorf("%q: %d calls, want %d; all: %v", what, counts[what], n, counts)
		}
	}
	if sum(counts) != 46 {
		t.Errorf("recorded %v", counts)
	}
}

// TestCutCommit: a statement whose answer is cut was carried out; one that is reset was not.
func TestCutCommit(t *testing.T) {
	query(t, shared.postgres.URL(), "DROP TABLE IF EXISTS bookings; CREATE TABLE bookings (id int)")
	w := tapped(t, shared.postgres.URL(), "cut on INSERT INTO bookings*", "reset on DELETE FROM bookings*", "hang on UPDATE bookings*", "delay 50ms on SELECT*")
	for _, text := range []string{"INSERT INTO bookings VALUES (1)", "DELETE FROM bookings"} {
		c, err := pgconn.Connect(t.Context(), w.url+"?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(t.Context(), text).ReadAll(); err == nil {
			t.Errorf("%s was answered", text)
		}
		_ = c.Close(context.Background())
	}
	if n := query(t, shared.postgres.URL(), "SELECT count(*) FROM bookings"); n != "1" {
		t.Errorf("%s bookings", n)
	}
	c, err := pgconn.Connect(t.Context(), w.url+"?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := c.Prepare(t.Context(), "s", "SELECT id FROM bookings WHERE id = $1", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if r := c.ExecPrepared(t.Context(), prepared.Name, [][]byte{[]byte("1")}, nil, nil).Read(); r.Err != nil || len(r.Rows) != 1 {
			t.Errorf("%+v", r)
		}
	}
	_ = c.Close(context.Background())
	for _, call := range w.end() {
		if call.Operation == "SELECT id FROM bookings WHERE id = ?" && (call.Fault != "delay 50ms" || call.Imposed < 50*time.Millisecond) {
			t.Errorf("imposed %v of %v", call.Imposed, call.End-call.Start)
		}
		if call.Operation == "INSERT INTO bookings VALUES (?)" && (call.Fault != "cut" || call.Failure != "connection closed") {
			t.Errorf("recorded %+v", call)
		}
	}
}
