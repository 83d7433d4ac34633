package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/plan"
	"parley/internal/record"
)

// The record holds the goals, and the price of each model the bot called; calls reach goals.
func TestGoalsAndPrices(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(planText, executable(t), "", "5s"), "    think:", "    goal: openai POST /v1/chat/completions\n    think:", 1)
	text = strings.Replace(text, "phases: [{solo: 1s}, {steady: 2s}]", "phases: [{steady: 1s}]", 1)
	text += "users: {satisfied: 3s}\nmoney: {per_message: $0.01, infrastructure_per_hour: $2}\n"
	run, turns, _, _ := conduct(context.Background(), t, testPlan(t, text))
	if len(run.Goals) != 1 || run.Goals[0] != (parley.Goal{Scenario: "chat", What: "openai POST /v1/chat/completions", Wire: "openai", Operation: "POST /v1/chat/completions"}) {
		t.Errorf("goals %+v", run.Goals)
	}
	m := run.Money
	if m == nil || m.Source != "LiteLLM" || m.Dated == "" || m.PerMessage != 0.01 || m.InfrastructurePerHour != 2 || run.Satisfied != 3*time.Second {
		t.Fatalf("money %+v, satisfied %v", m, run.Satisfied)
	}
	if len(m.Models) != 1 || m.Models[0].Model != "gpt-4o-mini" || !m.Models[0].Known || m.Models[0].Output != 6e-7 {
		t.Errorf("models %+v", m.Models)
	}
	reached := map[int64]int{}
	for _, turn := range turns {
		if turn.Goal {
			reached[turn.Conversation]++
		}
		if turn.Goal != (turn.Ordinal == 0) || turn.Final != (turn.Ordinal == 1) {
			t.Errorf("turn %d of conversation %d: goal %v, final %v", turn.Ordinal, turn.Conversation, turn.Goal, turn.Final)
		}
	}
	if len(reached) < 5 {
		t.Errorf("%d conversations reached their goal", len(reached))
	}
}

// A price list that cannot be read stops the run before anything starts.
func TestBadPriceList(t *testing.T) {
	list := filepath.Join(t.TempDir(), "prices.json")
	if err := os.WriteFile(list, []byte(`{"gpt-4o": {"input_cost_per_token": "cheap"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(planText, executable(t), "", "5s") + "money: {prices: " + list + "}\n"
	run, turns, _, _ := conduct(context.Background(), t, testPlan(t, text))
	if run.State != parley.Broken || len(run.Problems) != 1 || len(turns) > 0 {
		t.Fatalf("state %s, %d turns, problems %+v", run.State, len(turns), run.Problems)
	}
	if p := run.Problems[0]; p.Code != parley.ProblemSetup || !strings.Contains(p.What, "prices.json:1:12: gpt-4o: input_cost_per_token must be a number") || p.Hint == "" {
		t.Errorf("problem %+v", p)
	}
}

// A model is noted once, unknown ones too, and a bot that invents names does not fill the record.
func TestTariff(t *testing.T) {
	p := &plan.Plan{}
	tariff, err := newTariff(p)
	if err != nil {
		t.Fatal(err)
	}
	if tariff.money(p) != nil {
		t.Error("without a model, a message or a machine that costs anything there is no money")
	}
	p.Dependencies = []plan.Dependency{{Name: "ai", Kind: "openai", Simulate: true}}
	w, err := record.Create(filepath.Join(t.TempDir(), "run"), &parley.Run{Money: tariff.money(p)}, record.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close(context.Background())
	tariff.writer = w
	for range 2 {
		tariff.note("")
		tariff.note("gpt-4o")
		tariff.note("llama-at-home")
		tariff.note(strings.Repeat("x", 10_000))
	}
	for i := range 2 * modelsNoted {
		tariff.note(fmt.Sprintf("invented-%d", i))
	}
	w.Update(func(m *parley.Run) {
		models := m.Money.Models
		if len(models) != modelsNoted || !models[0].Known || models[0].Model != "gpt-4o" || models[1] != (parley.ModelPrice{Model: "llama-at-home"}) {
			t.Errorf("%d models: %+v ...", len(models), models[:2])
		}
	})
	if price, ok := tariff.Price("gpt-4o"); !ok || price.Input == 0 {
		t.Errorf("gpt-4o costs %+v", price)
	}
}
