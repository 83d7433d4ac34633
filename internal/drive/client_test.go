package drive

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"parley"
	"parley/internal/plan"
	"parley/internal/platform"
)

// A bot whose queue of connections is full lets new ones hang; the end of a run
// does not wait for them.
func TestCloseEndsConnectionsThatAreBeingMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := NewClient("http://bot/webhook", func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		sent := make(chan error)
		go func() {
			_, err := client.Send(platform.Webhook{URL: "http://bot/webhook"}, 30*time.Second)
			sent <- err
		}()
		time.Sleep(time.Second)
		client.Close()
		if err := <-sent; !errors.Is(err, ErrClosed) || time.Since(begin) != time.Second {
			t.Errorf("sending ended after %v with %v", time.Since(begin), err)
		}
	})
}

// scripted answers webhooks in the order of its list, then with 200.
type scripted struct {
	mu      sync.Mutex
	results []error
}

var errStatus = errors.New("a response, but no 2xx")

func (s *scripted) Send(platform.Webhook, time.Duration) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.results) == 0 {
		return 200, nil
	}
	err := s.results[0]
	s.results = s.results[1:]
	if errors.Is(err, errStatus) {
		return 503, nil
	}
	return 0, err
}

// A bot that answers at all, be it with an error, has not gone away.
func TestOnlyRefusedConnectionsInARowMakeABotDeaf(t *testing.T) {
	refused, status, timeout := error(syscall.ECONNREFUSED), errStatus, context.DeadlineExceeded
	for _, test := range []struct {
		name    string
		results []error
		want    int64
	}{
		{"refused", []error{refused, refused, refused}, 3},
		{"refused, then an error of its own", []error{refused, refused, status}, 0},
		{"an error of its own, then refused", []error{status, status, refused}, 1},
		{"refused, then no answer in time", []error{refused, refused, timeout}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := New(Options{
					Plan: testPlan(3600, plan.Turn{}), Platform: stubPlatform{}, Sender: &scripted{results: test.results},
					Recorder: &book{turns: make(map[int64]parley.Turn)}, Epoch: time.Now(),
				})
				d.Run(t.Context(), "steady", plan.Phase{Kind: parley.Steady, Duration: 3 * time.Second, Rate: 1})
				if got := d.Progress().Deaf; got != test.want {
					t.Errorf("%d in a row, want %d", got, test.want)
				}
				d.Close()
			})
		})
	}
}
