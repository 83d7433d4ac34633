package openai

import (
	"strings"
	"sync"
	"time"
)

// The prompt cache as OpenAI's guide "Prompt caching" describes it: prompts of
// 1024 tokens or more are looked up by their prefix, hits come in steps of 128
// tokens, and a prefix stays for 5 to 10 minutes after its last use. Simplified: a prefix
// can be hit as soon as its request has arrived, and the cache is one, where OpenAI's is
// spread over machines and misses now and then.
const (
	cacheMinimum = 1024
	cacheStep    = 128
	cacheStays   = 5 * time.Minute
	cacheBlocks  = 1 << 17 // remembered per generation
)

// promptCache remembers prompts as chains of hashes, one for each block of
// tokens, so that what two prompts have in common is found without keeping either.
type promptCache struct {
	mu sync.Mutex
	// young and old hold when a prefix was last used; a full young becomes old, which is forgotten.
	young, old map[uint64]time.Duration
}

// match returns how many tokens at the start of the prompt the cache holds, puts
// the prompt into the cache, and returns how many tokens that added.
func (c *promptCache) match(model string, tokens []uint32, at time.Duration) (cached, written int) {
	if len(tokens) < cacheMinimum {
		return 0, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	chain := uint64(14695981039346656037) // FNV-1a
	for i := range len(model) {
		chain = (chain ^ uint64(model[i])) * 1099511628211
	}
	hit := true
	for n := cacheStep; n <= len(tokens); n += cacheStep {
		for _, token := range tokens[n-cacheStep : n] {
			chain = (chain ^ uint64(token)) * 1099511628211
		}
		hit = c.use(chain, at) && hit
		if hit {
			cached = n
		}
	}
	if cached < cacheMinimum {
		cached = 0
	}
	return cached, len(tokens)/cacheStep*cacheStep - cached
}

// paysForWriting reports whether tokens put into the cache cost more than others, and are reported. Before
// the 5.6 family writing was free and not told of.
func paysForWriting(model string) bool { return strings.HasPrefix(model, "gpt-5.6") }

// use reports whether the prefix is in the cache, and renews it.
func (c *promptCache) use(prefix uint64, at time.Duration) bool {
	last, ok := c.young[prefix]
	if !ok {
		last, ok = c.old[prefix]
	}
	if len(c.young) >= cacheBlocks || c.young == nil {
		c.young, c.old = make(map[uint64]time.Duration), c.young
	}
	c.young[prefix] = at
	return ok && at-last <= cacheStays
}
