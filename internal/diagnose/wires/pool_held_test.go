package wires

import (
	"strings"
	"testing"
	"time"
)

// TestPoolLimitHeldPastTheLastStatement: a connection is given back as a handler returns, and what it did last was to send the answer. Its last
// statement says too little of how long it was held, and nobody else may be left to say that a pool is short.
func TestPoolLimitHeldPastTheLastStatement(t *testing.T) {
	for _, n := range []int{2, 4} {
		run := simulate(t, uint64(n), 1, map[string]int{"postgres": n}, atRate(1.1*float64(n)/0.14, 60), func(t *simulatedTurn) {
			t.ack()
			t.call("redis", "GET sessao:*", 2*time.Millisecond)
			t.pooled(func() {
				t.call("postgres", opRead, 4*time.Millisecond)
				t.call("openai", opChat, 80*time.Millisecond)
				t.call("postgres", opStore, 4*time.Millisecond)
				t.call("precos", "POST /v1/orcamentos", 30*time.Millisecond)
				t.answer()
			})
		})
		f := onlyFinding(t, limitFindings(t, run), "pool-limit")
		if got := figureOf(f, "in use at once"); got != float64(n) || !strings.Contains(f.What, "connection") {
			t.Errorf("a limit of %v, want %d: %s", got, n, f.What)
		}
	}
}
