package app

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"

	"parley/internal/report"
)

// largestSummary is how much GitHub takes from one step's summary file; of a larger one it shows nothing.
const largestSummary = 1 << 20

// actions is GitHub Actions, if the process runs there.
type actions struct {
	on      bool
	summary string // the step's summary file, empty if there is none
	err     io.Writer
}

// actions finds out whether the run is to be told to GitHub Actions.
func (a *App) actions(o RunOptions) actions {
	inside, _ := a.getenv("GITHUB_ACTIONS")
	hub := a.gitHub()
	hub.on = inside == "true" && !o.NoGitHub
	return hub
}

func (a *App) gitHub() actions {
	summary, _ := a.getenv("GITHUB_STEP_SUMMARY")
	return actions{on: true, summary: summary, err: a.Err}
}

// quote writes with workflow commands switched off: the report quotes the bot,
// which may have said something that looks like one.
func (h actions) quote(w io.Writer, write func() error) error {
	if !h.on {
		return write()
	}
	token := rand.Text()
	if _, err := fmt.Fprintf(w, "::stop-commands::%s\n", token); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "::%s::\n", token)
	return err
}

// tell appends the report to the summary of the job and writes annotations to w. A summary
// that cannot be written is a complaint and no failure: the report exists elsewhere.
func (h actions) tell(w io.Writer, d report.Document) error {
	if !h.on {
		return nil
	}
	if err := report.Annotations(w, d); err != nil {
		return err
	}
	if h.summary == "" {
		_, err := fmt.Fprintln(h.err, "parley: GITHUB_STEP_SUMMARY is not set, so no summary was written")
		return err
	}
	if err := h.summarize(d); err != nil {
		_, err = fmt.Fprintf(h.err, "parley: no summary for GitHub: %v\n", err)
		return err
	}
	return nil
}

// summarize appends to the step's summary as much as still fits.
func (h actions) summarize(d report.Document) (err error) {
	f, err := os.OpenFile(h.summary, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if closing := f.Close(); err == nil {
			err = closing
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	room := largestSummary - int(min(info.Size(), largestSummary)) - 1
	if room < 1 {
		return fmt.Errorf("%s is full", h.summary)
	}
	return report.Markdown(f, d, report.MarkdownOptions{Limit: room})
}
