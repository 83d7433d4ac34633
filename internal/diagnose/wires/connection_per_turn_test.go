package wires

import (
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose"
	"parley/internal/diagnose/casetest"
)

func TestConnectionPerTurn(t *testing.T) {
	const statement = "SELECT * FROM cliente WHERE fone = ?"
	model := func(turn *casetest.Turn) { turn.Call("openai", "POST /v1/chat/completions", 300*ms, nil) }
	loose := func(c *parley.Call) { c.Turn, c.By = 0, parley.Unattributed }
	tests := []struct {
		name  string
		every time.Duration
		play  func(turn *casetest.Turn)
		want  outcome
		saved float64
	}{
		{"to PostgreSQL", 0, func(turn *casetest.Turn) {
			turn.Connect("postgres")
			turn.Call("postgres", "connect", 60*ms, nil)
			turn.Call("postgres", "PREPARE "+statement, 9*ms, nil)
			turn.Call("postgres", statement, 5*ms, nil)
			model(turn)
		}, aFinding, 0.071},
		{"to PostgreSQL nearby", 0, func(turn *casetest.Turn) {
			turn.Connect("postgres")
			turn.Call("postgres", "connect", 5*ms, nil)
			turn.Call("postgres", statement, 5*ms, nil)
			model(turn)
		}, aNote, 0.006},
		{"to Redis, whose handshake names nobody", 0, func(turn *casetest.Turn) {
			turn.Connect("redis")
			turn.Pass(2 * ms)
			turn.Beside("redis", "HELLO", 30*ms, loose)
			turn.Pass(31 * ms)
			turn.Beside("redis", "CLIENT", 20*ms, loose)
			turn.Pass(20 * ms)
			turn.Call("redis", "GET sessao:*", 5*ms, nil)
			model(turn)
		}, aFinding, 0.050 + 0.004},
		{"to PostgreSQL in one turn of three", 0, func(turn *casetest.Turn) {
			if turn.Number%3 == 0 {
				turn.Connect("postgres")
				turn.Call("postgres", "connect", 60*ms, nil)
			}
			turn.Call("postgres", statement, 5*ms, nil)
			model(turn)
		}, nothing, 0},
		{"once and for all", 0, func(turn *casetest.Turn) {
			turn.Call("redis", "GET sessao:*", 5*ms, nil)
			turn.Call("postgres", statement, 5*ms, nil)
			model(turn)
		}, nothing, 0},
		{"a pool that grows with the turns under way", ms, func(turn *casetest.Turn) {
			turn.Connect("postgres")
			turn.Call("postgres", "connect", 60*ms, nil)
			turn.Call("postgres", statement, 900*ms, nil)
		}, nothing, 0},
		{"of an HTTP client, with nothing to compare with", 0, func(turn *casetest.Turn) {
			turn.Connect("openai")
			turn.Pass(79 * ms)
			model(turn)
		}, aFinding, 0.050},
		{"of an HTTP client, beside calls on open connections", 0, func(turn *casetest.Turn) {
			turn.Connect("openai")
			turn.Pass(80 * ms)
			model(turn)
			turn.Pass(10 * ms)
			model(turn)
		}, aFinding, 0.070},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := casetest.Run{Every: tt.every}
			r.Play(60, func(turn *casetest.Turn) {
				tt.play(turn)
				turn.Answer()
			})
			f := expect(t, &r, connectionPerTurn(), tt.want)
			if f == nil {
				return
			}
			if got, want := f.Saved.Value, tt.saved*59/60; got < want-0.004 || got > want+0.004 { // the first turn found none open
				t.Errorf("saves %v s, want %v", got, want)
			}
			if doubt := strings.Contains(f.Doubt, "upper bound"); doubt != strings.Contains(tt.name, "nothing to compare") {
				t.Errorf("it doubts %q", f.Doubt)
			}
		})
	}
}

// TestConnectionsOfAHealthyBot: a pool makes its connections when they are first needed, whatever the load.
func TestConnectionsOfAHealthyBot(t *testing.T) {
	for _, rate := range []float64{0.5, 5, 50} {
		r := simulate(t, 5, 16, map[string]int{"postgres": 20}, atRate(rate, 30), healthyTurn)
		expect(t, r, connectionPerTurn(), nothing)
	}
}

// TestHealthyBotKeepsDataWiresQuiet: the checks of data wires say nothing of an asynchronous bot with a pool that is large enough.
func TestHealthyBotKeepsDataWiresQuiet(t *testing.T) {
	for seed := range uint64(10) {
		r := simulate(t, seed, 8, map[string]int{"postgres": 20}, atRate(3+4*float64(seed), 20), healthyTurn)
		checks := []diagnose.Check{
			nPlusOne(), roundTrips(), connectionPerTurn(), heldTransaction(), largeValues(), loadedAgain(), unboundedReads(), lockWait(),
		}
		d := diagnose.Diagnose(r.Evidence(), checks, nil)
		for _, f := range append(d.Findings, d.Notes...) {
			t.Errorf("seed %d: %s: %s", seed, f.Check, f.What)
		}
	}
}
