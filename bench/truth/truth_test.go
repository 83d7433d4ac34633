package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/plan"
)

func TestThaw(t *testing.T) {
	for _, c := range []struct{ since, want time.Duration }{
		{0, 0},
		{3999 * time.Millisecond, 0},
		{4 * time.Second, time.Second},
		{4600 * time.Millisecond, 400 * time.Millisecond},
		{5 * time.Second, 0},
		{14900 * time.Millisecond, 100 * time.Millisecond},
	} {
		if got := thaw(c.since); got != c.want {
			t.Errorf("after %v: %v, want %v", c.since, got, c.want)
		}
	}
}

func TestExpectedOfTheFreeze(t *testing.T) {
	expected := cases()[1].expected
	for q, want := range map[float64]time.Duration{0.5: 0, 0.8: 0, 0.9: 500 * time.Millisecond, 0.99: 950 * time.Millisecond} {
		if got := expected(q).Round(time.Microsecond); got != want {
			t.Errorf("q %v: %v, want %v", q, got, want)
		}
	}
}

// A bot that takes each message 7 ms after it was due has made everybody wait 7 ms, however late
// the messages were sent, and but for the canary, which is no load.
func TestWaitsCountFromTheSchedule(t *testing.T) {
	began := time.Unix(1000, 0)
	r := results{Seconds: 5, PerSecond: 100}
	var log strings.Builder
	fmt.Fprintf(&log, "999123000000001 %d\n", began.UnixNano())
	for k := range 500 {
		due := began.Add(time.Duration(k)*10*time.Millisecond + 5*time.Millisecond)
		fmt.Fprintf(&log, "999123%09d %d\n", k+2, due.Add(7*time.Millisecond).UnixNano())
	}
	taken, err := readDiary(strings.NewReader(log.String()))
	if err != nil {
		t.Fatal(err)
	}
	waits := r.waits(began, taken)
	if len(waits) != r.planned() || waits[0] != 7*time.Millisecond || waits[499] != 7*time.Millisecond {
		t.Errorf("%d waits from %v to %v, want 500 of 7 ms", len(waits), waits[0], waits[len(waits)-1])
	}
}

func TestDiaryRefusesDamage(t *testing.T) {
	for _, text := range []string{"999 1", "999123000000001", "999123000000001 x", "999123abc 1"} {
		if _, err := readDiary(strings.NewReader(text)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestCompare(t *testing.T) {
	waits := make([]time.Duration, 10_000)
	for i := range waits {
		waits[i] = time.Duration(i+1) * 100 * time.Microsecond
	}
	reported := &anatomy.Waits{N: len(waits)}
	for name, ms := range map[string]float64{"p50": 501, "p90": 945, "p99": 990, "p99.9": 999} {
		reported.Quantiles = append(reported.Quantiles, anatomy.Quantile{Name: name, Estimate: parley.Estimate{Value: ms / 1e3}})
	}
	var r results
	if err := r.compare(scene{name: "ramp"}, waits, reported); err != nil {
		t.Fatal(err)
	}
	// 501 for 500 is within 2 ms, 945 for 900 is not.
	if len(r.Rows) != 4 || r.MaxError != 0.05 {
		t.Errorf("largest error %v, want 0.05: %+v", r.MaxError, r.Rows)
	}
}

func TestPlan(t *testing.T) {
	r := results{Seconds: 20, PerSecond: 1000}
	p, err := plan.Parse("bench.yaml", []byte(r.plan("/bin/truth", "skewed", "/tmp/log")), t.TempDir(), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	if p.Load.Arrivals != "even" || p.Load.ConversationsPerHour != 3.6e6 {
		t.Errorf("%+v", p.Load)
	}
}
