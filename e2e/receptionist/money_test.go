package receptionist

import (
	"testing"
)

// rate is what a model costs, in US dollars for a million tokens.
type rate struct{ input, cached, output float64 }

// rates are as OpenAI published them in July 2026. They are written down here rather than taken from parley's list.
func rates(model string) rate {
	switch model {
	case "gpt-4o-mini":
		return rate{input: 0.15, cached: 0.075, output: 0.60}
	case "gpt-4o-mini-transcribe":
		return rate{input: 1.25, cached: 1.25, output: 5}
	default:
		panic("no price of " + model)
	}
}

// perHour is what the plan says the machines cost.
const perHour = 0.35

// usd is what an answer of a model cost. The provider's prompt tokens include the cached ones.
func (n *note) usd() float64 {
	prompt, cached, completion := n.Usage.tokens()
	r := rates(n.Model)
	return (float64(prompt-cached)*r.input + float64(cached)*r.cached + float64(completion)*r.output) / 1e6
}

// saved is what the cached tokens would have cost more.
func (n *note) saved() float64 {
	r := rates(n.Model)
	return float64(n.Usage.Details.Cached) * (r.input - r.cached) / 1e6
}

// judgeMoney: the tokens and dollars of the report are those reckoned from the bot's books.
func (e *evidence) judgeMoney(t *testing.T) {
	judged := map[int64]bool{}
	for _, turn := range e.turns {
		judged[turn.ID] = turn.Phase == e.steady().Name
	}
	want := map[string]*modelMoney{}
	for _, n := range e.books.of("model") {
		if !judged[e.truth.turnOf[n.Message]] {
			continue
		}
		m := want[n.Model]
		if m == nil {
			m = &modelMoney{Model: n.Model}
			want[n.Model] = m
		}
		prompt, cached, completion := n.Usage.tokens()
		m.Calls++
		m.PromptTokens, m.CachedTokens, m.CompletionTokens = m.PromptTokens+prompt, m.CachedTokens+cached, m.CompletionTokens+completion
		m.USD += n.usd()
	}
	got := e.report.Summary.Money
	if len(got.ByModel) != len(want) || len(want) != 2 || len(got.Unpriced) > 0 {
		t.Errorf("the report prices %d models and not %q, the bot used %d", len(got.ByModel), got.Unpriced, len(want))
	}
	for _, m := range got.ByModel {
		w := want[m.Model]
		if w == nil {
			t.Errorf("the bot did not use %s", m.Model)
			continue
		}
		t.Logf("%+v", m)
		if usd := m.USD; !near(usd, w.USD) {
			t.Errorf("%s: $%.9f, by the books $%.9f", m.Model, usd, w.USD)
		}
		if m.USD = w.USD; m != *w {
			t.Errorf("%s: %+v, by the books %+v", m.Model, m, *w)
		}
	}
	if chat := want["gpt-4o-mini"]; chat != nil && chat.CachedTokens == 0 {
		t.Error("nothing was cached: too little to judge by")
	}
	e.judgeCosts(t)
}

// judgeCosts: so is what a conversation and a success cost.
func (e *evidence) judgeCosts(t *testing.T) {
	var spent, saved, begun, ended, succeeded float64
	for _, v := range e.visits() {
		if !v.judged {
			continue
		}
		begun++
		if !v.ended {
			continue
		}
		ended++
		spent, saved = spent+v.usd, saved+v.saved
		if v.booked || !v.wants() {
			succeeded++
		}
	}
	phase := e.steady()
	machines := perHour * (phase.End - phase.Start).Hours() / begun
	each := spent/ended + machines
	got := e.report.Summary.Money
	t.Logf("a conversation costs $%.6f (%.6f to %.6f), a success $%.6f; machines $%.6f, saved by the cache $%.6f",
		got.PerConversation.Value, got.PerConversation.Low, got.PerConversation.High, got.PerSuccess.Value, machines, got.Saved)
	for _, figure := range []struct {
		what      string
		got, want float64
	}{
		{"a conversation", got.PerConversation.Value, each},
		{"a success", got.PerSuccess.Value, each * ended / succeeded},
		{"saved", got.Saved, saved / ended},
	} {
		if !near(figure.got, figure.want) {
			t.Errorf("%s: $%.9f, by the books $%.9f", figure.what, figure.got, figure.want)
		}
	}
}
