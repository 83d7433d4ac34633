package anatomy

import (
	"cmp"
	"fmt"
	"slices"

	"parley"
	"parley/internal/stats"
)

// moneyCount adds up what the judged visits cost. All methods of a nil one do nothing: there are no prices.
type moneyCount struct {
	money  *parley.Money
	visits *visitCount
	models map[string]*modelCount
	latest *modelCount // most calls are to the model of the call before

	// What was tied to no turn, in the judged phases.
	loose         float64 // US dollars of calls
	looseSaved    float64
	looseMessages int

	begun     int     // judged visits
	shared    float64 // US dollars of each for what was tied to no turn, and for infrastructure
	spent     float64 // of the visits that ended: US dollars of calls tied to them
	saved     float64
	messages  int
	ended     int
	succeeded int
	all, won  *stats.Ratio // cost to one conversation, cost to one success
	scenarios map[int32]*stats.Ratio
}

// A bot may ask for any name: from so many models on, all further ones count as one, of which no price is known.
const (
	modelsMost  = 256
	otherModels = "other models"
)

type modelCount struct {
	ModelMoney
	price parley.ModelPrice
}

// newMoneyCount returns nil if the run's cost is not reckoned.
func newMoneyCount(run *parley.Run, visits *visitCount) *moneyCount {
	if run.Money == nil {
		return nil
	}
	return &moneyCount{money: run.Money, visits: visits, models: map[string]*modelCount{}, scenarios: map[int32]*stats.Ratio{}}
}

// of is the model of a call, nil if it names none.
func (m *moneyCount) of(c *parley.Call) *modelCount {
	if m == nil || c.Model == "" {
		return nil
	}
	if m.latest != nil && m.latest.Model == c.Model {
		return m.latest
	}
	found := m.models[c.Model]
	if found == nil && len(m.models) >= modelsMost {
		if found = m.models[otherModels]; found == nil {
			found = &modelCount{ModelMoney: ModelMoney{Model: otherModels}}
			m.models[otherModels] = found
		}
		return found // not the latest: its name is another
	}
	if found == nil {
		found = &modelCount{}
		found.Model = c.Model
		for _, p := range m.money.Models {
			if p.Model == c.Model {
				found.price, found.Known = p, p.Known
			}
		}
		m.models[c.Model] = found
	}
	m.latest = found
	return found
}

// usd is what a call cost, 0 if no price is known.
func (m *modelCount) usd(c *parley.Call) float64 {
	if !m.Known {
		return 0
	}
	return m.price.Of(c)
}

// saving is what reading from the cache saved in a call.
func (m *modelCount) saving(c *parley.Call) float64 {
	if !m.Known {
		return 0
	}
	return float64(c.CachedTokens) * (m.price.Input - m.price.Cached)
}

// tied enters a call of a visit.
func (m *moneyCount) tied(c *parley.Call, place int32) {
	if model := m.of(c); model != nil {
		v := &m.visits.visits[place]
		v.models += model.usd(c)
		v.saved += model.saving(c)
	}
}

// untied enters a call of the judged phases that was tied to no turn.
func (m *moneyCount) untied(c *parley.Call) {
	if model := m.of(c); model != nil {
		m.loose += model.usd(c)
		m.looseSaved += model.saving(c)
	}
}

// model counts a call of the judged phases to its model.
func (m *moneyCount) model(c *parley.Call) {
	model := m.of(c)
	if model == nil {
		return
	}
	model.Calls++
	model.PromptTokens += c.PromptTokens
	model.CachedTokens += c.CachedTokens
	model.CacheWrittenTokens += c.CacheWrittenTokens
	model.CompletionTokens += c.CompletionTokens
	model.AudioSeconds += c.AudioSeconds
	model.USD += model.usd(c)
}

// message counts a message of the bot to a visit.
func (m *moneyCount) message(place int32) {
	if m != nil {
		m.visits.visits[place].messages++
	}
}

// untiedMessage counts a message of the bot that belongs to no turn.
func (m *moneyCount) untiedMessage() {
	if m != nil {
		m.looseMessages++
	}
}

// begin settles what each visit bears of the cost that none of them caused alone.
func (m *moneyCount) begin() {
	if m == nil {
		return
	}
	for i := range m.visits.visits {
		m.begun += one(m.visits.visits[i].judged)
	}
	if m.begun > 0 {
		m.shared = (m.loose + float64(m.looseMessages)*m.money.PerMessage + m.infrastructure()) / float64(m.begun)
	}
	m.all, m.won = m.ratio(), m.ratio()
}

func (m *moneyCount) ratio() *stats.Ratio {
	span := m.visits.scene.judged.span()
	return stats.NewRatio(span.from, span.to)
}

// infrastructure is what the machines cost in the judged phases.
func (m *moneyCount) infrastructure() float64 {
	return m.money.InfrastructurePerHour * m.visits.scene.judged.length().Hours()
}

// visit enters a judged visit when all that it cost is known. One that did not come to its end would have cost more.
func (m *moneyCount) visit(c *visit, how ending, hasGoal bool) {
	if m == nil || how == cut || how == open {
		return
	}
	own := c.models + float64(c.messages)*m.money.PerMessage
	succeeded := one(c.succeeded(how, hasGoal))
	m.ended++
	m.succeeded += succeeded
	m.spent += c.models
	m.saved += c.saved
	m.messages += int(c.messages)
	m.all.Add(c.begun, own+m.shared, 1)
	m.won.Add(c.begun, own+m.shared, float64(succeeded))
	if m.scenarios[c.scenario] == nil {
		m.scenarios[c.scenario] = m.ratio()
	}
	m.scenarios[c.scenario].Add(c.begun, own, 1)
}

// scenario is the cost of a conversation of one scenario, without what is shared among all; nil without prices or without any that
// ended.
func (m *moneyCount) scenario(place int32) *parley.Estimate {
	if m == nil || m.scenarios[place] == nil {
		return nil
	}
	e := m.scenarios[place].Estimate()
	m.least(&e)
	return &e
}

// result is what the visits cost, given what share of them succeeded; nil without prices.
func (m *moneyCount) result(v *Visits) *Money {
	if m == nil {
		return nil
	}
	out := &Money{Source: m.money.Source, Dated: m.money.Dated, ByModel: []ModelMoney{}}
	for _, model := range m.models {
		if model.Calls == 0 {
			continue // of the canary or another phase
		}
		out.ByModel = append(out.ByModel, model.ModelMoney)
	}
	out.Unpriced = m.unpriced()
	slices.SortFunc(out.ByModel, func(a, b ModelMoney) int {
		return cmp.Or(cmp.Compare(b.USD, a.USD), cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Model, b.Model))
	})
	if m.ended == 0 {
		return out
	}
	ended, begun := float64(m.ended), float64(m.begun)
	out.Models = m.spent/ended + m.loose/begun
	out.Messages = (float64(m.messages)/ended + float64(m.looseMessages)/begun) * m.money.PerMessage
	out.Infrastructure = m.infrastructure() / begun
	out.Saved = m.saved/ended + m.looseSaved/begun
	out.PerConversation, out.PerSuccess = m.all.Estimate(), m.perSuccess(v)
	m.least(&out.PerConversation)
	m.least(&out.PerSuccess)
	warnings := m.warnings(v)
	out.PerConversation.Warnings, out.PerSuccess.Warnings = warnings, warnings
	return out
}

func (m *ModelMoney) used() bool {
	return m.PromptTokens+m.CompletionTokens > 0 || m.AudioSeconds > 0
}

// unpriced names the models that were used in the judged phases and have no price.
func (m *moneyCount) unpriced() []string {
	var names []string
	for _, model := range m.models {
		if !model.Known && model.Calls > 0 && model.used() {
			names = append(names, model.Model)
		}
	}
	slices.Sort(names)
	return names
}

// least makes a cost a floor if a part of it has no price: what is missing may be any amount.
func (m *moneyCount) least(e *parley.Estimate) {
	if len(m.unpriced()) > 0 {
		e.Value, e.Floor, e.HighBeyond = e.Low, true, true
		e.High = e.Low
	}
}

// perSuccess is the cost of a success. If every conversation or none was one, the sample does not show how uncertain that is,
// and if goals may have been reached unseen, it is too dear: then the interval reaches as far as that of the share of successes says.
func (m *moneyCount) perSuccess(v *Visits) parley.Estimate {
	e := m.won.Estimate()
	each := m.won.Total() / float64(m.ended)
	low, high := v.Success.Low, v.Success.High
	if v.Succeeded == 0 {
		e.Low = each / high
		e.Value, e.High = e.Low, e.Low
		return e
	}
	if v.Untied > 0 || m.succeeded == m.ended {
		e.Low = min(e.Low, each/high)
	}
	if m.succeeded == m.ended && low > 0 {
		e.High = max(e.High, each/low)
	}
	return e
}

// warnings say what the cost of a conversation does not cover.
func (m *moneyCount) warnings(v *Visits) []string {
	var out []string
	if left := v.Cut + v.Open; left > 0 {
		out = append(out, fmt.Sprintf("%s of %s conversations had not come to their end when the run ended, and are left out",
			parley.FormatNumber(float64(left)), parley.FormatNumber(float64(v.Begun))))
	}
	if loose := m.loose + float64(m.looseMessages)*m.money.PerMessage; loose > 0 {
		out = append(out, fmt.Sprintf("%s was spent on calls and messages that could not be tied to a turn; it is shared among all conversations", parley.FormatDollars(loose)))
	}
	return out
}
