package calendar

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/plan"
)

func TestQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.Calendar{RequestsPerMinute: 5, UserRequestsPerMinute: 3}})
		for range 3 {
			b.ok(200, "GET", events, "")
			time.Sleep(10 * time.Second)
		}
		b.refused(403, "userRateLimitExceeded", "GET", events, "")
		// Another user of the project has a quota of its own, and the project has one for all.
		other := "?quotaUser=ana"
		b.ok(200, "GET", events+other, "")
		b.ok(200, "GET", events+other, "")
		b.refused(403, "rateLimitExceeded", "GET", events+other, "")
		b.refused(403, "rateLimitExceeded", "GET", events+"?quotaUser=bia", "")
		// A minute after the first call there is room for one again; calls that were refused took none.
		time.Sleep(29 * time.Second)
		b.refused(403, "rateLimitExceeded", "GET", events, "")
		time.Sleep(time.Second)
		b.ok(200, "GET", events, "")
		b.refused(403, "rateLimitExceeded", "GET", events, "")
		// Tokens are not of the API, and use none of its quota.
		if status, _ := b.fetch(nil); status != 400 {
			t.Errorf("status %d", status)
		}
	})
}

// A service account is one user, however many tokens it fetches.
func TestServiceAccountIsOneUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Config: plan.Calendar{UserRequestsPerMinute: 2}})
		for n, want := range []int{200, 200, 403} {
			b.token = b.mint(grant{User: accountEmail, Service: true, Scopes: []string{scopeBase, fmt.Sprint(n)}})
			if resp, _ := b.call("GET", events, ""); resp.StatusCode != want {
				t.Errorf("call %d: status %d, want %d", n, resp.StatusCode, want)
			}
		}
	})
}

// Users that come and go do not fill memory, and beyond the most there may be all share one quota.
func TestMostUsers(t *testing.T) {
	q := quotas{user: 1}
	for n := range mostUsers {
		if err := q.take(fmt.Sprint(n), 0); err != nil {
			t.Fatal(err.message)
		}
	}
	if q.take("late", 0) != nil || q.take("later", 0) == nil || len(q.users) > mostUsers+1 {
		t.Errorf("%d users", len(q.users))
	}
	if err := q.take("late", 2*time.Minute); err != nil || len(q.users) > 1 {
		t.Errorf("%v, %d users", err, len(q.users))
	}
}

// The window holds what a list of all calls holds.
func TestWindow(t *testing.T) {
	var w window
	var calls []int64
	for n := range int64(5000) {
		second := n * n / 700 % 97 * 3 / 2
		second += n / 10 // forward on the whole, with leaps back
		w.advance(second)
		now := w.last
		w.add()
		calls = append(calls, now)
		want := int32(0)
		for _, at := range calls {
			if at > now-60 {
				want++
			}
		}
		if w.sum != want {
			t.Fatalf("second %d: %d calls, want %d", now, w.sum, want)
		}
	}
}

// An error of a quota is in the shape Google documents.
func TestShapeOfAnError(t *testing.T) {
	const want = `{"error":{"errors":[{"domain":"usageLimits","reason":"userRateLimitExceeded","message":"User Rate Limit Exceeded"}],"code":403,"message":"User Rate Limit Exceeded"}}`
	if got := string(userRateLimitExceeded().body()); got != want {
		t.Error(got)
	}
	if got := string(timeRangeEmpty().body()); !strings.Contains(got, `"locationType":"parameter","location":"timeMax"`) {
		t.Error(got)
	}
}
