package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/bench/rig"
	"parley/internal/plan"
)

func TestEveryPlanIsOne(t *testing.T) {
	b := bench{seconds: 10, connections: 64}
	for name, l := range map[string]load{
		"turn": {words: question(), turns: repeat(question(), 10_000), think: "0s", users: 65, perSecond: 16, phases: listed("warmup: 4s, steady: {for: 12s, rate: 0.0001}")},
		"hold": {words: question(), turns: repeat(rig.WordWait, 1), think: "0s", users: 100_001, perSecond: 10_000, phases: listed("warmup: 10s, steady: {for: 5s, rate: 0.0001}")},
	} {
		text, err := b.plan(l)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Parse("bench.yaml", []byte(text), t.TempDir(), os.LookupEnv)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(p.Load.Phases) != 2 || p.Load.Phases[1].Kind != parley.Steady {
			t.Errorf("%s: phases %+v", name, p.Load.Phases)
		}
	}
}

func TestListed(t *testing.T) {
	const in, want = "warmup: 1s, steady: {for: 3s, rate: 2}, ramp: {from: 1, to: 2}", "{warmup: 1s}, {steady: {for: 3s, rate: 2}}, {ramp: {from: 1, to: 2}}"
	if got := listed(in); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// run is a measurement of a steady phase in which 3,000 turns took 90 ms of CPU.
func measurement() *rig.Measurement {
	return &rig.Measurement{
		CPU: 200 * time.Millisecond, PeakRSS: 300e6, Run: &parley.Run{},
		Samples: []rig.Sample{
			{Elapsed: 1 * time.Second, Phase: "canary", RSS: 40e6},
			{Elapsed: 2 * time.Second, Phase: "warmup", RSS: 90e6, Answered: 100, Waiting: 1},
			{Elapsed: 3 * time.Second, Phase: "steady", RSS: 100e6, CPU: 100 * time.Millisecond, Answered: 1000, Waiting: 50},
			{Elapsed: 5 * time.Second, Phase: "steady", RSS: 140e6, CPU: 190 * time.Millisecond, Answered: 4000, Waiting: 50},
		},
	}
}

func TestCostOf(t *testing.T) {
	c, err := costOf(measurement(), 0)
	if err != nil || c.CPUPerTurn != 30 || c.CPUPerTurnWhole != 50 || c.PerSecond != 1500 || c.Turns != 3000 {
		t.Errorf("%+v, %v; want 30 us, 50 us, 1,500/s", c, err)
	}
	if _, err := costOf(measurement(), time.Minute); err == nil {
		t.Error("a phase that was not seen costs something")
	}
}

func TestHeldBy(t *testing.T) {
	h, err := heldBy(measurement(), 50)
	if err != nil || h.BytesEach != 2e6 || h.Users != 50 {
		t.Errorf("%+v, %v; want 50 users of 2 MB", h, err)
	}
	if _, err := heldBy(measurement(), 100); err == nil {
		t.Error("50 users pass for 100")
	}
}

func TestRatios(t *testing.T) {
	r := results{
		Peers: map[string]rig.PeerResult{"hey": {CPUPerRequest: 25}}, Turn: &cost{CPUPerTurn: 30},
		Flat: map[int]cost{1000: {CPUPerTurn: 20}, 100_000: {CPUPerTurn: 21}},
	}
	r.relate()
	if r.RatioToHey != 1.2 || r.Flatness != 1.05 {
		t.Errorf("ratio %v, flatness %v; want 1.2 and 1.05", r.RatioToHey, r.Flatness)
	}
	var out bytes.Buffer
	if err := r.write(&out); err != nil || !strings.Contains(out.String(), "1.20") {
		t.Errorf("%s, %v", out.String(), err)
	}
}

func TestRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, args := range [][]string{{"-run", "everything"}, {"-seconds", "1"}, {"-nonsense"}} {
		if err := run(t.Context(), args, nil, nil); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
