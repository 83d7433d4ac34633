package relay

import (
	"fmt"
	"net/http"
	"sync"

	"parley"
	"parley/internal/wire/openaiwire"
)

// account holds a run to its ceilings. What a call may cost at most is reserved before it is passed on, and
// settled when it is known what it did cost.
type account struct {
	spend float64 // US dollars; 0: no ceiling
	calls int     // 0: no ceiling

	mu              sync.Mutex
	spent, reserved float64
	passed          int
}

// reserve makes room for a call that costs worst at most. If there is none it says which ceiling there is, and how much of it is left.
func (a *account) reserve(worst float64) (left float64, ceiling string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	left = a.spend - a.spent - a.reserved
	switch {
	case a.calls > 0 && a.passed >= a.calls:
		return 0, "calls"
	case a.spend > 0 && worst > left:
		return max(0, left), "spend"
	}
	a.reserved += worst
	a.passed++
	return left, ""
}

// settle replaces what was reserved for a call by what it cost.
func (a *account) settle(reserved, cost float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reserved = max(0, a.reserved-reserved)
	a.spent += cost
}

func (a *account) spentSoFar() (usd float64, calls int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.spent + a.reserved, a.passed
}

// admit decides whether the call is passed on, and reserves what it may cost; nil: it is.
func (x *exchange) admit() *refusal {
	if !x.reads() && !x.o.Config.AllowWrites {
		hint := "set dependencies." + x.Wire + ".allow_writes: true if it may"
		x.notify("write", Notice{What: x.named() + " was not passed on: it may change something there", Hint: hint})
		return &refusal{code: "write_not_allowed", failure: "refused: write", message: x.Call.Operation + " may change something at the real service; " + hint}
	}
	worst := 0.0
	if x.o.Kind == "openai" {
		if no := x.appraise(&worst); no != nil {
			return no
		}
	}
	left, ceiling := x.account.reserve(worst)
	if ceiling == "spend" && x.asked != nil {
		// The length in bytes bounds the tokens and costs nothing to take. Only here is it worth while to count.
		worst = x.worst(func(text string) int { n := x.tokens.Tokens(x.asked.Model, text); return min(len(text), n+n/4) })
		left, ceiling = x.account.reserve(worst)
	}
	switch ceiling {
	case "":
		x.reserved = worst
		return nil
	case "calls":
		what := fmt.Sprintf("the ceiling of %d calls to the real %s was reached", x.o.Config.Calls, x.Wire)
		hint := "raise dependencies." + x.Wire + ".calls, or shorten load.phases"
		x.notify(ceiling, Notice{Ceiling: true, What: what, Hint: hint})
		return &refusal{code: "calls_ceiling", failure: "refused: calls ceiling", message: what + "; " + hint}
	default:
		what := fmt.Sprintf("the ceiling of %s for the real %s was reached: the next call to %s could cost up to %s, and %s are left",
			parley.FormatDollars(x.o.Config.Spend), x.Wire, x.Call.Model, parley.FormatDollars(worst), parley.FormatDollars(left))
		hint := "raise dependencies." + x.Wire + ".spend, or let the bot set max_completion_tokens, which bounds what a call may cost"
		x.notify(ceiling, Notice{Ceiling: true, What: what, Hint: hint})
		return &refusal{code: "spend_ceiling", failure: "refused: spend ceiling", message: what + "; " + hint}
	}
}

// named is the operation with the wire it belongs to, for people.
func (x *exchange) named() string { return x.Call.Operation + " of " + x.Wire }

// appraise finds what a call to OpenAI may cost at most, or why that cannot be said.
func (x *exchange) appraise(worst *float64) *refusal {
	why := x.asked.Unbounded
	switch {
	case x.asked.Kind == openaiwire.Other && (x.reads() || x.R.Method == http.MethodDelete):
		return nil // costs nothing
	case x.asked.Kind == openaiwire.Other:
		why = "parley does not know its price"
	case x.unread != nil:
		why = "its body cannot be read"
	case why != "":
		why += " has a price of its own"
	}
	if why != "" {
		x.notify("cost "+x.Call.Operation, Notice{
			What: x.named() + " was not passed on: what it would cost cannot be bounded (" + why + ")",
			Hint: "simulate " + x.Wire + ", or leave that out",
		})
		return &refusal{code: "cost_unknown", failure: "refused: cost unknown", message: "what " + x.Call.Operation + " would cost cannot be bounded: " + why}
	}
	known := false
	if x.o.Price != nil {
		x.priced, known = x.o.Price(x.asked.Model)
	}
	if !known {
		hint := "add it to a price list of your own and name that in money.prices"
		what := fmt.Sprintf("the model %.100q has no price", x.Call.Model)
		x.notify("price "+x.Call.Model, Notice{What: x.named() + " was not passed on: " + what, Hint: hint})
		return &refusal{code: "no_price", failure: "refused: no price", message: what + ", so that spending cannot be bounded; " + hint}
	}
	*worst = x.worst(func(text string) int { return len(text) })
	return nil
}

// worst is the most that the call can cost, in US dollars, given a bound on the tokens of a text.
func (x *exchange) worst(count func(text string) int) float64 {
	r, p := x.asked, x.priced
	prompt := float64(r.Prompt(count))
	input := max(p.Input, p.Cached, p.CacheWrite)
	if prompt > 200_000 {
		input *= 2 // what vendors ask for long prompts
	}
	cost := prompt * input
	switch r.Kind {
	default: // embeddings have a prompt only
	case openaiwire.Chat, openaiwire.Responses:
		limit := r.Limit
		if limit <= 0 {
			limit = openaiwire.CompletionBound(r.Model)
		}
		cost += float64(limit) * float64(r.Choices) * p.Output
	case openaiwire.Transcription:
		// Services that count tokens take ten for a second of audio, and write fewer.
		const tokens = 10
		seconds := r.AudioBound()
		cost += seconds * (p.AudioSecond + tokens*(p.Input+p.Output))
	}
	return cost
}

// settle accounts for a call that was passed on, once it is over.
func (x *exchange) settle(cost float64) {
	x.account.settle(x.reserved, cost)
	x.reserved = 0
}

// costOf is what the call did cost, by the tokens in its record; known is false if the service did not tell.
func (x *exchange) costOf(known bool) float64 {
	if !known {
		return x.reserved
	}
	p := x.priced
	return p.Of(&x.Call)
}
