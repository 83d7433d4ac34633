package drive

import (
	"sync"
	"time"
)

// planned counts the messages that would have been said by now had every answer
// been instant: what the load asked of the bot, whatever the bot made of it.
type planned struct {
	mu    sync.Mutex
	past  int64           // messages that have become due
	ahead map[int64]int64 // those to come, by the grain of the run in which they will be due
	until time.Duration   // end of the load; 0 while it lasts
}

// grain is how exactly a message to come is remembered.
const grain = 10 * time.Millisecond

// add enters a conversation that was due at a moment of the run.
func (p *planned) add(due time.Duration, s *script, brisk bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ahead == nil {
		p.ahead = make(map[int64]int64)
	}
	at := due
	for i := range s.turns {
		think := s.turns[i].think
		if brisk {
			think = min(think, briskThink)
		}
		at += think
		p.ahead[int64(at/grain)]++
		for _, gap := range s.turns[i].gaps {
			at += gap
			p.ahead[int64(at/grain)]++
		}
	}
}

// end marks the end of the load; only the first call counts.
func (p *planned) end(at time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until == 0 {
		p.until = at
	}
}

// total counts what has become due by now, a moment that never goes back.
func (p *planned) total(now time.Duration) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until != 0 {
		now = p.until
	}
	for at, count := range p.ahead {
		if time.Duration(at)*grain < now {
			p.past += count
			delete(p.ahead, at)
		}
	}
	return p.past
}
