package drive

import (
	"context"
	"net/http"
	"testing"
	"time"

	"parley"
	"parley/internal/plan"
)

// The limit follows the replies, and what was said late is counted exactly.
func TestLag(t *testing.T) {
	d := New(Options{Plan: testPlan(3600, plan.Turn{}), Epoch: time.Now()})
	defer d.Close()
	steady := &phase{kind: parley.Steady, stats: &stepStats{}}
	ramp := &phase{kind: parley.Ramp, stats: &stepStats{}}
	for i := range 1000 {
		d.health.note(steady, time.Duration(i)*100*time.Microsecond) // 0 to 99.9 ms
		d.health.note(ramp, time.Minute)
		d.health.waited(2 * time.Second) // of which 1 % is 20 ms
	}
	got := d.Lag()
	near := func(name string, got, want time.Duration) {
		t.Helper()
		if (got - want).Abs() > want/100 {
			t.Errorf("%s = %v, want %v within 1 %%", name, got, want)
		}
	}
	near("p50", got.P50, 50*time.Millisecond)
	near("p99", got.P99, 99*time.Millisecond)
	near("limit", got.Limit, 20*time.Millisecond)
	if got.Max != 99900*time.Microsecond || got.N != 1000 || got.Late < 790 || got.Late > 800 {
		t.Errorf("max %v, %d of %d late; want 99.9 ms and about 799 of 1000", got.Max, got.Late, got.N)
	}
	if worst := d.WorstLag(); worst != time.Minute || d.WorstLag() != 0 {
		t.Errorf("worst %v, want a minute, once", worst)
	}
}

// A ramp that ends at the ceiling says nothing against the steady load before it.
func TestCeilingOfARampIsNoFlaw(t *testing.T) {
	p := testPlan(3600, plan.Turn{Patience: time.Hour})
	p.Load.Concurrency = 3
	slow := func(w *world, _ http.ResponseWriter, m said) { echo(2*time.Second)(w, nil, m) }
	play(t, p, slow, func(w *world) {
		w.run(parley.Steady, 10*time.Second)
		ramp := w.driver.Run(context.Background(), "ramp", plan.Phase{Kind: parley.Ramp, Duration: time.Hour, Rate: 1, To: 64, Growth: 2, Step: 10 * time.Second})
		if lag := w.driver.Lag(); lag.HeldBack == 0 || lag.Unsaid != 0 || ramp.Stopped == "" {
			t.Errorf("%d held back, of them %d in the steady phase (want 0); the ramp stopped by %q", lag.HeldBack, lag.Unsaid, ramp.Stopped)
		}
	})
}
