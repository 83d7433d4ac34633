package engine

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"parley"
	"parley/internal/record"
)

// seriesOf reads the samples of a record, by name and label ("name{label}").
func seriesOf(t *testing.T, dir string) map[string][]parley.Sample {
	t.Helper()
	reader, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]parley.Sample)
	for s := range reader.Samples() {
		name := s.Name + "{" + s.Label + "}"
		all[name] = append(all[name], s)
	}
	return all
}

// A run records what the bot and the private servers take, and how an idle route of the bot answers meanwhile.
func TestProbeAndProcessesOfARun(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(planText, executable(t), "", "5s"), "scenarios:", "  store: {kind: redis, address: private, canary: optional}\nscenarios:", 1)
	run, _, _, dir := conduct(context.Background(), t, testPlan(t, text))
	if run.State != parley.Complete || len(run.Problems) > 0 {
		t.Fatalf("state %s, problems %+v", run.State, run.Problems)
	}
	all := seriesOf(t, dir)
	begin, end := run.Phases[1].Start, run.Phases[len(run.Phases)-1].Start
	probes := all["parley_probe_seconds{/.well-known/parley-probe}"]
	for _, s := range probes {
		if s.At < begin || s.At > end || s.Value <= 0 || s.Value > 10 {
			t.Errorf("sample %+v, with phases from %v to the drain at %v", s, begin, end)
		}
	}
	if len(probes) < 10 || len(probes) > 31 {
		t.Errorf("%d probes in 3 s, want 30 at the most", len(probes))
	}
	if failures := all["parley_probe_failures_total{/.well-known/parley-probe}"]; len(failures) != 1 || failures[0].Value != 0 {
		t.Errorf("failures %+v, want a single 0", failures)
	}
	if runtime.GOOS != "linux" {
		return
	}
	for _, who := range []struct{ prefix, label string }{{"bot", ""}, {"redis", "store"}} {
		series := func(name string) []parley.Sample { return all[who.prefix+name+"{"+who.label+"}"] }
		cpu, memory := series("_cpu_seconds_total"), series("_resident_memory_bytes")
		if len(cpu) < 3 || len(memory) != len(cpu) || len(series("_busiest_thread_cores")) != len(cpu)-1 {
			t.Fatalf("%s: %d samples of the CPU, %d of the memory", who.prefix, len(cpu), len(memory))
		}
		if !slices.IsSortedFunc(cpu, func(a, b parley.Sample) int { return int((a.Value - b.Value) * 1e6) }) || who.prefix == "bot" && cpu[len(cpu)-1].Value <= 0 {
			t.Errorf("%s: CPU %+v", who.prefix, cpu)
		}
		if memory[0].Value < 1e6 || memory[0].Value > 1e9 {
			t.Errorf("%s: memory %+v", who.prefix, memory)
		}
		for _, s := range series("_busiest_thread_cores") {
			if s.Value < 0 || s.Value > 1 {
				t.Errorf("%s: busiest thread %+v", who.prefix, s)
			}
		}
		if n, threads := series("_processes")[0].Value, series("_threads")[0].Value; n != 1 || threads < 1 {
			t.Errorf("%s: %v processes, %v threads", who.prefix, n, threads)
		}
	}
}

// A plan can do without the probe, and then there is no sample of it.
func TestRunWithoutProbe(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(planText, executable(t), "", "5s"), "evolution:", "probe: off\n  evolution:", 1)
	text = strings.Replace(text, "{solo: 1s}, {steady: 2s}", "solo: 1s", 1)
	_, _, _, dir := conduct(context.Background(), t, testPlan(t, text))
	for name := range seriesOf(t, dir) {
		if strings.HasPrefix(name, "parley_probe") {
			t.Errorf("%s was recorded", name)
		}
	}
}
