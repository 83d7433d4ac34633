package wires

import (
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

// asks sets what a call asks for.
func asks(content uint64) func(*parley.Call) {
	return func(c *parley.Call) { c.Content = content }
}

// carrying sets what a call asks for, and the bytes of its request and its answer.
func carrying(content uint64, request, response int64) func(*parley.Call) {
	return func(c *parley.Call) { c.Content, c.RequestBytes, c.ResponseBytes = content, request, response }
}

func TestLoadedAgain(t *testing.T) {
	const history = "SELECT * FROM mensagem WHERE cliente = ?"
	tests := []struct {
		name  string
		play  func(turn *casetest.Turn, user uint64)
		want  outcome
		saved float64
	}{
		{"three layers load it", func(turn *casetest.Turn, user uint64) {
			for range 3 {
				turn.Call("redis", "GET sessao:*", 10*ms, asks(user))
				turn.Call("postgres", history, 20*ms, asks(user))
			}
		}, aFinding, 2 * 0.032},
		{"by a script", func(turn *casetest.Turn, user uint64) {
			for range 3 {
				turn.Call("redis", "EVALSHA inbox:*", 30*ms, carrying(user, 200, 4000))
			}
		}, aFinding, 2 * 0.031},
		{"loaded and saved by each", func(turn *casetest.Turn, user uint64) {
			for k := range uint64(3) {
				turn.Call("redis", "GET sessao:*", 10*ms, carrying(user, 50, 300_000))
				turn.Call("redis", "SET sessao:*", 10*ms, carrying(1000*user+k, 300_000+int64(k), 5))
			}
		}, aFinding, 4 * 0.011},
		{"once", func(turn *casetest.Turn, user uint64) {
			turn.Call("redis", "GET sessao:*", 10*ms, asks(user))
			turn.Call("postgres", history, 20*ms, asks(user))
			turn.Call("redis", "SET sessao:*", 10*ms, carrying(9*user, 300_000, 5))
		}, nothing, 0},
		{"of different things", func(turn *casetest.Turn, user uint64) {
			for k := range uint64(4) {
				turn.Call("postgres", history, 30*ms, asks(10*user+k))
				turn.Call("redis", "SET cache:*", 10*ms, carrying(user+k, 200*int64(k+1), 5))
			}
		}, nothing, 0},
		{"again after it was changed", func(turn *casetest.Turn, user uint64) {
			turn.Call("postgres", history, 30*ms, asks(user))
			turn.Call("postgres", "INSERT INTO mensagem (texto) VALUES (?)", 5*ms, asks(user))
			turn.Call("postgres", history, 30*ms, asks(user))
		}, nothing, 0},
		{"in one flight", func(turn *casetest.Turn, user uint64) {
			for range 3 {
				turn.Beside("redis", "GET sessao:*", 30*ms, func(c *parley.Call) { c.Content, c.Flight = user, int64(1000+turn.Number) })
			}
			turn.Pass(30 * ms)
		}, nothing, 0},
		{"until it has changed", func(turn *casetest.Turn, user uint64) {
			for range 5 {
				turn.Pass(50 * ms)
				turn.Call("redis", "GET resultado:*", 10*ms, asks(user))
			}
		}, nothing, 0},
		{"a lock that is asked for", func(turn *casetest.Turn, user uint64) {
			for range 5 {
				turn.Pass(50 * ms)
				turn.Call("redis", "SET lock:*", 10*ms, carrying(user, 80, 5))
			}
		}, nothing, 0},
		{"a connection that is looked after", func(turn *casetest.Turn, _ uint64) {
			for range 5 {
				turn.Call("postgres", "SELECT ?", 20*ms, asks(1))
				turn.Call("redis", "PING", 20*ms, asks(1))
				turn.Call("postgres", "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL", 20*ms, asks(2))
			}
			turn.Call("redis", "GET sessao:*", ms, asks(1))
		}, nothing, 0},
		{"little of little", func(turn *casetest.Turn, user uint64) {
			for range 2 {
				turn.Call("redis", "GET sessao:*", 300*time.Microsecond, asks(user))
			}
		}, aNote, 0},
		{"nobody knows what", func(turn *casetest.Turn, _ uint64) {
			for range 3 {
				turn.Call("postgres", history, 20*ms, nil)
			}
		}, unknown, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r casetest.Run
			r.Play(60, func(turn *casetest.Turn) {
				tt.play(turn, uint64(turn.Number+1)*100)
				turn.Pass(10 * ms)
				turn.Call("openai", "POST /v1/chat/completions", 200*ms, nil)
				turn.Answer()
			})
			if f := expect(t, &r, loadedAgain(), tt.want); tt.want == aFinding && f != nil {
				if got := f.Saved.Value; got < tt.saved-0.003 || got > tt.saved+0.003 {
					t.Errorf("saves %v s, want %v", got, tt.saved)
				}
			}
		})
	}
}
