package wires

import (
	"strings"
	"testing"
	"time"

	"parley/internal/diagnose/casetest"
)

// statement is one that waits for something shared (a pool of one, by name) and keeps it; it returns when it has it, and is done.
func (t *simulatedTurn) statement(operation, state, wants string, took time.Duration) {
	t.work(t.jitter(t.own))
	place := len(t.calls)
	from := t.now()
	if wants != "" {
		t.acquire(wants)
	}
	t.bare("postgres", operation, took)
	t.calls[place].Start, t.calls[place].Transaction = from, state
}

func TestLockWaitOfRows(t *testing.T) {
	const count = "UPDATE contador SET n = n + ? WHERE id = ?"
	model := func(turn *simulatedTurn) { turn.call("openai", opChat, 150*ms) }
	tests := []struct {
		name  string
		rate  float64
		pools map[string]int
		play  func(turn *simulatedTurn)
		want  outcome
		says  string
	}{
		{"a row that is kept while a service is asked", 6, map[string]int{"row": 1}, func(turn *simulatedTurn) {
			turn.statement("BEGIN", "open", "", ms)
			turn.statement(count, "open", "row", 2*ms)
			turn.statement(opRead, "open", "", 3*ms)
			turn.call("http", "GET /agenda", 100*ms)
			turn.statement("COMMIT", "idle", "", ms)
			turn.release("row")
			model(turn)
		}, aFinding, "keeps it for"},
		{"a row that every turn updates", 40, map[string]int{"row": 1}, func(turn *simulatedTurn) {
			turn.statement(opRead, "idle", "", 3*ms)
			turn.statement(count, "idle", "row", 20*ms)
			turn.release("row")
			model(turn)
		}, aFinding, "same row"},
		{"a row for each", 40, map[string]int{"row": 500}, func(turn *simulatedTurn) {
			turn.statement(opRead, "idle", "", 3*ms)
			turn.statement(count, "idle", "row", 20*ms)
			turn.release("row")
			model(turn)
		}, nothing, ""},
		{"a database that is slow with everything", 18, map[string]int{"cpu": 1}, func(turn *simulatedTurn) {
			for _, operation := range []string{opRead, count} {
				turn.statement(operation, "idle", "cpu", 20*ms)
				turn.release("cpu")
			}
			model(turn)
		}, nothing, ""},
		{"turns that never meet", 0.2, map[string]int{"row": 1}, func(turn *simulatedTurn) {
			turn.statement(count, "idle", "row", 2*ms)
			turn.release("row")
		}, unknown, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := simulate(t, 3, 64, tt.pools, atRate(tt.rate, 30), func(turn *simulatedTurn) {
				turn.ack()
				turn.conn["postgres"] = turn.bot.next()
				tt.play(turn)
				turn.answer()
			})
			f := expect(t, r, lockWait(), tt.want)
			if f != nil && !strings.Contains(f.What, tt.says) {
				t.Errorf("it says %q", f.What)
			}
			if f != nil {
				t.Logf("saves %.3f s of the mean: %s", f.Saved.Value, f.What)
			}
		})
	}
}

// next is the number of a new connection.
func (b *simulated) next() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conns++
	return b.conns
}

func TestLockWaitOfRedis(t *testing.T) {
	attempt := func(turn *casetest.Turn, operation string, pause time.Duration, times int) {
		for k := range times {
			if k > 0 {
				turn.Pass(pause)
			}
			turn.Call("redis", operation, ms, carrying(uint64(turn.Number+1), 80, 5))
		}
	}
	tests := []struct {
		name string
		play func(turn *casetest.Turn)
		want outcome
	}{
		{"until it succeeds", func(turn *casetest.Turn) { attempt(turn, "SET lock:*", 100*ms, 1+turn.Number%4) }, aFinding},
		{"by a script", func(turn *casetest.Turn) { attempt(turn, "EVALSHA lock:*", 50*ms, 1+turn.Number%6) }, aFinding},
		{"at once", func(turn *casetest.Turn) { attempt(turn, "SET lock:*", 100*ms, 1) }, nothing},
		{"the same stored twice, by every turn", func(turn *casetest.Turn) { attempt(turn, "SET sessao:*", 20*ms, 2) }, nothing},
		{"different things stored", func(turn *casetest.Turn) {
			for k := range 1 + turn.Number%4 {
				turn.Pass(50 * ms)
				turn.Call("redis", "SET cache:*", ms, carrying(uint64(10*turn.Number+k+1), 80, 5))
			}
		}, nothing},
		{"with work in between", func(turn *casetest.Turn) {
			for range 1 + turn.Number%4 {
				turn.Call("redis", "SET estado:*", ms, carrying(uint64(turn.Number+1), 80, 5))
				turn.Call("openai", "POST /v1/chat/completions", 100*ms, nil)
			}
		}, nothing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r casetest.Run
			r.Play(60, func(turn *casetest.Turn) {
				tt.play(turn)
				turn.Call("openai", "POST /v1/chat/completions", 300*ms, nil)
				turn.Answer()
			})
			f := expect(t, &r, lockWait(), tt.want)
			if f == nil || !strings.Contains(tt.name, "until") {
				return
			}
			if got, want := f.Saved.Value, 0.103*1.5; got < want-0.002 || got > want+0.002 {
				t.Errorf("saves %v s, want %v", got, want)
			}
		})
	}
}
