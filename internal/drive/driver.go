package drive

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley"
	"parley/internal/plan"
	"parley/internal/platform"
)

// Platform says messages in the words of one messaging platform.
type Platform interface {
	User(index int64) platform.User
	Message(from platform.User, seq int64, text string, at time.Time) platform.Message
	// Webhook has its body in space, if that is large enough.
	Webhook(space []byte, m platform.Message) platform.Webhook
	Retry() platform.RetryPolicy
}

// Sender makes one webhook request and returns the response's status; err is set
// if there was no response. The webhook's body may be used until it returns.
type Sender interface {
	Send(w platform.Webhook, timeout time.Duration) (status int, err error)
}

// Recorder keeps what happened. Its methods are called from many goroutines
// and must not wait.
type Recorder interface {
	Turn(parley.Turn)
	Reply(parley.Reply)
}

// Options configure a Driver. All fields are required.
type Options struct {
	Plan     *plan.Plan
	Platform Platform
	Sender   Sender
	Recorder Recorder
	Key      parley.Key
	// Epoch is the start of the run; every offset counts from it.
	Epoch time.Time
}

// Driver plays the users of one run.
type Driver struct {
	o        Options
	crowd    *crowd
	goals    []*plan.Goal // those that calls reach
	registry registry
	lineage  lineage
	trails   trails
	phase    atomic.Pointer[phase]
	playing  atomic.Pointer[parley.Phase] // never modified once stored
	// closing ends the pauses of webhooks that are to be repeated.
	closing  context.Context
	close    context.CancelFunc
	draining atomic.Bool
	cutting  atomic.Bool

	conversations int64 // the last number given; only the goroutine that starts conversations writes it
	turns         atomic.Int64
	messages      atomic.Int64

	crew    crew          // sends webhooks
	bodies  sync.Pool     // of *[]byte, in which it has them
	notices chan struct{} // holds one element for each webhook of no turn on its way
	live    live
	health  lags
	plans   planned
}

// phase is what a turn needs to know of the phase in force.
type phase struct {
	name  string
	kind  parley.PhaseKind
	step  int32
	brisk bool // think times are cut short: nobody else is there to be disturbed
	stats *stepStats
}

// counts reports whether messages of the phase are load; the canary's are not.
func (p *phase) counts() bool { return p.kind != parley.Canary }

// briskThink bounds the think time where load does not matter (canary, solo).
const briskThink = time.Second

// New returns a Driver. The caller must call Close.
func New(o Options) *Driver {
	d := &Driver{o: o, crowd: newCrowd(o.Plan), goals: callGoals(o.Plan), registry: newRegistry(), notices: make(chan struct{}, noticesAtOnce)}
	d.closing, d.close = context.WithCancel(context.Background())
	d.phase.Store(&phase{name: string(parley.Drain), kind: parley.Drain, stats: &stepStats{}})
	return d
}

// since is the offset of now.
func (d *Driver) since() time.Duration { return time.Since(d.o.Epoch) }

// Run plays one phase of the plan and returns what became of it when its time is
// over, a stop rule holds, or ctx ends. Conversations under way go on.
func (d *Driver) Run(ctx context.Context, name string, p plan.Phase) parley.Phase {
	start := d.since()
	levels := Levels(p, d.o.Plan.Load.ConversationsPerHour)
	result := parley.Phase{Name: name, Kind: p.Kind, Start: start, Rate: levels[0].Rate}
	if p.Kind == parley.Solo {
		result.Rate = 0
		d.publish(&result)
		d.solo(ctx, name, start+p.Duration)
	} else {
		d.open(ctx, name, p.Kind, levels, &result)
	}
	result.End = d.since()
	if ctx.Err() != nil && result.Stopped == "" {
		result.Stopped = "the run was stopped"
	}
	return result
}

// Phase is the phase that Run plays or played last, as far as it had got when its present step began.
func (d *Driver) Phase() parley.Phase {
	if p := d.playing.Load(); p != nil {
		return *p
	}
	return parley.Phase{}
}

func (d *Driver) publish(p *parley.Phase) {
	sofar := *p
	sofar.End = parley.None
	sofar.Steps = slices.Clone(p.Steps)
	d.playing.Store(&sofar)
}

// open lets conversations arrive by schedule, whatever the bot does.
func (d *Driver) open(ctx context.Context, name string, kind parley.PhaseKind, levels []Level, result *parley.Phase) {
	rng := rand.New(rand.NewPCG(d.o.Plan.Seed, hashName(name)))
	timer := time.NewTimer(0)
	defer timer.Stop()
	wait := func(until time.Duration) bool {
		timer.Reset(max(0, until-d.since()))
		select {
		case <-timer.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
	var rule stopRule
	arrivals := newPull(Arrivals(levels, d.o.Plan.Load.Arrivals == "even", rng))
	defer arrivals.stop()
	for i, level := range levels {
		here := &phase{name: name, kind: kind, stats: &stepStats{}}
		if kind == parley.Ramp {
			here.step = int32(i + 1)
			result.Steps = append(result.Steps, parley.Step{Start: result.Start + level.Start, End: parley.None, Rate: level.Rate})
		}
		d.phase.Store(here)
		d.publish(result)
		for arrivals.ok && arrivals.next.Level == i {
			due := result.Start + arrivals.next.Due
			if !wait(due) {
				return
			}
			d.start(due)
			arrivals.advance()
		}
		if !wait(result.Start + level.End) {
			return
		}
		if kind == parley.Ramp {
			result.Steps[i].End = d.since()
			if result.Stopped = rule.saturated(here.stats.snapshot()); result.Stopped != "" {
				return
			}
		}
	}
}

// solo plays one conversation after the other until the time is over.
func (d *Driver) solo(ctx context.Context, name string, until time.Duration) {
	d.phase.Store(&phase{name: name, kind: parley.Solo, brisk: true, stats: &stepStats{}})
	ended := func() bool { return d.since() >= until }
	for !ended() && ctx.Err() == nil {
		c := d.start(d.since())
		if c == nil {
			return // a ceiling of zero users
		}
		d.follow(ctx, c, ended)
	}
}

// Canary plays conversations, scenario after scenario in the plan's order, until
// done says that enough was seen; the turn under way is still waited for. It
// returns the last turn, and whether done was satisfied and the turn answered.
func (d *Driver) Canary(ctx context.Context, done func() bool) (last parley.Turn, satisfied bool) {
	d.phase.Store(&phase{name: string(parley.Canary), kind: parley.Canary, brisk: true, stats: &stepStats{}})
	for i := range d.o.Plan.Scenarios {
		c := d.startScenario(d.since(), &d.o.Plan.Scenarios[i])
		if c == nil {
			return last, false
		}
		d.follow(ctx, c, done)
		last = c.lastTurn()
		if last.Outcome != parley.Answered || ctx.Err() != nil {
			return last, false
		}
		if done() {
			return last, true
		}
	}
	return last, false
}

// follow waits for a conversation to end, and has it end with the current turn
// once done holds. When ctx is over it leaves the conversation to whoever cuts it.
func (d *Driver) follow(ctx context.Context, c *conversation, done func() bool) {
	const often = 20 * time.Millisecond
	tick := time.NewTicker(often)
	defer tick.Stop()
	for {
		select {
		case <-c.over:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
			if done() {
				c.leaveAfterTurn()
			}
		}
	}
}

// start begins the next conversation. It returns nil if a ceiling forbade it.
func (d *Driver) start(due time.Duration) *conversation { return d.startScenario(due, nil) }

func (d *Driver) startScenario(due time.Duration, only *plan.Scenario) *conversation {
	d.conversations++
	from := d.crowd
	if only != nil {
		from = &crowd{plan: &plan.Plan{Seed: d.o.Plan.Seed, Users: d.o.Plan.Users, Scenarios: []plan.Scenario{*only}}, weight: only.Weight}
	}
	s := from.draw(d.conversations, func(i int64) string { return d.o.Platform.User(i).Name })
	c := d.newConversation(d.conversations, s)
	if c.in.counts() {
		d.plans.add(due, &s, c.in.brisk)
	}
	if d.registry.openCount() >= min(d.o.Plan.Load.Concurrency, d.o.Plan.Safety.Users) {
		c.holdBack(due)
		return nil
	}
	c.enrol()
	c.begin(due)
	return c
}

// Drain lets waiting turns end and starts no others. It returns when all have
// ended and their webhooks are acknowledged as far as that comes soon, or ctx is done.
func (d *Driver) Drain(ctx context.Context) parley.Phase {
	result := parley.Phase{Name: string(parley.Drain), Kind: parley.Drain, Start: d.since()}
	d.phase.Store(&phase{name: result.Name, kind: parley.Drain, stats: &stepStats{}})
	d.plans.end(result.Start)
	d.draining.Store(true)
	left := d.registry.all()
	for _, c := range left {
		c.leaveAfterTurn()
	}
	for _, c := range left {
		select {
		case <-c.over:
		case <-ctx.Done():
			result.Stopped = "the run was stopped"
		}
	}
	d.awaitAcknowledgements(ctx)
	result.End = d.since()
	return result
}

// awaitAcknowledgements gives the webhooks under way a moment: a bot that answers within
// the webhook's request acknowledges just after. A bot that lets it hang is not waited for.
func (d *Driver) awaitAcknowledgements(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for d.live.underWay.Load() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Cut ends every conversation now: turns that wait are recorded as cut.
func (d *Driver) Cut() {
	d.cutting.Store(true)
	d.draining.Store(true)
	d.plans.end(d.since())
	for i, c := range d.registry.all() {
		if i > 0 && i%cutAtOnce == 0 {
			time.Sleep(cutPause)
		}
		c.cut()
	}
}

// A crowd is cut in parts, so that the rows of all its turns need not fit into memory at once: the recorder
// writes one part while the next is made.
const (
	cutAtOnce = 8192
	cutPause  = 25 * time.Millisecond
)

// Close cuts what is still going on and waits for the webhooks on their way. The
// caller closes the Sender first, so that they end at once.
func (d *Driver) Close() {
	d.Cut()
	d.close()
	d.crew.dismiss()
	d.crew.wait()
	d.registry.settle()
}
