package fault

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const chat = "POST /v1/chat/completions"

func decider(t testing.TB, seed uint64, wire string, texts ...string) *Decider {
	t.Helper()
	rules := make([]Rule, len(texts))
	for i, text := range texts {
		rules[i] = mustRule(t, text)
	}
	return NewDecider(seed, wire, rules)
}

func decisions(d *Decider, op string, n int) []Action {
	list := make([]Action, n)
	for i := range list {
		list[i] = d.Decide(op, 0)
	}
	return list
}

func TestDecideIsRepeatable(t *testing.T) {
	rules := []string{"10% status 500", "20% delay 1s..3s", "5% cut"}
	first := decisions(decider(t, 1, "openai", rules...), chat, 200)
	if diff := cmp.Diff(first, decisions(decider(t, 1, "openai", rules...), chat, 200)); diff != "" {
		t.Errorf("another run decides otherwise:\n%s", diff)
	}
	for name, other := range map[string]*Decider{"seed": decider(t, 2, "openai", rules...), "wire": decider(t, 1, "evolution", rules...)} {
		if cmp.Equal(first, decisions(other, chat, 200)) {
			t.Errorf("another %s decides the same", name)
		}
	}
}

// What happens to other operations, even at the same time, changes nothing.
func TestDecideDependsOnTheOperationAlone(t *testing.T) {
	want := decisions(decider(t, 1, "openai", "10% status 500"), chat, 200)
	d := decider(t, 1, "openai", "10% status 500")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { decisions(d, "GET /v1/models", 500) })
	}
	got := decisions(d, chat, 200)
	wg.Wait()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-alone +among others):\n%s", diff)
	}
}

func TestShares(t *testing.T) {
	const n = 20_000
	for _, test := range []struct {
		rule string
		want float64
	}{{"1% hang", 0.01}, {"50% hang", 0.5}, {"hang", 1}, {"every 10th hang", 0.1}} {
		struck := 0
		for _, a := range decisions(decider(t, 7, "w", test.rule), chat, n) {
			if a.Effect == Hang {
				struck++
			}
		}
		share := float64(struck) / n
		if math.Abs(share-test.want) > 4*math.Sqrt(test.want*(1-test.want)/n) {
			t.Errorf("%s: struck %v of %d", test.rule, share, n)
		}
	}
}

func TestEveryCountsExactly(t *testing.T) {
	for i, a := range decisions(decider(t, 1, "w", "every 3rd status 429"), chat, 9) {
		if struck := a.Status == 429; struck != ((i+1)%3 == 0) {
			t.Errorf("message %d: %+v", i+1, a)
		}
	}
}

func TestWindowAndOperation(t *testing.T) {
	tests := []struct {
		rule, op string
		at       time.Duration
		want     bool
	}{
		{"hang from 30s to 90s", chat, 29 * time.Second, false},
		{"hang from 30s to 90s", chat, 30 * time.Second, true},
		{"hang from 30s to 90s", chat, 90 * time.Second, false},
		{"hang from 30s", chat, time.Hour, true},
		{"hang on POST /v1/chat/*", chat, 0, true},
		{"hang on /v1/chat/*", chat, 0, true},
		{"hang on /v1/models", chat, 0, false},
		{"hang on GET *", chat, 0, false},
		{"status 403 on events.insert", "events.insert", 0, true}, // a service whose operations have names
		{"status 403 on events.insert", "events.insertion", 0, false},
		{"status 403 on events.*", "events.list", 0, true},
		{"status 403 on events.*", "freebusy.query", 0, false},
		{"status 403 on /events.insert", "events.insert", 0, false},
	}
	for _, test := range tests {
		if got := !decider(t, 1, "w", test.rule).Decide(test.op, test.at).Nothing(); got != test.want {
			t.Errorf("%s: %s at %v: %v", test.rule, test.op, test.at, got)
		}
	}
}

func TestRulesCombine(t *testing.T) {
	a := decider(t, 1, "w", "delay 1s", "status 500", "hang", "delay 2s").Decide(chat, 0)
	want := Action{Delay: 3 * time.Second, Effect: Status, Status: 500, Where: a.Where, Name: "delay 1s + status 500 + delay 2s"}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a := decider(t, 1, "w", "drip 200B/s").Decide(chat, 0); a.BytesPerSecond != 200 || a.Where < 0.1 || a.Where > 0.9 {
		t.Errorf("%+v", a)
	}
}

// A rule that is added does not change what the others do.
func TestRulesDrawApart(t *testing.T) {
	one := decisions(decider(t, 1, "w", "20% hang"), chat, 100)
	two := decisions(decider(t, 1, "w", "20% hang", "30% delay 1s..2s"), chat, 100)
	for i := range one {
		if (one[i].Effect == Hang) != (two[i].Effect == Hang) {
			t.Fatalf("message %d: %+v and %+v", i, one[i], two[i])
		}
	}
}

func TestNoRulesCostNothing(t *testing.T) {
	d := NewDecider(1, "w", nil)
	if n := testing.AllocsPerRun(100, func() { d.Decide(chat, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
