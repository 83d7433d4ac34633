package fault

import (
	"math"
	"sync"
	"time"
)

// Quota is a limit of so many units in a time ("200,000 tokens a minute").
type Quota struct {
	Limit int64         // units; 0 or less: no limit
	Per   time.Duration // 0: a minute
	// Burst is how many units may be taken at once, 0 for Limit. Services that judge a
	// limit per minute over shorter windows have a smaller burst.
	Burst int64
}

// Bucket enforces a quota as a token bucket that starts full and refills
// steadily. It is safe for concurrent use, and reads no clock.
type Bucket struct {
	quota Quota
	mu    sync.Mutex
	level float64       // units available at the moment last
	last  time.Duration // of run time
}

// Grant is the answer to a Take, with the figures rate limit headers show.
type Grant struct {
	OK        bool
	Limit     int64
	Remaining int64
	// Used are the units not available when the request came.
	Used int64
	// Reset is how long until the bucket is full again if nothing more is taken.
	Reset time.Duration
	// Wait is how long until a refused request could succeed, 0 if it was granted
	// and negative if it never can, since it asks for more than a full bucket holds.
	Wait time.Duration
}

// NewBucket returns a full bucket.
func NewBucket(q Quota) *Bucket {
	if q.Per <= 0 {
		q.Per = time.Minute
	}
	if q.Burst <= 0 {
		q.Burst = q.Limit
	}
	return &Bucket{quota: q, level: float64(q.Burst)}
}

// Take asks for n units at a time counted from any fixed start. Either all are taken or
// none. A time before that of an earlier call counts as that of the earlier call.
func (b *Bucket) Take(n int64, at time.Duration) Grant {
	if b.quota.Limit <= 0 {
		return Grant{OK: true}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	full := float64(b.quota.Burst)
	if at > b.last {
		b.level = min(full, b.level+b.units(at-b.last))
		b.last = at
	}
	// What a wait was computed for must suffice after it, whatever the rounding.
	const slack = 1e-6
	whole := math.Floor(b.level + slack)
	g := Grant{Limit: b.quota.Limit, OK: float64(n) <= b.level+slack, Used: int64(full - whole)}
	switch {
	case g.OK:
		b.level = max(0, b.level-float64(n))
	case float64(n) > full:
		g.Wait = -1
	default:
		g.Wait = b.refill(float64(n) - b.level)
	}
	g.Remaining = int64(b.level + slack)
	g.Reset = b.refill(full - b.level)
	return g
}

// units is how much flows in during d, refill how long n units take to flow in.
func (b *Bucket) units(d time.Duration) float64 {
	return float64(b.quota.Limit) * float64(d) / float64(b.quota.Per)
}

func (b *Bucket) refill(n float64) time.Duration {
	return time.Duration(math.Ceil(n * float64(b.quota.Per) / float64(b.quota.Limit)))
}
