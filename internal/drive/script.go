package drive

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"parley/internal/plan"
)

// script is one conversation as it will be played: all its chances are drawn
// when it begins, from the plan's seed and the conversation's number alone, so
// that the words and pauses do not depend on how the bot behaves.
type script struct {
	scenario  *plan.Scenario
	persona   int64 // the user's index, or that of the user who returns
	returning bool
	turns     []line
}

// line is one turn of a script.
type line struct {
	rule     *plan.Turn
	messages []string
	gaps     []time.Duration // before each message but the first
	think    time.Duration
	alike    bool
}

// crowd draws scripts.
type crowd struct {
	plan   *plan.Plan
	weight float64
}

func newCrowd(p *plan.Plan) *crowd {
	c := &crowd{plan: p}
	for i := range p.Scenarios {
		c.weight += p.Scenarios[i].Weight
	}
	return c
}

// draw returns the script of a conversation. Conversations are numbered from 1.
// A returning user is one of an earlier conversation; name tells a user's name.
func (c *crowd) draw(conversation int64, name func(index int64) string) script {
	r := rand.New(rand.NewPCG(c.plan.Seed, uint64(conversation)))
	s := script{scenario: c.pick(r), persona: c.persona(conversation)}
	s.returning = s.persona != conversation
	s.turns = make([]line, 0, len(s.scenario.Turns))
	words := vocabulary{r: r, name: name(s.persona), number: s.persona}
	for i := range s.scenario.Turns {
		rule := &s.scenario.Turns[i]
		l := line{rule: rule, alike: r.Float64() < c.plan.Users.Alike}
		choice := r.IntN(len(rule.Say))
		if l.alike {
			choice = 0
		}
		l.messages = make([]string, 0, len(rule.Say[choice]))
		for j, text := range rule.Say[choice] {
			if j > 0 {
				l.gaps = append(l.gaps, rule.Gap.Sample(r))
			}
			l.messages = append(l.messages, words.fill(text, l.alike))
		}
		if i > 0 {
			l.think = rule.Think.Sample(r)
		}
		s.turns = append(s.turns, l)
	}
	return s
}

// persona returns the index of the user who holds a conversation: its own number
// for a new user, that of the user's first conversation for one who returns.
func (c *crowd) persona(conversation int64) int64 {
	for conversation > 1 {
		r := rand.New(rand.NewPCG(^c.plan.Seed, uint64(conversation)))
		if r.Float64() >= c.plan.Users.Returning {
			break
		}
		conversation = 1 + r.Int64N(conversation-1)
	}
	return conversation
}

func (c *crowd) pick(r *rand.Rand) *plan.Scenario {
	at := r.Float64() * c.weight
	for i := range c.plan.Scenarios {
		if at -= c.plan.Scenarios[i].Weight; at < 0 {
			return &c.plan.Scenarios[i]
		}
	}
	return &c.plan.Scenarios[len(c.plan.Scenarios)-1]
}

// vocabulary fills the placeholders of a plan's sentences.
type vocabulary struct {
	r      *rand.Rand
	name   string
	number int64
}

// fill replaces {name}, {day}, {time}, {email} and {number}. What is asked alike
// by many gets the value most people would use.
func (v vocabulary) fill(text string, alike bool) string {
	if !strings.Contains(text, "{") {
		return text
	}
	days := [...]string{"Friday", "Monday", "Tuesday", "Wednesday", "Thursday", "Saturday", "tomorrow", "next week"}
	hours := [...]string{"10:00", "9:00", "9:30", "11:00", "13:30", "14:00", "15:00", "16:30", "17:00"}
	// Every chance is drawn whether it is used or not: editing one sentence of a plan leaves the others as they were.
	day, hour, number := v.r.IntN(len(days)), v.r.IntN(len(hours)), 2+v.r.IntN(98)
	name := v.name
	if alike {
		day, hour, number, name = 0, 0, 2, "Ana"
	}
	for _, known := range [...]struct{ placeholder, word string }{
		{"{name}", name},
		{"{day}", days[day]},
		{"{time}", hours[hour]},
		{"{email}", strings.ToLower(name) + strconv.FormatInt(v.number, 10) + "@example.com"},
		{"{number}", strconv.Itoa(number)},
	} {
		text = strings.ReplaceAll(text, known.placeholder, known.word)
	}
	return text
}
