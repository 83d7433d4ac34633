package wires

import (
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

const ms = time.Millisecond

func TestNPlusOne(t *testing.T) {
	const statement = "SELECT * FROM reply WHERE thread = $1"
	tests := []struct {
		name    string
		play    func(turn *casetest.Turn)
		finding bool
		note    bool
	}{
		{"twenty round trips", func(turn *casetest.Turn) {
			for range 20 {
				turn.Call("postgres", statement, 10*ms, nil)
			}
		}, true, false},
		{"four are few", func(turn *casetest.Turn) {
			for range 4 {
				turn.Call("postgres", statement, 10*ms, nil)
			}
		}, false, false},
		{"twenty in one flight", func(turn *casetest.Turn) {
			for range 20 {
				turn.Call("postgres", statement, 10*ms, func(c *parley.Call) { c.Flight = int64(1000 + turn.Number) })
			}
		}, false, false},
		{"twenty that are over in no time", func(turn *casetest.Turn) {
			turn.Own = 100 * time.Microsecond
			for range 20 {
				turn.Call("postgres", statement, 200*time.Microsecond, nil)
			}
		}, false, true},
		{"each for an answer of the model", func(turn *casetest.Turn) {
			for range 8 {
				turn.Call("openai", "POST /v1/chat/completions", 20*ms, nil)
				turn.Call("postgres", "INSERT INTO step (thread, text) VALUES (?...)", 10*ms, nil)
			}
		}, false, false},
		{"what a pool does when it gets a connection back", func(turn *casetest.Turn) {
			for range 20 {
				turn.Call("postgres", "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL", 10*ms, nil)
			}
		}, false, false},
		{"the same again, not another one", func(turn *casetest.Turn) {
			for range 20 {
				turn.Call("postgres", statement, 10*ms, func(c *parley.Call) { c.Content = 7 })
			}
		}, false, false},
		{"side by side", func(turn *casetest.Turn) {
			for i := range 20 {
				turn.Beside("postgres", statement, 10*ms, func(c *parley.Call) { c.Conn = int64(20 + i) })
			}
			turn.Pass(10 * ms)
		}, false, false},
		{"prepared anew each time", func(turn *casetest.Turn) {
			for range 20 {
				turn.Own = 0
				turn.Call("postgres", "PREPARE "+statement, 4*ms, nil)
				turn.Own = ms
				turn.Call("postgres", statement, 6*ms, nil)
			}
		}, true, false},
		{"each on a connection that is reset", func(turn *casetest.Turn) {
			for range 20 {
				turn.Own = ms / 2
				turn.Call("postgres", statement, 6*ms, nil)
				turn.Call("postgres", "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL", 4*ms, nil)
			}
			turn.Own = ms
		}, true, false},
		{"of the session", func(turn *casetest.Turn) {
			for range 20 {
				turn.Call("postgres", "BEGIN", 10*ms, nil)
			}
		}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r casetest.Run
			r.Play(60, func(turn *casetest.Turn) {
				tt.play(turn)
				turn.Call("openai", "POST /v1/chat/completions", 300*ms, nil)
				turn.Answer()
			})
			d := r.Diagnose(nPlusOne())
			if got := len(d.Findings) == 1; got != tt.finding {
				t.Errorf("findings: %+v", d.Findings)
			}
			if got := len(d.Notes) == 1; got != tt.note {
				t.Errorf("notes: %+v", d.Notes)
			}
			if tt.finding {
				if got, want := d.Findings[0].Saved.Value, 0.209; got < want-0.01 || got > want+0.01 {
					t.Errorf("saves %v s, want %v", got, want) // 19 round trips of 10 ms and 1 ms before each
				}
			}
		})
	}
}
