package plan

import (
	"math"
	"testing"
	"time"
)

func TestExpect(t *testing.T) {
	p := parse(t, `
target: {webhook: "http://127.0.0.1:8000/"}
scenarios:
  - name: long            # two turns, 2 s each; 4 s between; two gaps of 1 s: 10 s
    weight: 3
    think: 3s..5s
    turns: [Hi, {burst: [a, b, c], gap: 1s}]
  - {name: short, weight: 1, turns: [Hi]}   # 2 s
load:
  conversations_per_hour: 3600
  phases: [solo, steady: 5m, ramp: {for: 1m, to: 4}]
`)
	got := p.Expect()
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6*want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	near("turns", got.Turns, 0.75*2+0.25)
	near("messages", got.Messages, 0.75*4+0.25)
	near("messages an hour", got.MessagesPerHour, 3600*3.25)
	near("at the top", got.TopMessagesPerHour, 4*3600*3.25)
	near("length", got.Length.Seconds(), 0.75*10+0.25*2)
	near("concurrency", got.Concurrency, 8) // one a second, 8 s each
	near("concurrency at the top", got.TopConcurrency, 32)
	if want := 20*time.Second + 6*time.Minute; got.Duration != want {
		t.Errorf("duration %v, want %v", got.Duration, want)
	}
}
