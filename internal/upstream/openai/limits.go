package openai

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"parley/internal/fault"
)

// organization is who all keys belong to.
const organization = "org-parley"

// What the headers show when the plan sets no limit: those of OpenAI's highest usage tier.
const (
	shownRequests = 30_000
	shownTokens   = 150_000_000
)

// limits are the two quotas of an organization.
type limits struct {
	requests, tokens                 *fault.Bucket
	enforcesRequests, enforcesTokens bool
}

func newLimits(requests, tokens int) limits {
	l := limits{enforcesRequests: requests > 0, enforcesTokens: tokens > 0}
	if !l.enforcesRequests {
		requests = shownRequests
	}
	if !l.enforcesTokens {
		tokens = shownTokens
	}
	l.requests = fault.NewBucket(fault.Quota{Limit: int64(requests), Per: time.Minute})
	l.tokens = fault.NewBucket(fault.Quota{Limit: int64(tokens), Per: time.Minute})
	return l
}

// take asks for one request of so many tokens, sets the headers that report the
// quotas, and returns the error if a quota refuses. A refused request counts as a
// request all the same, as at OpenAI.
func (l *limits) take(h http.Header, model string, tokens int64, at time.Duration) (apiError, bool) {
	requests := l.requests.Take(1, at)
	wanted := tokens
	refused := l.enforcesRequests && !requests.OK
	if refused {
		wanted = 0
	}
	granted := l.tokens.Take(wanted, at)
	setLimit(h, "Requests", requests)
	setLimit(h, "Tokens", granted)
	switch {
	case refused:
		return limitError(h, model, "requests", "requests per min (RPM)", requests, 1), false
	case l.enforcesTokens && !granted.OK:
		return limitError(h, model, "tokens", "tokens per min (TPM)", granted, tokens), false
	}
	return apiError{}, true
}

func setLimit(h http.Header, what string, g fault.Grant) {
	h.Set("X-Ratelimit-Limit-"+what, strconv.FormatInt(g.Limit, 10))
	h.Set("X-Ratelimit-Remaining-"+what, strconv.FormatInt(g.Remaining, 10))
	h.Set("X-Ratelimit-Reset-"+what, goDuration(g.Reset))
}

// limitError is a 429. A request larger than the whole quota is told so, and
// gets no Retry-After, since no wait would help.
func limitError(h http.Header, model, kind, unit string, g fault.Grant, requested int64) apiError {
	const more = "Visit https://platform.openai.com/account/rate-limits to learn more."
	if g.Wait < 0 {
		return newError(http.StatusTooManyRequests, kind, "", "rate_limit_exceeded",
			"Request too large for %s in organization %s on %s: Limit %d, Requested %d. The input or output tokens must be reduced in order to run successfully. %s",
			model, organization, unit, g.Limit, requested, more)
	}
	h.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(g.Wait.Seconds())), 10))
	h.Set("Retry-After-Ms", strconv.FormatInt(int64(math.Ceil(float64(g.Wait)/float64(time.Millisecond))), 10))
	return newError(http.StatusTooManyRequests, kind, "", "rate_limit_exceeded",
		"Rate limit reached for %s in organization %s on %s: Limit %d, Used %d, Requested %d. Please try again in %s. %s",
		model, organization, unit, g.Limit, g.Used, requested, goDuration(g.Wait), more)
}

// goDuration writes a duration as the API does: Go's own format in whole milliseconds ("976ms", "6m0s").
func goDuration(d time.Duration) string {
	return fmt.Sprint((d + time.Millisecond - 1).Truncate(time.Millisecond))
}
