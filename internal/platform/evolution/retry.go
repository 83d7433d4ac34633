package evolution

import (
	"time"

	"parley/internal/platform"
)

// Retry returns the webhook retry policy of releases 2.2.1 and later: ten
// attempts, 5 s doubling up to 5 min, jitter of a fifth, 30 s for each attempt,
// where the plan does not say otherwise. Version 1 makes one attempt, whatever the plan says.
func (p *Platform) Retry() platform.RetryPolicy { return p.retry }

func (p *Platform) newRetry() *retryPolicy {
	c := p.opt.Config.Retry
	if c.Attempts == 0 {
		c.Attempts = 10
	}
	if p.v1 {
		c.Attempts = 1
	}
	if c.InitialDelay == 0 {
		c.InitialDelay = 5 * time.Second
	}
	if c.MaxDelay == 0 {
		c.MaxDelay = 5 * time.Minute
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	return &retryPolicy{
		attempts: c.Attempts, initial: c.InitialDelay, longest: c.MaxDelay, timeout: c.Timeout,
		luck: func() float64 { return share(mix(p.opt.Seed ^ seedOfRetries + p.retried.Add(1))) },
	}
}

type retryPolicy struct {
	attempts                  int
	initial, longest, timeout time.Duration
	luck                      func() float64 // uniform in [0, 1)
}

func (r *retryPolicy) Timeout() time.Duration { return r.timeout }

// Again reports that any 2xx is a success, that 400, 401, 403, 404 and 422 are
// final, and that everything else, 429 and errors included, is tried again.
func (r *retryPolicy) Again(attempts, status int, _ error) (time.Duration, bool) {
	switch {
	case attempts >= r.attempts, status >= 200 && status < 300:
		return 0, false
	case status == 400, status == 401, status == 403, status == 404, status == 422:
		return 0, false
	}
	pause := r.initial
	for range attempts - 1 {
		if pause >= r.longest {
			break
		}
		pause *= 2
	}
	pause = min(pause, r.longest)
	const jitter = 0.2
	pause = time.Duration(float64(pause) * (1 + jitter*(2*r.luck()-1)))
	return max(pause, r.initial), true
}
