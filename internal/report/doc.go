// Package report tells what a run found: to a terminal, to a program (JSON) and
// to a person who was not there (one HTML file that needs no network and no
// JavaScript).
//
// It is pure: a [Document] goes in, bytes come out. It computes no statistics and
// judges nothing; figures come from [anatomy.Summary], judgements from
// [parley.Verdict]. It reads no clock, opens no file and does not decide where a
// report is kept. Every figure that is written carries its unit, and its
// interval where it has one; what was not measured is said in words.
package report

import (
	"errors"

	"parley"
	"parley/internal/anatomy"
)

//go:generate go run github.com/a-h/templ/cmd/templ@v0.3.977 generate -path . -log-level error

// Document is everything a report may speak of.
type Document struct {
	// Run is required; its Verdict is nil if nothing was judged.
	Run *parley.Run
	// Summary is nil if no turn or call could be read.
	Summary *anatomy.Summary
	// Missing says in words what the record lacks.
	Missing []string
	// Proofs are turns that show findings, taken apart: the first example of each. One that is not there is not drawn.
	Proofs []anatomy.Waterfall
	// Titles are the names of the checks for people, by id.
	Titles map[string]string
	// Dir is the run's folder as the reader named it; empty: RUN stands for it.
	Dir string
}

// errNoRun is what every report answers to a Document without a Run.
var errNoRun = errors.New("report: the document has no run")

// summary returns the figures, all zero if there are none.
func (d Document) summary() *anatomy.Summary {
	if d.Summary == nil {
		return &anatomy.Summary{}
	}
	return d.Summary
}
