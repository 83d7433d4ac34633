package redistap

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/tap"
)

// commandOf is one as client libraries write it.
func commandOf(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b.String()
}

// TestContent: it is that of all arguments, however long and many they are, and wherever reads cut them.
func TestContent(t *testing.T) {
	long, many := strings.Repeat("x", 20_000), strings.Fields(strings.Repeat("k v ", 100))
	commands := []string{
		commandOf("GET", "a:1"), commandOf("GET", "a:2"), commandOf("GET", "a:1"),
		commandOf("SET", "a:1", long+"1"), commandOf("SET", "a:1", long+"2"), commandOf("SET", "a:1", long+"1"),
		commandOf(append([]string{"MSET"}, many...)...), commandOf(append([]string{"MSET"}, append(many, "k", "w")...)...),
		commandOf("AUTH", "secret"), "GET a:3\r\n", commandOf("GET", "a:1"),
	}
	const want = "abacdcef-ga"
	stream := strings.Join(commands, "")
	for _, piece := range []int{1, 7, 1000, len(stream)} {
		c := newScene(t)
		for rest := []byte(stream); len(rest) > 0; {
			read := bytes.Clone(rest[:min(piece, len(rest))]) // the reader's buffer, which it uses again
			rest = rest[len(read):]
			if _, err := c.s.Request(read, 1); err != nil {
				t.Fatal(err)
			}
			clear(read)
		}
		c.server(strings.Repeat("+OK\r\n", len(commands)))
		letters, got := map[uint64]byte{0: '-'}, ""
		for _, call := range c.calls {
			if _, known := letters[call.Content]; !known {
				letters[call.Content] = byte('a' + len(letters) - 1)
			}
			got += string(letters[call.Content])
		}
		if got != want {
			t.Errorf("in reads of %d bytes the contents are %s, want %s", piece, got, want)
		}
	}
}

// TestSizes: a call has the bytes of its command and of its reply, and the elements of the reply.
func TestSizes(t *testing.T) {
	for _, test := range []struct {
		command, reply string
		rows           int64
	}{
		{commandOf("GET", "a"), "$5\r\nhello\r\n", 0},
		{commandOf("GET", "a"), "$-1\r\n", 0},
		{commandOf("SET", "lock:1", "me", "NX", "PX", "500"), "$-1\r\n", 0},
		{commandOf("SETNX", "lock:1", "me"), ":0\r\n", 0},
		{commandOf("HGETALL", "a"), "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n", 4},
		{commandOf("HGETALL", "a"), "%2\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n", 4},
		{commandOf("LRANGE", "a", "0", "-1"), "*0\r\n", 0},
		{commandOf("LRANGE", "a", "0", "-1"), "*1\r\n$10000\r\n" + strings.Repeat("x", 10_000) + "\r\n", 1},
		{"PING\r\n", "+PONG\r\n", 0},
	} {
		c := newScene(t)
		pipeline := commandOf("PING")
		if _, err := c.s.Request([]byte(pipeline+test.command+pipeline), 1); err != nil {
			t.Fatal(err)
		}
		c.server("+PONG\r\n" + test.reply + "+PONG\r\n")
		if len(c.calls) != 3 {
			t.Fatalf("%d calls", len(c.calls))
		}
		call := c.calls[1]
		if call.RequestBytes != int64(len(test.command)) || call.ResponseBytes != int64(len(test.reply)) || call.Rows != test.rows {
			t.Errorf("%q: %d bytes asked, %d answered, %d elements; want %d, %d, %d", test.command,
				call.RequestBytes, call.ResponseBytes, call.Rows, len(test.command), len(test.reply), test.rows)
		}
	}
}

func TestAllocations(t *testing.T) {
	const most = 4 // fields, which go with the call
	tp := tap.New(tap.Options{Wire: "w", Epoch: time.Now(), Record: func(parley.Call) {}}, func(t *tap.Tap) tap.Protocol { return New(t) })
	s, _, _, err := New(tp).Open(t.Context(), nil, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	request, response := []byte(commandOf("GET", "customer:999000000000042")), []byte("$24\r\na name of a usual length\r\n")
	if n := testing.AllocsPerRun(100, func() { _, _ = s.Request(request, 1); _, _ = s.Response(response, 2) }); n > most {
		t.Errorf("%v allocations for a command, want %d at most", n, most)
	}
}
