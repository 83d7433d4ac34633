package fault

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestBucket(t *testing.T) {
	b := NewBucket(Quota{Limit: 60})
	steps := []struct {
		n    int64
		at   time.Duration
		want Grant
	}{
		{10, 0, Grant{OK: true, Limit: 60, Remaining: 50, Used: 0, Reset: 10 * time.Second}},
		{50, 0, Grant{OK: true, Limit: 60, Remaining: 0, Used: 10, Reset: time.Minute}},
		{1, 0, Grant{Limit: 60, Used: 60, Reset: time.Minute, Wait: time.Second}},
		{61, 0, Grant{Limit: 60, Used: 60, Reset: time.Minute, Wait: -1}},
		{1, time.Second, Grant{OK: true, Limit: 60, Used: 59, Reset: time.Minute}},
		{3, 500 * time.Millisecond, Grant{Limit: 60, Used: 60, Reset: time.Minute, Wait: 3 * time.Second}}, // the past counts as now
		{0, time.Hour, Grant{OK: true, Limit: 60, Remaining: 60}},
	}
	for i, step := range steps {
		if diff := cmp.Diff(step.want, b.Take(step.n, step.at)); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestBurstIsSmallerThanTheLimit(t *testing.T) {
	b := NewBucket(Quota{Limit: 600, Per: time.Minute, Burst: 10})
	if g := b.Take(11, 0); g.OK || g.Wait >= 0 {
		t.Errorf("%+v", g)
	}
	if g := b.Take(10, 0); !g.OK || g.Reset != time.Second {
		t.Errorf("%+v", g)
	}
}

func TestNoLimit(t *testing.T) {
	if g := NewBucket(Quota{}).Take(1<<60, 0); !g.OK {
		t.Errorf("%+v", g)
	}
}

// The wait a bucket names is enough and never a nanosecond more than needed; and no
// sequence of takes gets more than the burst and what flowed in.
func TestWaitIsEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(1, 1_000_000).Draw(t, "limit")
		b := NewBucket(Quota{Limit: limit})
		now, taken := time.Duration(0), int64(0)
		for range 20 {
			now += time.Duration(rapid.Int64Range(0, int64(10*time.Second)).Draw(t, "pause"))
			n := rapid.Int64Range(0, limit).Draw(t, "n")
			g := b.Take(n, now)
			if !g.OK {
				now += g.Wait
				if again := b.Take(n, now); !again.OK {
					t.Fatalf("refused %d of %d after the wait of %v: %+v", n, limit, g.Wait, again)
				}
			}
			taken += n
			if most := float64(limit) * (1 + now.Minutes()); float64(taken) > most+1e-3 {
				t.Fatalf("%d taken in %v, at most %v were there", taken, now, most)
			}
		}
	})
}
