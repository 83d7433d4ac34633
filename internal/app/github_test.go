package app

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/report"
)

func document() report.Document {
	return report.Document{Run: &parley.Run{Name: "small", State: parley.Complete, Verdict: &parley.Verdict{
		Result: parley.Fail, Sentence: "Too slow.", Budgets: []parley.BudgetResult{{Budget: parley.Budget{Metric: "lost", Op: "="}, Result: parley.Fail}},
	}}}
}

// The summary is appended to what earlier commands of the step wrote, and never beyond what GitHub takes.
func TestSummaryKeepsGitHubsLimit(t *testing.T) {
	for _, test := range []struct {
		name      string
		there     int
		complaint bool
	}{
		{"empty", 0, false}, {"something there", 1000, false}, {"little room", largestSummary - 400, false},
		{"hardly any room", largestSummary - 20, true}, {"full", largestSummary, true}, {"too much already", largestSummary + 5, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "summary")
			before := strings.Repeat("x", test.there)
			if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, complaints bytes.Buffer
			a := App{Err: &complaints, Environ: []string{"GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY=" + path}}
			if err := a.actions(RunOptions{}).tell(&out, document()); err != nil {
				t.Fatal(err)
			}
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			added, kept := strings.CutPrefix(string(after), before)
			if !kept || len(after) > max(largestSummary, test.there) || strings.Contains(added, "Too slow.") == test.complaint {
				t.Errorf("%d bytes became %d; added: %q", test.there, len(after), added)
			}
			if test.complaint != strings.Contains(complaints.String(), "no summary for GitHub") {
				t.Errorf("complaints: %q", complaints.String())
			}
			if !strings.Contains(out.String(), "::error title=lost = 0::fail") {
				t.Errorf("annotations: %q", out.String())
			}
		})
	}
}

// Outside of GitHub Actions, and where it is switched off, nothing is told.
func TestGitHubIsToldOnlyThere(t *testing.T) {
	for name, test := range map[string]struct {
		environ []string
		options RunOptions
		want    bool
	}{
		"elsewhere":    {},
		"there":        {environ: []string{"GITHUB_ACTIONS=true"}, want: true},
		"said no":      {environ: []string{"GITHUB_ACTIONS=false"}},
		"switched off": {environ: []string{"GITHUB_ACTIONS=true"}, options: RunOptions{NoGitHub: true}},
	} {
		a := App{Environ: test.environ}
		if got := a.actions(test.options).on; got != test.want {
			t.Errorf("%s: told %v", name, got)
		}
	}
}

// An error ends in the last output of the bot, and indented lines are commands, too.
func TestComplaintIsQuoted(t *testing.T) {
	failure := errors.New("bot ended: exit status 1; its last output:\n  ::error::said the bot")
	var out bytes.Buffer
	a := &App{Err: &out, Environ: []string{"GITHUB_ACTIONS=true"}}
	a.complain(failure, RunOptions{})
	m := regexp.MustCompile(`^::stop-commands::(\w{20,})\nparley: bot ended[^\n]*\n  ::error::said the bot\n::(\w+)::\n$`).FindStringSubmatch(out.String())
	if m == nil || m[1] != m[2] {
		t.Errorf("%q", out.String())
	}
	out.Reset()
	(&App{Err: &out}).complain(failure, RunOptions{})
	if want := "parley: " + failure.Error() + "\n"; out.String() != want {
		t.Errorf("elsewhere: %q, want %q", out.String(), want)
	}
}

// What the report quotes cannot be a workflow command: these are off, until a word nobody can guess.
func TestReportIsQuoted(t *testing.T) {
	var out bytes.Buffer
	hub := actions{on: true}
	err := hub.quote(&out, func() error {
		_, err := out.WriteString("::error::said the bot\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`^::stop-commands::(\w{20,})\n::error::said the bot\n::(\w+)::\n$`).FindStringSubmatch(out.String())
	if m == nil || m[1] != m[2] {
		t.Errorf("%q", out.String())
	}
}

func TestHeadline(t *testing.T) {
	if h := headline(&anatomy.Summary{}); h != nil {
		t.Errorf("of nothing: %+v", h)
	}
	few := anatomy.Quantile{Name: "p95", Estimate: parley.Estimate{Low: 2, N: 12}}
	enough := anatomy.Quantile{Name: "p95", Estimate: parley.Estimate{Value: 3, Low: 2, High: 4, N: 400}}
	sum := &anatomy.Summary{Judged: anatomy.Crowd{Turns: 12, PerHour: 720, Reply: anatomy.Waits{N: 12, Floors: []anatomy.Quantile{few}}}}
	if h := headline(sum); h == nil || h.ReplyP95 == nil || !h.ReplyP95.Floor || h.ReplyP95.Value != 2 || h.PerHour != 720 || h.Success != nil || h.CostPerConversation != nil {
		t.Errorf("of few turns: %+v", h)
	}
	sum.Judged.Reply = anatomy.Waits{N: 400, Quantiles: []anatomy.Quantile{enough}}
	sum.Visits.Success = parley.Estimate{Value: .9, N: 100}
	sum.Money = &anatomy.Money{PerConversation: parley.Estimate{Value: .004, N: 100}}
	h := headline(sum)
	if h == nil || h.ReplyP95.Floor || h.ReplyP95.Value != 3 || h.Success.Value != .9 || h.CostPerConversation.Value != .004 {
		t.Errorf("of many: %+v", h)
	}
}
