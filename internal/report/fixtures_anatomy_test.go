package report

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"parley"
	"parley/internal/anatomy"
)

// withAnatomy adds the anatomy of some made-up turns of a bot with a database, a queue and a language model.
func withAnatomy(d Document, n int) Document {
	run := *d.Run
	run.Plan = json.RawMessage(`{"target":{"platform":"evolution"},"dependencies":[
		{"name":"openai","kind":"openai","simulate":true},{"name":"postgres","kind":"postgres"},{"name":"redis","kind":"redis"}]}`)
	p := player{rng: rand.New(rand.NewPCG(11, 4))}
	for i := range 8 {
		p.turn("solo", 2*time.Second+time.Duration(i)*3*time.Second, 1)
	}
	length := 13 * time.Minute
	for i := range n {
		slow := math.Exp(.35 * p.rng.NormFloat64())
		if i == n/2 {
			slow = 3.5
		}
		p.turn("steady", 2*time.Minute+time.Duration(i)*length/time.Duration(n), slow)
	}
	for i := range 40 {
		at := 2*time.Minute + time.Duration(i)*19*time.Second
		p.calls = append(p.calls, parley.Call{Wire: "redis", Operation: "PING", Conn: 1, Start: at, FirstByte: at, End: at + 300*time.Microsecond},
			parley.Call{Wire: "redis", Operation: "BRPOP tasks", Conn: 2, Start: at, FirstByte: at + time.Second, End: at + time.Second, Blocking: true})
	}
	for i := range p.turns {
		if d.Run.Phases[3].Kind == parley.Ramp && p.turns[i].Phase == "steady" {
			p.turns[i].Phase = "ramp"
		}
	}
	d.Summary.Anatomy = anatomy.Summarize(&run, slices.Values(p.turns), slices.Values(p.replies), slices.Values(p.calls)).Anatomy
	return d
}

// player makes rows.
type player struct {
	rng     *rand.Rand
	turns   []parley.Turn
	replies []parley.Reply
	calls   []parley.Call
	at      time.Duration
}

// call adds a call of the last turn, after a pause.
func (p *player) call(pause time.Duration, c parley.Call, took time.Duration) {
	p.at += pause
	c.Turn, c.Conn, c.Flight = p.turns[len(p.turns)-1].ID, 1+int64(len(p.turns))%4, int64(len(p.calls)+1)
	c.Start, c.FirstByte, c.End, c.By = p.at, p.at+took/2, p.at+took, parley.ByIdentity
	p.calls = append(p.calls, c)
	p.at += took
}

// turn makes a turn that takes so much longer than usual; a slow one asks the model twice more, and one of its statements fails.
func (p *player) turn(phase string, at time.Duration, slow float64) {
	id := int64(len(p.turns) + 1)
	p.turns = append(p.turns, parley.Turn{
		ID: id, Conversation: (id + 2) / 3, Ordinal: int32(id % 3), Scenario: "book a viewing", Phase: phase,
		Due: at, Spoken: at, Sent: at + 300*time.Microsecond, Acked: at + 14*time.Millisecond, AckLatency: 14 * time.Millisecond, Said: 1, Attempts: 1,
	})
	scaled := func(d time.Duration) time.Duration {
		return time.Duration(float64(d) * slow * (.9 + .2*p.rng.Float64()))
	}
	p.at = at
	p.call(6*time.Millisecond, parley.Call{Wire: "redis", Operation: "EVALSHA receptionist:seen:*", Rows: 1}, 400*time.Microsecond)
	first := p.at
	for range 5 {
		p.call(scaled(4*time.Millisecond), parley.Call{Wire: "postgres", Operation: "SELECT * FROM appointments WHERE patient_id = $1 AND starts_at > now() ORDER BY starts_at", Rows: 3}, scaled(3*time.Millisecond))
	}
	if slow > 3 {
		p.calls[len(p.calls)-1].Failure = "57014"
	}
	beside := p.at
	p.at = first
	p.call(2*time.Millisecond, parley.Call{Wire: "redis", Operation: "GET session:*"}, 900*time.Microsecond) // beside the statements
	p.at = beside
	rounds := 1
	if slow > 3 {
		rounds = 3
	}
	for range rounds {
		p.call(scaled(20*time.Millisecond), parley.Call{
			Wire: "openai", Operation: "POST /v1/chat/completions", Model: "gpt-5.6-mini", Status: 200, PromptTokens: 1210, CachedTokens: 640, CompletionTokens: 85,
		}, scaled(700*time.Millisecond))
	}
	p.call(scaled(5*time.Millisecond), parley.Call{Wire: "evolution", Operation: "POST /message/sendText/{instance}", Status: 201}, 180*time.Millisecond)
	answered := p.at - 200*time.Microsecond
	p.replies = append(p.replies, parley.Reply{Turn: id, Received: p.at - 180*time.Millisecond, Delivered: answered, Fate: "answer"})
	p.call(time.Millisecond, parley.Call{Wire: "evolution", Operation: "POST /chat/markMessageAsRead/{instance}", Status: 201}, 30*time.Millisecond)
	t := &p.turns[len(p.turns)-1]
	t.FirstReply, t.AnsweredAt, t.Ended, t.Outcome, t.Replies = answered, answered, answered, parley.Answered, 1
}
