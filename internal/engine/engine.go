package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"parley"
	"parley/internal/drive"
	"parley/internal/plan"
	"parley/internal/record"
	"parley/internal/target"
)

// Options say what to run and where to keep it.
type Options struct {
	Plan *plan.Plan
	Verb string // the command that asked ("review")
	Dir  string // the run's folder
	// Replace: a run that is in Dir already is deleted.
	Replace bool
	// Environ is the environment that the bot inherits, as "NAME=value".
	Environ []string
	// Watchdog is the command that keeps started processes from outliving parley;
	// see [target.Options].
	Watchdog []string
	// Progress is called about twice a second from one goroutine; nil: not at all.
	Progress func(Progress)
}

// Progress is what a person who waits for a run wants to know.
type Progress struct {
	drive.Progress
	// Doing says what goes on outside of the load ("starting the bot").
	Doing   string
	Elapsed time.Duration
	// Left is the time until the planned end, at most.
	Left time.Duration
}

// Causes for which a run ends early.
var (
	errTimeCeiling = errors.New("the ceiling of safety.duration was reached")
	errOver        = errors.New("the run is over")
)

// stopGrace is how long the bot may take to stop; interrupted runs do not wait as long.
const (
	stopGrace        = 5 * time.Second
	interruptedGrace = 300 * time.Millisecond
)

// run is a run in the making.
type run struct {
	o      Options
	epoch  time.Time
	key    parley.Key
	writer *record.Writer
	wires  *wires
	hosts  *services
	taps   *taps
	bot    *target.Bot
	driver *drive.Driver
	client *drive.Client
	health *health
	tariff *tariff
	log    *os.File
	// webhook is the plan's, with the port filled in.
	webhook string
	state   parley.State
	// over ends the phases early, for a cause; set while they are played.
	over context.CancelCauseFunc
}

// Run carries out a run and returns its manifest as recorded. What went wrong with the
// bot, its wires or its services is a [parley.Problem] of the run; the error is
// for a record that could not be made.
func Run(ctx context.Context, o Options) (*parley.Run, error) {
	r := &run{o: o, epoch: time.Now(), key: parley.NewKey(), state: parley.Complete}
	var err, listErr error
	r.tariff, listErr = newTariff(o.Plan)
	r.writer, err = record.Create(o.Dir, r.manifest(ctx), record.Options{Replace: o.Replace})
	if err != nil {
		return nil, err // which names the operation already
	}
	r.tariff.writer = r.writer
	if listErr != nil {
		r.fail(ctx, listErr)
	} else {
		r.play(ctx)
	}
	r.strike()
	var final parley.Run
	r.writer.Update(func(m *parley.Run) {
		m.State = r.state
		m.Elapsed = max(m.Elapsed, time.Since(r.epoch))
	})
	closeErr := r.writer.Close(context.WithoutCancel(ctx))
	r.writer.Update(func(m *parley.Run) { final = *m })
	if closeErr != nil {
		closeErr = fmt.Errorf("close the record: %w", closeErr)
	}
	return &final, closeErr
}

// strike lets go of what the run was played with. The record is put together in the memory that the load had, rather
// than on top of it: with 100,000 users the load has most of what parley ever holds.
func (r *run) strike() {
	r.driver, r.client, r.wires, r.taps, r.hosts, r.bot, r.health = nil, nil, nil, nil, nil, nil, nil
	debug.FreeOSMemory()
}

// gitPatience is how long the bot's revision may take to find out; a large work tree is read in full.
const gitPatience = 5 * time.Second

// manifest is run.json as it stands when the run begins.
func (r *run) manifest(ctx context.Context) *parley.Run {
	ctx, cancel := context.WithTimeout(ctx, gitPatience)
	defer cancel()
	p := r.o.Plan
	environment := target.Fingerprint()
	environment.Target = map[string]string{"command": p.Redact(strings.Join(p.Target.Command, " "))}
	if revision := target.GitRevision(ctx, p.Target.Dir); revision != "" {
		environment.Target["revision"] = revision
	}
	m := &parley.Run{
		Version:     parley.RecordVersion,
		ID:          r.epoch.UTC().Format("20060102T150405.000Z"),
		Name:        p.Name,
		Verb:        r.o.Verb,
		State:       parley.Running,
		Started:     r.epoch,
		Seed:        p.Seed,
		Plan:        p.Resolved(),
		Phases:      []parley.Phase{},
		Environment: environment,
		Budgets:     p.Budgets,
		Goals:       goals(p),
		Satisfied:   p.Users.Satisfied,
		Money:       r.tariff.money(p),
	}
	for i := range p.Dependencies {
		if d := &p.Dependencies[i]; d.Simulate {
			m.Assumed = append(m.Assumed, assumption(d))
		}
	}
	m.Assumed = append(m.Assumed, parley.Assumption{
		Wire: p.Target.Platform, Model: "send " + p.Target.Evolution.SendLatency.String(), Source: p.Target.Evolution.Source,
	})
	return m
}

// assumption is the latency model that stands in for a service.
func assumption(d *plan.Dependency) parley.Assumption {
	switch d.Kind {
	case "calendar":
		return parley.Assumption{Wire: d.Name, Model: fmt.Sprintf("read %v, write %v", d.Calendar.Latency, d.Calendar.WriteLatency), Source: d.Calendar.Source}
	case "http":
		return parley.Assumption{Wire: d.Name, Model: "answer " + d.HTTP.Latency.String(), Source: replayed(d.HTTP.Replay, d.HTTP.Source)}
	default:
		return parley.Assumption{Wire: d.Name, Model: latencyModel(d.OpenAI), Source: replayed(d.OpenAI.Replay, d.OpenAI.Source)}
	}
}

func latencyModel(m plan.OpenAI) string {
	text := fmt.Sprintf("first token %v, then %v a token", m.FirstToken, m.PerToken)
	if m.PerPromptToken > 0 {
		text += fmt.Sprintf(", %v a prompt token", m.PerPromptToken)
	}
	if m.PerCallInFlight > 0 {
		text += fmt.Sprintf(", %s more a call in flight", parley.FormatShare(m.PerCallInFlight))
	}
	return text
}

// play sets the stage, plays the phases and clears the stage.
func (r *run) play(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.o.Plan.Safety.Duration, errTimeCeiling)
	defer cancel()
	stage, over := context.WithCancelCause(ctx)
	defer over(errOver)
	r.over = over
	defer r.clear()
	r.report("getting ready")

	if err := r.prepare(stage); err != nil {
		r.fail(ctx, cause(stage, err))
		return
	}
	watching := r.watch(stage, over)
	defer func() { over(errOver); <-watching }()

	r.report("canary")
	if err := r.canary(stage); err != nil {
		r.fail(ctx, cause(stage, err))
		return
	}
	r.report("")
	r.phases(stage)
	r.end(ctx, stage)
}

// cause prefers the reason for which the context ended to the error it led to.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// prepare brings up everything the run needs.
func (r *run) prepare(ctx context.Context) (err error) {
	if r.log, err = os.OpenFile(filepath.Join(r.o.Dir, "bot.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); err != nil {
		return fmt.Errorf("create the bot's log: %w", err)
	}
	var port string
	if r.webhook, port, err = resolvePort(r.o.Plan.Target.Webhook); err != nil {
		return err
	}
	if r.wires, err = newWires(r); err != nil {
		return err
	}
	if r.client, err = drive.NewClient(r.webhook, nil); err != nil {
		return err
	}
	r.driver = drive.New(drive.Options{
		Plan: r.o.Plan, Platform: r.wires.platform, Sender: r.client, Recorder: r.writer, Key: r.key, Epoch: r.epoch,
	})
	r.health = newHealth(r)
	r.wires.serve()
	r.report("starting services")
	if r.taps, err = newTaps(r); err != nil {
		return err
	}
	if r.hosts, err = startServices(ctx, r.o.Plan, r.log, r.taps.join); err != nil {
		return err
	}
	r.writer.Update(func(m *parley.Run) {
		maps.Copy(m.Environment.Target, r.hosts.versions)
	})
	return r.startBot(ctx, port)
}

// phases plays the phases of the plan, then lets waiting turns end.
func (r *run) phases(ctx context.Context) {
	r.load(ctx)
	if ctx.Err() == nil {
		r.health.phase(len(r.o.Plan.Load.Phases), parley.Drain)
		r.keep(parley.Phase{Name: string(parley.Drain), Kind: parley.Drain}, func() parley.Phase { return r.driver.Drain(ctx) })
	}
}

// load plays the phases of the plan, and probes the bot meanwhile.
func (r *run) load(ctx context.Context) {
	defer r.probe(ctx)()
	seen := make(map[parley.PhaseKind]int)
	for i, p := range r.o.Plan.Load.Phases {
		if ctx.Err() != nil {
			return
		}
		name := string(p.Kind)
		if seen[p.Kind]++; seen[p.Kind] > 1 {
			name = fmt.Sprintf("%s %d", p.Kind, seen[p.Kind])
		}
		r.health.phase(i, p.Kind)
		phase := parley.Phase{Name: name, Kind: p.Kind}
		if p.Kind != parley.Solo {
			phase.Rate = p.Rate * r.o.Plan.Load.ConversationsPerHour
		}
		r.keep(phase, func() parley.Phase { return r.driver.Run(ctx, name, p) })
	}
}

// keep records that a phase has begun, and how it ended.
func (r *run) keep(phase parley.Phase, play func() parley.Phase) {
	phase.Start, phase.End = time.Since(r.epoch), parley.None
	r.writer.Update(func(m *parley.Run) { m.Phases = append(m.Phases, phase) })
	phase = play()
	r.writer.Update(func(m *parley.Run) { m.Phases[len(m.Phases)-1] = phase })
}

// end settles how the run ended.
func (r *run) end(outer, stage context.Context) {
	switch err := context.Cause(stage); {
	case stage.Err() == nil:
		r.state = parley.Complete
	default:
		r.fail(outer, err)
	}
}

// fail turns an error into the run's final state and its problem.
func (r *run) fail(ctx context.Context, err error) {
	var p *Problem
	var spent *ceilingError
	switch {
	case errors.As(err, &spent):
		r.state = parley.Complete
		r.problem(parley.Problem{Code: parley.ProblemCeiling, What: spent.what, Hint: spent.hint})
	case errors.Is(err, errTimeCeiling):
		r.state = parley.Complete
		r.problem(parley.Problem{Code: parley.ProblemCeiling, What: err.Error(), Hint: "shorten load.phases, or raise safety.duration"})
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		r.state = parley.Interrupted
	case errors.As(err, &p):
		r.state = parley.Broken
		r.problem(p.Problem)
	default:
		r.state = parley.Broken
		r.problem(parley.Problem{Code: parley.ProblemSetup, What: err.Error()})
	}
}

// problem records a problem, without what the plan took from the environment: errors quote commands and addresses.
func (r *run) problem(p parley.Problem) {
	p.At = time.Since(r.epoch)
	p.What, p.Hint = r.o.Plan.Redact(p.What), r.o.Plan.Redact(p.Hint)
	r.writer.Update(func(m *parley.Run) { m.Problems = append(m.Problems, p) })
}

// clear ends everything that play began, in reverse, and keeps the last figures.
func (r *run) clear() {
	if r.driver != nil {
		r.driver.Cut()
		r.client.Close()
		r.driver.Close()
		r.health.conclude()
	}
	grace := stopGrace
	if r.state != parley.Complete {
		grace = interruptedGrace
	}
	if r.bot != nil {
		r.bot.Stop(grace)
	}
	if r.wires != nil {
		r.wires.close()
	}
	if r.taps != nil {
		r.taps.close()
	}
	if r.hosts != nil {
		r.hosts.stop(grace)
	}
	if r.log != nil {
		_ = r.log.Close() // what the bot wrote is already in the file
	}
}

// report tells what goes on while there is no load.
func (r *run) report(doing string) {
	if r.o.Progress != nil {
		r.o.Progress(Progress{Doing: doing, Elapsed: time.Since(r.epoch)})
	}
}
