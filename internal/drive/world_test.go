package drive

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
	"parley/internal/platform"
)

// world is a bot, a platform and a driver inside a synctest bubble: the protocol
// is real HTTP over in-memory connections, the time is virtual.
type world struct {
	t      *testing.T
	plan   *plan.Plan
	driver *Driver
	book   *book
	// onMessage is the bot. It runs in the webhook's request.
	onMessage bot
	// slot is for bots that do one thing at a time.
	slot  chan struct{}
	seen  sync.Mutex
	inbox []said
}

// bot handles one webhook, within its request.
type bot func(w *world, rw http.ResponseWriter, m said)

// said is the stub platform's webhook body.
type said struct {
	ID, From, Text string
	Voice          bool
	at             time.Duration
}

// book is a Recorder that keeps the latest row of each turn.
type book struct {
	mu      sync.Mutex
	turns   map[int64]parley.Turn
	opened  int
	rows    int
	replies []parley.Reply
}

func (b *book) Turn(t parley.Turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows++
	if t.Outcome == parley.Open {
		b.opened++
	}
	b.turns[t.ID] = t
}

func (b *book) Reply(r parley.Reply) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replies = append(b.replies, r)
}

// list returns the turns in order of their ids.
func (b *book) list() []parley.Turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	turns := make([]parley.Turn, 0, len(b.turns))
	for id := int64(1); len(turns) < len(b.turns); id++ {
		if t, ok := b.turns[id]; ok {
			turns = append(turns, t)
		}
	}
	return turns
}

// stubPlatform is the simplest possible platform.
type stubPlatform struct{}

func (stubPlatform) User(i int64) platform.User {
	return platform.User{Number: "999" + strconv.FormatInt(1e11+i, 10), Name: "User" + strconv.FormatInt(i, 10)}
}

func (stubPlatform) Message(from platform.User, seq int64, text string, at time.Time) platform.Message {
	return platform.Message{ID: fmt.Sprintf("MSG%d", seq), From: from, Text: text, At: at}
}

func (stubPlatform) Webhook(_ []byte, m platform.Message) platform.Webhook {
	body, _ := json.Marshal(said{ID: m.ID, From: m.From.Number, Text: m.Text, Voice: m.Voice})
	return platform.Webhook{URL: "http://bot/webhook", Body: body, Event: "message", Header: []platform.Field{{Name: "Content-Type", Value: "application/json"}}}
}

func (stubPlatform) Retry() platform.RetryPolicy { return stubRetry{} }

// stubRetry repeats server errors after 5 s, three attempts in all.
type stubRetry struct{}

func (stubRetry) Again(attempts, status int, _ error) (time.Duration, bool) {
	return 5 * time.Second, attempts < 3 && (status == 0 || status >= 500)
}
func (stubRetry) Timeout() time.Duration { return 30 * time.Second }

// pipes is an in-memory listener of synchronous pipes.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "bot"} }
func (p *pipes) dial(context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// play runs body in a bubble against a bot, then ends the run and returns what was recorded.
func play(t *testing.T, p *plan.Plan, bot bot, body func(w *world)) (result *world) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, plan: p, onMessage: bot, book: &book{turns: make(map[int64]parley.Turn)}, slot: make(chan struct{}, 1)}
		link := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		server := &http.Server{Handler: http.HandlerFunc(w.serve)}
		go func() { _ = server.Serve(link) }()
		client, err := NewClient("http://bot/webhook", link.dial)
		if err != nil {
			t.Fatal(err)
		}
		w.driver = New(Options{Plan: p, Platform: stubPlatform{}, Sender: client, Recorder: w.book, Epoch: time.Now()})
		body(w)
		w.driver.Cut()
		client.Close()
		w.driver.Close()
		_ = server.Close()
		time.Sleep(time.Hour) // lets every timer and cleaner of the protocol's libraries end
		result = w
	})
	return result
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	var m said
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		w.t.Error(err)
	}
	m.at = w.driver.since()
	w.seen.Lock()
	w.inbox = append(w.inbox, m)
	w.seen.Unlock()
	w.onMessage(w, rw, m)
}

// reply has the bot send a message that the user sees now.
func (w *world) reply(to, text, quoted string) {
	now := time.Now()
	w.driver.Reply(platform.Reply{To: to, Text: text, Quoted: quoted, Kind: "text", Received: now, Delivered: now})
}

// run plays one phase.
func (w *world) run(kind parley.PhaseKind, lasts time.Duration) parley.Phase {
	return w.driver.Run(context.Background(), string(kind), plan.Phase{Kind: kind, Duration: lasts, Rate: 1})
}

// echo answers every message after a fixed time of work, acknowledging at once.
func echo(work time.Duration) bot {
	return func(w *world, _ http.ResponseWriter, m said) {
		go func() {
			time.Sleep(work)
			w.reply(m.From, "re: "+m.Text, "")
		}()
	}
}

// testPlan is a plan of one scenario with even arrivals.
func testPlan(perHour float64, turns ...plan.Turn) *plan.Plan {
	for i := range turns {
		if turns[i].Patience == 0 {
			turns[i].Patience = 30 * time.Second
		}
		if turns[i].Say == nil {
			turns[i].Say = [][]string{{"message " + strconv.Itoa(i)}}
		}
		if turns[i].Answered.Mode == "" {
			turns[i].Answered.Mode = "first"
		}
		if turns[i].Think.IsZero() {
			turns[i].Think = fault.Constant(2 * time.Second)
		}
		if turns[i].Gap.IsZero() {
			turns[i].Gap = fault.Constant(time.Second)
		}
	}
	return &plan.Plan{
		Seed:      7,
		Scenarios: []plan.Scenario{{Name: "test", Weight: 1, Turns: turns}},
		Load:      plan.Load{ConversationsPerHour: perHour, Concurrency: 1e6, Arrivals: "even"},
		Safety:    plan.Safety{Users: 1e6},
	}
}
