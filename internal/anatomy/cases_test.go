package anatomy

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
)

// TestStudyOthers: a call of a warm-up's turn that is under way when the judged turns begin takes room beside theirs.
func TestStudyOthers(t *testing.T) {
	const s = time.Second
	run := &parley.Run{Elapsed: 40 * s, Phases: []parley.Phase{
		{Name: "warmup", Kind: parley.WarmUp, Start: 0, End: 10 * s}, {Name: "steady", Kind: parley.Steady, Start: 10 * s, End: 40 * s},
	}}
	turn := func(id int64, phase string, at time.Duration) parley.Turn {
		return parley.Turn{ID: id, Phase: phase, Due: at, Spoken: at, Sent: at, AnsweredAt: at + 9*s, Ended: at + 9*s, Outcome: parley.Answered}
	}
	turns := []parley.Turn{turn(1, "warmup", s), turn(2, "warmup", 8*s), turn(3, "steady", 12*s)}
	calls := []parley.Call{
		{ID: 1, Turn: 1, Wire: "w", Start: 2 * s, End: 3 * s},
		{ID: 2, Turn: 2, Wire: "w", Start: 9 * s, End: 14 * s},
		{ID: 3, Turn: 3, Wire: "w", Start: 13 * s, End: 15 * s},
		{ID: 4, Turn: 2, Wire: "w", Start: 15 * s, End: parley.None},
	}
	summary, cases := Study(run, slices.Values(turns), nil, slices.Values(calls), 10)
	if diff := cmp.Diff(Summarize(run, slices.Values(turns), nil, slices.Values(calls)), summary); diff != "" {
		t.Errorf("the summary differs from Summarize's (-want +got):\n%s", diff)
	}
	var got []int64
	for _, c := range cases.Others {
		got = append(got, c.ID)
	}
	if len(cases.Turns) != 1 || len(cases.Turns[0].Calls) != 1 || !slices.Equal(got, []int64{2, 4}) {
		t.Errorf("%d turns, others %v; want one, and the calls 2 and 4", len(cases.Turns), got)
	}
}
