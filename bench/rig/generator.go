package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"parley"
	"parley/internal/engine"
	"parley/internal/plan"
)

// Order is what a process that generates load is told on its standard input.
type Order struct {
	Plan string // the text of parley.yaml
	Dir  string // the run's folder
	// StopAtDrain ends the run when its load is over: waiting turns are cut.
	StopAtDrain bool
	// Profile is the folder to which CPU and heap profiles go, empty for none.
	Profile string
}

// Sample is what the generator had used and done at a moment of the run.
type Sample struct {
	Elapsed       time.Duration
	Phase         string
	CPU           time.Duration // of the generator alone
	RSS           int64         // bytes
	Answered      int64         // turns
	Waiting       int           // turns
	Conversations int           // open
}

// Measurement is what the process writes: a sample about twice a second, and the
// run as recorded. CPU covers everything, from the start of the process to the closed record.
type Measurement struct {
	Samples []Sample
	Run     *parley.Run
	CPU     time.Duration
	PeakRSS int64
}

// Generate is the body of a process that generates load: it runs the engine as
// parley load does, and measures itself.
func Generate(ctx context.Context, in io.Reader, out io.Writer) error {
	var o Order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	p, err := plan.Parse("bench.yaml", []byte(o.Plan), o.Dir, os.LookupEnv)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if o.Profile != "" {
		end, err := profile(o.Profile)
		if err != nil {
			return err
		}
		defer end()
	}
	var m Measurement
	m.Run, err = engine.Run(ctx, engine.Options{
		Plan: p, Verb: "load", Dir: o.Dir, Replace: true, Environ: os.Environ(),
		Progress: func(p engine.Progress) {
			m.Samples = append(m.Samples, Sample{
				Elapsed: p.Elapsed, Phase: p.Phase, CPU: Self().CPU, RSS: ResidentBytes(),
				Answered: p.Answered, Waiting: p.Waiting, Conversations: p.Conversations,
			})
			if o.StopAtDrain && p.Phase == string(parley.Drain) && p.Messages.Sent > 0 {
				heapProfile(o.Profile)
				stop()
			}
		},
	})
	if err != nil {
		return err
	}
	used := Self()
	m.CPU, m.PeakRSS = used.CPU, used.PeakRSS
	return json.NewEncoder(out).Encode(&m)
}

// profile writes a CPU profile to the folder until end is called.
func profile(dir string) (end func(), err error) {
	cpu, err := os.Create(filepath.Join(dir, "cpu.pprof"))
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = cpu.Close() // a profile that is short is seen to be
	}, nil
}

// heapProfile writes a profile of the heap, as it is while the load's users wait, to the folder; "" is none.
func heapProfile(dir string) {
	if dir == "" {
		return
	}
	if heap, err := os.Create(filepath.Join(dir, "heap.pprof")); err == nil {
		_ = pprof.Lookup("heap").WriteTo(heap, 0) // one that is short is seen to be
		_ = heap.Close()
	}
}

// Start runs Generate in a process of its own, which is this program with the arguments
// args, and returns what it measured. A run with problems is an error.
func Start(ctx context.Context, o Order, core int, args ...string) (*Measurement, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start generator: %w", err)
	}
	order, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("start generator: %w", err)
	}
	said, _, err := Command{Args: append([]string{program}, args...), Stdin: order, Core: core}.Run(ctx)
	if err != nil {
		return nil, err
	}
	var m Measurement
	if err := json.Unmarshal(said, &m); err != nil {
		return nil, fmt.Errorf("read what the generator measured: %w", err)
	}
	for _, p := range m.Run.Problems {
		return &m, fmt.Errorf("the run failed: %s (%s)", p.What, p.Hint)
	}
	return &m, nil
}

// Window returns the first and the last sample of a phase, leaving out those of its
// first settle. ok is false if it has fewer than two.
func (m *Measurement) Window(phase parley.PhaseKind, settle time.Duration) (first, last Sample, ok bool) {
	var began time.Duration
	n := 0
	for _, s := range m.Samples {
		if s.Phase != string(phase) {
			continue
		}
		if began == 0 {
			began = s.Elapsed
		}
		if s.Elapsed < began+settle {
			continue
		}
		if n++; n == 1 {
			first = s
		}
		last = s
	}
	return first, last, n > 1
}
