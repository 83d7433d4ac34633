package calendar

import (
	"sync"
	"time"
)

// mostUsers bounds the quota users that are told apart; those beyond share one quota.
const mostUsers = 1 << 16

// window counts the calls of the last minute, second by second.
type window struct {
	calls [60]int32
	last  int64 // the second of the latest call
	sum   int32
}

// advance forgets what is older than a minute.
func (w *window) advance(second int64) {
	for passed := min(second-w.last, 60); passed > 0; passed-- {
		slot := &w.calls[(second-passed+1)%60]
		w.sum -= *slot
		*slot = 0
	}
	w.last = max(w.last, second)
}

func (w *window) add() {
	w.calls[w.last%60]++
	w.sum++
}

// quotas are those of a project and of its users, over sliding minutes. A refused call does not count.
type quotas struct {
	project, user int // calls a minute; 0: no limit
	mu            sync.Mutex
	all           window
	users         map[string]*window
	swept         int64 // the second in which users were last forgotten
}

// take asks for one call.
func (q *quotas) take(user string, at time.Duration) *apiError {
	if q.project <= 0 && q.user <= 0 {
		return nil
	}
	second := int64(at / time.Second)
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.windowOf(user, second)
	q.all.advance(second)
	w.advance(second)
	switch {
	case q.project > 0 && int(q.all.sum) >= q.project:
		return rateLimitExceeded(statusOfQuota)
	case q.user > 0 && int(w.sum) >= q.user:
		return userRateLimitExceeded()
	}
	q.all.add()
	w.add()
	return nil
}

// statusOfQuota: Google answers with 403 or 429, whichever of its layers notices.
const statusOfQuota = 403

func (q *quotas) windowOf(user string, second int64) *window {
	if q.users == nil {
		q.users = make(map[string]*window)
	}
	w, known := q.users[user]
	if known {
		return w
	}
	if len(q.users) >= mostUsers && q.swept != second {
		q.swept = second
		for name, old := range q.users {
			if old.last+60 < second {
				delete(q.users, name)
			}
		}
	}
	if len(q.users) >= mostUsers {
		user = ""
		if w = q.users[user]; w != nil {
			return w
		}
	}
	w = &window{last: second}
	q.users[user] = w
	return w
}
