package app

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/internal/record"
	"parley/internal/report"
)

// Formats of Report.
const (
	FormatTerminal = "terminal"
	FormatHTML     = "html"
	FormatJSON     = "json"
	FormatMarkdown = "markdown"
	FormatJUnit    = "junit"
	FormatGitHub   = "github"
)

// Formats are all of them, in the order of help texts.
func Formats() []string {
	return []string{FormatTerminal, FormatHTML, FormatMarkdown, FormatJUnit, FormatGitHub, FormatJSON}
}

// Report shows a run that is in a folder, whole or not. A run that was to be
// judged and has no verdict (it was killed) is judged now, by what there is.
func (a *App) Report(dir, format string) error {
	if format != "" && !slices.Contains(Formats(), format) {
		return fmt.Errorf("unknown format %q: choose one of %s", format, strings.Join(Formats(), ", "))
	}
	d, err := assess(dir, false)
	if err != nil {
		return noRun(dir, err)
	}
	if d.Run.Verdict == nil && d.Run.Verb != "load" {
		judgeRun(d)
	}
	switch format {
	case FormatHTML:
		return report.HTML(a.Out, d)
	case FormatJSON:
		return report.JSON(a.Out, d)
	case FormatMarkdown:
		return report.Markdown(a.Out, d, report.MarkdownOptions{})
	case FormatJUnit:
		return report.JUnit(a.Out, d)
	case FormatGitHub:
		return a.gitHub().tell(a.Out, d)
	default:
		return report.Terminal(a.Out, d, report.TerminalOptions{Width: a.Width, Color: a.Color})
	}
}

// Runs lists the runs of the project.
func (a *App) Runs(asJSON bool) error {
	entries, err := record.List(a.Root)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(a.Out).Encode(entries)
	}
	if len(entries) == 0 {
		_, err := fmt.Fprintln(a.Out, "No runs yet. parley demo makes one.")
		return err
	}
	return report.Runs(a.Out, entries, report.RunsOptions{
		TerminalOptions: report.TerminalOptions{Width: a.Width, Color: a.Color}, Root: a.Root, Zone: time.Local,
	})
}
