package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/plan"
	"parley/internal/record"
)

// planText is a plan for the small bot; %s is its habit.
const planText = `
name: test
target:
  webhook: http://127.0.0.1:${PORT}/webhook
  ready: http://127.0.0.1:${PORT}/health
  command: [%q, __bot, %q]
  evolution: {send_latency: 1ms}
dependencies:
  openai:
    simulate: {first_token: 5ms, per_token: 0}
scenarios:
  - name: chat
    patience: %s
    think: 50ms
    turns: [Hello, How are you?]
load:
  conversations_per_hour: 36000
  phases: [{solo: 1s}, {steady: 2s}]
`

func testPlan(t *testing.T, text string) *plan.Plan {
	t.Helper()
	p, err := plan.Parse("parley.yaml", []byte(text), t.TempDir(), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// conduct runs a plan and reads the record back.
func conduct(ctx context.Context, t *testing.T, p *plan.Plan) (*parley.Run, []parley.Turn, []parley.Call, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	run, err := Run(ctx, Options{
		Plan: p, Verb: "test", Dir: dir, Environ: os.Environ(), Watchdog: []string{executable(t), "__watchdog"},
	})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	turns, calls := slices.Collect(reader.Turns()), slices.Collect(reader.Calls())
	if err := reader.Err(); err != nil || len(reader.Missing()) > 0 {
		t.Fatalf("the record lacks %q: %v", reader.Missing(), err)
	}
	return run, turns, calls, dir
}

func TestHealthyBot(t *testing.T) {
	run, turns, calls, _ := conduct(context.Background(), t, testPlan(t, fmt.Sprintf(planText, executable(t), "", "5s")))
	if run.State != parley.Complete || len(run.Problems) > 0 {
		t.Fatalf("state %s, problems %+v", run.State, run.Problems)
	}
	var phases []string
	for _, p := range run.Phases {
		phases = append(phases, p.Name)
	}
	if got := strings.Join(phases, " "); got != "canary solo steady drain" {
		t.Errorf("phases %q", got)
	}
	byTurn := make(map[int64][]string)
	for _, c := range calls {
		byTurn[c.Turn] = append(byTurn[c.Turn], c.Wire)
	}
	for _, turn := range turns {
		if turn.Outcome != parley.Answered {
			t.Errorf("turn %d (%s): %s", turn.ID, turn.Phase, turn.Outcome)
		}
		slices.Sort(byTurn[turn.ID]) // the record has no order between wires
		if got := strings.Join(byTurn[turn.ID], " "); got != "evolution openai" {
			t.Errorf("turn %d made the calls %q, want one to openai and one to evolution", turn.ID, got)
		}
	}
	if n := len(turns); n < 30 {
		t.Errorf("%d turns, want the 20 conversations of the steady phase and some more", n)
	}
	if m := run.Messages; m.Sent != m.Answered || m.Sent < m.Acked {
		t.Errorf("messages %+v", m)
	}
}

// What can go wrong with a bot, and what the run says about it.
func TestBadBots(t *testing.T) {
	for _, test := range []struct {
		habit, code, what string
	}{
		{"mute", parley.ProblemEscape, "nothing came to parley's evolution API"},
		{"refuses", parley.ProblemUnreachable, "status 404"},
		{"no model", parley.ProblemEscape, "no call came to the simulated openai"},
		{"wrong key", parley.ProblemEscape, "another API key"},
		{"wrong key, no apology", parley.ProblemEscape, "another API key"},
		{"responses", parley.ProblemSetup, "POST /v1/responses was answered with status 404"},
		{"dies", parley.ProblemTargetDied, "the bot gives up"},
	} {
		t.Run(test.habit, func(t *testing.T) {
			run, turns, _, dir := conduct(context.Background(), t, testPlan(t, fmt.Sprintf(planText, executable(t), test.habit, "1s")))
			if run.State != parley.Broken || len(run.Problems) != 1 {
				t.Fatalf("state %s, problems %+v", run.State, run.Problems)
			}
			p := run.Problems[0]
			if p.Code != test.code || !strings.Contains(p.What, test.what) || p.Hint == "" {
				t.Errorf("problem %+v, want code %s with %q and a hint", p, test.code, test.what)
			}
			if len(turns) == 0 {
				t.Error("nothing was recorded")
			}
			for _, turn := range turns {
				if turn.Outcome == parley.Open {
					t.Errorf("turn %d was left open", turn.ID)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, "bot.log")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOddReplies(t *testing.T) {
	count := func(turns []parley.Turn) (c struct{ lost, duplicates int }) {
		for i := range turns {
			if turns[i].Lost() {
				c.lost++
			}
			c.duplicates += int(turns[i].Duplicates)
		}
		return c
	}
	t.Run("twice", func(t *testing.T) {
		run, turns, _, _ := conduct(context.Background(), t, testPlan(t, fmt.Sprintf(planText, executable(t), "twice", "1s")))
		if got := count(turns); got.duplicates < len(turns)*8/10 || run.State != parley.Complete {
			t.Errorf("%+v in %d turns, state %s", got, len(turns), run.State)
		}
	})
	t.Run("falls silent", func(t *testing.T) {
		run, turns, _, _ := conduct(context.Background(), t, testPlan(t, fmt.Sprintf(planText, executable(t), "falls silent", "1s")))
		if got := count(turns); got.lost < 15 || run.State != parley.Complete {
			t.Errorf("%+v in %d turns, state %s", got, len(turns), run.State)
		}
	})
	t.Run("stranger", func(t *testing.T) {
		run, turns, _, _ := conduct(context.Background(), t, testPlan(t, fmt.Sprintf(planText, executable(t), "stranger", "1s")))
		if got := count(turns); got.lost < 15 || !strings.Contains(strings.Join(run.Warnings, "\n"), "numbers parley did not play") {
			t.Errorf("%+v in %d turns, warnings %q", got, len(turns), run.Warnings)
		}
	})
}

func TestNobodyThere(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(planText, "x", "", "1s"), `  command: ["x", __bot, ""]`, "", 1)
	text = strings.ReplaceAll(text, "${PORT}", "9")
	run, _, _, _ := conduct(context.Background(), t, testPlan(t, text))
	if len(run.Problems) != 1 || run.Problems[0].Code != parley.ProblemUnreachable || !strings.Contains(run.Problems[0].What, "127.0.0.1:9") {
		t.Errorf("problems %+v", run.Problems)
	}
}

func TestInterruption(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	p := testPlan(t, strings.Replace(fmt.Sprintf(planText, executable(t), "", "5s"), "steady: 2s", "steady: 50m", 1))
	dir := filepath.Join(t.TempDir(), "run")
	var stoppedAt time.Time
	run, err := Run(ctx, Options{
		Plan: p, Verb: "test", Dir: dir, Environ: os.Environ(), Watchdog: []string{executable(t), "__watchdog"},
		Progress: func(p Progress) {
			if p.Phase == string(parley.Steady) && stoppedAt.IsZero() {
				stoppedAt = time.Now()
				cancel()
			}
		},
	})
	if err != nil || run.State != parley.Interrupted {
		t.Fatalf("state %v: %v", run, err)
	}
	if len(run.Problems) != 0 {
		t.Errorf("problems %+v", run.Problems)
	}
	t.Logf("from Ctrl-C to the closed record: %v", time.Since(stoppedAt))
}

// The time ceiling ends a run, which is then complete but says so.
func TestTimeCeiling(t *testing.T) {
	p := testPlan(t, fmt.Sprintf(planText, executable(t), "", "5s"))
	p.Load.Phases = []plan.Phase{{Kind: parley.Steady, Duration: time.Hour, Rate: 1}}
	p.Safety.Duration = 3 * time.Second
	run, _, _, _ := conduct(context.Background(), t, p)
	if len(run.Problems) != 1 || run.Problems[0].Code != parley.ProblemCeiling {
		t.Errorf("problems %+v", run.Problems)
	}
}
