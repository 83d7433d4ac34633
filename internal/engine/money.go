package engine

import (
	"slices"
	"sync"
	"sync/atomic"

	"parley"
	"parley/internal/plan"
	"parley/internal/price"
	"parley/internal/record"
)

// modelsNoted and modelName bound how many models' prices a record holds, and the length of their names: a bot may
// ask for anything.
const (
	modelsNoted = 256
	modelName   = 256
)

// tariff notes the price of each model in the record when a call first names it, so that a run that is
// killed has the prices of what it recorded.
type tariff struct {
	table  *price.Table
	writer *record.Writer
	seen   sync.Map // names of models; read by every call, written once a model
	noted  atomic.Int64
}

// newTariff reads the plan's price list, or takes the one in parley.
func newTariff(p *plan.Plan) (*tariff, error) {
	if p.Money.Prices == "" {
		return &tariff{table: price.Embedded()}, nil
	}
	table, err := price.Read(p.Money.Prices)
	if err != nil {
		return &tariff{table: price.Embedded()}, setupProblem("money.prices: "+err.Error(), "take it out, and the list in parley is used")
	}
	return &tariff{table: table}, nil
}

// Price returns what a model costs.
func (t *tariff) Price(model string) (parley.ModelPrice, bool) { return t.table.Lookup(model) }

// note enters the price of a model into the record, unless it is there.
func (t *tariff) note(model string) {
	if model == "" || len(model) > modelName {
		return
	}
	if _, seen := t.seen.Load(model); seen || t.noted.Load() >= modelsNoted {
		return
	}
	if _, seen := t.seen.LoadOrStore(model, true); seen || t.noted.Add(1) > modelsNoted {
		return
	}
	p, _ := t.table.Lookup(model)
	t.writer.Update(func(m *parley.Run) {
		if m.Money != nil {
			m.Money.Models = append(m.Money.Models, p)
		}
	})
}

// money is what the run's cost is reckoned with; nil if nothing of it has a price.
func (t *tariff) money(p *plan.Plan) *parley.Money {
	models := slices.ContainsFunc(p.Dependencies, func(d plan.Dependency) bool { return d.StandsIn() && d.Kind == "openai" })
	if !models && p.Money.InfrastructurePerHour == 0 && p.Money.PerMessage == 0 {
		return nil
	}
	return &parley.Money{
		InfrastructurePerHour: p.Money.InfrastructurePerHour, PerMessage: p.Money.PerMessage,
		Source: t.table.Source, Dated: t.table.Dated,
	}
}

// goals are those of the plan's scenarios.
func goals(p *plan.Plan) (list []parley.Goal) {
	for i := range p.Scenarios {
		if g := p.Scenarios[i].Goal; g != nil {
			list = append(list, parley.Goal{Scenario: p.Scenarios[i].Name, What: g.String(), Wire: g.Wire, Operation: g.Operation})
		}
	}
	return list
}

// called takes note of a call that has ended, before it is recorded.
func (r *run) called(c *parley.Call) {
	r.tariff.note(c.Model)
	r.driver.Called(c)
}
