package tap

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley"
)

// story is what calls asked for, a letter for each different content (- if unknown), and in which state they left the session.
func story(calls []parley.Call) (out []string) {
	letters := map[uint64]byte{0: '-'}
	for _, c := range calls {
		if _, met := letters[c.Content]; !met {
			letters[c.Content] = byte('a' + len(letters) - 1)
		}
		out = append(out, fmt.Sprintf("%c %s %s", letters[c.Content], c.Transaction, c.Operation))
	}
	return out
}

// TestAskedAgain: what is asked twice with the same parameters has the same content, on another connection, too; and the server itself
// says in which state a call leaves its session.
func TestAskedAgain(t *testing.T) {
	w := tapped(t, shared.postgres.URL())
	ctx := t.Context()
	for range 2 {
		c := connect(t, w.url+"?sslmode=disable")
		tx, err := c.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		for _, id := range []int{7, 8, 7} {
			if err := tx.QueryRow(ctx, "SELECT $1::int", id).Scan(&n); err != nil || n != id {
				t.Fatal(n, err)
			}
		}
		if _, err := tx.Exec(ctx, "SELECT nonsense"); err == nil {
			t.Error("nonsense was answered")
		}
		if err := tx.Rollback(ctx); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	w.exact()
	one := []string{
		"- idle connect",
		"a open begin",
		"b open PREPARE SELECT ?::int", "c open SELECT ?::int", "d open SELECT ?::int", "c open SELECT ?::int",
		"e failed SELECT nonsense",
		"f idle rollback",
	}
	if diff := cmp.Diff(append(one, one...), story(w.end())); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestEveryByteOfRedis: the commands and replies recorded are all that went over the wire.
func TestEveryByteOfRedis(t *testing.T) {
	w := tapped(t, shared.redis.URL())
	_, at, err := net.SplitHostPort(w.address())
	if err != nil {
		t.Fatal(err)
	}
	run(t, nil, "redis-benchmark", "-p", at, "-q", "-n", "1000", "-c", "5", "-P", "7", "-d", "300", "-t", "ping,set,get,lpush,lrange_100,mset")
	w.exact()
	var asked, answered, up, down int64
	for _, c := range w.end() {
		asked += c.RequestBytes
		answered += c.ResponseBytes
	}
	for _, text := range w.near.sums() {
		var u, d int64
		var sum string
		if _, err := fmt.Sscanf(strings.ReplaceAll(text, ",", ""), "%d bytes %s up %d bytes", &u, &sum, &d); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		up, down = up+u, down+d
	}
	if asked != up || answered != down || up < 100_000 || down < 100_000 {
		t.Errorf("calls of %d bytes asked and %d answered; %d and %d went over the wire", asked, answered, up, down)
	}
}
