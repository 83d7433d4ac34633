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
		Attribute: func(ids, _ []uint64) (int64, uint64, parley.Attribution) {
			if len(ids) == 1 && ids[0] == key.Hash("999000000000001") {
				return 1, 1, parley.ByIdentity
			}
			return 0, 0, parley.Unattributed
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
	c.s.Response([]byte(strings.Join(replies, "")), c.now)
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
			s.Response(server[:take], at)
			server = server[take:]
		}
		s.Closed(time.Second)
		if left := s.(*session).asked; len(left) != 0 {
			t.Errorf("%d commands are left", len(left))
		}
	})
}
