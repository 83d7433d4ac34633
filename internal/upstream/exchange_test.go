package upstream_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley"
	"parley/internal/upstream"
	"parley/internal/upstreamtest"
)

// echo answers with what it was sent.
type echo struct{ *upstream.Service }

func (e echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := e.Begin(w, r)
	defer x.End()
	x.Call.Operation = "echo"
	body, err := x.Read(1 << 20)
	if err != nil {
		return
	}
	_ = x.Answer(http.StatusOK, "text/plain", body) // a client that went away is in the record
}

// TestSlowBodies: a body that is dribbled is given up after a minute, one that comes in time is not, however slowly its answer is read.
func TestSlowBodies(t *testing.T) {
	for _, c := range []struct {
		name  string
		pause time.Duration // between bytes
		want  string        // failure
	}{
		{"in time", 5 * time.Second, ""},
		{"too slow", 20 * time.Second, "request came too slowly"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := upstreamtest.New(t, func(record func(parley.Call)) upstreamtest.Service {
				return echo{upstream.New(upstream.Options{Record: record})}
			})
			out, in := io.Pipe()
			var writing sync.WaitGroup
			writing.Go(func() {
				for letter := range strings.SplitSeq("slowly", "") {
					time.Sleep(c.pause)
					if _, err := in.Write([]byte(letter)); err != nil {
						return
					}
				}
				_ = in.Close()
			})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://service/", out)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := b.Client.Do(r)
			slow := err == nil && resp.StatusCode == http.StatusRequestTimeout
			if err == nil && !slow {
				time.Sleep(10 * time.Minute) // the answer waits
				body, readErr := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if string(body) != "slowly" || readErr != nil {
					t.Errorf("%s: %q, %v", c.name, body, readErr)
				}
			}
			_ = out.CloseWithError(errors.New("over"))
			writing.Wait()
			synctest.Wait()
			if err != nil || slow != (c.want != "") {
				t.Errorf("%s: %v, too slow %v", c.name, err, slow)
			}
			if call := b.Only(); call.Failure != c.want {
				t.Errorf("%s: recorded %q", c.name, call.Failure)
			}
		})
	}
}
