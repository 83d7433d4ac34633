package drive

import (
	"sync"
	"time"
)

// planned counts the messages that would have been said by now had every answer
// been instant: what the load asked of the bot, whatever the bot made of it.
type planned struct {
	mu     sync.Mutex
	second map[int64]int64 // messages by the second of the run in which they were due
	until  time.Duration   // end of the load; 0 while it lasts
}

// add enters a conversation that was due at a moment of the run.
func (p *planned) add(due time.Duration, s *script, brisk bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.second == nil {
		p.second = make(map[int64]int64)
	}
	at := due
	for i := range s.turns {
		think := s.turns[i].think
		if brisk {
			think = min(think, briskThink)
		}
		at += think
		p.second[int64(at/time.Second)]++
		for _, gap := range s.turns[i].gaps {
			at += gap
			p.second[int64(at/time.Second)]++
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

func (p *planned) total(now time.Duration) (n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until != 0 {
		now = p.until
	}
	for second, count := range p.second {
		if time.Duration(second)*time.Second < now {
			n += count
		}
	}
	return n
}
