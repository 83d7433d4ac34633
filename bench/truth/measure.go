package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"parley"
	"parley/bench/rig"
	"parley/internal/anatomy"
	"parley/internal/record"
)

// scene is one behaviour of the bot.
type scene struct {
	name string
	// expected is what a percentile must be, from arithmetic alone; nil if that says nothing.
	expected func(q float64) time.Duration
}

func cases() []scene {
	return []scene{
		{name: "skewed"},
		{name: "frozen", expected: func(q float64) time.Duration {
			// A fifth of the messages falls due in a freeze, evenly over it.
			share := float64(frozen) / float64(period)
			return time.Duration(max(0, q-(1-share)) / share * float64(frozen))
		}},
	}
}

// percentiles are those compared.
func percentiles() map[string]float64 {
	return map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
}

// measure runs one case and adds its rows.
func (r *results) measure(ctx context.Context, c scene) error {
	dir, err := os.MkdirTemp("", "bench-truth-")
	if err != nil {
		return fmt.Errorf("make a folder for the record: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder of ours in the system's own for such things
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	log, run := filepath.Join(dir, "bot.txt"), filepath.Join(dir, "run")
	m, err := rig.Start(ctx, rig.Order{Plan: r.plan(program, c.name, log), Dir: run}, -1, asGenerator)
	if err != nil {
		return err
	}
	waits, err := r.truth(m.Run, log)
	if err != nil {
		return err
	}
	reader, err := record.Open(run)
	if err != nil {
		return err
	}
	summary := anatomy.Summarize(reader.Run(), reader.Turns(), reader.Replies(), reader.Calls())
	if err := reader.Err(); err != nil {
		return err
	}
	r.Dropped += r.planned() - min(len(waits), summary.Judged.Answered)
	return r.compare(c, waits, &summary.Judged.Reply)
}

func (r *results) planned() int { return r.Seconds * r.PerSecond }

// plan writes a parley.yaml: conversations of one message, evenly, and patience enough for all of them.
func (r *results) plan(program, name, log string) string {
	return fmt.Sprintf(`name: truth
target:
  webhook: http://127.0.0.1:${PORT}/webhook
  command: [%q, %s, %s, "${PORT}", %q]
  evolution: {echo: false, statuses: false, send_latency: 0s, retry: {attempts: 1}}
users: {returning: 0%%, alike: 0%%}
scenarios:
  - {name: question, patience: 10m, turns: [Are you open on Friday?]}
load:
  conversations_per_hour: %d
  concurrency: 100000
  arrivals: even
  phases: [{steady: %ds}]
safety: {messages_per_hour: 1000000000, users: 100000, duration: 1h}
`, program, asTarget, name, log, r.PerSecond*3600, r.Seconds)
}

// truth joins the bot's log with the schedule: what each user waited, in order.
func (r *results) truth(run *parley.Run, log string) ([]time.Duration, error) {
	f, err := os.Open(log)
	if err != nil {
		return nil, fmt.Errorf("read the bot's log: %w", err)
	}
	taken, err := readDiary(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(run.Phases, func(p parley.Phase) bool { return p.Kind == parley.Steady })
	if i < 0 {
		return nil, errors.New("the run has no steady phase")
	}
	return r.waits(run.Started.Add(run.Phases[i].Start), taken), nil
}

// waits returns what the users of the load waited, in order of length. The canary's
// user is the first; the k-th message of n even arrivals is due in the middle of the k-th of n gaps.
func (r *results) waits(began time.Time, taken map[int]time.Time) []time.Duration {
	gap := time.Second / time.Duration(r.PerSecond)
	var waits []time.Duration
	for index, at := range taken {
		if k := index - 2; k >= 0 {
			waits = append(waits, at.Sub(began.Add(time.Duration(k)*gap+gap/2)))
		}
	}
	slices.Sort(waits)
	return waits
}

// compare adds the rows of a case.
func (r *results) compare(c scene, waits []time.Duration, reported *anatomy.Waits) error {
	if len(waits) == 0 {
		return errors.New("the bot's log is empty")
	}
	names := percentiles()
	for _, name := range []string{"p50", "p90", "p99", "p99.9"} {
		estimate, carried := reported.Quantile(name)
		if !carried {
			return fmt.Errorf("%d waits do not carry a %s: use a longer -seconds", reported.N, name)
		}
		q := names[name]
		w := row{Case: c.name, Percentile: name, Truth: milliseconds(quantile(waits, q)), Parley: estimate.Value * 1e3}
		w.Error = math.Abs(w.Parley-w.Truth) / w.Truth
		if c.expected != nil {
			w.Expected = milliseconds(c.expected(q))
		}
		if math.Abs(w.Parley-w.Truth) > 2 {
			r.MaxError = max(r.MaxError, w.Error)
		}
		r.Rows = append(r.Rows, w)
	}
	return nil
}

// quantile is the smallest wait that at least a share q of the waits does not exceed.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, max(0, int(math.Ceil(q*float64(len(sorted))))-1))]
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }
