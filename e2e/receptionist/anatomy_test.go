package receptionist

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/e2e/product"
	"parley/internal/anatomy"
	"parley/internal/record"
)

// TestAnatomy holds the bot's own time between two calls, as the waterfalls of turns alone have it, against the bot's log.
// Other work on the machine comes between the two looks at the clock: most gaps must agree, and neither side be longer by
// rule. How many agree on a quiet machine bench/attribution measures.
func TestAnatomy(t *testing.T) {
	adoptOrphans(t)
	built := product.Build(t)
	e := soloRun(t, built)
	falls := e.waterfalls(t)
	judgeWhole(t, falls)
	const most = 0.6
	if share := e.agreement(t, falls); share < most {
		t.Errorf("only %.3f of the gaps agree", share)
	}
}

// soloRun plays the receptionist's plan with one user at a time.
func soloRun(t *testing.T, built product.Binary) *evidence {
	t.Helper()
	plan, notes := planOf(t, built, "[solo: 20s]")
	e := &evidence{dir: filepath.Join(t.TempDir(), "run")}
	r := built.Run(t, []string{"PYTHONDONTWRITEBYTECODE=1"}, "load", "-f", plan, "--out", e.dir)
	if r.Code != parley.ExitPass && r.Code != parley.ExitCannotTell {
		t.Fatalf("exit code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	e.read(t, notes)
	return e
}

// waterfalls are those of all answered turns of the solo phase.
func (e *evidence) waterfalls(t *testing.T) []anatomy.Waterfall {
	t.Helper()
	var ids []int64
	for _, turn := range e.turns {
		if turn.Phase == string(parley.Solo) && turn.Outcome == parley.Answered {
			ids = append(ids, turn.ID)
		}
	}
	reader, err := record.Open(e.dir)
	if err != nil {
		t.Fatal(err)
	}
	falls := anatomy.Dissect(reader.Run(), ids, reader.Turns(), reader.Replies(), reader.Calls())
	if err := reader.Err(); err != nil {
		t.Fatal(err)
	}
	if len(falls) < 10 || len(falls) != len(ids) {
		t.Fatalf("%d waterfalls of %d turns: too few to judge by", len(falls), len(ids))
	}
	return falls
}

// judgeWhole: alone, no call is missing from a turn, all kinds of wires are there, and the parts add up.
func judgeWhole(t *testing.T, falls []anatomy.Waterfall) {
	t.Helper()
	calls := map[string]int{}
	for _, w := range falls {
		sum := time.Duration(0)
		for _, l := range w.Layers {
			calls[l.Layer] += l.Calls
			sum += l.Time
		}
		if sum != w.Reply || w.Incomplete {
			t.Errorf("turn %d: layers sum to %v of %v, untied %v", w.Turn, sum, w.Reply, w.Untied)
		}
	}
	t.Logf("%d turns, calls by layer: %v", len(falls), calls)
	for _, layer := range []string{"postgres", "redis", "llm", "sending"} {
		if calls[layer] < len(falls)/2 {
			t.Errorf("%d calls of layer %s in %d turns", calls[layer], layer, len(falls))
		}
	}
}

// Gaps agree if they differ by no more than the larger of these.
const (
	gapSlack = 2 * time.Millisecond
	gapShare = 0.05
)

// agreement holds each gap between two calls against the time between the bot's own spans of them, and returns the share that
// agrees. What the bot's client libraries do within a span is in the gap, and not in the log.
func (e *evidence) agreement(t *testing.T, falls []anatomy.Waterfall) float64 {
	t.Helper()
	var apart []time.Duration
	agree, without := 0, 0
	for i := range falls {
		w := &falls[i]
		for _, g := range w.Gaps {
			if g.After < 0 || g.Before < 0 {
				continue // from the webhook on, or until the answer
			}
			after, ok := e.spanOf(w, g.After)
			before, also := e.spanOf(w, g.Before)
			if !ok || !also {
				without++
				continue
			}
			// Two calls of one span have the client library between them, and no time that the log knows of.
			want := max(0, before.Start-after.End)
			difference := (g.To - g.From - want).Abs()
			apart = append(apart, g.To-g.From-want)
			if difference <= max(gapSlack, time.Duration(gapShare*float64(want))) {
				agree++
				continue
			}
			t.Logf("turn %d, %v long, by the log %v: after %s %.60s, before %s %.60s", w.Turn, g.To-g.From, want,
				w.Calls[g.After].Wire, w.Calls[g.After].Operation, w.Calls[g.Before].Wire, w.Calls[g.Before].Operation)
		}
	}
	least, middle, largest := spread(apart)
	t.Logf("%d of %d gaps agree; they differ by %v (median; %v to %v); %d have no span", agree, len(apart), middle, least, largest, without)
	if len(apart) < 50 || without*20 > len(apart) {
		t.Fatal("too few gaps to judge by")
	}
	return float64(agree) / float64(len(apart))
}

// spanOf is the span of the bot's log that a call lies in: of its kind, and of those around it the one that fits it best.
func (e *evidence) spanOf(w *anatomy.Waterfall, call int) (span, bool) {
	c := &w.Calls[call]
	start, end := e.zero+w.Spoken+c.Start, e.zero+w.Spoken+c.End
	prefix := map[string]string{"postgres": "pg.", "redis": "redis.", "openai": "llm.", "evolution": "evolution.", "calendar": "calendar."}[c.Wire]
	fits := slices.DeleteFunc(slices.Clone(e.log), func(s span) bool {
		return !strings.HasPrefix(s.Name, prefix) || !within(start, end, s.Start, s.End, slack/10)
	})
	if len(fits) == 0 {
		return span{}, false
	}
	return slices.MinFunc(fits, func(a, b span) int { return int(a.length() - b.length()) }), true
}
