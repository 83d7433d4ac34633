package wires

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

// simulated is a bot in virtual time: its turns are goroutines, which wait for what they share.
type simulated struct {
	random *rand.Rand
	began  time.Time
	loop   chan struct{} // event loops: the bot's own time takes one
	own    time.Duration // before each call
	pools  map[string]chan int64
	mu     sync.Mutex
	cpu    time.Duration
	turns  []*simulatedTurn
	probes []parley.Sample
	cores  []parley.Sample
	conns  int64
}

type simulatedTurn struct {
	bot    *simulated
	own    time.Duration // before each call: the bot's, unless a test says otherwise
	random *rand.Rand
	phase  string
	step   int32
	row    parley.Turn
	calls  []parley.Call
	// conn is a connection the turn holds, by wire.
	conn map[string]int64
}

// simulatedLoad is a phase of a simulation: turns per second for a time.
type simulatedLoad struct {
	kind    parley.PhaseKind
	rate    float64
	seconds int
}

// atRate are a solo phase, and a steady one at a rate.
func atRate(rate float64, seconds int) []simulatedLoad {
	return []simulatedLoad{{parley.Solo, 0.1, 80}, {parley.Steady, rate, seconds}}
}

// simulate plays a bot whose turns are played by play, on event loops, with pools of connections by wire.
func simulate(t *testing.T, seed uint64, loops int, pools map[string]int, loads []simulatedLoad, play func(t *simulatedTurn)) *casetest.Run {
	t.Helper()
	b := &simulated{random: rand.New(rand.NewPCG(seed, 7)), own: time.Millisecond, pools: map[string]chan int64{}, conns: 1000}
	run := &casetest.Run{}
	synctest.Test(t, func(*testing.T) {
		b.loop = make(chan struct{}, loops) // made in the bubble, or who waits for them would stop its clock
		for wire, n := range pools {
			b.pools[wire] = make(chan int64, n)
			for range n {
				b.conns++
				b.pools[wire] <- b.conns
			}
		}
		b.play(run, loads, play)
	})
	b.record(run)
	return run
}

func (b *simulated) play(run *casetest.Run, loads []simulatedLoad, play func(t *simulatedTurn)) {
	b.began = time.Now()
	var all sync.WaitGroup
	from := time.Second
	ramp := -1
	for _, l := range loads {
		to := from + time.Duration(l.seconds)*time.Second
		step := int32(0)
		switch {
		case l.kind == parley.Ramp && ramp < 0:
			ramp = len(run.Phases)
			run.Phases = append(run.Phases, parley.Phase{Name: "ramp", Kind: parley.Ramp, Start: from, End: to})
			fallthrough
		case l.kind == parley.Ramp:
			p := &run.Phases[ramp]
			p.End, p.Steps = to, append(p.Steps, parley.Step{Start: from, End: to})
			step = int32(len(p.Steps))
		default:
			run.Phases = append(run.Phases, parley.Phase{Name: string(l.kind), Kind: l.kind, Start: from, End: to})
		}
		for at := from; at < to; {
			turn := &simulatedTurn{bot: b, own: b.own, random: rand.New(rand.NewPCG(b.random.Uint64(), 1)), phase: string(l.kind), step: step, conn: map[string]int64{}}
			turn.row = parley.Turn{Due: at, Spoken: at, Sent: at, Acked: parley.None, AckLatency: parley.None, FirstReply: parley.None, AnsweredAt: parley.None}
			b.turns = append(b.turns, turn)
			all.Go(func() {
				time.Sleep(turn.row.Due)
				play(turn)
			})
			gap := time.Duration(b.random.ExpFloat64() / l.rate * float64(time.Second))
			if l.kind == parley.Solo {
				gap = 10 * time.Second
			}
			at += gap + time.Microsecond
		}
		from = to
	}
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { b.probe(done) })
	watch.Go(func() { b.sample(done) })
	all.Wait()
	close(done)
	watch.Wait()
}

// probe asks for an idle route every 100 ms.
func (b *simulated) probe(done chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-time.After(100 * time.Millisecond):
		}
		at := time.Since(b.began)
		b.loop <- struct{}{}
		time.Sleep(300 * time.Microsecond)
		<-b.loop
		b.probes = append(b.probes, parley.Sample{At: at, Name: probeTime, Label: "/health", Value: (time.Since(b.began) - at).Seconds()})
	}
}

// sample reads the process's CPU time every second.
func (b *simulated) sample(done chan struct{}) {
	last := time.Duration(0)
	for {
		select {
		case <-done:
			return
		case <-time.After(time.Second):
		}
		at := time.Since(b.began)
		b.mu.Lock()
		cpu := b.cpu
		b.mu.Unlock()
		b.cores = append(b.cores,
			parley.Sample{At: at, Name: "bot_cpu_seconds_total", Value: cpu.Seconds()},
			parley.Sample{At: at, Name: "bot_busiest_thread_cores", Value: min(1, (cpu - last).Seconds())})
		last = cpu
	}
}

// record hands the turns to a run.
func (b *simulated) record(run *casetest.Run) {
	slices.SortStableFunc(b.turns, func(a, c *simulatedTurn) int { return cmp.Compare(a.row.Due, c.row.Due) })
	run.Samples = append(b.probes, b.cores...)
	run.Play(len(b.turns), func(t *casetest.Turn) {
		turn := b.turns[t.Number]
		id := t.Row.ID
		row := turn.row
		row.ID, row.Conversation, row.User, row.Scenario, row.Phase, row.Step, row.Said, row.Attempts, row.Final = id, id, uint64(id), "s", turn.phase, turn.step, 1, 1, true
		t.Row = row
		for _, c := range turn.calls {
			t.Beside(c.Wire, c.Operation, 0, func(into *parley.Call) {
				c.Turn, c.By, c.Flight = into.Turn, into.By, into.Flight
				if c.Conn == 0 {
					c.Conn = into.Conn
				}
				c.Status = into.Status
				*into = c
			})
		}
	})
}

func (t *simulatedTurn) now() time.Duration { return time.Since(t.bot.began) }

// jitter is a time around d, exponential with a part that is fixed.
func (t *simulatedTurn) jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(t.random.ExpFloat64()*float64(d)/2)
}

// work is the bot's own time on an event loop.
func (t *simulatedTurn) work(d time.Duration) {
	t.bot.loop <- struct{}{}
	time.Sleep(d)
	<-t.bot.loop
	t.bot.mu.Lock()
	t.bot.cpu += d
	t.bot.mu.Unlock()
}

// ack acknowledges the webhook.
func (t *simulatedTurn) ack() {
	t.work(t.jitter(500 * time.Microsecond))
	t.row.Acked = t.now()
	t.row.AckLatency = t.row.Acked - t.row.Sent
}

// call makes a call and waits for it.
func (t *simulatedTurn) call(wire, operation string, took time.Duration) {
	t.work(t.jitter(t.own))
	t.bare(wire, operation, took)
}

// bare is a call without the bot's own time before it.
func (t *simulatedTurn) bare(wire, operation string, took time.Duration) {
	from := t.now()
	time.Sleep(t.jitter(took))
	to := t.now()
	t.calls = append(t.calls, parley.Call{Wire: wire, Operation: operation, Conn: t.conn[wire], Start: from, FirstByte: to, End: to})
}

// blocking is a call that keeps its event loop.
func (t *simulatedTurn) blocking(wire, operation string, took time.Duration) {
	t.bot.loop <- struct{}{}
	time.Sleep(t.jitter(t.own))
	t.bare(wire, operation, took)
	<-t.bot.loop
}

// acquire takes a connection from a pool, release gives it back.
func (t *simulatedTurn) acquire(wire string) { t.conn[wire] = <-t.bot.pools[wire] }

func (t *simulatedTurn) release(wire string) {
	t.bot.pools[wire] <- t.conn[wire]
	delete(t.conn, wire)
}

// answer sends the answer.
func (t *simulatedTurn) answer() {
	t.call("evolution", "POST /message/sendText/{instance}", 5*time.Millisecond)
	t.row.Outcome, t.row.AnsweredAt = parley.Answered, t.now()
	t.row.Ended, t.row.FirstReply, t.row.Replies = t.row.AnsweredAt, t.row.AnsweredAt, 1
}

// The operations of simulated turns.
const (
	opChat  = "POST /v1/chat/completions"
	opRead  = "SELECT * FROM mensagens WHERE conversa = $1"
	opStore = "INSERT INTO mensagens VALUES ($1, $2)"
)

// healthyTurn is a turn of an asynchronous bot with a pool that is large enough.
func healthyTurn(t *simulatedTurn) {
	t.ack()
	t.call("redis", "HGETALL session:{n}", time.Millisecond)
	t.pooled(func() { t.call("postgres", opRead, 4*time.Millisecond) })
	t.call("openai", opChat, 800*time.Millisecond)
	t.pooled(func() { t.call("postgres", opStore, 4*time.Millisecond) })
	t.answer()
}

// pooled does something with a connection to the database.
func (t *simulatedTurn) pooled(do func()) {
	t.work(t.jitter(t.own))
	t.acquire("postgres")
	do()
	t.release("postgres")
}
