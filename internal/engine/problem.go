package engine

import "parley"

// Problem is an error that stands in the record as it is.
type Problem struct{ parley.Problem }

// Error returns what went wrong and what to do about it.
func (p *Problem) Error() string {
	if p.Hint == "" {
		return p.What
	}
	return p.What + " (" + p.Hint + ")"
}

func newProblem(code, what, hint string) error {
	return &Problem{parley.Problem{Code: code, What: what, Hint: hint}}
}

func setupProblem(what, hint string) error  { return newProblem(parley.ProblemSetup, what, hint) }
func escapeProblem(what, hint string) error { return newProblem(parley.ProblemEscape, what, hint) }

func unreachableProblem(what, hint string) error {
	return newProblem(parley.ProblemUnreachable, what, hint)
}
