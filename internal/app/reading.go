package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"
	"time"

	"parley"
	"parley/internal/record"
	"parley/internal/report"
)

// Formats of Report.
const (
	FormatTerminal = "terminal"
	FormatHTML     = "html"
	FormatJSON     = "json"
)

// Report shows a run that is in a folder, whole or not. A run that was to be
// judged and has no verdict (it was killed) is judged now, by what there is.
func (a *App) Report(dir, format string) error {
	d, err := assess(dir, false)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds no run; parley runs lists those of a project: %w", dir, err)
	}
	if err != nil {
		return err
	}
	if d.Run.Verdict == nil && d.Run.Verb != "load" {
		if d, err = assess(dir, true); err != nil {
			return err
		}
	}
	switch format {
	case FormatTerminal, "":
		return report.Terminal(a.Out, d, report.TerminalOptions{Width: a.Width, Color: a.Color})
	case FormatHTML:
		return report.HTML(a.Out, d)
	case FormatJSON:
		return report.JSON(a.Out, d)
	default:
		return fmt.Errorf("unknown format %q: choose %s, %s or %s", format, FormatTerminal, FormatHTML, FormatJSON)
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
	table := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "STARTED\tNAME\tVERB\tLASTED\tENDED\tVERDICT\tSIZE\tFOLDER") // errors surface in Flush
	for i := range entries {
		e := &entries[i]
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			e.Started.Local().Format("2006-01-02 15:04"), e.Name, e.Verb, e.Elapsed.Round(time.Second),
			ending(e), judgement(e), size(e.Bytes), e.Dir)
	}
	return table.Flush()
}

func ending(e *record.Entry) string {
	switch {
	case e.Broken != "":
		return "unreadable"
	case e.Recording:
		return "going on"
	case e.State == parley.Running:
		return "killed"
	default:
		return string(e.State)
	}
}

func judgement(e *record.Entry) string {
	if e.Verdict == nil {
		return "–"
	}
	return string(e.Verdict.Result)
}

func size(bytes int64) string {
	if bytes < 1e6 {
		return fmt.Sprintf("%.0f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
