package replay

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/upstreamtest"
)

// TestAsked: what means the same in two runs may be two different questions within one.
func TestAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const path = "/v1/chat/completions"
		b, _, _ := serve(t, Options{Kind: "openai"}, exchange("POST", "/chat/completions", question, 200, "application/json", piece(0, reply)))
		for _, body := range []string{asked, strings.Replace(asked, "999000000000017", "999000000000018", 2), asked} {
			r := b.Request(t.Context(), http.MethodPost, path, body)
			r.Header.Set("X-Stainless-Read-Timeout", "20")
			b.Do(r)
		}
		synctest.Wait()
		calls := b.Recorded()
		if got, want := upstreamtest.Contents(calls), "aba"; got != want {
			t.Errorf("contents %s, want %s", got, want)
		}
		for _, c := range calls {
			if len(c.Pieces) == 0 || c.Patience != 20*time.Second {
				t.Errorf("%d pieces, the client waits for %v", len(c.Pieces), c.Patience)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b, _, _ := serve(t, Options{Kind: "http"}, exchange("GET", "/customers/17", "", 200, "application/json", piece(0, `{"id":17}`)))
		for _, target := range []string{"/customers/17", "/customers/99", "/customers/17"} {
			b.Do(b.Request(t.Context(), http.MethodGet, target, ""))
		}
		synctest.Wait()
		if got, want := upstreamtest.Contents(b.Recorded()), "aba"; got != want {
			t.Errorf("contents %s, want %s", got, want)
		}
	})
}
