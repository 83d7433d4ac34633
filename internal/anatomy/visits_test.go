package anatomy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley"
)

// visitRun is a run whose bookings have a goal, with prices: a token of gpt-4o-mini costs a cent, cached a
// tenth of that, an answer's two cents.
func visitRun() *parley.Run {
	run := testRun()
	run.State = parley.Complete
	run.Goals = []parley.Goal{{Scenario: "booking", What: "calendar events.insert", Wire: "calendar", Operation: "events.insert"}}
	run.Satisfied = 2 * time.Second
	run.Money = &parley.Money{
		Source: "LiteLLM", Dated: "2026-07-24", PerMessage: 0.001, InfrastructurePerHour: 0.45,
		Models: []parley.ModelPrice{{Model: "gpt-4o-mini", Known: true, Input: 0.01, Cached: 0.001, CacheWrite: 0.01, Output: 0.02}, {Model: "llama"}},
	}
	return run
}

// talk is a conversation of turns a second apart whose last one is that of the script unless changed.
func talk(conversation int64, scenario string, at time.Duration, turns int, change func(i int, t *parley.Turn)) []parley.Turn {
	var out []parley.Turn
	for i := range turns {
		t := turn(10*conversation+int64(i), at+time.Duration(i)*2*time.Second, time.Second)
		t.Conversation, t.Scenario, t.Ordinal, t.Final = conversation, scenario, int32(i), i == turns-1
		if change != nil {
			change(i, &t)
		}
		out = append(out, t)
	}
	return out
}

func join(talks ...[]parley.Turn) (all []parley.Turn) {
	for _, t := range talks {
		all = append(all, t...)
	}
	return all
}

// leave ends a turn without an answer.
func leave(outcome parley.Outcome, after time.Duration) func(int, *parley.Turn) {
	return func(_ int, t *parley.Turn) {
		if t.Final {
			t.Outcome, t.AnsweredAt, t.FirstReply, t.Ended = outcome, parley.None, parley.None, t.Spoken+after
			if outcome == parley.Open {
				t.Ended = parley.None
			}
		}
	}
}

func TestVisits(t *testing.T) {
	reach := func(at int) func(int, *parley.Turn) {
		return func(i int, t *parley.Turn) { t.Goal = i == at }
	}
	at := 20 * time.Second
	rows := join(
		talk(1, "booking", at, 2, reach(0)),
		talk(2, "booking", at, 2, nil), // finished, and not booked
		talk(3, "booking", at, 2, func(i int, t *parley.Turn) { reach(0)(i, t); leave(parley.Abandoned, 10*time.Second)(i, t) }),
		talk(4, "booking", at, 1, leave(parley.Abandoned, 10*time.Second)),
		talk(5, "booking", at, 2, func(i int, t *parley.Turn) { reach(1)(i, t); t.Final = false }), // the load ended while its user thought
		talk(6, "booking", at, 1, leave(parley.Cut, 5*time.Second)),
		talk(7, "booking", at, 1, leave(parley.Open, 0)),
		talk(8, "question", at, 3, nil),
		talk(9, "question", at, 1, leave(parley.Abandoned, 10*time.Second)),
		talk(10, "question", 5*time.Second, 3, func(i int, t *parley.Turn) { // began before the judged phase, and went on
			if i == 0 {
				t.Phase = "solo"
			}
		}),
		talk(11, "question", 88*time.Second, 2, func(i int, t *parley.Turn) { // went on after it
			if i == 1 {
				t.Phase = "drain"
			}
		}),
		[]parley.Turn{{ID: 990, Conversation: 99, Phase: "steady", Outcome: parley.Unsent, Due: at, Ended: parley.None, Sent: parley.None}},
		talk(98, "booking", 0, 1, func(_ int, t *parley.Turn) { t.Phase = "canary" }),
	)
	insert := call(0, "calendar", at, at+100*ms)
	insert.Operation = "events.insert"
	failed, early := insert, insert
	failed.Status, early.Start = 409, 5*time.Second
	v := summarize(visitRun(), rows, nil, []parley.Call{insert, failed, early}).Visits
	count := func(c VisitCount) [11]int {
		return [...]int{c.Begun, c.Finished, c.Abandoned, c.Cut, c.Open, c.WithGoal, c.Reached, c.Succeeded, c.Satisfied, c.Tolerating, c.Frustrated}
	}
	if got, want := count(v.VisitCount), [...]int{10, 4, 3, 2, 1, 4, 2, 4, 13, 0, 4}; got != want {
		t.Errorf("counts %v, want %v", got, want)
	}
	if len(v.Scenarios) != 2 || v.Scenarios[0].Name != "booking" || v.Scenarios[0].Goal != "calendar events.insert" || v.Scenarios[1].Goal != "" {
		t.Fatalf("scenarios %+v", v.Scenarios)
	}
	if got, want := count(v.Scenarios[0].VisitCount), [...]int{7, 2, 2, 2, 1, 4, 2, 2, 7, 0, 3}; got != want {
		t.Errorf("bookings %v, want %v", got, want)
	}
	if got, want := count(v.Scenarios[1].VisitCount), [...]int{3, 2, 1, 0, 0, 0, 0, 2, 6, 0, 1}; got != want {
		t.Errorf("questions %v, want %v", got, want)
	}
	for name, e := range map[string][2]float64{"success": {v.Success.Value, 4.0 / 7}, "conversion": {v.Conversion.Value, 0.5}, "abandonment": {v.Abandonment.Value, 3.0 / 7}, "apdex": {v.Apdex.Value, 13.0 / 17}} {
		if math.Abs(e[0]-e[1]) > 1e-9 {
			t.Errorf("%s is %v, want %v", name, e[0], e[1])
		}
	}
	if v.Untied != 1 || v.Target != 2 {
		t.Errorf("untied %d, target %v", v.Untied, v.Target)
	}
	plain := summarize(visitRun(), rows, nil, nil).Visits
	if v.Conversion.High <= plain.Conversion.High || v.Success.High <= plain.Success.High || v.Conversion.Low != plain.Conversion.Low ||
		v.Scenarios[0].Conversion.High <= plain.Scenarios[0].Conversion.High || v.Scenarios[1].Success.High != plain.Scenarios[1].Success.High {
		t.Errorf("an untied call moves %+v to %+v", plain.Conversion, v.Conversion)
	}
	running := visitRun()
	running.State = parley.Running
	if v := summarize(running, rows, nil, nil).Visits; v.Cut != 1 || v.Open != 2 {
		t.Errorf("of a run that was killed %d were cut and %d are open", v.Cut, v.Open)
	}
}

func TestApdex(t *testing.T) {
	after := func(wait time.Duration, outcome parley.Outcome) []parley.Turn {
		t := turn(1, 20*time.Second, wait)
		t.Outcome = outcome
		return []parley.Turn{t}
	}
	for _, test := range []struct {
		rows []parley.Turn
		want [3]int
	}{
		{after(0, parley.Answered), [3]int{1, 0, 0}},
		{after(2*time.Second, parley.Answered), [3]int{1, 0, 0}},
		{after(2*time.Second+1, parley.Answered), [3]int{0, 1, 0}},
		{after(8*time.Second, parley.Answered), [3]int{0, 1, 0}},
		{after(8*time.Second+1, parley.Answered), [3]int{0, 0, 1}},
		{after(time.Second, parley.Abandoned), [3]int{0, 0, 1}},
		{after(time.Second, parley.Cut), [3]int{}},
		{after(5*time.Second, parley.Cut), [3]int{}},
		{after(9*time.Second, parley.Cut), [3]int{0, 0, 1}},
	} {
		v := summarize(visitRun(), test.rows, nil, nil).Visits
		if got := [3]int{v.Satisfied, v.Tolerating, v.Frustrated}; got != test.want {
			t.Errorf("%s after %v: %v, want %v", test.rows[0].Outcome, test.rows[0].AnsweredAt-test.rows[0].Spoken, got, test.want)
		}
	}
	run := visitRun()
	run.Satisfied = 0
	if v := summarize(run, after(0, parley.Answered), nil, nil).Visits; v.Apdex.N != 0 || v.Target != 0 {
		t.Errorf("without a T: %+v", v.Apdex)
	}
}

// asked is a call to a model.
func asked(turn int64, model string, prompt, cached, completion int64) parley.Call {
	c := call(turn, "openai", 20*time.Second, 21*time.Second)
	c.Model, c.PromptTokens, c.CachedTokens, c.CompletionTokens = model, prompt, cached, completion
	return c
}

func TestMoney(t *testing.T) {
	at := 20 * time.Second
	rows := join(
		talk(1, "booking", at, 2, func(i int, t *parley.Turn) { t.Goal = i == 0 }),
		talk(2, "booking", at, 1, nil),
		talk(3, "question", at, 1, nil),
		talk(4, "question", at, 1, leave(parley.Cut, time.Second)),
		talk(5, "question", 5*time.Second, 2, func(i int, t *parley.Turn) {
			if i == 0 {
				t.Phase = "solo"
			}
		}),
	)
	replies := []parley.Reply{{Turn: 10, Received: at}, {Turn: 11, Received: at}, {Turn: 11, Received: at}, {Turn: 40, Received: at}, {Turn: 0, Received: at}, {Turn: 0, Received: time.Second}}
	calls := []parley.Call{
		asked(10, "gpt-4o-mini", 100, 50, 10), // 0.50 + 0.05 + 0.20
		asked(11, "gpt-4o-mini", 100, 0, 0),   // 1.00
		asked(20, "gpt-4o-mini", 25, 0, 0),    // 0.25
		asked(20, "llama", 0, 0, 0),           // a call that broke off before it was read
		asked(30, "gpt-4o-mini", 0, 0, 0),
		asked(40, "gpt-4o-mini", 100, 0, 0), // of a conversation that was cut
		asked(50, "gpt-4o-mini", 100, 0, 0), // of one that began before
		asked(51, "gpt-4o-mini", 100, 0, 0), // the same, in the judged phase
		asked(0, "gpt-4o-mini", 20, 0, 0),   // 0.20 of nobody
		asked(980, "gpt-4o-mini", 500, 0, 0),
	}
	m := summarize(visitRun(), rows, replies, calls).Money
	if m == nil {
		t.Fatal("no money")
	}
	// Four conversations began, three came to their end, two succeeded. The load lasted 80 s, the machines cost $0.01 in it.
	each := (0.20 + 0.001 + 0.01) / 4
	want := map[string]float64{
		"conversation": (1.75+0.003+0.25)/3 + each, "success": (1.75+0.003+0.25)/2 + each*3/2,
		"models": 2.0/3 + 0.20/4, "messages": 0.001 + 0.001/4, "infrastructure": 0.01 / 4, "saved": 50 * 0.009 / 3,
	}
	got := map[string]float64{
		"conversation": m.PerConversation.Value, "success": m.PerSuccess.Value,
		"models": m.Models, "messages": m.Messages, "infrastructure": m.Infrastructure, "saved": m.Saved,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-9, 1e-12)); diff != "" {
		t.Error(diff)
	}
	if math.Abs(m.Models+m.Messages+m.Infrastructure-m.PerConversation.Value) > 1e-12 {
		t.Error("the parts do not add up to the cost of a conversation")
	}
	models := []ModelMoney{
		{Model: "gpt-4o-mini", Known: true, Calls: 7, PromptTokens: 445, CachedTokens: 50, CompletionTokens: 10, USD: 0.75 + 1 + 0.25 + 1 + 1 + 0.2},
		{Model: "llama", Calls: 1},
	}
	if diff := cmp.Diff(models, m.ByModel, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
		t.Error(diff)
	}
	if m.Unpriced != nil || m.PerConversation.Floor {
		t.Errorf("without a price: %q; %+v", m.Unpriced, m.PerConversation)
	}
	if w := m.PerConversation.Warnings; len(w) != 2 || !strings.HasPrefix(w[0], "1 of 4 conversations had not come") || !strings.HasPrefix(w[1], "$0.20 was spent on calls and messages") {
		t.Errorf("warnings %q", w)
	}
	for _, s := range summarize(visitRun(), rows, replies, calls).Visits.Scenarios {
		if want := map[string]float64{"booking": 1.0015 / 1, "question": 0}[s.Name]; s.PerConversation == nil || math.Abs(s.PerConversation.Value-want) > 1e-9 {
			t.Errorf("%s costs %+v, want %v", s.Name, s.PerConversation, want)
		}
	}
	run := visitRun()
	run.Money = nil
	if s := summarize(run, rows, replies, calls); s.Money != nil || s.Visits.Scenarios[0].PerConversation != nil {
		t.Error("money without prices")
	}
}

// What a model without a price cost is unknown, never nothing: the other costs are the least that it can have been.
func TestCostWithoutAPrice(t *testing.T) {
	var rows []parley.Turn
	var calls []parley.Call
	for i := range int64(50) {
		rows = append(rows, talk(i+1, "booking", 20*time.Second+time.Duration(i)*time.Second, 1, func(_ int, t *parley.Turn) { t.Goal = true })...)
		calls = append(calls, asked(10*(i+1), "gpt-4o-mini", 100, 0, 0))
	}
	s := summarize(visitRun(), rows, nil, append(calls, asked(10, "llama", 10, 0, 0)))
	if diff := cmp.Diff([]string{"llama"}, s.Money.Unpriced); diff != "" {
		t.Error(diff)
	}
	for what, e := range map[string]parley.Estimate{
		"conversation": s.Money.PerConversation, "success": s.Money.PerSuccess, "of a scenario": *s.Visits.Scenarios[0].PerConversation,
	} {
		if !e.Floor || !e.HighBeyond || e.Value != e.Low || e.Low < .9 || e.Low > 1.01 {
			t.Errorf("%s: %+v", what, e)
		}
	}
}

// A conversation is remembered in as few bytes as its comment says.
func TestVisitSize(t *testing.T) {
	if size := unsafe.Sizeof(visit{}); size != 48 {
		t.Errorf("%d bytes", size)
	}
}

// Without a success its cost is known from below only; if all succeeded it is as uncertain as the share of successes.
func TestCostOfSuccessAtTheEnds(t *testing.T) {
	sum := func(goal bool, untied int) *Money {
		var rows []parley.Turn
		var calls []parley.Call
		for i := range int64(50) {
			rows = append(rows, talk(i+1, "booking", 20*time.Second+time.Duration(i)*time.Second, 1, func(_ int, t *parley.Turn) { t.Goal = goal })...)
			calls = append(calls, asked(10*(i+1), "gpt-4o-mini", 100, 0, 0))
		}
		for range untied {
			c := call(0, "calendar", 30*time.Second, 31*time.Second)
			c.Operation = "events.insert"
			calls = append(calls, c)
		}
		run := visitRun()
		run.Money.InfrastructurePerHour = 0
		return summarize(run, rows, nil, calls).Money
	}
	none := sum(false, 0).PerSuccess
	if !none.Floor || !none.HighBeyond || none.Low < 10 || none.Low > 15 || none.Value != none.Low || none.N != 50 {
		t.Errorf("no success: %+v", none)
	}
	if missed := sum(false, 10).PerSuccess; missed.Low >= none.Low/2 {
		t.Errorf("no success, and ten calls that may have been: %+v", missed)
	}
	all := sum(true, 0)
	if e := all.PerSuccess; e.Value != 1 || math.Abs(e.Low-1) > 1e-9 || e.High < 1.05 || e.High > 1.1 || all.PerConversation.High > 1+1e-9 {
		t.Errorf("all succeeded: %+v", e)
	}
}

// A bot that invents names of models does not fill the memory.
func TestInventedModels(t *testing.T) {
	rows := talk(1, "booking", 20*time.Second, 1, nil)
	var calls []parley.Call
	for i := range 3 * modelsMost {
		calls = append(calls, asked(10, fmt.Sprintf("invented-%d", i), 1, 0, 0))
	}
	calls = append(calls, asked(10, "invented-0", 1, 0, 0))
	m := summarize(visitRun(), rows, nil, calls).Money
	if len(m.ByModel) != modelsMost+1 || m.ByModel[0].Model != otherModels || m.ByModel[0].Calls != 2*modelsMost || m.ByModel[1].Model != "invented-0" || m.ByModel[1].Calls != 2 {
		t.Errorf("%d models, first %+v", len(m.ByModel), m.ByModel[:2])
	}
}

func TestHeat(t *testing.T) {
	left := turn(4, 50*time.Second, 0)
	left.Outcome, left.Ended = parley.Abandoned, 80*time.Second
	solo := turn(5, 5*time.Second, 100*ms)
	solo.Phase = "solo"
	h := summarize(testRun(), []parley.Turn{turn(1, 20*time.Second, 100*ms), turn(2, 20*time.Second, 101*ms), turn(3, 70*time.Second, 10*time.Second), left, solo}, nil, nil).Heat
	if h == nil || h.Width != time.Second || len(h.Counts) != 100 || len(h.Unanswered) != 100 {
		t.Fatalf("got %+v", h)
	}
	rows := len(h.Edges) - 1
	if rows < 7 || rows > heatMost || h.Edges[0] > 0.1 || h.Edges[1] <= 0.1 || h.Edges[rows] <= 10 || h.Edges[rows-1] > 10 {
		t.Errorf("edges %v", h.Edges)
	}
	if h.Counts[20][0] != 2 || h.Counts[5][0] != 1 || h.Counts[70][rows-1] != 1 || h.Unanswered[50] != 1 {
		t.Errorf("counts %v, unanswered %v", h.Counts, h.Unanswered)
	}
	if h := summarize(testRun(), nil, nil, nil).Heat; h != nil {
		t.Errorf("of nothing %+v", h)
	}
	if h := summarize(testRun(), []parley.Turn{left}, nil, nil).Heat; h == nil || len(h.Edges) != 2 || h.Counts[50][0] != 0 {
		t.Errorf("of one left %+v", h)
	}
	// Whatever the waits, the rows are few, cover them and hold each once.
	rng := rand.New(rand.NewPCG(2, 2))
	for range 200 {
		spread := rng.Float64() * 8
		count := newHeatCount(100 * time.Second)
		n := 1 + rng.IntN(100)
		for i := range n {
			turn := turn(int64(i), time.Duration(rng.Int64N(int64(100*time.Second))), time.Duration(math.Exp(spread*rng.NormFloat64())*1e9))
			count.add(&turn)
		}
		h := count.result()
		total := 0
		for _, column := range h.Counts {
			if len(column) != len(h.Edges)-1 || len(column) > heatMost {
				t.Fatalf("%d rows, %d edges", len(column), len(h.Edges))
			}
			for _, c := range column {
				total += c
			}
		}
		if total != n {
			t.Fatalf("%d of %d waits", total, n)
		}
	}
}

// The intervals of visits and money, end to end, against a known truth: conversations of one to four turns, each with a
// call of random length to a model; a slow spell now and then makes turns wait, users leave, and conversations fail.
// Shares of 1,000 intervals that held the truth, by this test with more rounds:
//
// success 0.964, abandonment 0.957, Apdex 0.953, cost of a conversation 0.955, of a success 0.966.
func TestVisitCoverage(t *testing.T) {
	const rounds, n = 60, 300
	truth := coverRun(rand.New(rand.NewPCG(1, 2)), 60_000)
	held := map[string]int{}
	rng := rand.New(rand.NewPCG(3, 4))
	for range rounds {
		s := coverRun(rng, n)
		for name, pair := range map[string][2]parley.Estimate{
			"success": {s.Visits.Success, truth.Visits.Success}, "abandonment": {s.Visits.Abandonment, truth.Visits.Abandonment}, "apdex": {s.Visits.Apdex, truth.Visits.Apdex},
			"conversation": {s.Money.PerConversation, truth.Money.PerConversation}, "per success": {s.Money.PerSuccess, truth.Money.PerSuccess},
		} {
			held[name] += one(pair[0].Low <= pair[1].Value && (pair[0].High >= pair[1].Value || pair[0].HighBeyond))
		}
	}
	t.Logf("of %d: %v", rounds, held)
	for name, k := range held {
		if float64(k) < (0.93-3*math.Sqrt(0.05*0.95/rounds))*rounds {
			t.Errorf("%s held the truth in %d of %d", name, k, rounds)
		}
	}
}

// coverRun sums up n conversations whose truth is that of infinitely many.
func coverRun(rng *rand.Rand, n int) *Summary {
	run := visitRun()
	run.Elapsed = time.Hour
	run.Phases = []parley.Phase{{Name: "steady", Kind: parley.Steady, End: time.Hour}}
	run.Money.InfrastructurePerHour = 0
	var turns []parley.Turn
	var calls []parley.Call
	mood := 0.0
	for i := range n {
		mood = 0.5*mood + math.Sqrt(0.75)*rng.NormFloat64()
		at := time.Hour * time.Duration(i) / time.Duration(n)
		length := 1 + rng.IntN(4)
		for j := range length {
			t := turn(int64(5*i+j+1), at, time.Duration(2e9*math.Exp(0.8*mood+0.3*rng.NormFloat64())))
			t.Conversation, t.Ordinal, t.Final = int64(i+1), int32(j), j == length-1
			wait := t.AnsweredAt - t.Spoken
			t.Goal = t.Final && wait < 5*time.Second
			calls = append(calls, asked(t.ID, "gpt-4o-mini", rng.Int64N(100), 0, rng.Int64N(100)))
			if wait > 9*time.Second {
				t.Outcome, t.Goal, t.Ended = parley.Abandoned, false, t.Spoken+9*time.Second
				turns = append(turns, t)
				break
			}
			turns = append(turns, t)
		}
	}
	return summarize(run, turns, nil, calls)
}
