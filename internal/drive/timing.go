package drive

import "time"

// arm sets the timers to the moments to come. The caller holds mu.
func (c *conversation) arm() {
	next := c.nextAt
	if c.quietAt != 0 && (next == 0 || c.quietAt < next) {
		next = c.quietAt
	}
	switch {
	case next == c.soonAt:
	case next == 0:
		c.soon.Stop() // it was armed, so there is one
	case c.soon == nil:
		c.soon = time.AfterFunc(c.until(next), c.wakeSoon)
	default:
		c.soon.Reset(c.until(next))
	}
	c.soonAt = next
	if c.patienceAt == 0 || c.lateAt != 0 && c.lateAt <= c.patienceAt {
		return
	}
	c.lateAt = c.patienceAt
	if c.late == nil {
		c.late = time.AfterFunc(c.until(c.lateAt), c.wakeLate)
	} else {
		c.late.Reset(c.until(c.lateAt))
	}
}

// until is the time left until a moment of the run.
func (c *conversation) until(at time.Duration) time.Duration { return max(0, at-c.d.since()) }

func (c *conversation) wakeSoon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.soonAt = 0
	c.wake()
}

func (c *conversation) wakeLate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lateAt = 0
	c.wake()
}

// wake does what has become due. The caller holds mu.
func (c *conversation) wake() {
	now := c.d.since()
	switch {
	case c.stage == over:
		c.expire(now)
		return
	case c.nextAt != 0 && c.nextAt <= now:
		due := c.nextAt
		c.nextAt = 0
		if c.stage == saying {
			c.utter(due)
		} else if c.stage == thinking {
			c.nextTurn(due)
			return // say has armed the timers
		}
	case c.quietAt != 0 && c.quietAt <= now:
		c.quietAt = 0
		c.answered(c.lastHeard)
	case c.patienceAt != 0 && c.patienceAt <= now:
		c.abandon()
	}
	c.arm()
}

// expire forgets a conversation whose stray replies no longer count.
func (c *conversation) expire(now time.Duration) {
	if c.nextAt > now {
		c.arm()
		return
	}
	c.nextAt = 0
	c.recordChange()
	c.d.registry.forget(c, c.keys)
	c.d.registry.relent(c.pursuit)
}
