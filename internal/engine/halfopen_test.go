package engine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"parley"
	"parley/internal/drive"
	"parley/internal/record"
)

// halfOpenPlan has every kind of end that a wire has inside parley.
const halfOpenPlan = `
target:
  webhook: http://127.0.0.1:1/webhook
  evolution: {send_latency: 1ms}
dependencies:
  openai: {simulate: {first_token: 1ms, per_token: 0}}
  calendar: {simulate: true}
  orders: {kind: http, simulate: {latency: 1ms, routes: [{on: /**, text: ok}]}, env: ORDERS_URL}
scenarios: [{patience: 2s, turns: [Hello]}]
load: {phases: [{solo: 1s}]}
`

// cutAfter is how long a request may take to arrive, at every end alike, and cutBy when its connection is gone at the latest: an
// answer that says so is given half a second to arrive.
const (
	cutAfter = time.Minute
	cutBy    = cutAfter + time.Second
	// cleanUp is how long the send API's server takes to let go of goroutines without work.
	cleanUp = 10 * time.Second
)

// end is one end of the bot's wires: its name, and a request that it answers with a status.
type end struct {
	name, head, body string
	status           int
	listener         net.Listener
}

func (e end) whole() string {
	return fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", e.head, len(e.body), e.body)
}

// halves are the ways in which a request may be begun and not ended.
func (e end) halves() map[string]string {
	return map[string]string{
		"nothing":        "",
		"answered":       e.whole(),
		"half a line":    e.head[:10],
		"half a head":    e.head + "\r\nX-Half: a",
		"no body":        e.head + "\r\nContent-Length: 1000\r\n\r\n",
		"half a body":    e.head + "\r\nContent-Length: 1000\r\n\r\n" + e.body,
		"half a chunk":   e.head + "\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" + e.body,
		"leave to go on": e.head + "\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
		"to nowhere":     strings.Replace(e.head, "POST /", "POST /nowhere/", 1) + "\r\nContent-Length: 1000\r\n\r\n" + e.body,
		"by GET":         strings.Replace(e.head, "POST", "GET", 1) + "\r\nContent-Length: 1000\r\n\r\n" + e.body,
		"no HTTP":        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	}
}

// ask makes the request on a connection, and fails unless it is answered as it always is.
func (e end) ask(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	if _, err := io.WriteString(c, e.whole()); err != nil {
		t.Errorf("%s: %v", e.name, err)
		return
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Errorf("%s: %v", e.name, err)
		return
	}
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != e.status {
		t.Errorf("%s: status %d, %s, %v", e.name, response.StatusCode, text, err)
	}
}

// wiresOf opens the wires of halfOpenPlan as a run does; nothing is served yet. It returns what ends them, too.
func wiresOf(t *testing.T) (r *run, stop func()) {
	t.Helper()
	p := testPlan(t, halfOpenPlan)
	r = &run{o: Options{Plan: p, Dir: filepath.Join(t.TempDir(), "run")}, webhook: p.Target.Webhook, epoch: time.Now(), key: parley.NewKey()}
	var err error
	if r.tariff, err = newTariff(p); err != nil {
		t.Fatal(err)
	}
	if r.writer, err = record.Create(r.o.Dir, &parley.Run{ID: "test", Started: r.epoch}, record.Options{}); err != nil {
		t.Fatal(err)
	}
	r.tariff.writer = r.writer
	if r.wires, err = newWires(r); err != nil {
		t.Fatal(err)
	}
	if r.client, err = drive.NewClient(r.webhook, nil); err != nil {
		t.Fatal(err)
	}
	r.driver = drive.New(drive.Options{Plan: p, Platform: r.wires.platform, Sender: r.client, Recorder: r.writer, Key: r.key, Epoch: r.epoch})
	stop = sync.OnceFunc(func() {
		r.client.Close()
		r.driver.Close()
		r.wires.close()
		if err := r.writer.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return r, stop
}

// ends lists the ends of a run's wires.
func ends(r *run) []end {
	const head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s"
	e := r.o.Plan.Target.Evolution
	list := []end{{
		"send API", fmt.Sprintf(head, "/chat/whatsappNumbers/"+e.Instance, "apikey: "+e.APIKey.Reveal()),
		`{"numbers":["5511987654321"]}`, http.StatusOK, r.wires.sendAt,
	}}
	for _, s := range r.wires.sims {
		one := end{name: s.dependency.Name, status: http.StatusOK, listener: s.at}
		switch s.dependency.Kind {
		case "openai":
			one.head = fmt.Sprintf(head, "/v1/chat/completions", "Authorization: Bearer "+s.dependency.OpenAI.APIKey.Reveal())
			one.body = `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hi"}]}`
		case "calendar": // which refuses a token that is none of its own
			one.head = fmt.Sprintf(head, "/calendar/v3/calendars/primary/events", "Authorization: Bearer ya29.any")
			one.body, one.status = `{"summary":"Visit"}`, http.StatusUnauthorized
		default:
			one.head, one.body = fmt.Sprintf(head, "/v1/orders", "X-User: 1"), `{"order":1}`
		}
		list = append(list, one)
	}
	return list
}

// each calls open for so many connections, in all ways to all ends.
func each(all []end, n int, open func(e end, how, begun string)) {
	for n > 0 {
		for _, e := range all {
			for how, begun := range e.halves() {
				open(e, how, begun)
				n--
			}
		}
	}
}

// abandonMany opens so many connections in memory.
func abandonMany(t *testing.T, all []end, n int) (list []*halfOpen) {
	t.Helper()
	each(all, n, func(e end, how, begun string) {
		list = append(list, e.listener.(*pipes).abandon(t, e.name+": "+how, begun))
	})
	return list
}

// pooled: a connection that was answered belongs to a pool of the bot, which must not find it closed. The send API keeps it for two
// minutes, a simulated service for as long as the run.
func pooled(what string) bool { return strings.HasSuffix(what, ": answered") }

// halfOpenCount is how many connections are left half-open at once. The race detector bears 8,128 goroutines.
func halfOpenCount() int {
	if testing.Short() {
		return 2000
	}
	return 5000
}

// TestHalfOpenConnections: thousands of connections whose clients have gone within a request hold up nobody, are cut off when their time
// is over, and end with the run.
func TestHalfOpenConnections(t *testing.T) {
	_ = new(fasthttp.ResponseHeader).Header() // starts a clock of the library, which never ends, outside of the bubble
	synctest.Test(t, func(t *testing.T) {
		r, stop := wiresOf(t)
		r.wires.sendAt = inMemory(r.wires.sendAt)
		for _, s := range r.wires.sims {
			s.at = inMemory(s.at)
		}
		r.wires.serve()
		all := ends(r)
		askAll := func() {
			t.Helper()
			for _, e := range all {
				began := time.Now()
				e.ask(t, e.listener.(*pipes).dial())
				if took := time.Since(began); took > time.Second {
					t.Errorf("%s answered after %v", e.name, took)
				}
			}
		}
		half := abandonMany(t, all, halfOpenCount())
		askAll()
		time.Sleep(cutBy)
		synctest.Wait()
		odd := map[string]time.Duration{}
		for _, h := range half {
			lasted := h.lasted()
			onTime := lasted >= cutAfter && lasted <= cutBy
			if pooled(h.what) {
				onTime = lasted == stillOpen
			}
			if !onTime {
				odd[h.what] = lasted
			}
		}
		for what, lasted := range odd {
			t.Errorf("%s: cut off after %v (%v: not yet), want %v, or not if it is pooled", what, lasted, stillOpen, cutAfter)
		}
		askAll()

		half = append(half, abandonMany(t, all, halfOpenCount()/10)...)
		stop()
		for _, h := range half {
			if h.lasted() == stillOpen {
				t.Errorf("%s: still open when the wires were closed", h.what)
			}
		}
		time.Sleep(cutBy + cleanUp)
		for _, h := range half {
			if lasted := h.lasted(); lasted == stillOpen || lasted > cutBy && !pooled(h.what) {
				t.Errorf("%s: open for %v (%v: for ever)", h.what, lasted, stillOpen)
			}
		}
	})
}

// Bounds of what a half-open connection costs parley: bytes of heap and stacks, and goroutines.
const (
	mostBytes      = 32 << 10
	mostGoroutines = 1
)

// TestHalfOpenConnectionsCostLittle: over real sockets, the other side of each among the cost.
func TestHalfOpenConnectionsCostLittle(t *testing.T) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	n := min(halfOpenCount(), int(min(files.Cur, 1<<20)-256)/2)
	r, stop := wiresOf(t)
	before := runtime.NumGoroutine()
	r.wires.serve()
	all := ends(r)
	dial := func(e end) net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", e.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, e := range all {
		e.ask(t, dial(e)) // what is made once is made now
	}
	goroutines, memory := runtime.NumGoroutine(), inUse()
	var open []net.Conn
	each(all, n, func(e end, how, begun string) {
		c := dial(e)
		open = append(open, c)
		if _, err := io.WriteString(c, begun); err != nil {
			t.Fatalf("%s: %s: %v", e.name, how, err)
		}
	})
	const others = 16 // goroutines that end meanwhile, or serve a request, or record it
	if now := awaitGoroutines(func(now int) bool { return now >= goroutines+len(open)-others }); now < goroutines+len(open)-others {
		t.Errorf("%d goroutines, where %d connections are served", now, len(open))
	}
	for _, e := range all {
		e.ask(t, dial(e))
	}
	if more := runtime.NumGoroutine() - goroutines; more > mostGoroutines*len(open)+others {
		t.Errorf("%d goroutines for %d connections", more, len(open))
	}
	one := (inUse() - memory) / int64(len(open))
	t.Logf("%d connections, each %d bytes", len(open), one)
	if one > mostBytes {
		t.Errorf("a connection takes %d bytes, want at most %d", one, mostBytes)
	}
	stop()
	for _, c := range open {
		_ = c.Close()
	}
	const library = 2 // of the send API's server, which live for seconds longer: one looks after its workers, one tells the date
	if now := awaitGoroutines(func(now int) bool { return now <= before+library }); now > before+library {
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines are left, %d were there:\n%s", now, before, stacks[:runtime.Stack(stacks, true)])
	}
}

// inUse is the memory in use by the heap and by stacks, in bytes.
func inUse() int64 {
	runtime.GC()
	runtime.GC() // the second empties the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// awaitGoroutines waits until there are as many as wanted, for a while, and returns how many there are.
func awaitGoroutines(enough func(now int) bool) int {
	late := time.Now().Add(20 * time.Second)
	for !enough(runtime.NumGoroutine()) && time.Now().Before(late) {
		runtime.Gosched()
	}
	return runtime.NumGoroutine()
}
