package receptionist

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"testing"

	"parley"
	"parley/e2e/product"
)

// report is the part of the JSON report that is judged here.
type report struct {
	Summary struct {
		Visits struct {
			count
			Untied    int `json:"untied"`
			Scenarios []struct {
				Name string `json:"name"`
				count
			} `json:"scenarios"`
		} `json:"visits"`
		Money struct {
			PerConversation parley.Estimate `json:"usd_per_conversation"`
			PerSuccess      parley.Estimate `json:"usd_per_success"`
			Saved           float64         `json:"saved_usd_per_conversation"`
			Unpriced        []string        `json:"unpriced"`
			ByModel         []modelMoney    `json:"by_model"`
		} `json:"money"`
	} `json:"summary"`
}

type count struct {
	Begun     int `json:"begun"`
	Finished  int `json:"finished"`
	WithGoal  int `json:"with_goal"`
	Reached   int `json:"reached"`
	Succeeded int `json:"succeeded"`
}

type modelMoney struct {
	Model            string  `json:"model"`
	Calls            int     `json:"calls"`
	PromptTokens     int64   `json:"prompt_tokens"`
	CachedTokens     int64   `json:"cached_tokens"`
	CompletionTokens int64   `json:"completion_tokens"`
	USD              float64 `json:"usd"`
}

// reportOf has parley tell of a run for machines.
func reportOf(t *testing.T, built product.Binary, dir string) (out report) {
	t.Helper()
	r := built.Run(t, nil, "report", dir, "--format", "json")
	if r.Code != 0 {
		t.Fatalf("the report: exit code %d\n%s", r.Code, r.Stderr)
	}
	if err := json.Unmarshal([]byte(r.Stdout), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// visit is one conversation as the bot's books and the order of its turns tell of it.
type visit struct {
	scenario        string
	judged, ended   bool // begun under steady load; its last turn was answered
	booked, reached bool // by the bot's books; by the record
	usd, saved      float64
}

// wants reports whether the conversation is one that is to end in a booking.
func (v *visit) wants() bool { return v.scenario == "book" || v.scenario == "reschedule" }

// visits are the conversations of the run by their number, the canary's among them.
func (e *evidence) visits() map[int64]*visit {
	all, of := map[int64]*visit{}, map[int64]*visit{}
	for _, turn := range e.turns { // in the order of their sending
		v := all[turn.Conversation]
		if v == nil {
			v = &visit{scenario: turn.Scenario, judged: turn.Phase == e.steady().Name}
			all[turn.Conversation] = v
		}
		v.ended = turn.Final && turn.Outcome == parley.Answered
		v.reached = v.reached || turn.Goal
		of[turn.ID] = v
	}
	for _, n := range e.books {
		v := of[e.truth.turnOf[n.Message]]
		if v == nil {
			continue // judgeBooks has told
		}
		switch n.Kind {
		case "booked":
			v.booked = true
		case "model":
			v.usd += n.usd()
			v.saved += n.saved()
		}
	}
	return all
}

// steady is the phase that is judged.
func (e *evidence) steady() *parley.Phase {
	at := slices.IndexFunc(e.run.Phases, func(p parley.Phase) bool { return p.Kind == parley.Steady })
	return &e.run.Phases[at]
}

// judgeGoals: the conversations that reached their goal are those whose user has a booking in the bot's
// books, each and no other, and the report counts them.
func (e *evidence) judgeGoals(t *testing.T) {
	visits := e.visits()
	for _, n := range e.books.of("booked") {
		at := slices.IndexFunc(e.turns, func(turn parley.Turn) bool { return turn.ID == e.truth.turnOf[n.Message] })
		if at < 0 {
			t.Fatalf("a booking for a message that parley never sent")
		}
		if turn := e.turns[at]; turn.User != e.truth.userOf[n.User] || !turn.Goal {
			t.Errorf("a booking of turn %d (%s): goal %v", turn.ID, turn.Scenario, turn.Goal)
		}
	}
	var want count
	for _, id := range slices.Sorted(maps.Keys(visits)) {
		v := visits[id]
		if v.booked != v.reached || v.booked && !v.wants() {
			t.Errorf("conversation %d (%s): booked %v, goal reached %v", id, v.scenario, v.booked, v.reached)
		}
		if !v.judged {
			continue
		}
		want.Begun++
		if !v.ended {
			continue
		}
		want.Finished++
		if v.wants() {
			want.WithGoal++
			if v.booked {
				want.Reached++
			}
		}
		if v.booked || !v.wants() {
			want.Succeeded++
		}
	}
	got := e.report.Summary.Visits
	if got.count != want || got.Untied != 0 {
		t.Errorf("the report counts %+v and %d untied; by the books it is %+v", got.count, got.Untied, want)
	}
	var sum count
	for _, s := range got.Scenarios {
		sum.Begun, sum.Finished = sum.Begun+s.Begun, sum.Finished+s.Finished
		sum.WithGoal, sum.Reached, sum.Succeeded = sum.WithGoal+s.WithGoal, sum.Reached+s.Reached, sum.Succeeded+s.Succeeded
	}
	if sum != want {
		t.Errorf("the scenarios add up to %+v, want %+v", sum, want)
	}
	booked, without := 0, 0
	for _, v := range visits {
		if v.booked {
			booked++
		} else if v.wants() && v.ended {
			without++
		}
	}
	t.Logf("%+v; in the whole run %d booked, %d went without", want, booked, without)
	if booked < 3 || without == 0 {
		t.Error("too few bookings and failures to judge by")
	}
}

// near reports whether two sums of the same amounts are equal, whatever the order they were added in.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }
