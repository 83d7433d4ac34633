package drive

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"parley"
	"parley/internal/plan"
	"parley/internal/platform"
)

// mute is a bot that acknowledges and never answers.
func mute(*world, http.ResponseWriter, said) {}

// An interruption does not wait for users who wait for a silent bot.
func TestInterruptionEndsEveryPhaseAtOnce(t *testing.T) {
	for name, phase := range map[string]func(ctx context.Context, w *world){
		"canary": func(ctx context.Context, w *world) {
			if _, satisfied := w.driver.Canary(ctx, func() bool { return true }); satisfied {
				t.Error("the canary was satisfied by a bot that never answers")
			}
		},
		"solo": func(ctx context.Context, w *world) {
			w.driver.Run(ctx, "solo", plan.Phase{Kind: parley.Solo, Duration: time.Minute})
		},
		"steady": func(ctx context.Context, w *world) {
			w.driver.Run(ctx, "steady", plan.Phase{Kind: parley.Steady, Duration: time.Minute, Rate: 1})
		},
		"ramp": func(ctx context.Context, w *world) {
			w.driver.Run(ctx, "ramp", plan.Phase{Kind: parley.Ramp, Duration: time.Minute, Rate: 1, To: 4, Growth: 2, Step: 30 * time.Second})
		},
		"drain": func(ctx context.Context, w *world) {
			w.driver.Run(context.Background(), "steady", plan.Phase{Kind: parley.Steady, Duration: time.Second, Rate: 1})
			w.driver.Drain(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			const after = 2500 * time.Millisecond
			play(t, testPlan(3600, plan.Turn{}), mute, func(w *world) {
				ctx, cancel := context.WithTimeout(context.Background(), after)
				defer cancel()
				phase(ctx, w)
				if took := w.driver.since(); took < after || took > after+100*time.Millisecond {
					t.Errorf("ended %v after the interruption", took-after)
				}
			})
		})
	}
}

// A bot that floods its users makes the platform echo as much; that must not
// take all of parley's sockets and memory.
func TestNoticesAreBounded(t *testing.T) {
	const flood = 3 * noticesWaiting
	var now, most atomic.Int64
	slow := func(*world, http.ResponseWriter, said) {
		most.Store(max(most.Load(), now.Add(1)))
		time.Sleep(time.Second)
		now.Add(-1)
	}
	play(t, testPlan(3600, plan.Turn{}), slow, func(w *world) {
		for range flood {
			w.driver.Notify(platform.Scheduled{Webhook: stubPlatform{}.Webhook(nil, platform.Message{})})
		}
		time.Sleep(time.Minute)
		p := w.driver.Progress()
		if p.Notices != noticesWaiting || p.Withheld != flood-noticesWaiting {
			t.Errorf("%d sent and %d withheld of %d, want %d sent", p.Notices, p.Withheld, flood, noticesWaiting)
		}
	})
	if most.Load() > noticesAtOnce {
		t.Errorf("%d at once, want %d at most", most.Load(), noticesAtOnce)
	}
}
