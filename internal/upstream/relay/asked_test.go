package relay

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/upstreamtest"
)

// TestAsked: a relayed call has what a simulated one has: content, pieces of its prompt, and its client's timeout.
func TestAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Kind: "openai"}
		o.Config.Spend = 1000
		b := newBench(t, o, answer)
		const path = "/v1/chat/completions"
		b.post(t, path, chat("Hi", `,"max_tokens":5`))
		b.post(t, path, chat("Hi", `,"max_tokens":5,"user":"u1"`))
		b.post(t, path, chat("Ho", `,"max_tokens":5`))
		b.post(t, path, "no JSON")
		b.post(t, path, "nor this")
		r := b.Request(t.Context(), http.MethodGet, "/v1/models", "")
		r.Header.Set("X-Stainless-Timeout", "30")
		b.Do(r)
		synctest.Wait()
		calls := b.Recorded()
		if got, want := upstreamtest.Contents(calls), "aabcde"; got != want {
			t.Errorf("contents %s, want %s", got, want)
		}
		if p, q := calls[0].Pieces, calls[2].Pieces; len(p) != 1 || len(q) != 1 || p[0] == q[0] || calls[5].Pieces != nil {
			t.Errorf("pieces %x, %x, %x", p, q, calls[5].Pieces)
		}
		if got := calls[5].Patience; got != 30*time.Second {
			t.Errorf("the client waits for %v, want 30s", got)
		}
	})
}

func TestAskedOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Kind: "http"}, answer)
		for _, path := range []string{"/v1/customers/1", "/v1/customers/2", "/v1/customers/1"} {
			b.Do(b.Request(t.Context(), http.MethodGet, path, ""))
		}
		synctest.Wait()
		if got, want := upstreamtest.Contents(b.Recorded()), "aba"; got != want {
			t.Errorf("contents %s, want %s", got, want)
		}
	})
}
