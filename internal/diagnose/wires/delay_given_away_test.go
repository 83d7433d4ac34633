package wires

import (
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

func TestDelayGivenAway(t *testing.T) {
	const presence, read = "POST /chat/sendPresence/{instance}", "POST /chat/markMessageAsRead/{instance}"
	// send sends the answer, which takes a time.
	send := func(t *casetest.Turn, took time.Duration) {
		t.Call("evolution", "POST /message/sendText/{instance}", took, func(c *parley.Call) { c.Imposed = took })
		t.Row.Outcome, t.Row.AnsweredAt, t.Row.Ended, t.Row.FirstReply, t.Row.Replies = parley.Answered, t.At, t.At, t.At, 1
	}
	vary := func(t *casetest.Turn) time.Duration { return time.Duration(t.Number%10) * 20 * ms } // 90 ms in the mean
	tests := []struct {
		name  string
		turn  func(t *casetest.Turn)
		want  outcome
		saved float64
	}{
		{"typing for a second", func(t *casetest.Turn) {
			t.Call("evolution", presence, time.Second, nil)
			send(t, 20*ms+vary(t))
		}, aFinding, 1.001},
		{"marked as read, quickly", func(t *casetest.Turn) {
			t.Call("evolution", read, 10*ms, nil)
			send(t, 20*ms+vary(t))
		}, aNote, 0.011},
		{"marked as read, in no time", func(t *casetest.Turn) {
			t.Call("evolution", read, ms, nil)
			send(t, 20*ms+vary(t))
		}, nothing, 0},
		{"typing beside the work", func(t *casetest.Turn) {
			t.Beside("evolution", presence, 400*ms, nil)
			t.Call("calendar", "freebusy.query", 450*ms, nil)
			send(t, 20*ms+vary(t))
		}, nothing, 0},
		{"a look-up at the platform", func(t *casetest.Turn) {
			t.Call("evolution", "POST /chat/whatsappNumbers/{instance}", 300*ms, nil)
			send(t, 20*ms+vary(t))
		}, nothing, 0},
		// Sends need 50 to 250 ms, 150 in the mean.
		{"held back by the gateway", func(t *casetest.Turn) { send(t, 60*ms+vary(t)+1500*ms) }, aFinding, 1.5},
		{"taken at once, and delivered later", func(t *casetest.Turn) {
			send(t, 60*ms+vary(t))
			t.Deliver(1500 * ms)
		}, aFinding, 1.5},
		{"no slower than the gateway is", func(t *casetest.Turn) { send(t, 60*ms+vary(t)) }, nothing, 0},
		{"slow now and then", func(t *casetest.Turn) { send(t, 60*ms+time.Duration(t.Number%10/8)*2*time.Second) }, nothing, 0},
		{"a sleep", func(t *casetest.Turn) { t.Pass(900 * ms); send(t, 60*ms+vary(t)) }, aFinding, 0.901},
		{"a short pause", func(t *casetest.Turn) { t.Pass(100 * ms); send(t, 60*ms+vary(t)) }, nothing, 0},
		{"work of its own", func(t *casetest.Turn) { t.Pass(300*ms + 3*vary(t)); send(t, 60*ms+vary(t)) }, nothing, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &casetest.Run{Every: 5 * time.Second, Assumed: []parley.Assumption{{Wire: "evolution", Model: "send 50ms..250ms", Source: "plan"}}}
			r.Play(60, func(turn *casetest.Turn) {
				think(turn)
				tt.turn(turn)
			})
			f := expect(t, r, delayGivenAway(), tt.want)
			if f == nil {
				return
			}
			if got := f.Saved.Value; got < tt.saved-0.02 || got > tt.saved+0.02 {
				t.Errorf("saves %v s, want %v", got, tt.saved)
			}
		})
	}
}
