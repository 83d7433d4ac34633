package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/bench/rig"
)

// bench runs cases, each in processes of its own.
type bench struct {
	seconds     int
	connections int
	pin, keep   bool
	profile     bool
	progress    io.Writer
	rounds      int
	dir         string // of the records
	descriptors int
}

func caseNames() []string { return []string{"peers", "turn", "rate", "waiting", "open", "flat"} }

// webhookBytes is the size of the peers' body, and about that of a webhook of the turns.
const webhookBytes = 1044

// measure runs the cases named, in their order.
func (b *bench) measure(ctx context.Context, names []string) (*results, error) {
	var err error
	if b.dir, err = os.MkdirTemp("", "bench-drive-"); err != nil {
		return nil, fmt.Errorf("make a folder for the records: %w", err)
	}
	defer func() {
		if b.keep {
			_, _ = fmt.Fprintln(b.progress, "the records are in", b.dir)
			return
		}
		_ = os.RemoveAll(b.dir) // a folder of ours in the system's own for such things
	}()
	if b.descriptors, err = rig.RaiseDescriptors(); err != nil {
		return nil, err
	}
	r := &results{Descriptors: b.descriptors, Connections: b.connections, Pinned: b.pin}
	cases := map[string]func(context.Context, *results) error{
		"peers": b.peers, "turn": b.turn, "rate": b.rate, "waiting": b.waiting, "open": b.open, "flat": b.flat,
	}
	paired := slices.Contains(names, "peers") && slices.Contains(names, "turn")
	if paired {
		if err := b.pairs(ctx, r); err != nil {
			return nil, err
		}
	}
	for _, name := range caseNames() {
		if !slices.Contains(names, name) || paired && (name == "peers" || name == "turn") {
			continue
		}
		_, _ = fmt.Fprintf(b.progress, "%s ...\n", name)
		if err := cases[name](ctx, r); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	r.relate()
	return r, nil
}

// pairs runs peers and turn by turns and keeps the round with the median ratio: a machine that is shared is faster in
// one minute than in the next, and what is compared must have had the same minute.
func (b *bench) pairs(ctx context.Context, r *results) error {
	var rounds []*results
	for i := range b.rounds {
		_, _ = fmt.Fprintf(b.progress, "peers and turn, round %d of %d ...\n", i+1, b.rounds)
		one := &results{}
		if err := errors.Join(b.peers(ctx, one), b.turn(ctx, one)); err != nil {
			return fmt.Errorf("peers and turn: %w", err)
		}
		one.relate()
		rounds = append(rounds, one)
	}
	slices.SortFunc(rounds, func(a, b *results) int { return cmp.Compare(a.RatioToHey, b.RatioToHey) })
	median := rounds[(len(rounds)-1)/2]
	r.Peers, r.Turn = median.Peers, median.Turn
	for _, one := range rounds {
		r.Ratios = append(r.Ratios, one.RatioToHey)
	}
	return nil
}

// core returns the core of a generator (0) or of what it talks to (1), -1 for any.
func (b *bench) core(n int) int {
	if !b.pin {
		return -1
	}
	return n
}

// load is what differs between the plans of the cases.
type load struct {
	turns, words string // of the scenario
	think        string
	perSecond    float64 // conversations
	phases       string
	users        int
}

// plan writes a parley.yaml. Its first scenario is for the canary alone: a weight of
// next to nothing keeps it from the load. Echoes and statuses, webhooks of no turn, are off.
func (b *bench) plan(l load) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("write a plan: %w", err)
	}
	var command []string
	for _, word := range rig.OnCore(b.core(1), []string{program, asBot, "${PORT}"}) {
		command = append(command, fmt.Sprintf("%q", word))
	}
	return fmt.Sprintf(`name: bench
target:
  webhook: http://127.0.0.1:${PORT}/webhook
  command: [%s]
  evolution: {echo: false, statuses: false, send_latency: 0s, retry: {attempts: 1, timeout: 30m}}
users: {returning: 0%%, alike: 0%%}
scenarios:
  - {name: canary, weight: 0.000001, turns: [%q]}
  - name: load
    weight: 1000000
    think: %s
    patience: 1h
    turns: [%s]
load:
  conversations_per_hour: %.0f
  concurrency: %d
  arrivals: even
  phases: [%s]
safety: {messages_per_hour: 1000000000, users: %d, duration: 1h}
`, strings.Join(command, ", "), l.words, l.think, l.turns, l.perSecond*3600, l.users, l.phases, l.users), nil
}

// repeat writes a list of n turns with the same words.
func repeat(words string, n int) string {
	return fmt.Sprintf("&again %q", words) + strings.Repeat(", *again", n-1)
}

// question is what users say: with it a webhook has about webhookBytes.
func question() string {
	const rest = 690 // of a webhook's bytes
	return strings.Repeat("Do you have time on Friday, perhaps in the morning? ", 20)[:webhookBytes-rest]
}

// generate plays a plan in a process of its own.
func (b *bench) generate(ctx context.Context, name string, l load) (*rig.Measurement, error) {
	text, err := b.plan(l)
	if err != nil {
		return nil, err
	}
	order := rig.Order{Plan: text, Dir: filepath.Join(b.dir, name), StopAtDrain: true}
	if b.profile {
		order.Profile = b.dir
	}
	return rig.Start(ctx, order, b.core(0), asGenerator)
}

// peers has the other generators post to a server that only acknowledges.
func (b *bench) peers(ctx context.Context, r *results) error {
	address, end, err := b.server(ctx)
	if err != nil {
		return err
	}
	defer end()
	body := []byte(`{"event":"messages.upsert","data":"` + strings.Repeat("x", webhookBytes-37) + `"}`)
	r.Peers = make(map[string]rig.PeerResult)
	for _, p := range rig.Peers() {
		if !p.Installed() {
			continue
		}
		got, err := p.Post(ctx, "http://"+address+"/webhook", body, b.connections, time.Duration(b.seconds)*time.Second, b.core(0))
		if err != nil {
			return err
		}
		r.Peers[p.Name] = got
	}
	return nil
}

// server starts a process that acknowledges whatever it gets.
func (b *bench) server(ctx context.Context) (address string, end func(), err error) {
	program, err := os.Executable()
	if err != nil {
		return "", nil, fmt.Errorf("start server: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // returns at once
	if err != nil {
		return "", nil, fmt.Errorf("find a port for the server: %w", err)
	}
	address = l.Addr().String()
	if err := l.Close(); err != nil {
		return "", nil, fmt.Errorf("find a port for the server: %w", err)
	}
	args := rig.OnCore(b.core(1), []string{program, asServer, address})
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start server: %w", err)
	}
	end = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	for range 100 {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return address, end, conn.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	end()
	return "", nil, fmt.Errorf("start server: nothing listens on %s after two seconds", address)
}

// settle is how long a phase goes on before it is measured.
const settle = 1500 * time.Millisecond

// turn measures a turn at saturation: as many users as the peers have connections, each of whom
// speaks again as soon as the answer is there, and gives way to another after many turns. More users
// come than the ceiling lets in, so that it is always reached.
func (b *bench) turn(ctx context.Context, r *results) error {
	const turns, perSecond = 500, 75_000 // more than two cores of today get through
	l := load{
		words: question(), turns: repeat(question(), turns), think: "0s", users: b.connections,
		perSecond: perSecond / turns,
		phases:    listed(fmt.Sprintf("warmup: 2s, steady: %ds", b.seconds+2)),
	}
	m, err := b.generate(ctx, "turn", l)
	if err != nil {
		return err
	}
	cost, err := costOf(m, settle)
	if err != nil {
		return err
	}
	r.Turn = &cost
	return nil
}

// rate measures a turn below saturation: conversations of five turns that arrive as planned.
func (b *bench) rate(ctx context.Context, r *results) error {
	const perSecond = 4000 // turns
	l := load{
		words: question(), turns: repeat(question(), 5), think: "100ms", users: 10_000, perSecond: perSecond / 5,
		phases: listed(fmt.Sprintf("warmup: 2s, steady: %ds", b.seconds+2)),
	}
	m, err := b.generate(ctx, "rate", l)
	if err != nil {
		return err
	}
	cost, err := costOf(m, settle)
	if err != nil {
		return err
	}
	r.Rate = &cost
	return nil
}

// listed writes "a: 1s, b: 2s" as the items of a list of phases.
func listed(phases string) string {
	var items []string
	for item := range strings.SplitSeq(phases, ", ") {
		if len(items) > 0 && strings.Count(items[len(items)-1], "{") > strings.Count(items[len(items)-1], "}")+1 {
			items[len(items)-1] += ", " + item
			continue
		}
		items = append(items, "{"+item)
	}
	return strings.Join(items, "}, ") + "}"
}

// waiting measures users who were acknowledged and wait for an answer.
func (b *bench) waiting(ctx context.Context, r *results) error {
	const users = 100_000
	held, err := b.hold(ctx, "waiting", rig.WordWait, users, 5000)
	r.Waiting = held
	return err
}

// open measures users whose webhook has no response yet. Each holds a socket.
func (b *bench) open(ctx context.Context, r *results) error {
	users := min(10_000, (b.descriptors-200)*9/10)
	held, err := b.hold(ctx, "open", rig.WordHang, users, 1000)
	r.Open = held
	return err
}

// hold lets users arrive whom the bot leaves waiting, and measures the memory they take.
func (b *bench) hold(ctx context.Context, name, word string, users, perSecond int) (*held, error) {
	const hold = 5
	arriving := users / perSecond
	l := load{
		words: question(), turns: repeat(word+" "+question(), 1), think: "0s", users: users + 1, perSecond: float64(perSecond),
		phases: listed(fmt.Sprintf("warmup: %ds, steady: {for: %ds, rate: 0.0001}", arriving, hold)),
	}
	m, err := b.generate(ctx, name, l)
	if err != nil {
		return nil, err
	}
	return heldBy(m, users)
}

// flat measures turns at the same pace among few conversations and among many, which think the longer, and keeps the round
// with the median ratio.
func (b *bench) flat(ctx context.Context, r *results) error {
	var rounds []*results
	for i := range b.rounds {
		one := &results{}
		if err := b.flatRound(ctx, one, fmt.Sprint("flat-", i+1)); err != nil {
			return err
		}
		one.relate()
		rounds = append(rounds, one)
	}
	slices.SortFunc(rounds, func(a, b *results) int { return cmp.Compare(a.Flatness, b.Flatness) })
	for _, one := range rounds {
		r.Flatnesses = append(r.Flatnesses, one.Flatness)
		r.Notes = append(r.Notes, one.Notes...)
	}
	r.Flat = rounds[(len(rounds)-1)/2].Flat
	return nil
}

func (b *bench) flatRound(ctx context.Context, r *results, name string) error {
	const perSecond = 5000 // turns
	r.Flat = make(map[int]cost)
	for _, conversations := range []int{1000, 100_000} {
		think := time.Duration(conversations) * time.Second / perSecond
		arriving := max(1, int(think.Seconds()))
		turns := (arriving+b.seconds+4)*int(time.Second/think) + 2
		if think > time.Second {
			turns = (b.seconds+arriving+4)/int(think.Seconds()) + 4
		}
		l := load{
			words: question(), turns: repeat(question(), turns), think: think.String(), users: conversations + 1,
			perSecond: float64(conversations) / float64(arriving),
			phases:    listed(fmt.Sprintf("warmup: %ds, steady: {for: %ds, rate: 0.0001}", arriving, b.seconds+2)),
		}
		m, err := b.generate(ctx, fmt.Sprintf("%s-%d", name, conversations), l)
		if err != nil {
			return err
		}
		c, err := costOf(m, settle)
		if err != nil {
			return err
		}
		if least := conversations * 9 / 10; c.Conversations < least {
			return fmt.Errorf("of %d conversations only %d were open", conversations, c.Conversations)
		}
		if c.PerSecond < perSecond*9/10 || c.PerSecond > perSecond*11/10 { // it fell behind, or catches up
			r.Notes = append(r.Notes, fmt.Sprintf("among %d conversations there were %.0f turns/s, not %d: the machine is too busy to compare", conversations, c.PerSecond, perSecond))
		}
		r.Flat[conversations] = c
	}
	return nil
}

// costOf is what a turn of the steady phase cost.
func costOf(m *rig.Measurement, settle time.Duration) (cost, error) {
	first, last, ok := m.Window(parley.Steady, settle)
	turns := int(last.Answered - first.Answered)
	if !ok || turns == 0 {
		return cost{}, fmt.Errorf("no turn was answered in the %d samples of the steady phase", len(m.Samples))
	}
	span := (last.Elapsed - first.Elapsed).Seconds()
	return cost{
		CPUPerTurn:      rig.Micros(last.CPU-first.CPU, turns),
		CPUPerTurnWhole: rig.Micros(m.CPU, int(last.Answered)),
		Turns:           turns, PerSecond: float64(turns) / span,
		Cores:         (last.CPU - first.CPU).Seconds() / span,
		Conversations: last.Conversations, PeakRSSMB: float64(m.PeakRSS) / 1e6,
		LagP99MS: float64(m.Run.Generator.LagP99) / 1e6, Dropped: m.Run.Generator.Dropped,
	}, nil
}

// heldBy is what waiting users took.
func heldBy(m *rig.Measurement, users int) (*held, error) {
	_, last, ok := m.Window(parley.Steady, 0)
	if !ok || last.Waiting < users*99/100 {
		return nil, fmt.Errorf("%d users wait, not %d", last.Waiting, users)
	}
	var before int64
	for _, s := range m.Samples {
		if s.Waiting == 0 && s.Conversations == 0 {
			before = s.RSS
		}
		if s.Phase == string(parley.WarmUp) {
			break
		}
	}
	h := &held{Users: last.Waiting, PeakRSSMB: float64(m.PeakRSS) / 1e6, RSSMB: float64(last.RSS) / 1e6, BeforeMB: float64(before) / 1e6}
	h.BytesEach = float64(last.RSS-before) / float64(last.Waiting)
	return h, nil
}
