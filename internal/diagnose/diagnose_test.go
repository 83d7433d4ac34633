package diagnose_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
	"parley/internal/diagnose/casetest"
)

const ms = time.Millisecond

// made is a check that suspects a part of each turn's first call, under a name.
func made(id string, part float64, change func(s *diagnose.Suspect)) diagnose.Check {
	return diagnose.Check{ID: id, Title: id, Limits: []diagnose.Limit{{Name: "part", Value: part}}, Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
		s := diagnose.Suspect{
			Shown: map[int][]int{}, Saved: map[int]float64{}, Certainty: 0.8,
			Finding: parley.Finding{Layer: "http", What: "The " + id + " is in the way", Change: "take it away"},
		}
		for turn := range e.Turns() {
			s.Shown[turn] = []int{0}
			s.Saved[turn] = e.Saved(turn, func(i int) anatomy.Less {
				if i > 0 {
					return anatomy.Less{}
				}
				return anatomy.Less{Call: time.Duration(l["part"] * float64(e.Replay(turn).Whole(i).Call))}
			})
		}
		if change != nil {
			change(&s)
		}
		return diagnose.Outcome{Suspects: []diagnose.Suspect{s}}
	}}
}

// played is a run of n turns whose first call takes about half of the reply.
func played(n int) *casetest.Run {
	r := &casetest.Run{}
	r.Play(n, func(turn *casetest.Turn) {
		turn.Call("http", "GET /a", 200*ms+time.Duration(turn.Number%7)*ms, nil)
		turn.Call("openai", "POST /v1/chat/completions", 200*ms, nil)
		turn.Answer()
	})
	return r
}

func checksOf(findings []parley.Finding) (ids []string) {
	for i := range findings {
		ids = append(ids, findings[i].Check)
	}
	return ids
}

func TestFindingsComeInTheOrderOfWhatTheyCost(t *testing.T) {
	d := diagnose.Diagnose(played(80).Evidence(), []diagnose.Check{
		made("small", 0.1, nil), made("large", 0.9, nil), made("middle", 0.5, nil),
		made("lossy", 0, func(s *diagnose.Suspect) { s.Risk, s.Saved, s.Finding.Lost = true, nil, 3 }),
	}, nil)
	if got := checksOf(d.Findings); !slices.Equal(got, []string{"large", "middle", "lossy"}) {
		t.Errorf("findings %v", got)
	}
	if got := checksOf(d.Notes); !slices.Equal(got, []string{"small"}) {
		t.Errorf("notes %v", got)
	}
	f := d.Findings[0]
	if want := 0.1826; f.Saved.Value < want-0.0005 || f.Saved.Value > want+0.0005 || f.Saved.Low > want || f.Saved.High < want {
		t.Errorf("saved %+v, want about %v", f.Saved, want)
	}
	if f.Share < 0.4 || f.Share > 0.5 || f.Confidence != 0.8 || f.Affected != 80 || f.Turns != 80 || len(f.Examples) == 0 || f.Status != parley.Suspected {
		t.Errorf("%+v", f)
	}
	if !strings.HasPrefix(d.Answer, "What limits this bot: The large is in the way.") || !strings.Contains(d.Answer, "80 of 80 turns") {
		t.Errorf("the answer is %q", d.Answer)
	}
}

func TestWhatIsSaidOfChecks(t *testing.T) {
	e := played(40).Evidence()
	clean := diagnose.Check{ID: "clean", Look: func(*diagnose.Evidence, diagnose.Limits) diagnose.Outcome { return diagnose.Outcome{} }}
	needy := diagnose.Check{ID: "needy", Needs: []string{"redis"}, Look: func(*diagnose.Evidence, diagnose.Limits) diagnose.Outcome {
		t.Error("it cannot tell, and must not be asked")
		return diagnose.Outcome{}
	}}
	unsure := diagnose.Check{ID: "unsure", Look: func(*diagnose.Evidence, diagnose.Limits) diagnose.Outcome {
		return diagnose.Outcome{Unknown: "needs more load"}
	}}
	d := diagnose.Diagnose(e, []diagnose.Check{clean, needy, unsure, made("silenced", 0.9, nil), made("milder", 0.9, nil)}, map[string]diagnose.Setting{
		"silenced": {Dismiss: "it is wanted"},
		"milder":   {Limits: diagnose.Limits{"part": 0.05}},
	})
	if !slices.Equal(d.Clean, []string{"clean"}) {
		t.Errorf("clean %v", d.Clean)
	}
	if len(d.Unknown) != 2 || d.Unknown[0].Check != "needy" || !strings.Contains(d.Unknown[0].Needs, "Redis") || d.Unknown[1].Needs != "needs more load" {
		t.Errorf("unknown %+v", d.Unknown)
	}
	if len(d.Dismissed) != 1 || d.Dismissed[0].Reason != "it is wanted" {
		t.Errorf("dismissed %+v", d.Dismissed)
	}
	if len(d.Findings) != 0 || len(d.Notes) != 1 || d.Notes[0].Check != "milder" {
		t.Errorf("a threshold of the plan was not heeded: %+v %+v", d.Findings, d.Notes)
	}
	if !strings.Contains(d.Answer, "2 checks could not tell") {
		t.Errorf("the answer is %q", d.Answer)
	}
}

// A gain that few turns have, and by chance, is no finding: its interval must reach half of what is asked for.
func TestAGainMustBeSure(t *testing.T) {
	d := diagnose.Diagnose(played(60).Evidence(), []diagnose.Check{made("rare", 0.9, func(s *diagnose.Suspect) {
		s.Saved = map[int]float64{7: 3}
	})}, nil)
	if len(d.Findings) != 0 || len(d.Notes) != 1 {
		t.Errorf("%v and %v", checksOf(d.Findings), checksOf(d.Notes))
	}
}

func TestNothingIsSaidOfNothing(t *testing.T) {
	r := &casetest.Run{}
	d := diagnose.Diagnose(r.Evidence(), []diagnose.Check{made("any", 0.9, nil)}, nil)
	if len(d.Findings)+len(d.Notes) != 0 || len(d.Unknown) != 1 || !strings.HasPrefix(d.Answer, "Nothing can be said") {
		t.Errorf("%+v", d)
	}
}
