package plan

import (
	"time"

	"parley"
)

// Expectation is what a plan will do if the bot keeps up. It is arithmetic for
// people who look at a plan before running it, not a measurement.
type Expectation struct {
	// MessagesPerHour is said by users at the plan's base rate; TopMessagesPerHour in the
	// busiest phase (a ramp's top).
	MessagesPerHour    float64
	TopMessagesPerHour float64
	// Turns and Messages are means of a conversation, Length is its mean duration with
	// replies of AssumedReply.
	Turns    float64
	Messages float64
	Length   time.Duration
	// Concurrency is the mean number of open conversations at the base rate (Little's
	// law: arrival rate times Length); TopConcurrency that of the busiest phase.
	Concurrency    float64
	TopConcurrency float64
	// Duration is the sum of all phases, at their longest.
	Duration time.Duration
}

// Expect works out what to expect of the plan.
func (p *Plan) Expect() Expectation {
	var e Expectation
	var weight, seconds float64
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		weight += s.Weight
		e.Turns += s.Weight * float64(len(s.Turns))
		e.Messages += s.Weight * s.messages()
		seconds += s.Weight * s.length().Seconds()
	}
	if weight > 0 {
		e.Turns /= weight
		e.Messages /= weight
		seconds /= weight
	}
	top := 0.0
	for _, phase := range p.Load.Phases {
		e.Duration += phase.Duration
		if phase.Kind != parley.Solo {
			top = max(top, phase.Rate, phase.To)
		}
	}
	e.Length = time.Duration(seconds * float64(time.Second))
	e.MessagesPerHour = p.Load.ConversationsPerHour * e.Messages
	e.Concurrency = p.Load.ConversationsPerHour / 3600 * seconds
	e.TopMessagesPerHour = top * e.MessagesPerHour
	e.TopConcurrency = top * e.Concurrency
	return e
}

// messages is the mean number of messages a conversation of the scenario says.
func (s *Scenario) messages() float64 {
	total := 0.0
	for _, t := range s.Turns {
		total += t.messages()
	}
	return total
}

// most is the largest number of messages a conversation of the scenario can say.
func (s *Scenario) most() int {
	total := 0
	for _, t := range s.Turns {
		largest := 0
		for _, burst := range t.Say {
			largest = max(largest, len(burst))
		}
		total += largest
	}
	return total
}

// length is the mean time a conversation of the scenario is open.
func (s *Scenario) length() time.Duration {
	var total time.Duration
	for i, t := range s.Turns {
		if i > 0 {
			total += t.Think.Mean()
		}
		if gaps := t.messages() - 1; gaps > 0 {
			total += time.Duration(gaps * float64(t.Gap.Mean()))
		}
		total += AssumedReply
	}
	return total
}

// messages is the mean number of messages of the turn over its alternatives.
func (t *Turn) messages() float64 {
	total := 0
	for _, burst := range t.Say {
		total += len(burst)
	}
	return float64(total) / float64(max(1, len(t.Say)))
}
