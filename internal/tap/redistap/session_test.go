package redistap

import (
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
	s     tap.Session
	now   time.Duration
	calls []parley.Call
	warns []string
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
	c := &scene{t: t}
	key := parley.Key{1}
	tp := tap.New(tap.Options{
		Wire: "redis", Key: key, Finder: finder, Epoch: time.Now(), Faults: rules,
		Attribute: func(call *parley.Call, _ []fingerprint.Field) uint64 {
			if ids := call.Identities; len(ids) == 1 && ids[0] == key.Hash("999000000000001") {
				call.Turn, call.By = 1, parley.ByIdentity
				return 1
			}
			return 0
		},
		Record: func(call parley.Call) { c.calls = append(c.calls, call) },
		Warn:   func(text string) { c.warns = append(c.warns, text) },
	}, func(t *tap.Tap) tap.Protocol { return New(t) })
	c.s, _, _, err = New(tp).Open(t.Context(), nil, nil, 3)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// client says commands, each a line of words.
func (c *scene) client(commands ...string) {
	c.t.Helper()
	var b strings.Builder
	for _, text := range commands {
		words := strings.Fields(text)
		fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
		}
	}
	c.now += time.Millisecond
	if _, err := c.s.Request([]byte(b.String()), c.now); err != nil {
		c.t.Errorf("cut: %v", err)
	}
}

func (c *scene) server(replies ...string) {
	c.now += time.Millisecond
	if text := strings.Join(replies, ""); !c.passes(text) {
		c.t.Errorf("cut within %q", text)
	}
}

// passes reports whether all of what the server says goes on.
func (c *scene) passes(text string) bool {
	pass, err := c.s.Response([]byte(text), c.now)
	c.passed = pass
	return err == nil && pass == len(text)
}

func (c *scene) want(calls ...string) {
	c.t.Helper()
	var got []string
	for _, call := range c.calls {
		text := fmt.Sprintf("%s turn %d %s flight %d %s", call.Operation, call.Turn, call.By, call.Flight, call.Failure)
		if call.Blocking {
			text += " blocking"
		}
		got = append(got, strings.Join(strings.Fields(text), " "))
		if call.End < call.Start || call.Conn != 3 {
			c.t.Errorf("times or places: %+v", call)
		}
	}
	if diff := cmp.Diff(calls, got); diff != "" {
		c.t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestCommands(t *testing.T) {
	c := newScene(t)
	c.client("get session:999000000000001")
	c.server("$-1\r\n")
	c.client("HSET session:17 a b")
	c.server("-WRONGTYPE Operation against a key\r\n")
	c.client("EVALSHA 0123456789abcdef0123456789abcdef01234567 1 lock:42 x", "EVAL return 0")
	c.server(":1\r\n", ":0\r\n")
	c.want("GET session:* turn 1 identity flight 1", "HSET session:* turn 0 flight 2 WRONGTYPE", "EVALSHA lock:* turn 0 flight 3", "EVAL turn 0 flight 3")
}

// TestPipelineIsOneTurns: a pipeline is one flight, and of one turn.
func TestPipelineIsOneTurns(t *testing.T) {
	c := newScene(t)
	c.client("INCR counter", "GET session:999000000000001", "EXPIRE counter 60")
	c.server(":1\r\n")
	c.server("$1\r\nx\r\n", ":1\r\n")
	c.client("GET other")
	c.server("$1\r\nx\r\n")
	c.want("INCR counter turn 1 connection flight 1", "GET session:* turn 1 identity flight 1", "EXPIRE counter turn 1 connection flight 1", "GET other turn 0 flight 2")
}

func TestTransaction(t *testing.T) {
	c := newScene(t)
	c.client("MULTI")
	c.server("+OK\r\n")
	c.client("SET a 1")
	c.server("+QUEUED\r\n")
	c.client("SET session:999000000000001 2")
	c.server("+QUEUED\r\n")
	c.client("EXEC")
	c.server("*2\r\n+OK\r\n+OK\r\n")
	c.client("GET a")
	c.server("$-1\r\n")
	c.want("MULTI turn 1 connection flight 1", "SET a turn 1 connection flight 2", "SET session:* turn 1 identity flight 3", "EXEC turn 1 connection flight 4", "GET a turn 0 flight 5")
}

func TestSubscriptions(t *testing.T) {
	c := newScene(t)
	c.client("SUBSCRIBE news:1 news:2")
	c.server("*3\r\n$9\r\nsubscribe\r\n$6\r\nnews:1\r\n:1\r\n", "*3\r\n$9\r\nsubscribe\r\n$6\r\nnews:2\r\n:2\r\n")
	c.server("*3\r\n$7\r\nmessage\r\n$6\r\nnews:1\r\n$2\r\nhi\r\n")
	c.client("PING")
	c.server("*3\r\n$7\r\nmessage\r\n$6\r\nnews:1\r\n$2\r\nhi\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n")
	c.want("SUBSCRIBE news:* turn 0 flight 1", "PING turn 0 flight 2")
}

// TestPushes: what RESP3 pushes answers no command.
func TestPushes(t *testing.T) {
	c := newScene(t)
	c.client("HELLO 3 AUTH user secret-999000000000001")
	c.server("%1\r\n+server\r\n+redis\r\n")
	c.client("GET a")
	c.server(">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n", "$1\r\nx\r\n")
	c.want("HELLO turn 0 flight 1", "GET a turn 0 flight 2")
}

func TestSilence(t *testing.T) {
	c := newScene(t)
	c.client("CLIENT REPLY SKIP", "SET a 1", "GET a")
	c.server("$1\r\n1\r\n")
	c.client("CLIENT REPLY OFF", "SET b 1", "SET c 1", "CLIENT REPLY ON")
	c.server("+OK\r\n")
	c.client("GET b")
	c.server("$1\r\n1\r\n")
	c.want("SET a turn 0 flight 1", "GET a turn 0 flight 1", "SET b turn 0 flight 2", "SET c turn 0 flight 2", "CLIENT turn 0 flight 2", "GET b turn 0 flight 3")
}

func TestBlockingWaitsForWork(t *testing.T) {
	c := newScene(t)
	c.client("BRPOP celery 1")
	c.server("*-1\r\n")
	c.client("XREAD BLOCK 5000 STREAMS jobs 0")
	c.s.Closed(c.now)
	c.want("BRPOP celery turn 0 flight 1 blocking", "XREAD jobs turn 0 flight 2 connection closed blocking")
}

func TestWhatIsNotFollowedIsSaid(t *testing.T) {
	c := newScene(t)
	c.client("GET a")
	c.server("-MOVED 3999 127.0.0.1:6381\r\n")
	c.client("MONITOR")
	c.server("+OK\r\n", "+1339518083.107412 [0 127.0.0.1:60866] \"keys\" \"*\"\r\n")
	c.want("GET a turn 0 flight 1 MOVED")
	if len(c.warns) != 2 || !strings.Contains(c.warns[0], "cluster") || !strings.Contains(c.warns[1], "MONITOR") {
		t.Errorf("said %q", c.warns)
	}
}

func TestFaults(t *testing.T) {
	c := newScene(t, "delay 20ms on GET*", "reset on DEL*")
	hold, err := c.s.Request([]byte("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), 1)
	if hold != 20*time.Millisecond || err != nil {
		t.Errorf("held back %v, %v", hold, err)
	}
	if _, err := c.s.Request([]byte("*2\r\n$3\r\nDEL\r\n$1\r\na\r\n"), 2); err == nil {
		t.Error("not cut")
	}
}

// TestNamesAreBounded: a bot that makes keys of anything does not fill the memory.
func TestNamesAreBounded(t *testing.T) {
	c := newScene(t)
	seen := map[string]bool{}
	for i := range 5000 {
		name := "k" + strings.Map(func(r rune) rune { return 'a' + r - '0' }, fmt.Sprint(i))
		c.client("GET " + name)
		c.server("$-1\r\n")
		seen[c.calls[len(c.calls)-1].Operation] = true
	}
	if len(seen) > mostOfCommand+1 {
		t.Errorf("%d operations", len(seen))
	}
}

func FuzzSession(f *testing.F) {
	f.Add([]byte("*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nEXEC\r\n"), []byte("+OK\r\n*0\r\n"), uint8(3))
	f.Add([]byte("*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n"), []byte(">3\r\n+subscribe\r\n+a\r\n:1\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, client, server []byte, piece uint8) {
		tp := tap.New(tap.Options{Wire: "w", Epoch: time.Now(), Record: func(c parley.Call) {
			if c.End == parley.None {
				t.Errorf("a call without an end: %+v", c)
			}
		}}, func(t *tap.Tap) tap.Protocol { return New(t) })
		s, _, _, err := New(tp).Open(t.Context(), nil, nil, 1)
		if err != nil {
			t.Fatal(err)
		}
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
		if left := s.(*session).asked.Len(); left != 0 {
			t.Errorf("%d commands are left", left)
		}
	})
}

// TestSubscribedConnection: with RESP2 messages and confirmations come between replies, and answer none of them.
func TestSubscribedConnection(t *testing.T) {
	message := "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"
	confirm := func(word, channel string, left int) string {
		return fmt.Sprintf("*3\r\n$%d\r\n%s\r\n$1\r\n%s\r\n:%d\r\n", len(word), word, channel, left)
	}
	c := newScene(t)
	c.client("SUBSCRIBE a b", "PING")
	c.server(confirm("subscribe", "a", 1), message, confirm("subscribe", "b", 2))
	if n := c.s.(*session).asked.Len(); n != 1 {
		t.Fatalf("%d calls wait, want PING alone", n)
	}
	c.server(message, "*2\r\n$4\r\npong\r\n$0\r\n\r\n")
	if n := len(c.calls); n != 2 || c.calls[1].Rows != 2 {
		t.Fatalf("%+v", c.calls[1:])
	}
	c.client("UNSUBSCRIBE", "LRANGE l 0 -1")
	c.server(confirm("unsubscribe", "a", 1), message, confirm("unsubscribe", "b", 0))
	if n := c.s.(*session).asked.Len(); n != 1 {
		t.Fatalf("%d calls wait, want LRANGE alone", n)
	}
	c.server(message) // now the content of a list
	if n := len(c.calls); n != 4 || c.calls[3].Rows != 3 {
		t.Errorf("%d calls have ended", n)
	}
}

// TestWatch: a watched key holds the connection until EXEC.
func TestWatch(t *testing.T) {
	c := newScene(t)
	for _, text := range []string{"WATCH seat:1", "GET seat:1", "MULTI", "SET 999000000000001 x", "EXEC", "GET other"} {
		c.client(text)
		c.server("+OK\r\n")
	}
	for i, call := range c.calls {
		if want := int64(1); i == 5 && call.Turn != 0 || i < 5 && call.Turn != want {
			t.Errorf("%s is of turn %d", call.Operation, call.Turn)
		}
	}
}

// TestLargeValues: times are those of the first and the last byte.
func TestLargeValues(t *testing.T) {
	c := newScene(t)
	for _, piece := range []string{"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4\r\nab", "cd\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"} {
		c.now += time.Millisecond
		if _, err := c.s.Request([]byte(piece), c.now); err != nil {
			t.Fatal(err)
		}
	}
	c.server("+OK\r\n$4\r\na")
	c.server("bcd\r\n")
	if len(c.calls) != 2 {
		t.Fatalf("%d calls", len(c.calls))
	}
	set, get := c.calls[0], c.calls[1]
	if set.Start != time.Millisecond || set.End != 3*time.Millisecond || get.Start != 2*time.Millisecond || get.FirstByte != 3*time.Millisecond || get.End != 4*time.Millisecond {
		t.Errorf("SET %v to %v, GET %v, %v, %v", set.Start, set.End, get.Start, get.FirstByte, get.End)
	}
}

// TestImposed: what a call was held in truth is recorded, of all that came with it, too.
func TestImposed(t *testing.T) {
	c := newScene(t, "delay 20ms on SET*", "hang on DEL*", "reset on FLUSHALL", "cut on GET*")
	one := "*2\r\n$3\r\n%s\r\n$1\r\na\r\n"
	if hold, err := c.s.Request([]byte(fmt.Sprintf(one, "SET")+fmt.Sprintf(one, "TTL")), 1); hold != 20*time.Millisecond || err != nil {
		t.Fatal(hold, err)
	}
	if hold, err := c.s.Request(fmt.Appendf(nil, one, "TTL"), 2); hold != 0 || err != nil {
		t.Fatal(hold, err)
	}
	c.s.Released(1, 21*time.Millisecond)
	c.s.Released(2, 19*time.Millisecond)
	c.server("+OK\r\n:1\r\n:1\r\n")
	for i, want := range []time.Duration{21 * time.Millisecond, 21 * time.Millisecond, 19 * time.Millisecond} {
		if got := c.calls[i].Imposed; got != want {
			t.Errorf("call %d: %v, want %v", i, got, want)
		}
	}
	if c.calls[0].Fault == "" || c.calls[1].Fault != "" {
		t.Errorf("faults %q and %q", c.calls[0].Fault, c.calls[1].Fault)
	}
	c.client("GET a")
	const reply = "$5\r\nhello\r\n"
	if c.passes(reply) || c.passed < 1 || c.passed >= len(reply) {
		t.Errorf("%d bytes of %d went on", c.passed, len(reply))
	}
	if hold, err := c.s.Request(fmt.Appendf(nil, one, "DEL"), 9); hold != tap.Never || err != nil {
		t.Error(hold, err)
	}
	if _, err := c.s.Request([]byte("FLUSHALL\r\n"), 10); err == nil {
		t.Error("not cut")
	}
	c.s.Closed(11)
	if last := c.calls[len(c.calls)-1]; last.Fault != "reset" || last.Failure != "connection closed" {
		t.Errorf("%+v", last)
	}
	if hung := c.calls[len(c.calls)-2]; hung.Fault != "hang" || hung.Imposed > 2 {
		t.Errorf("%+v", hung)
	}
}

// TestEncryptedClient gets a message that says what to change.
func TestEncryptedClient(t *testing.T) {
	c := newScene(t)
	if _, err := c.s.Request([]byte("\x16\x03\x01\x02\x00\x01"), 1); err != nil {
		t.Fatal(err)
	}
	if len(c.warns) != 1 || !strings.Contains(c.warns[0], "redis:// for rediss://") {
		t.Errorf("said %q", c.warns)
	}
}

func BenchmarkExchange(b *testing.B) {
	finder, err := fingerprint.NewFinder(fingerprint.Pattern{Prefix: "999", Rest: 12, Class: fingerprint.Digits})
	if err != nil {
		b.Fatal(err)
	}
	tp := tap.New(tap.Options{Wire: "w", Epoch: time.Now(), Finder: finder, Record: func(parley.Call) {}}, func(t *tap.Tap) tap.Protocol { return New(t) })
	s, _, _, err := New(tp).Open(b.Context(), nil, nil, 1)
	if err != nil {
		b.Fatal(err)
	}
	request := []byte("*2\r\n$3\r\nGET\r\n$24\r\ncustomer:999000000000042\r\n")
	response := []byte("$24\r\na name of a usual length\r\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Request(request, 1); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Response(response, 2); err != nil {
			b.Fatal(err)
		}
	}
}
