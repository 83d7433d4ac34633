package fault

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Action is what to do with one message. The zero value is: nothing.
type Action struct {
	// Delay postpones the answer, whatever else happens to it.
	Delay  time.Duration
	Effect Effect
	Status int // of Effect Status
	// BytesPerSecond is the pace of Effect Drip.
	BytesPerSecond int64
	// Where is the place of Effect Cut and Malformed as a share of the answer, between 0.1 and 0.9.
	Where float64
	// Name says it in the words of the rule ("status 500"), for a record. With a delay
	// and another effect it names both, empty if there is nothing to do.
	Name string
}

// Nothing reports whether the message is left alone.
func (a Action) Nothing() bool { return a.Effect == Pass && a.Delay == 0 }

// Decider applies rules to the messages of one wire. It is safe for concurrent use.
//
// The nth message of an operation meets the same fate in every run with the
// same seed, whatever messages of other operations come between. "Every 10th"
// too counts the messages of one operation.
type Decider struct {
	rules  []Rule
	origin uint64
	mu     sync.Mutex
	counts map[string]uint64 // messages so far, by operation
}

// NewDecider returns a Decider for the named wire. Without rules it decides nothing, at no cost.
func NewDecider(seed uint64, wire string, rules []Rule) *Decider {
	return &Decider{rules: rules, origin: mix(seed ^ mix(fnv(wire))), counts: map[string]uint64{}}
}

// Decide says what to do with the next message of the operation, at a time counted
// from the start of the run. Delays of several rules add up; of the other effects the
// first rule in the list that strikes wins. The operation must be normalised, since
// the Decider remembers each name.
func (d *Decider) Decide(op string, at time.Duration) Action {
	if len(d.rules) == 0 {
		return Action{}
	}
	d.mu.Lock()
	d.counts[op]++
	n := d.counts[op]
	d.mu.Unlock()
	message := mix(d.origin^fnv(op)) + n
	var act Action
	for i, rule := range d.rules {
		if act.Effect != Pass && rule.effect != delay || !rule.covers(op, at) {
			continue
		}
		// Each rule draws from its own numbers: adding one does not change what the others do.
		r := rand.New(rand.NewPCG(mix(message), uint64(i)))
		if rule.strikes(n, r) {
			act.add(rule, r)
		}
	}
	return act
}

func (a *Action) add(rule Rule, r *rand.Rand) {
	if rule.effect == delay {
		a.Delay += rule.delay.Sample(r)
	} else {
		a.Effect = rule.effect
		a.Status = rule.status
		a.BytesPerSecond = rule.rate
		a.Where = 0.1 + 0.8*r.Float64()
	}
	if a.Name != "" {
		a.Name += " + "
	}
	a.Name += rule.what()
}

// strikes decides for the nth message (from 1) of an operation.
func (r Rule) strikes(n uint64, random *rand.Rand) bool {
	if r.every > 0 {
		return n%uint64(r.every) == 0
	}
	return random.Float64()*100 < r.percent
}

// covers reports whether the rule is about the operation at that time.
func (r Rule) covers(op string, at time.Duration) bool {
	if at < r.from || r.to != 0 && at >= r.to {
		return false
	}
	if r.on == "" || covers(r.on, op) {
		return true
	}
	if !strings.HasPrefix(r.on, "/") {
		return false
	}
	_, path, ok := strings.Cut(op, " ")
	return ok && covers(r.on, path)
}

// covers reports whether an operation is the one named, below it in the path, or
// matched by its stars: "/message/sendText" covers "/message/sendText/{instance}".
func covers(pattern, op string) bool {
	return glob(pattern, op) || glob(pattern+"/*", op)
}

// glob matches text against a pattern in which * stands for any characters.
func glob(pattern, text string) bool {
	head, rest, starred := strings.Cut(pattern, "*")
	if !starred {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, head)
	if !ok {
		return false
	}
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(text, part)
		}
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text, rest = text[i+len(part):], after
	}
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014): it spreads every bit of x over the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// fnv is FNV-1a, which unlike hash/maphash is the same in every process.
func fnv(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}
