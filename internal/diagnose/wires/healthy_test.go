package wires

import (
	"math/rand/v2"
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose"
	"parley/internal/diagnose/casetest"
)

// A bot as it should be gives these checks nothing to find, whatever chance has in store for it: a bounded history, instructions first,
// lookups at once, one retry that heals, quick acknowledgements, work aside.
func TestHealthyBot(t *testing.T) {
	checks := []diagnose.Check{
		couldOverlap(), growingPrompt(), identicalPrompts(), uncacheablePrompt(), repeatedLookups(), retries(), noTimeout(), ackAfterWork(),
		delayGivenAway(), duplicateReplies(), workAfterAnswer(),
	}
	const runs = 40
	for seed := range uint64(runs) {
		random := rand.New(rand.NewPCG(seed, 1))
		r := &casetest.Run{
			Every: 3 * time.Second, Money: prices(),
			Assumed: []parley.Assumption{{Wire: "evolution", Model: "send 50ms..250ms", Source: "plan"}},
		}
		r.Play(160, func(turn *casetest.Turn) { healthy(turn, random) })
		d := diagnose.Diagnose(r.Evidence(), checks, nil)
		for _, f := range append(d.Findings, d.Notes...) {
			t.Errorf("seed %d: %s: %s", seed, f.Check, f.What)
		}
	}
}

// healthy plays one turn of a conversation of eight.
func healthy(t *casetest.Turn, random *rand.Rand) {
	chat(t, 8)
	between := func(low, high time.Duration) time.Duration {
		return low + time.Duration(random.Int64N(int64(high-low)))
	}
	t.Row.AckLatency = between(2*ms, 8*ms)
	t.Row.Acked = t.Row.Sent + t.Row.AckLatency
	t.Own = between(ms/2, 3*ms)
	t.Call("redis", "SET seen:*", between(ms/10, ms), nil)
	t.Pass(between(2*ms, 10*ms))
	t.Call("postgres", "SELECT * FROM mensagens WHERE fone = $1 ORDER BY id DESC LIMIT 10", between(ms, 5*ms), func(c *parley.Call) {
		c.Content, c.Rows = uint64(t.Conversation), int64(min(10, 2*t.Ordinal))
	})
	t.Beside("evolution", "POST /chat/sendPresence/{instance}", between(ms, 30*ms), nil)
	tokens := 1500 + 60*int64(min(t.Ordinal, 4)) + random.Int64N(40)
	ask := func(status int32, more int64) {
		t.Call("openai", "POST /v1/chat/completions", between(300*ms, 1500*ms), func(c *parley.Call) {
			c.Content, c.Status = random.Uint64(), status
			c.PromptTokens, c.CachedTokens, c.CompletionTokens = tokens+more, 1408, 30+random.Int64N(60)
			c.Pieces = append(pieces(1, 12), random.Uint64(), random.Uint64(), random.Uint64())
		})
	}
	if random.IntN(30) == 0 {
		again := random.Uint64()
		t.Call("openai", "POST /v1/chat/completions", between(ms, 50*ms), func(c *parley.Call) { c.Content, c.Status, c.Failure = again, 503, "status 503" })
		t.Pass(between(500*ms, 700*ms))
		t.Call("openai", "POST /v1/chat/completions", between(300*ms, 1500*ms), func(c *parley.Call) {
			c.Content, c.Retry, c.PromptTokens, c.CachedTokens = again, 1, tokens, 1408
		})
	} else {
		ask(200, 0)
	}
	if random.IntN(3) == 0 { // it looks for a time, and books
		t.Beside("http", "GET /rooms", between(20*ms, 60*ms), nil)
		t.Call("calendar", "freebusy.query", between(60*ms, 200*ms), func(c *parley.Call) { c.Content = random.Uint64() })
		t.Call("calendar", "events.insert", between(100*ms, 300*ms), func(c *parley.Call) { c.Content = random.Uint64() })
		ask(200, 80)
	}
	t.Call("postgres", "INSERT INTO mensagens VALUES ($1, $2)", between(ms, 4*ms), nil)
	t.Own = between(ms, 20*ms)
	took := between(50*ms, 250*ms)
	t.Call("evolution", "POST /message/sendText/{instance}", took, func(c *parley.Call) { c.Imposed = took })
	t.Row.Outcome, t.Row.AnsweredAt, t.Row.Ended, t.Row.FirstReply, t.Row.Replies = parley.Answered, t.At, t.At, t.At, 1
	t.Own = ms
	t.Call("openai", "POST /v1/embeddings", between(50*ms, 400*ms), func(c *parley.Call) { c.Content = random.Uint64() })
	t.Call("redis", "DEL lock:*", ms, nil)
}
