package calendar

import (
	"testing"
	"testing/synctest"

	"parley/internal/upstreamtest"
)

// TestContent: it is that of the call itself, by itself or in a batch.
func TestContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		const day = `{"timeMin":"2026-11-24T00:00:00Z","timeMax":"2026-11-25T00:00:00Z"}`
		const freeBusy = "/calendar/v3/freeBusy"
		b.call("POST", freeBusy, day)
		b.call("POST", freeBusy, day)
		b.call("POST", freeBusy, `{"timeMin":"2026-11-25T00:00:00Z","timeMax":"2026-11-26T00:00:00Z"}`)
		b.call("GET", events+"?maxResults=1", "")
		b.call("GET", events+"?maxResults=2", "")
		b.batch(insertion(1), insertion(2), "POST "+freeBusy+" HTTP/1.1\nContent-Type: application/json\n\n"+day)
		synctest.Wait()
		if got, want := upstreamtest.Contents(b.Recorded()), "aabcdefa"; got != want {
			t.Errorf("contents %s, want %s", got, want)
		}
	})
}
