package fault

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Effect is what happens to a message.
type Effect uint8

const (
	// Pass: nothing.
	Pass Effect = iota
	// Status: the message is answered with Action.Status instead of a result.
	Status
	// Hang: the message is never answered.
	Hang
	// Cut: the answer stops midway (at Action.Where) and the connection closes.
	Cut
	// Drip: the answer's bytes come at Action.BytesPerSecond.
	Drip
	// Reset: the connection is reset before any answer.
	Reset
	// Malformed: the answer is damaged (at Action.Where).
	Malformed
	// delay postpones the answer. It combines with the others, so an
	// Action carries it beside its Effect.
	delay
)

// String is the effect's word in the language of rules.
func (e Effect) String() string {
	switch e {
	case Pass:
		return "pass"
	case Status:
		return "status"
	case Hang:
		return "hang"
	case Cut:
		return "cut"
	case Drip:
		return "drip"
	case Reset:
		return "reset"
	case Malformed:
		return "malformed"
	case delay:
		return "delay"
	default:
		return fmt.Sprintf("Effect(%d)", uint8(e))
	}
}

// Rule says which messages go wrong and how. Its syntax is
//
//	[<percent>% | every <n>th] <effect> [on <operation>] [from <time> to <time>]
//
// with the effects "status 500", "hang", "cut", "drip 200B/s", "delay <dist>",
// "reset" and "malformed". In the operation * stands for any characters, and
// the method may be left out: "on /v1/chat/*". Without a share the rule applies to
// every message, without a time to the whole run; "from 30s" alone lasts to the end.
type Rule struct {
	percent float64 // 0 when every counts
	every   int     // 0 when percent counts
	effect  Effect
	status  int
	rate    int64 // bytes per second of a drip
	delay   Dist
	on      string        // glob, empty for all
	from    time.Duration // of run time
	to      time.Duration // 0: to the end
}

// Wire reports whether the rule can strike a connection to a real server, whose answers parley does not make: it
// delays, hangs, cuts or resets.
func (r Rule) Wire() bool {
	return r.effect == delay || r.effect == Hang || r.effect == Cut || r.effect == Reset
}

const ruleHint = "write it like \"1% status 500\", \"every 10th status 429\", \"2% cut on POST /v1/chat/*\" or \"10% delay 1s..3s from 30s to 90s\""

// ParseRule reads a rule. The error is a *SyntaxError.
func ParseRule(text string) (Rule, error) {
	s := &scanner{text: text}
	r := Rule{percent: 100}
	if err := s.share(&r); err != nil {
		return Rule{}, err
	}
	if err := s.effect(&r); err != nil {
		return Rule{}, err
	}
	for !s.done() {
		if err := s.suffix(&r); err != nil {
			return Rule{}, err
		}
	}
	return r, nil
}

// share reads "0.5%" or "every 10th", or nothing.
func (s *scanner) share(r *Rule) error {
	s.space()
	at := s.pos
	word := s.peek()
	if word == "every" {
		s.word()
		s.space()
		at = s.pos
		word = s.word()
		n, err := strconv.Atoi(strings.TrimRight(word, "sthndr"))
		if err != nil || n < 1 {
			return s.fail(at, "write every 10th", "%q is not a count", word)
		}
		r.percent, r.every = 0, n
		return nil
	}
	number, ok := strings.CutSuffix(word, "%")
	if !ok {
		return nil
	}
	s.word()
	p, err := strconv.ParseFloat(number, 64)
	if err != nil || !(p > 0 && p <= 100) {
		return s.fail(at, "write a percentage above 0% and up to 100%", "%q is not a share", word)
	}
	r.percent = p
	return nil
}

// effect reads what happens, with its parameter.
func (s *scanner) effect(r *Rule) error {
	s.space()
	at := s.pos
	word := s.word()
	switch word {
	case "status":
		r.effect = Status
		s.space()
		at = s.pos
		code, err := strconv.Atoi(s.word())
		if err != nil || code < 400 || code > 599 {
			return s.fail(at, "write status 500", "a failing HTTP status from 400 to 599 is missing")
		}
		r.status = code
	case "drip":
		r.effect = Drip
		return s.rate(r)
	case "delay":
		r.effect = delay
		s.space()
		at = s.pos
		d, err := s.dist()
		if err != nil {
			return err
		}
		if d.IsZero() {
			return s.fail(at, "", "a delay of 0 does nothing")
		}
		r.delay = d
	case "hang":
		r.effect = Hang
	case "cut":
		r.effect = Cut
	case "reset":
		r.effect = Reset
	case "malformed":
		r.effect = Malformed
	case "":
		return s.fail(at, ruleHint, "the effect is missing")
	default:
		return s.fail(at, ruleHint, "%q is not an effect", word)
	}
	return nil
}

// rate reads "200B/s", "2kB/s" or "1MB/s".
func (s *scanner) rate(r *Rule) error {
	s.space()
	at := s.pos
	word := s.word()
	number, ok := strings.CutSuffix(word, "B/s")
	factor := 1.0
	switch {
	case strings.HasSuffix(number, "k"):
		number, factor = strings.TrimSuffix(number, "k"), 1e3
	case strings.HasSuffix(number, "M"):
		number, factor = strings.TrimSuffix(number, "M"), 1e6
	}
	v, err := strconv.ParseFloat(number, 64)
	v = math.Round(v * factor)
	if !ok || err != nil || !(v >= 1 && v <= 1e12) {
		return s.fail(at, "write drip 200B/s or drip 2kB/s", "%q is not a rate of bytes", word)
	}
	r.rate = int64(v)
	return nil
}

// suffix reads "on <operation>" or "from <time> to <time>".
func (s *scanner) suffix(r *Rule) error {
	s.space()
	at := s.pos
	switch word := s.word(); {
	case word == "on" && r.on == "":
		r.on = s.operation()
		if r.on == "" {
			return s.fail(at, "write on POST /v1/chat/*", "the operation is missing")
		}
		return nil
	case word == "from" && r.from == 0 && r.to == 0:
		return s.window(r)
	default:
		return s.fail(at, ruleHint, "%q is left over", s.text[at:])
	}
}

// operation reads a glob of several words. It ends where "from" and a number
// follow, since an operation may itself hold the word.
func (s *scanner) operation() string {
	var words []string
	for !s.done() {
		ahead := *s
		word := ahead.word()
		if next := ahead.peek(); word == "from" && next != "" && next[0] >= '0' && next[0] <= '9' {
			break
		}
		words = append(words, word)
		s.pos = ahead.pos
	}
	return strings.Join(words, " ")
}

func (s *scanner) window(r *Rule) (err error) {
	s.space()
	at := s.pos
	if r.from, err = s.duration(s.word(), at); err != nil {
		return err
	}
	if s.peek() != "to" {
		return nil
	}
	s.word()
	s.space()
	at = s.pos
	if r.to, err = s.duration(s.word(), at); err != nil {
		return err
	}
	if r.to <= r.from {
		return s.fail(at, "write from 30s to 90s", "the end %v is not after the start %v", r.to, r.from)
	}
	return nil
}

// String writes r in the syntax of ParseRule.
func (r Rule) String() string {
	var b strings.Builder
	switch {
	case r.every > 0:
		fmt.Fprintf(&b, "every %d%s ", r.every, ordinal(r.every))
	case r.percent != 100:
		fmt.Fprintf(&b, "%s%% ", strconv.FormatFloat(r.percent, 'f', -1, 64))
	}
	b.WriteString(r.what())
	if r.on != "" {
		b.WriteString(" on " + r.on)
	}
	if r.from != 0 || r.to != 0 {
		b.WriteString(" from " + brief(r.from))
	}
	if r.to != 0 {
		b.WriteString(" to " + brief(r.to))
	}
	return b.String()
}

// what is the effect with its parameter ("status 500").
func (r Rule) what() string {
	switch r.effect {
	case Status:
		return fmt.Sprintf("status %d", r.status)
	case Drip:
		if r.rate%1000 == 0 {
			return fmt.Sprintf("drip %dkB/s", r.rate/1000)
		}
		return fmt.Sprintf("drip %dB/s", r.rate)
	case delay:
		return "delay " + r.delay.String()
	default:
		return r.effect.String()
	}
}

func ordinal(n int) string {
	switch {
	case n%100 >= 11 && n%100 <= 13:
		return "th"
	case n%10 == 1:
		return "st"
	case n%10 == 2:
		return "nd"
	case n%10 == 3:
		return "rd"
	default:
		return "th"
	}
}

// Equal reports whether r and other are the same rule.
func (r Rule) Equal(other Rule) bool { return r == other }

// MarshalText is String.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseRule.
func (r *Rule) UnmarshalText(text []byte) error {
	parsed, err := ParseRule(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}
