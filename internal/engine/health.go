package engine

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"parley"
	"parley/internal/drive"
)

// Limits beyond which parley, not the bot, may be what was measured (design, section 6).
const (
	lateLimit     = 0.01 // of the turns
	lateLeast     = 3    // turns: in a short run one is no evidence
	cpuLimit      = 0.8  // of its cores, over cpuWindow
	heldBackLimit = 0.01 // of the conversations due
	socketReserve = 0.9  // of the descriptors allowed
)

// cpuWindow is the time over which the CPU that parley uses is judged.
const cpuWindow = 5 * time.Second

// deafFor is how many webhooks in a row must find nobody listening before the bot
// counts as gone, deafTime how long that must last.
const (
	deafFor  = 5
	deafTime = 3 * time.Second
)

// health watches parley itself, and whether the bot is still there.
type health struct {
	r *run

	mu      sync.Mutex
	cpu     []usage // of the last seconds, a little more than cpuWindow
	maxCPU  float64
	rss     float64
	sockets int
	// index is that of the phase in force, started when it began.
	index   int
	started time.Time
	ramping bool      // the load in force is a ramp's
	ramped  time.Time // when the last ramp and its drain were over
	deaf    time.Time // since when nobody listens; zero if somebody does
}

// usage is the CPU time that parley had used at a moment.
type usage struct {
	at   time.Time
	used time.Duration
}

func newHealth(r *run) *health { return &health{r: r, started: time.Now()} }

// phase notes that phase i of the plan has begun.
func (h *health) phase(i int, kind parley.PhaseKind) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.index, h.started = i, time.Now()
	if kind == parley.Drain {
		return // what drains is the load of the phase before
	}
	if h.ramping {
		h.ramped = h.started
	}
	h.ramping = kind == parley.Ramp
}

// watch samples every second until ctx ends, and ends the run when the bot or a private
// service is gone. The channel is closed when it has stopped.
func (r *run) watch(ctx context.Context, over context.CancelCauseFunc) <-chan struct{} {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		second := time.NewTicker(time.Second)
		defer second.Stop()
		half := time.NewTicker(500 * time.Millisecond)
		defer half.Stop()
		var died <-chan struct{}
		if r.bot != nil {
			died = r.bot.Done()
		}
		observed := newProcesses(r)
		observed.sample() // which the next is compared with
		for {
			select {
			case <-ctx.Done():
				return
			case <-died:
				over(newProblem(parley.ProblemTargetDied, "the bot died during the run: "+r.bot.Err().Error(), "see bot.log in the run's folder"))
				return
			case <-second.C:
				observed.sample()
				if err := r.hosts.failure(); err != nil {
					over(err)
					return
				}
				if r.health.sample() {
					over(unreachableProblem("nothing listens at the bot's webhook any more: it has gone away during the run", r.logHint()))
					return
				}
			case <-half.C:
				r.progress()
			}
		}
	}()
	return stopped
}

// progress reports to whoever waits.
func (r *run) progress() {
	if r.o.Progress == nil {
		return
	}
	p := Progress{Progress: r.driver.Progress(), Elapsed: time.Since(r.epoch)}
	if p.Phase == string(parley.Canary) {
		p.Doing = "canary"
	}
	r.health.mu.Lock()
	for i, phase := range r.o.Plan.Load.Phases {
		switch {
		case i == r.health.index && p.Phase != string(parley.Canary):
			p.Left += max(0, phase.Duration-time.Since(r.health.started))
		case i > r.health.index || p.Phase == string(parley.Canary):
			p.Left += phase.Duration
		}
	}
	r.health.mu.Unlock()
	r.o.Progress(p)
}

// sample takes one point of every series and reports whether the bot has gone.
func (h *health) sample() (gone bool) {
	p := h.r.driver.Progress()
	at := time.Since(h.r.epoch)
	share := h.use(time.Now(), cpuTime())
	rss, sockets := residentMB(), h.r.client.Connections()
	h.hold(rss, sockets)
	for _, s := range []parley.Sample{
		{Name: "parley_turns_waiting", Value: float64(p.Waiting)},
		{Name: "parley_conversations_open", Value: float64(p.Conversations)},
		{Name: "parley_messages_planned_total", Value: float64(p.Messages.Planned)},
		{Name: "parley_messages_sent_total", Value: float64(p.Messages.Sent)},
		{Name: "parley_messages_answered_total", Value: float64(p.Messages.Answered)},
		{Name: "parley_webhooks_refused_total", Value: float64(p.Refused)},
		{Name: "parley_notices_total", Value: float64(p.Notices)},
		{Name: "parley_schedule_lag_max_seconds", Value: h.r.driver.WorstLag().Seconds()},
		{Name: "parley_generator_cpu_ratio", Value: share},
		{Name: "parley_generator_resident_bytes", Value: rss * 1e6},
		{Name: "parley_webhook_connections", Value: float64(sockets)},
	} {
		s.At = at
		h.r.writer.Sample(s)
	}
	h.keep(p)
	return h.gone(p.Deaf)
}

// keep writes into the record how far the run has got: a kill must not take more than a second of that, either.
func (h *health) keep(p drive.Progress) {
	g, phase := h.generator(), h.r.driver.Phase()
	h.r.writer.Update(func(m *parley.Run) {
		m.Messages, m.Generator = p.Messages, g
		if last := len(m.Phases) - 1; last >= 0 && m.Phases[last].Name == phase.Name && m.Phases[last].End == parley.None {
			m.Phases[last] = phase
		}
	})
}

func (h *health) gone(deaf int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if deaf < deafFor {
		h.deaf = time.Time{}
		return false
	}
	if h.deaf.IsZero() {
		h.deaf = time.Now()
	}
	return time.Since(h.deaf) >= deafTime
}

// hold notes the memory, in MB, and the connections that parley holds.
func (h *health) hold(rss float64, sockets int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rss, h.sockets = max(h.rss, rss), max(h.sockets, sockets)
}

// use notes how much CPU time parley had used by now and returns the share of its cores over the last seconds.
func (h *health) use(now time.Time, used time.Duration) float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cpu = append(h.cpu, usage{now, used})
	for len(h.cpu) > 2 && now.Sub(h.cpu[1].at) >= cpuWindow {
		h.cpu = h.cpu[1:]
	}
	first := h.cpu[0]
	span := now.Sub(first.at)
	if span <= 0 {
		return 0
	}
	share := (used - first.used).Seconds() / (span.Seconds() * float64(runtime.GOMAXPROCS(0)))
	// A ramp ends where something gives; its stop rule watches the lag.
	if !h.ramping && !first.at.Before(h.ramped) && span >= cpuWindow {
		h.maxCPU = max(h.maxCPU, share)
	}
	return share
}

// generator is the health of the run so far, and what makes it invalid.
func (h *health) generator() parley.Generator {
	lag := h.r.driver.Lag()
	h.mu.Lock()
	g := parley.Generator{
		LagP50: lag.P50, LagP99: lag.P99, LagMax: lag.Max, LagLimit: lag.Limit,
		CPU: h.maxCPU, RSSMB: h.rss, Sockets: h.sockets,
		HeldBack: lag.HeldBack, Dropped: h.r.writer.Dropped(),
	}
	h.mu.Unlock()
	if lag.Late >= lateLeast && float64(lag.Late) > lateLimit*float64(lag.N) {
		g.Invalid = append(g.Invalid, fmt.Sprintf("parley was late: %d of %d turns were said more than %s after they were due (1 %% may be)",
			lag.Late, lag.N, parley.FormatDuration(lag.Limit)))
	}
	if g.CPU > cpuLimit {
		g.Invalid = append(g.Invalid, fmt.Sprintf("parley itself used %s of its cores over five seconds (limit %s)",
			parley.FormatShare(g.CPU), parley.FormatShare(cpuLimit)))
	}
	if limit := descriptorLimit(); limit > 0 && float64(g.Sockets) > socketReserve*float64(limit) {
		g.Invalid = append(g.Invalid, fmt.Sprintf("parley had %d webhook connections open, and may have %d descriptors", g.Sockets, limit))
	}
	if due := lag.N + lag.Unsaid; float64(lag.Unsaid) > heldBackLimit*float64(due) {
		g.Invalid = append(g.Invalid, fmt.Sprintf("%d of %d turns due were not said, because the plan's ceiling of open conversations was reached", lag.Unsaid, due))
	}
	if g.Dropped > 0 {
		g.Invalid = append(g.Invalid, fmt.Sprintf("%d rows of the record were lost", g.Dropped))
	}
	return g
}

// conclude writes the health of the run into the record.
func (h *health) conclude() {
	p := h.r.driver.Progress()
	g := h.generator()
	h.r.writer.Update(func(m *parley.Run) {
		m.Generator, m.Messages = g, p.Messages
		if p.Strangers > 0 {
			m.Warnings = append(m.Warnings, fmt.Sprintf("the bot sent %d replies to numbers parley did not play", p.Strangers))
		}
		if p.Withheld > 0 {
			m.Warnings = append(m.Warnings, fmt.Sprintf("%d echoes and statuses were never sent to the bot: its replies caused more of them than it took", p.Withheld))
		}
	})
}

// cpuTime is the CPU time this process has used; its children have their own.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// residentMB is the memory this process holds, in MB; 0 if the system does not tell.
func residentMB() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	if err != nil {
		return 0
	}
	return pages * float64(os.Getpagesize()) / 1e6
}

// descriptorLimit is how many files and sockets this process may have open.
func descriptorLimit() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return limit.Cur
}
