package pgtap

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley"
)

// states are the states of the session after each call but the first.
func (c *scene) states() string {
	var out []string
	for _, call := range c.calls[1:] {
		out = append(out, call.Transaction)
	}
	return strings.Join(out, "/")
}

func TestStates(t *testing.T) {
	broken := message('E', "SERROR\x00C23505\x00\x00")
	for name, test := range map[string]struct {
		play func(c *scene)
		want string
	}{
		"simple queries": {func(c *scene) {
			for _, q := range []struct {
				text   string
				status byte
			}{{"BEGIN", 'T'}, {"SELECT 1", 'T'}, {"SELECT x", 'E'}, {"ROLLBACK", 'I'}, {"SELECT 1", 'I'}} {
				c.client(message('Q', q.text+"\x00"))
				c.server(done("X"), ready(q.status))
			}
		}, "open/open/failed/idle/idle"},
		"a pipeline shares the state of its synchronisation": {func(c *scene) {
			c.client(parse("a", "BEGIN"), bind("a"), execute, parse("b", "SELECT 1"), bind("b"), execute, syncs)
			c.server(parsed, bound, done("BEGIN"))
			c.server(parsed, bound, done("SELECT 1"))
			c.server(ready('T'))
		}, "open/open"},
		"two pipelines at once": {func(c *scene) {
			c.client(parse("a", "BEGIN"), bind("a"), execute, syncs, parse("b", "COMMIT"), bind("b"), execute, syncs)
			c.server(parsed, bound, done("BEGIN"), ready('T'), parsed, bound, done("COMMIT"), ready('I'))
		}, "open/idle"},
		"without a synchronisation it is the last one": {func(c *scene) {
			c.client(message('Q', "BEGIN\x00"))
			c.server(done("BEGIN"), ready('T'))
			c.client(parse("a", "SELECT 1"), describe("a"), flush)
			c.server(parsed, message('t', "\x00\x00"), message('T', "\x00\x00"))
		}, "open/open"},
		"an error in a transaction fails it": {func(c *scene) {
			c.client(message('Q', "BEGIN\x00"))
			c.server(done("BEGIN"), ready('T'))
			c.client(parse("a", "SELECT 1"), bind("a"), execute, flush)
			c.server(broken)
			c.client(syncs)
			c.server(ready('E'))
		}, "open/failed"},
		"an error outside of one leaves none": {func(c *scene) {
			c.client(parse("a", "SELECT 1"), bind("a"), execute, bind("a"), execute, syncs)
			c.server(parsed, broken, ready('I'))
		}, "idle/idle"},
		"data copied in": {func(c *scene) {
			c.client(parse("", "COPY t FROM STDIN"), bind(""), execute, syncs)
			c.server(parsed, bound, message('G', "\x00\x00\x00"))
			c.client(message('d', "a\n"), message('c', ""), syncs)
			c.server(done("COPY 1"), ready('T'))
			c.client(message('Q', "COMMIT\x00"))
			c.server(done("COMMIT"), ready('I'))
		}, "open/idle"},
		"a connection that is lost": {func(c *scene) {
			c.client(parse("a", "SELECT 1"), bind("a"), execute, bind("a"), execute, syncs)
			c.server(parsed, bound, done("SELECT 1"))
		}, "idle/"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newScene(t)
			test.play(c)
			c.s.Closed(c.now) // calls of an open transaction wait for their turn to be known
			if got := c.states(); got != test.want {
				t.Errorf("states %q, want %q", got, test.want)
			}
			if c.calls[0].Transaction != "idle" {
				t.Errorf("a new session is %q", c.calls[0].Transaction)
			}
			if c.s.syncs != 0 || len(c.s.over) != 0 {
				t.Errorf("%d synchronisations and %d calls are left", c.s.syncs, len(c.s.over))
			}
		})
	}
}

// TestLongPipeline: of a pipeline of any length few calls wait.
func TestLongPipeline(t *testing.T) {
	c := newScene(t)
	c.client(parse("a", "SELECT 1"), syncs)
	c.server(parsed, ready('I'))
	const length = 3*mostOver + 7
	c.client(strings.Repeat(bind("a")+execute, length), syncs)
	for i := range length {
		c.server(bound, done(fmt.Sprintf("SELECT %d", i)))
		if len(c.s.over) > mostOver {
			t.Fatalf("%d calls wait", len(c.s.over))
		}
	}
	c.server(ready('T'))
	c.s.Closed(c.now)
	if len(c.calls) != 2+length {
		t.Fatalf("%d calls, want %d", len(c.calls), 2+length)
	}
	last := c.calls[len(c.calls)-1]
	if last.Rows != length-1 || last.Transaction != "open" || slices.ContainsFunc(c.calls, func(call parley.Call) bool { return call.Transaction == "" }) {
		t.Errorf("the last: %+v", last)
	}
}
