package pgtap

import (
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/tap"
	"parley/internal/wire/pgwire"
)

// contents gives each different content of the calls of an operation a letter, in order; - for none.
func (c *scene) contents(operation string) string {
	letters := map[uint64]byte{0: '-'}
	var out []byte
	for _, call := range c.calls {
		if call.Operation != operation {
			continue
		}
		if _, known := letters[call.Content]; !known {
			letters[call.Content] = byte('a' + len(letters) - 1)
		}
		out = append(out, letters[call.Content])
	}
	return string(out)
}

func TestContentOfSimpleQueries(t *testing.T) {
	c := newScene(t)
	long := strings.Repeat("x", 100_000)
	for _, text := range []string{"17", "18", "17", "'" + long + "'", "'" + long + "y'", "'" + long + "'"} {
		c.client(message('Q', "SELECT * FROM c WHERE id = "+text+"\x00"))
		c.server(done("SELECT 0"), ready('I'))
	}
	if got := c.contents("SELECT * FROM c WHERE id = ?"); got != "abacdc" {
		t.Errorf("contents %s, want abacdc", got)
	}
	if got := c.contents("connect"); got != "-" {
		t.Errorf("the connection has content %s", got)
	}
}

// TestContentOfPrepared: it is of the text, the parameters and their formats, and not of the names that a driver gives.
func TestContentOfPrepared(t *testing.T) {
	const text = "SELECT id FROM c WHERE phone = $1"
	c := newScene(t)
	c.client(parse("s1", text), syncs)
	c.server(parsed, ready('I'))
	c.client(parse("s2", text), syncs)
	c.server(parsed, ready('I'))
	c.client(parse("s3", strings.Replace(text, "$1", "'5' OR $1", 1)), syncs)
	c.server(parsed, ready('I'))
	run := func(messages ...string) {
		c.client(append(messages, syncs)...)
		c.server(bound, done("SELECT 1"), ready('I'))
	}
	run(bind("s1", "5"), execute)
	run(bind("s1", "6"), execute)
	run(bind("s2", "5"), execute)
	run(inBinary(bind("s1", "5")), execute)
	run(bind("s1", "5", ""), execute)
	run(parse("", text), bind("", "5"), describe(""), execute)
	long := strings.Repeat("x", 100_000)
	run(bind("s1", long), execute)
	run(bind("s1", long+"y"), execute)
	run(bind("s1", long), execute)
	run(execute) // the portal of before goes on
	run(execute)
	if got := c.contents("SELECT id FROM c WHERE phone = ?"); got != "abacdaefegh" {
		t.Errorf("contents %s, want abacdaefegh", got)
	}
	if got := c.contents("PREPARE SELECT id FROM c WHERE phone = ?"); got != "aa" {
		t.Errorf("preparations have contents %s, want aa", got)
	}
	run(bind("nobody", "5"), execute)
	if got := c.contents("a statement prepared before parley listened"); got != "-" {
		t.Errorf("a statement of unknown text has content %s", got)
	}
}

// TestContentOfCopies: nobody looks at what is copied in, so nobody can say that it is the same.
func TestContentOfCopies(t *testing.T) {
	c := newScene(t)
	for range 2 {
		c.client(message('Q', "COPY t FROM STDIN\x00"))
		c.server(message('G', "\x00\x00\x00"))
		c.client(message('d', "a\n"), message('c', ""))
		c.server(done("COPY 1"), ready('I'))
	}
	if got := c.contents("COPY t FROM STDIN"); got != "--" {
		t.Errorf("contents %s, want --", got)
	}
}

// TestBytes: a call has the bytes of the messages that ask for it and of those that answer it. Synchronisations and what answers
// them are of no call, and what is bound once is counted once.
func TestBytes(t *testing.T) {
	c := newScene(t)
	ask, answer := []string{}, []string{}
	exchange := func(asked, answered []string, around ...string) {
		c.client(append(asked, around[0])...)
		c.server(append(answered, around[1])...)
		ask, answer = append(ask, strings.Join(asked, "")), append(answer, strings.Join(answered, ""))
	}
	text := message('Q', "SELECT 1\x00")
	c.client(text)
	all := row("1") + done("SELECT 1") + ready('I')
	c.server(message('N', "SNOTICE\x00\x00"), all)
	ask, answer = append(ask, text), append(answer, all)
	types := message('t', "\x00\x00")
	exchange([]string{parse("a", "SELECT 2"), describe("a")}, []string{parsed, types, noData}, flush, "")
	portal := message('D', "P\x00")
	exchange([]string{bind("a"), portal, execute}, []string{bound, row("17", "Ana"), row("18", "Eva"), "s\x00\x00\x00\x04"}, flush, "")
	exchange([]string{execute}, []string{row("19", "Rui"), done("SELECT 1")}, syncs, ready('I'))
	exchange([]string{parse("", "SELECT 3"), describe(""), bind(""), execute}, []string{parsed, types, noData, bound, done("SELECT 0")}, syncs, ready('I'))
	for i, call := range c.calls[1:] {
		if call.RequestBytes != int64(len(ask[i])) || call.ResponseBytes != int64(len(answer[i])) {
			t.Errorf("%s: %d bytes asked and %d answered, want %d and %d",
				call.Operation, call.RequestBytes, call.ResponseBytes, len(ask[i]), len(answer[i]))
		}
	}
	if len(c.calls) != 1+len(ask) {
		t.Errorf("%d calls, want %d", len(c.calls), 1+len(ask))
	}
}

// TestAllocations: the hash of a prepared call takes no memory, and neither does waiting for the state of its session.
func TestAllocations(t *testing.T) {
	const most = 4 // identities and fields, which go with the call
	tp := tap.New(tap.Options{Wire: "w", Epoch: time.Now(), Record: func(parley.Call) {}}, func(t *tap.Tap) tap.Protocol { return New(t, false) })
	s := newSession(New(tp, false), 1)
	s.begin([]byte(start("\x00")))
	feed := func(request, response string) {
		if _, err := s.Request([]byte(request), 1); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Response([]byte(response), 1); err != nil {
			t.Fatal(err)
		}
	}
	feed("", ready('I'))
	feed(parse("s1", "SELECT id, name FROM customers WHERE phone = $1")+syncs, parsed+ready('I'))
	request, response := []byte(bind("s1", "999000000000001")+execute+syncs), []byte(bound+row("17", "Ana")+done("SELECT 1")+ready('I'))
	if n := testing.AllocsPerRun(100, func() { _, _ = s.Request(request, 1); _, _ = s.Response(response, 1) }); n > most {
		t.Errorf("%v allocations for a prepared call, want %d at most", n, most)
	}
	m := &pgwire.Message{Type: 'B', Body: request[5:]}
	b := pgwire.Bind(m.Body)
	if n := testing.AllocsPerRun(100, func() { s.contentOfBinding(m, b, s.statements["s1"]) }); n != 0 {
		t.Errorf("%v allocations for a hash", n)
	}
}
