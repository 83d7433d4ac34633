package wires

import (
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

func TestDuplicateReplies(t *testing.T) {
	ok := func(t *casetest.Turn) { think(t); t.Answer() }
	twice := func(t *casetest.Turn) { ok(t); t.Row.Replies, t.Row.Duplicates = 2, 1 }
	tests := []struct {
		name string
		turn func(t *casetest.Turn) // of one turn in twenty
		want outcome
		says string
		lost int
	}{
		{"nothing went wrong", ok, nothing, "", 0},
		{"a repeated webhook", func(t *casetest.Turn) { twice(t); t.Row.Attempts = 2 }, aFinding, "the platform had repeated the webhook", 0},
		{"a repeated webhook, answered in other words", func(t *casetest.Turn) { ok(t); t.Row.Attempts, t.Row.Replies = 2, 2 }, aFinding, "the platform had repeated the webhook", 0},
		{"a repeated webhook, answered once", func(t *casetest.Turn) { ok(t); t.Row.Attempts = 2 }, nothing, "", 0},
		{"several replies are usual here", func(t *casetest.Turn) { ok(t); t.Row.Replies = 2 }, nothing, "", 0},
		{"a send that seemed to fail", func(t *casetest.Turn) {
			think(t)
			t.Call("evolution", "POST /message/sendText/{instance}", 10*ms, func(c *parley.Call) { c.Status, c.Failure = 0, "cut" })
			t.Answer()
			t.Row.Replies, t.Row.Duplicates = 2, 1
		}, aFinding, "a send that failed was made again", 0},
		{"a burst", func(t *casetest.Turn) { twice(t); t.Row.Said, t.Row.Attempts = 3, 3 }, aFinding, "each message of a burst", 0},
		{"by itself", twice, aFinding, "by itself", 0},
		{"no reply, after a call that failed", func(t *casetest.Turn) {
			t.Call("openai", "POST /v1/chat/completions", 20*ms, func(c *parley.Call) { c.Status, c.Failure = 500, "status 500" })
		}, aFinding, "failed (status 500)", 3},
		{"no reply, though all went well", think, aFinding, "nothing follows after POST", 3},
		{"no reply, and nothing was done", func(*casetest.Turn) {}, aFinding, "no call shows", 3},
		{"never taken", func(t *casetest.Turn) { t.Row.Acked, t.Row.Failure = parley.None, "webhook: status 500" }, aFinding, "webhook: status 500", 3},
		{"no reply, since a service hung", func(t *casetest.Turn) {
			t.Call("calendar", "freebusy.query", 0, func(c *parley.Call) { c.FirstByte, c.End = parley.None, parley.None })
		}, nothing, "", 0},
		{"too late", func(t *casetest.Turn) { think(t); t.Row.Late = 1 }, aFinding, "longer than people wait", 0},
		{"out of order", func(t *casetest.Turn) { ok(t); t.Row.Said, t.Row.Attempts, t.Row.Disordered = 2, 2, 1 }, aFinding, "at the same time", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &casetest.Run{Every: 5 * time.Second}
			r.Play(60, func(turn *casetest.Turn) {
				if turn.Number%20 == 0 {
					tt.turn(turn)
				} else {
					ok(turn)
				}
			})
			f := expect(t, r, duplicateReplies(), tt.want)
			if f == nil {
				return
			}
			if !strings.Contains(f.What, tt.says) || !strings.Contains(f.What, "3 of 60 turns") {
				t.Errorf("it says %q", f.What)
			}
			if f.Lost != tt.lost {
				t.Errorf("%d turns lost, want %d", f.Lost, tt.lost)
			}
		})
	}
}
