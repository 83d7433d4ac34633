package wires

import (
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

func TestNoTimeout(t *testing.T) {
	// hang is a call that gets no answer; the bot closes the connection after a time, 0 for never.
	hang := func(t *casetest.Turn, closed time.Duration) {
		t.Call("calendar", "freebusy.query", closed, func(c *parley.Call) {
			c.FirstByte, c.Status, c.Failure, c.Fault = parley.None, 0, "client went away", "10% hang"
			if closed == 0 {
				c.End = parley.None
			}
		})
	}
	free := func(t *casetest.Turn) { t.Call("calendar", "freebusy.query", 100*ms, nil) }
	tests := []struct {
		name string
		turn func(t *casetest.Turn) (answered bool) // of one turn in ten
		want outcome
		lost int
	}{
		{"until the user gave up", func(t *casetest.Turn) bool { hang(t, 0); return false }, aFinding, 6},
		{"half a minute, and then an answer", func(t *casetest.Turn) bool { hang(t, 25*time.Second); return true }, aFinding, 0},
		{"cut off by the end of the run", func(t *casetest.Turn) bool { hang(t, 0); t.Row.Outcome = parley.Cut; return false }, unknown, 0},
		{"given up in time", func(t *casetest.Turn) bool { hang(t, 3*time.Second); free(t); return true }, nothing, 0},
		{"beside other work", func(t *casetest.Turn) bool {
			t.Beside("http", "GET /rooms", 0, func(c *parley.Call) { c.FirstByte, c.End, c.Fault = parley.None, parley.None, "hang" })
			t.Pass(2 * time.Second)
			free(t)
			t.Pass(2 * time.Second)
			free(t)
			return true
		}, nothing, 0},
		{"slow, but answered", func(t *casetest.Turn) bool {
			t.Call("calendar", "freebusy.query", 15*time.Second, nil)
			return true
		}, unknown, 0},
		{"nothing hung", func(t *casetest.Turn) bool { free(t); return true }, unknown, 0},
		{"nothing hung, but a client would wait for ten minutes", func(t *casetest.Turn) bool {
			t.Call("openai", "POST /v1/chat/completions", 500*ms, func(c *parley.Call) { c.Patience = 600 * time.Second })
			return true
		}, aNote, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &casetest.Run{Every: 30 * time.Second}
			r.Play(60, func(turn *casetest.Turn) {
				think(turn)
				if turn.Number%10 != 0 || tt.turn(turn) {
					turn.Answer()
				}
			})
			f := expect(t, r, noTimeout(), tt.want)
			if f != nil && f.Lost != tt.lost {
				t.Errorf("%d turns lost, want %d", f.Lost, tt.lost)
			}
		})
	}
}
