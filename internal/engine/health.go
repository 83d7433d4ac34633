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
	cpuWindow     = 5
	heldBackLimit = 0.01 // of the turns due
	socketReserve = 0.9  // of the descriptors allowed
)

// generatorEvery is every how many seconds a running record is given the health of
// parley: it costs a sort of all lags.
const generatorEvery = 10

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
	cpu     []time.Duration // CPU time used at each of the last seconds
	maxCPU  float64
	rss     float64
	sockets int
	// starts[i] is when phase i began; judged tells whether the phase in force bears on budgets.
	index   int
	started time.Time
	kind    parley.PhaseKind
	deaf    time.Time // since when nobody listens; zero if somebody does
	samples int
}

func newHealth(r *run) *health { return &health{r: r, started: time.Now()} }

// phase notes that phase i of the plan has begun.
func (h *health) phase(i int, kind parley.PhaseKind) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.index, h.kind, h.started = i, kind, time.Now()
}

// watch samples every second until ctx ends, and ends the run when the bot is
// gone. The channel is closed when it has stopped.
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
		for {
			select {
			case <-ctx.Done():
				return
			case <-died:
				over(newProblem(parley.ProblemTargetDied, "the bot died during the run: "+r.bot.Err().Error(), "see bot.log in the run's folder"))
				return
			case <-second.C:
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
	rss, sockets := residentMB(), h.r.client.Connections()
	share := h.cpuShare(rss, sockets)
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
	h.mu.Lock()
	due := h.samples%generatorEvery == 0
	h.samples++
	h.mu.Unlock()
	var g parley.Generator
	if due {
		g = h.generator(p.Turns)
	}
	phase := h.r.driver.Phase()
	h.r.writer.Update(func(m *parley.Run) {
		m.Messages = p.Messages
		if due {
			m.Generator = g
		}
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

// cpuShare returns the share of its cores parley used over the last seconds.
func (h *health) cpuShare(rss float64, sockets int) float64 {
	used := cpuTime()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rss, h.sockets = max(h.rss, rss), max(h.sockets, sockets)
	h.cpu = append(h.cpu, used)
	if len(h.cpu) <= cpuWindow {
		return 0
	}
	h.cpu = h.cpu[1:]
	share := (used - h.cpu[0]).Seconds() / float64((cpuWindow-1)*runtime.GOMAXPROCS(0))
	if h.kind != parley.Ramp {
		h.maxCPU = max(h.maxCPU, share) // a ramp ends where something gives; its stop rule watches the lag
	}
	return share
}

// generator is the health of the run so far, and what makes it invalid.
func (h *health) generator(turns int64) parley.Generator {
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
	if float64(g.HeldBack) > heldBackLimit*float64(turns) {
		g.Invalid = append(g.Invalid, fmt.Sprintf("%d of %d turns due were not said, because the plan's ceiling of open conversations was reached", g.HeldBack, turns))
	}
	if g.Dropped > 0 {
		g.Invalid = append(g.Invalid, fmt.Sprintf("%d rows of the record were lost", g.Dropped))
	}
	return g
}

// conclude writes the health of the run into the record.
func (h *health) conclude() {
	p := h.r.driver.Progress()
	g := h.generator(p.Turns)
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
