package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/record"
	"parley/internal/report"
)

// AnalyzeOptions say what of a run is to be taken apart.
type AnalyzeOptions struct {
	Dir  string // of the run
	Turn int64  // id of the one turn to show; 0: a typical one, the p99 one, and all of them together
	JSON bool
}

// analysis is what Analyze writes as JSON; one of Anatomy and Turn.
type analysis struct {
	Format  string `json:"format"`  // always "parley-anatomy"
	Version int    `json:"version"` // of this layout
	Run     string `json:"run"`     // its id
	// Diagnosis is what limits the bot; absent with Turn.
	Diagnosis *parley.Diagnosis `json:"diagnosis,omitempty"`
	// Anatomy is null if no call was recorded. It is that of the phases in Judged.
	Anatomy *anatomy.Body      `json:"anatomy,omitempty"`
	Judged  string             `json:"judged_phase,omitempty"`
	Turn    *anatomy.Waterfall `json:"turn,omitempty"`
	Missing []string           `json:"missing,omitempty"`
}

// Analyze says what limits the bot of a run, whole or cut short, and takes its turns apart.
func (a *App) Analyze(o AnalyzeOptions) error {
	if o.Turn != 0 {
		return a.analyzeTurn(o)
	}
	d, err := assess(o.Dir, false)
	if err != nil {
		return noRun(o.Dir, err)
	}
	if o.JSON {
		return a.writeAnalysis(analysis{Run: d.Run.ID, Diagnosis: d.Run.Diagnosis, Anatomy: d.Summary.Anatomy, Judged: d.Summary.JudgedPhase, Missing: d.Missing})
	}
	d.Dir = o.Dir
	return report.Analysis(a.Out, d, report.TerminalOptions{Width: a.Width, Color: a.Color})
}

// analyzeTurn takes one turn apart.
func (a *App) analyzeTurn(o AnalyzeOptions) error {
	reader, err := record.Open(o.Dir)
	if err != nil {
		return noRun(o.Dir, err)
	}
	found := anatomy.Dissect(reader.Run(), []int64{o.Turn}, reader.Turns(), reader.Replies(), reader.Calls())
	if err := reader.Err(); err != nil {
		return err
	}
	if len(found) == 0 {
		return a.noTurn(reader, o.Turn)
	}
	if o.JSON {
		return a.writeAnalysis(analysis{Run: reader.Run().ID, Turn: &found[0], Missing: reader.Missing()})
	}
	return report.OneTurn(a.Out, found[0], report.TerminalOptions{Width: a.Width, Color: a.Color})
}

// noTurn says which turns there are.
func (a *App) noTurn(reader *record.Reader, id int64) error {
	var least, most int64
	for t := range reader.Turns() {
		if least == 0 || t.ID < least {
			least = t.ID
		}
		most = max(most, t.ID)
	}
	if least == 0 {
		return fmt.Errorf("the record has no turn %d, and no other: nothing was said in this run", id)
	}
	return fmt.Errorf("the record has no turn %d: choose one from %d to %d; parley analyze without --turn shows a typical and a slow one", id, least, most)
}

func (a *App) writeAnalysis(what analysis) error {
	what.Format, what.Version = "parley-anatomy", 1
	enc := json.NewEncoder(a.Out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(what); err != nil {
		return fmt.Errorf("write the analysis: %w", err)
	}
	return nil
}

// noRun says what to do about a folder without a run.
func noRun(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds no run; parley runs lists those of a project: %w", dir, err)
	}
	return err
}
