package pgtap

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/fault"
	"parley/internal/fingerprint"
	"parley/internal/tap"
)

// scene is a session that is fed by hand. Its clock goes a millisecond on with each thing said.
type scene struct {
	t     *testing.T
	s     *session
	now   time.Duration
	calls []parley.Call
	warns []string
	known map[uint64]int64  // turns by identity
	owned map[uint64]uint64 // users by value
	tap   *tap.Tap
	// passed is how much of what the server said last went on.
	passed int
}

func newScene(t *testing.T, faults ...string) *scene {
	t.Helper()
	finder, err := fingerprint.NewFinder(fingerprint.Pattern{Prefix: "999", Rest: 12, Class: fingerprint.Digits})
	if err != nil {
		t.Fatal(err)
	}
	var rules []fault.Rule
	for _, text := range faults {
		r, err := fault.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, r)
	}
	c := &scene{t: t, known: map[uint64]int64{}, owned: map[uint64]uint64{}}
	key := parley.Key{1}
	c.known[key.Hash("999000000000001")] = 1
	c.known[key.Hash("999000000000002")] = 2
	c.tap = tap.New(tap.Options{
		Wire: "postgres", Key: key, Finder: finder, Epoch: time.Now(), Faults: rules,
		Attribute: func(call *parley.Call, fields []fingerprint.Field) uint64 {
			for _, id := range call.Identities {
				if turn := c.known[id]; turn != 0 {
					call.Turn, call.By = turn, parley.ByIdentity
					return uint64(turn)
				}
			}
			for _, f := range fields {
				if user := c.owned[f.Value]; f.Place == 0 && user != 0 {
					call.Turn, call.By = int64(user), parley.ByValue
					return user
				}
			}
			return 0
		},
		Reveal: func(user uint64, _ parley.Attribution, fields []fingerprint.Field) {
			for _, f := range fields {
				if f.Place == 0 {
					c.owned[f.Value] = user
				}
			}
		},
		Record: func(call parley.Call) { c.calls = append(c.calls, call) },
		Warn:   func(text string) { c.warns = append(c.warns, text) },
	}, func(t *tap.Tap) tap.Protocol { return New(t, false) })
	c.s = newSession(New(c.tap, false), 7)
	c.s.begin([]byte(start("user\x00ana\x00\x00")))
	c.server(message('R', "\x00\x00\x00\x00"), message('S', "a\x00b\x00"), message('K', "\x00\x00\x00\x01\x00\x00\x00\x02"), ready('I'))
	return c
}

func (c *scene) client(messages ...string) time.Duration {
	c.t.Helper()
	c.now += time.Millisecond
	hold, err := c.s.Request([]byte(strings.Join(messages, "")), c.now)
	if err != nil {
		c.t.Errorf("cut: %v", err)
	}
	return hold
}

func (c *scene) server(messages ...string) {
	c.now += time.Millisecond
	if text := strings.Join(messages, ""); !c.passes(text) {
		c.t.Errorf("cut within %q", text)
	}
}

// passes reports whether all of what the server says goes on.
func (c *scene) passes(text string) bool {
	pass, err := c.s.Response([]byte(text), c.now)
	c.passed = pass
	return err == nil && pass == len(text)
}

// ended are the calls so far but for the first, which is the connection's: operation, turn, how it was tied, flight, rows and failure.
func (c *scene) ended() []string {
	var out []string
	for _, call := range c.calls {
		if call.Operation == "connect" {
			continue
		}
		text := fmt.Sprintf("%s turn %d %s flight %d rows %d %s", call.Operation, call.Turn, call.By, call.Flight, call.Rows, call.Failure)
		out = append(out, strings.Join(strings.Fields(text), " "))
	}
	return out
}

func (c *scene) want(calls ...string) {
	c.t.Helper()
	if diff := cmp.Diff(calls, c.ended()); diff != "" {
		c.t.Errorf("calls (-want +got):\n%s", diff)
	}
	for _, call := range c.calls {
		if call.End < call.FirstByte || call.FirstByte != parley.None && call.FirstByte < call.Start || call.Conn != 7 || call.Wire != "postgres" {
			c.t.Errorf("times or places: %+v", call)
		}
	}
}

func message(kind byte, body string) string {
	return string(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))) + body
}

func start(body string) string {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)+8))
	return string(binary.BigEndian.AppendUint32(head, 3<<16)) + body
}

func ready(status byte) string { return message('Z', string(status)) }

func parse(name, text string) string { return message('P', name+"\x00"+text+"\x00\x00\x00") }

func describe(name string) string { return message('D', "S"+name+"\x00") }

func bind(statement string, values ...string) string {
	body := "\x00" + statement + "\x00\x00\x00" + string(binary.BigEndian.AppendUint16(nil, uint16(len(values))))
	for _, v := range values {
		body += string(binary.BigEndian.AppendUint32(nil, uint32(len(v)))) + v
	}
	return message('B', body+"\x00\x00")
}

// inBinary asks for the columns in binary.
func inBinary(bind string) string {
	body := strings.TrimSuffix(bind[5:], "\x00\x00") + "\x00\x01\x00\x01"
	return message('B', body)
}

func row(values ...string) string {
	body := string(binary.BigEndian.AppendUint16(nil, uint16(len(values))))
	for _, v := range values {
		body += string(binary.BigEndian.AppendUint32(nil, uint32(len(v)))) + v
	}
	return message('D', body)
}

func done(tag string) string { return message('C', tag+"\x00") }

const (
	execute = "E\x00\x00\x00\x09\x00\x00\x00\x00\x00"
	syncs   = "S\x00\x00\x00\x04"
	flush   = "H\x00\x00\x00\x04"
	parsed  = "1\x00\x00\x00\x04"
	bound   = "2\x00\x00\x00\x04"
	noData  = "n\x00\x00\x00\x04"
)

// TestPreparedAsAsyncpgDoes: Parse, Describe and Flush take a round trip; Bind, Execute and Sync another, and a third time only that.
func TestPreparedAsAsyncpgDoes(t *testing.T) {
	c := newScene(t)
	c.client(parse("s1", "SELECT id FROM customers WHERE phone = $1"), describe("s1"), flush)
	c.server(parsed, message('t', "\x00\x00"), message('T', "\x00\x00"))
	for range 2 {
		c.client(bind("s1", "999000000000001"), execute, syncs)
		c.server(bound, row("17"), row("18"), done("SELECT 2"), ready('I'))
	}
	c.want(
		"PREPARE SELECT id FROM customers WHERE phone = ? turn 1 connection flight 2 rows 0",
		"SELECT id FROM customers WHERE phone = ? turn 1 identity flight 3 rows 2",
		"SELECT id FROM customers WHERE phone = ? turn 1 identity flight 4 rows 2",
	)
}

// TestOneBreath: a statement that is parsed, bound and run in one flight is one call.
func TestOneBreath(t *testing.T) {
	c := newScene(t)
	c.client(parse("", "SELECT 1"), bind(""), describe(""), execute, syncs)
	c.server(parsed, bound, noData, row("1"), done("SELECT 1"), ready('I'))
	c.want("SELECT ? turn 0 flight 2 rows 1")
}

func TestSimpleQueries(t *testing.T) {
	c := newScene(t)
	c.client(message('Q', "SELECT 1; SELECT 'x'\x00"))
	c.server(row("1"), done("SELECT 1"), row("x"), done("SELECT 1"), ready('I'))
	c.client(message('Q', "SELECT nonsense\x00"))
	c.server(message('E', "SERROR\x00C42703\x00\x00"), ready('I'))
	c.client(message('Q', "COPY t FROM STDIN\x00"))
	c.server(message('G', "\x00\x00\x00"))
	c.client(message('d', "a\tb\n"), message('d', "c\td\n"), message('c', ""))
	c.server(done("COPY 2"), ready('I'))
	c.want(
		"SELECT ?; SELECT ? turn 0 flight 2 rows 2",
		"SELECT nonsense turn 0 flight 3 rows 0 SQLSTATE 42703",
		"COPY t FROM STDIN turn 0 flight 4 rows 2",
	)
}

// TestPipeline: what follows an error up to the next Sync is not run; pipelined statements share a flight.
func TestPipeline(t *testing.T) {
	c := newScene(t)
	c.client(parse("a", "INSERT INTO t VALUES ($1)"), syncs)
	c.server(parsed, ready('I'))
	c.client(bind("a", "1"), execute, bind("a", "2"), execute, bind("a", "3"), execute, syncs, bind("a", "4"), execute, syncs)
	c.server(bound, done("INSERT 0 1"), bound, message('E', "C23505\x00\x00"), ready('I'), bound, done("INSERT 0 1"), ready('I'))
	c.want(
		"PREPARE INSERT INTO t VALUES (?) turn 0 flight 2 rows 0",
		"INSERT INTO t VALUES (?) turn 0 flight 3 rows 1",
		"INSERT INTO t VALUES (?) turn 0 flight 3 rows 0 SQLSTATE 23505",
		"INSERT INTO t VALUES (?) turn 0 flight 3 rows 0 skipped after an error",
		"INSERT INTO t VALUES (?) turn 0 flight 3 rows 1",
	)
}

// TestTransaction: one statement that names the user speaks for the whole transaction, and none beyond it.
func TestTransaction(t *testing.T) {
	c := newScene(t)
	say := func(text string, status byte) {
		c.client(message('Q', text+"\x00"))
		c.server(done("X"), ready(status))
	}
	say("BEGIN", 'T')
	say("SELECT now()", 'T')
	say("UPDATE c SET x = 1 WHERE phone = '999000000000002'", 'T')
	say("COMMIT", 'I')
	say("SELECT 1", 'I')
	c.want(
		"BEGIN turn 2 connection flight 2 rows 0",
		"SELECT now() turn 2 connection flight 3 rows 0",
		"UPDATE c SET x = ? WHERE phone = ? turn 2 identity flight 4 rows 0",
		"COMMIT turn 2 connection flight 5 rows 0",
		"SELECT ? turn 0 flight 6 rows 0",
	)
}

// TestPoolCheckOut: a connection that is reset when it is given back is held until then.
func TestPoolCheckOut(t *testing.T) {
	c := newScene(t)
	say := func(text string) {
		c.client(message('Q', text+"\x00"))
		c.server(done("X"), ready('I'))
	}
	say("SELECT 1; RESET ALL") // the pool says how it gives back
	say("SELECT 2")
	say("SELECT 3 WHERE phone = '999000000000001'")
	say("CLOSE ALL; RESET ALL")
	say("SELECT 4")
	got := c.ended()
	want := []string{
		"SELECT ?; RESET ALL turn 0 flight 2 rows 0",
		"SELECT ? turn 1 connection flight 3 rows 0",
		"SELECT ? WHERE phone = ? turn 1 identity flight 4 rows 0",
		"CLOSE ALL; RESET ALL turn 1 connection flight 5 rows 0",
	}
	if diff := cmp.Diff(want, got); diff != "" { // the last one waits for its turn to be known
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	c.s.Closed(c.now)
	if got := c.ended(); len(got) != 5 || got[4] != "SELECT ? turn 0 flight 6 rows 0" {
		t.Errorf("at the end: %q", got)
	}
}

// TestRowsRevealIdentities: the id of a row that was read by a number is that user's, as text and in binary.
func TestRowsRevealIdentities(t *testing.T) {
	c := newScene(t)
	uuid := "6f1c2b3a-0d4e-4f5a-8b6c-7d8e9f0a1b2c"
	binary := "\x6f\x1c\x2b\x3a\x0d\x4e\x4f\x5a\x8b\x6c\x7d\x8e\x9f\x0a\x1b\x2c"
	c.client(parse("a", "SELECT id FROM c WHERE phone = $1"), parse("b", "SELECT * FROM m WHERE c = $1"), syncs)
	c.server(parsed, parsed, ready('I'))
	c.client(inBinary(bind("a", "999000000000002")), execute, syncs)
	c.server(bound, row(binary), done("SELECT 1"), ready('I'))
	c.client(bind("b", uuid), execute, syncs)
	c.server(bound, done("SELECT 0"), ready('I'))
	c.client(bind("b", "17"), execute, syncs)
	c.server(bound, done("SELECT 0"), ready('I'))
	c.want(
		"PREPARE SELECT id FROM c WHERE phone = ? turn 0 flight 2 rows 0",
		"PREPARE SELECT * FROM m WHERE c = ? turn 0 flight 2 rows 0",
		"SELECT id FROM c WHERE phone = ? turn 2 identity flight 3 rows 1",
		"SELECT * FROM m WHERE c = ? turn 2 value flight 4 rows 0",
		"SELECT * FROM m WHERE c = ? turn 0 flight 5 rows 0",
	)
}

func TestBinaryNumber(t *testing.T) {
	c := newScene(t)
	number := string(binary.BigEndian.AppendUint64(nil, 999000000000001))
	asBinary := strings.Replace(bind("a", number), "a\x00\x00\x00", "a\x00\x00\x01\x00\x01", 1)
	asBinary = asBinary[:4] + string(asBinary[4]+2) + asBinary[5:] // a format more
	c.client(parse("a", "SELECT 1 WHERE phone = $1"), asBinary, execute, syncs)
	c.server(parsed, bound, done("SELECT 0"), ready('I'))
	c.want("SELECT ? WHERE phone = ? turn 1 identity flight 2 rows 0")
}

func TestFaults(t *testing.T) {
	c := newScene(t, "delay 20ms on SELECT*", "reset on DELETE*")
	if hold := c.client(message('Q', "SELECT 1\x00")); hold != 20*time.Millisecond {
		t.Errorf("held back %v", hold)
	}
	c.server(done("SELECT 1"), ready('I'))
	if hold := c.client(message('Q', "UPDATE t SET x = 1\x00")); hold != 0 {
		t.Errorf("held back %v", hold)
	}
	c.server(done("UPDATE 1"), ready('I'))
	if _, err := c.s.Request([]byte(message('Q', "DELETE FROM t\x00")), c.now); err == nil {
		t.Error("not cut")
	}
	c.s.Closed(c.now)
	last := c.calls[len(c.calls)-1]
	if last.Fault != "reset" || last.Failure != "connection closed" || c.calls[1].Imposed != 20*time.Millisecond {
		t.Errorf("recorded as %+v", last)
	}
}

// TestGarbage: what cannot be followed is said once, and what was asked is recorded.
func TestGarbage(t *testing.T) {
	c := newScene(t)
	c.client(message('Q', "SELECT 1\x00"))
	c.server("\x00\x00\x00\x00\x00\x00")
	c.client(message('Q', "SELECT 2\x00"))
	c.server("more of it")
	c.want("SELECT ? turn 0 flight 2 rows 0 not followed")
	if len(c.warns) != 1 || !strings.Contains(c.warns[0], "could not be followed") {
		t.Errorf("said %q", c.warns)
	}
}

// FuzzSession: no order of messages makes a session fail or keep more than it may.
func FuzzSession(f *testing.F) {
	f.Add([]byte(parse("s", "SELECT $1")+bind("s", "x")+execute+syncs), []byte(parsed+bound+row("1")+done("SELECT 1")+ready('I')), uint8(3))
	f.Add([]byte(message('Q', "x\x00")+message('d', "y")), []byte(message('E', "C1\x00\x00")+ready('E')), uint8(1))
	f.Fuzz(func(t *testing.T, client, server []byte, piece uint8) {
		recorded := 0
		tp := tap.New(tap.Options{Wire: "w", Epoch: time.Now(), Record: func(c parley.Call) {
			recorded++
			if c.End == parley.None {
				t.Errorf("a call without an end: %+v", c)
			}
		}}, func(t *tap.Tap) tap.Protocol { return New(t, false) })
		s := newSession(New(tp, false), 1)
		s.begin([]byte(start("\x00")))
		n := int(piece) + 1
		for at := time.Duration(1); len(client)+len(server) > 0; at++ {
			take := min(n, len(client))
			if _, err := s.Request(client[:take], at); err != nil {
				t.Fatal(err)
			}
			client = client[take:]
			take = min(n, len(server))
			if pass, err := s.Response(server[:take], at); err != nil || pass != take {
				t.Fatal(pass, err)
			}
			server = server[take:]
		}
		s.Closed(time.Second)
		if s.asked.Len() != 0 {
			t.Errorf("%d exchanges are left", s.asked.Len())
		}
	})
}

func BenchmarkExchange(b *testing.B) {
	tp := tap.New(tap.Options{Wire: "w", Epoch: time.Now(), Record: func(parley.Call) {}}, func(t *tap.Tap) tap.Protocol { return New(t, false) })
	s := newSession(New(tp, false), 1)
	s.begin([]byte(start("\x00")))
	answer := func(text string) {
		if _, err := s.Response([]byte(text), 0); err != nil {
			b.Fatal(err)
		}
	}
	answer(ready('I'))
	if _, err := s.Request([]byte(parse("s1", "SELECT id, name FROM customers WHERE phone = $1")+syncs), 0); err != nil {
		b.Fatal(err)
	}
	answer(parsed + ready('I'))
	request := []byte(bind("s1", "999000000000001") + execute + syncs)
	response := bound + row("17", "Ana") + done("SELECT 1") + ready('I')
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Request(request, 1); err != nil {
			b.Fatal(err)
		}
		answer(response)
	}
}
