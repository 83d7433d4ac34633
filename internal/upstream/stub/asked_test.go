package stub

import (
	"testing"
	"testing/synctest"

	"parley/internal/upstreamtest"
)

func TestContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Config: config(t, routes)})
		for _, call := range [][3]string{
			{"GET", "/v1/customers/17"},
			{"GET", "/v1/customers/18"},
			{"GET", "/v1/customers/17?full=1"},
			{"GET", "/v1/customers/17"},
			{"POST", "/v1/invoices", `{"n":1}`},
			{"POST", "/v1/invoices", `{"n":2}`},
			{"POST", "/v1/invoices", `{"n":1}`},
			{"GET", "/unknown"},
		} {
			b.Do(b.Request(t.Context(), call[0], call[1], call[2]))
		}
		synctest.Wait()
		if got, want := upstreamtest.Contents(b.Recorded()), "abcadedf"; got != want {
			t.Errorf("contents %s, want %s", got, want)
		}
	})
}
