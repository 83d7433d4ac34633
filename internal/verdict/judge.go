// Package verdict holds the budgets against what a run measured, and says in one
// sentence what that means.
//
// A budget passes when its whole interval keeps the limit and fails when the whole
// interval breaks it; a quantile whose interval cannot tell is judged by the share of waits within the limit. Otherwise
// nobody can tell, and the result says how much steady load could.
// The package measures nothing: its figures are those of package anatomy. It is pure.
package verdict

import (
	"fmt"
	"slices"
	"strings"

	"parley"
	"parley/internal/anatomy"
)

// Judge returns the verdict of a run that has ended: of one that is still running, or whose recorder was
// killed, nothing passes.
//
// What decides, first to last: the run was interrupted; it broke off; parley itself was the limit; rows of the record were
// lost; no message was said; a budget failed; one could not be told; none could be measured. Budgets on assumed latencies and on metrics without a
// wire neither pass nor fail.
func Judge(run *parley.Run, budgets []parley.Budget, s *anatomy.Summary) parley.Verdict {
	j := &judge{run: run, s: s}
	v := parley.Verdict{Budgets: []parley.BudgetResult{}}
	for _, b := range budgets {
		v.Budgets = append(v.Budgets, j.budget(b))
	}
	v.Result, v.ExitCode, v.Sentence = j.overall(v.Budgets)
	if cut, ok := j.problem(parley.ProblemCeiling); ok && run.State == parley.Complete {
		v.Sentence = stripped(v.Sentence) + "; the run was cut short: " + stripped(cut.What) + "."
	}
	return v
}

type judge struct {
	run *parley.Run
	s   *anatomy.Summary
}

// overall is the verdict of all budgets together.
func (j *judge) overall(results []parley.BudgetResult) (parley.Judgement, int, string) {
	failed := with(results, parley.Fail)
	unclear := with(results, parley.CannotTell)
	passed := with(results, parley.Pass)
	unknown := func(code int, format string, args ...any) (parley.Judgement, int, string) {
		return parley.CannotTell, code, "Cannot tell: " + fmt.Sprintf(format, args...) + "."
	}
	lossy, lost := j.problem(parley.ProblemRecord)
	switch invalid := j.run.Generator.Invalid; {
	case j.run.State == parley.Interrupted:
		return parley.CannotTell, parley.ExitInterrupted, j.interrupted()
	case j.run.State == parley.Broken:
		problem, code := j.decisive()
		return unknown(code, "%s", stripped(problem.What))
	case len(invalid) > 0:
		return unknown(parley.ExitCannotTell, "the run is not valid: %s", stripped(invalid[0]))
	case lost:
		return unknown(parley.ExitCannotTell, "the record is not whole: %s", stripped(lossy.What))
	case j.s.Judged.Turns == 0:
		return unknown(parley.ExitCannotTell, "no message was said to the bot that the budgets could judge")
	case len(failed) > 0:
		return parley.Fail, parley.ExitFail, j.failure(failed)
	case j.run.State == parley.Running && len(results) > 0:
		return unknown(parley.ExitCannotTell, "the record ends before the run did")
	case len(unclear) > 0:
		return parley.CannotTell, parley.ExitCannotTell, j.unclear(unclear[0], len(passed))
	case len(passed) == 0 && len(results) > 0:
		return unknown(parley.ExitCannotTell, "none of the budgets could be measured in this run")
	default:
		return parley.Pass, parley.ExitPass, j.success(passed)
	}
}

// exitCodes are those of problems that end a run.
func exitCodes() map[string]int {
	return map[string]int{
		parley.ProblemEscape:      parley.ExitUsage,
		parley.ProblemSetup:       parley.ExitUsage,
		parley.ProblemUnreachable: parley.ExitUnreachable,
		parley.ProblemTargetDied:  parley.ExitUnreachable,
	}
}

// decisive is the problem that ended the run, and its exit code.
func (j *judge) decisive() (parley.Problem, int) {
	codes := exitCodes()
	for _, p := range j.run.Problems {
		if code, ok := codes[p.Code]; ok {
			return p, code
		}
	}
	if len(j.run.Problems) > 0 {
		return j.run.Problems[0], parley.ExitCannotTell
	}
	return parley.Problem{What: "the run could not go on"}, parley.ExitCannotTell
}

// untrusted says why the run's figures prove nothing about the bot, empty if they do.
func (j *judge) untrusted() string {
	if len(j.run.Generator.Invalid) > 0 {
		return "the run is not valid"
	}
	if _, lost := j.problem(parley.ProblemRecord); lost {
		return "the record is not whole"
	}
	return ""
}

// problem is the run's first problem of a code.
func (j *judge) problem(code string) (p parley.Problem, found bool) {
	i := slices.IndexFunc(j.run.Problems, func(p parley.Problem) bool { return p.Code == code })
	if i < 0 {
		return parley.Problem{}, false
	}
	return j.run.Problems[i], true
}

// with are the results of one kind.
func with(results []parley.BudgetResult, kind parley.Judgement) []parley.BudgetResult {
	return slices.DeleteFunc(slices.Clone(results), func(r parley.BudgetResult) bool { return r.Result != kind })
}

// stripped is a text without its final stop, to stand inside a sentence.
func stripped(text string) string { return strings.TrimRight(strings.TrimSpace(text), ".") }
