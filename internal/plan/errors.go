package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing wrong with a plan.
type Error struct {
	File string
	// Line and Column count from 1, columns in characters. They are 0 if the
	// trouble has no place (the file cannot be read).
	Line, Column int
	// Path leads to the value from the root of the plan ("load.phases[2].ramp.step",
	// indices from 0). It is empty for trouble with the file as a whole.
	Path    string
	Problem string
	// Hint says what to write instead; it may be empty.
	Hint string
}

// Error formats the error as "parley.yaml:14:9: load.rate: unknown key; did you mean ...?".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Problem)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Errors is everything wrong with a plan, in the order of the file.
type Errors []*Error

// Error puts each error on a line of its own.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As access to the single errors.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// sorted puts the errors in the order of the file. What several aliases of one
// anchor complain about at the same place is said once.
func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(e, func(a, b *Error) bool {
		return a.Line == b.Line && a.Column == b.Column && a.Problem == b.Problem
	})
}

// flaw says why a text is not what was asked for; it has no place in a file yet.
type flaw struct {
	offset  int // in bytes of the text, where the trouble starts
	problem string
	hint    string
}

func (f *flaw) Error() string {
	if f.hint == "" {
		return f.problem
	}
	return f.problem + "; " + f.hint
}

// flawf returns a flaw of a whole text.
func flawf(hint, problem string, args ...any) error {
	return &flaw{problem: fmt.Sprintf(problem, args...), hint: hint}
}
