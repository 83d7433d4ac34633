package pgtap

import (
	"strings"
	"testing"
	"time"

	"parley/internal/tap"
)

// TestCopyByParameters: libpq sends its Sync along with the statement, before it knows that data is to be copied in; the server
// ignores that one.
func TestCopyByParameters(t *testing.T) {
	c := newScene(t)
	c.client(parse("", "COPY t FROM STDIN"), bind(""), describe(""), execute, syncs)
	c.server(parsed, bound, noData, message('G', "\x00\x00\x00"))
	c.client(message('d', "a\n"), syncs, message('d', "b\n"), message('c', ""), syncs)
	c.server(done("COPY 2"), ready('I'))
	c.client(message('Q', "SELECT 1\x00"))
	c.server(row("1"), done("SELECT 1"), ready('I'))
	c.client(message('Q', "SELECT 2\x00"))
	c.want("COPY t FROM STDIN turn 0 flight 2 rows 2", "SELECT ? turn 0 flight 3 rows 1")
}

// TestAskedAfterAnErrorUnheard: what a client sends before it has heard of an error is skipped, a simple query, too.
func TestAskedAfterAnErrorUnheard(t *testing.T) {
	c := newScene(t)
	c.client(parse("a", "INSERT INTO t VALUES ($1)"), syncs)
	c.server(parsed, ready('I'))
	c.client(bind("a", "1"), execute, flush)
	c.server(message('E', "C23505\x00\x00"))
	c.client(bind("a", "2"), execute, message('Q', "SELECT 1\x00"), syncs)
	c.server(ready('I'))
	c.client(message('Q', "SELECT 'z'\x00"))
	c.server(done("SELECT 1"), ready('I'))
	c.want(
		"PREPARE INSERT INTO t VALUES (?) turn 0 flight 2 rows 0",
		"INSERT INTO t VALUES (?) turn 0 flight 3 rows 0 SQLSTATE 23505",
		"INSERT INTO t VALUES (?) turn 0 flight 4 rows 0 skipped after an error",
		"SELECT ? turn 0 flight 4 rows 0 skipped after an error",
		"SELECT ? turn 0 flight 5 rows 1",
	)
}

// TestLongStatement: a call begins with the first byte of its message, however long that is on its way.
func TestLongStatement(t *testing.T) {
	c := newScene(t)
	began := c.now + time.Millisecond
	whole := message('Q', "SELECT '"+strings.Repeat("x", 100_000)+"'\x00")
	c.client(whole[:7])
	c.client(whole[7:50_000])
	c.client(whole[50_000:])
	c.server(row("x"), done("SELECT 1"), ready('I'))
	c.want("SELECT ? turn 0 flight 2 rows 1")
	if got := c.calls[1].Start; got != began {
		t.Errorf("began %v, want %v", got, began)
	}
}

// TestImposed: what a call was held in truth is recorded, of all that came with it, too; a prepared statement's with its call.
func TestImposed(t *testing.T) {
	c := newScene(t, "delay 20ms on PREPARE*", "hang on DELETE*", "cut on UPDATE*")
	if hold := c.client(parse("", "SELECT 1"), bind(""), execute, syncs); hold != 20*time.Millisecond {
		t.Errorf("held back %v", hold)
	}
	c.s.Released(c.s.reads, 21*time.Millisecond)
	c.server(parsed, bound, done("SELECT 1"), ready('I'))
	if call := c.calls[1]; call.Fault != "delay 20ms" || call.Imposed != 21*time.Millisecond {
		t.Errorf("recorded as %+v", call)
	}
	c.client(message('Q', "UPDATE t SET x = 1\x00"))
	if c.passes(done("UPDATE 1")+ready('I')) || c.passed < 1 || c.passed >= len(done("UPDATE 1")) {
		t.Errorf("%d bytes went on", c.passed)
	}
	if hold := c.client(message('Q', "DELETE FROM t\x00")); hold != tap.Never {
		t.Errorf("held back %v", hold)
	}
	c.s.Closed(c.now)
	for i, want := range []string{"cut", "hang"} {
		if call := c.calls[2+i]; call.Fault != want || call.Failure != "connection closed" || call.Imposed > call.End-call.Start {
			t.Errorf("recorded as %+v", call)
		}
	}
}

// TestSharedConnection: where statements name several users, those which name none are nobody's.
func TestSharedConnection(t *testing.T) {
	c := newScene(t)
	ask := func(text string) {
		c.client(message('Q', text+"\x00"))
		c.server(done("X"), ready('T'))
	}
	ask("SELECT 1 WHERE phone = '999000000000001'")
	ask("SELECT 2")
	ask("SELECT 3 WHERE phone = '999000000000002'")
	ask("SELECT 4")
	c.want(
		"SELECT ? WHERE phone = ? turn 1 identity flight 2 rows 0",
		"SELECT ? turn 1 connection flight 3 rows 0",
		"SELECT ? WHERE phone = ? turn 2 identity flight 4 rows 0",
		"SELECT ? turn 0 flight 5 rows 0",
	)
}
