package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/record"
	"parley/internal/report"
)

// headline keeps the figures by which runs are told apart; nil if nothing was measured.
func headline(sum *anatomy.Summary) *parley.Headline {
	if sum.Judged.Turns == 0 {
		return nil
	}
	h := &parley.Headline{PerHour: sum.Judged.PerHour}
	if e, carried := sum.Judged.Reply.Quantile("p95"); e.N > 0 {
		if !carried {
			e.Value, e.Floor, e.ValueBeyond, e.HighBeyond = e.Low, true, false, true
		}
		h.ReplyP95 = &e
	}
	if e := sum.Visits.Success; e.N > 0 {
		h.Success = &e
	}
	if sum.Money != nil && sum.Money.PerConversation.N > 0 {
		e := sum.Money.PerConversation
		h.CostPerConversation = &e
	}
	return h
}

// checkFiles finds out before a run, which may take an hour, whether its reports can be written.
func (o RunOptions) checkFiles() error {
	for _, file := range [][2]string{{"--junit", o.JUnit}, {"--markdown", o.Markdown}} {
		flag, path := file[0], file[1]
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return fmt.Errorf("%s %s is a folder: name a file", flag, path)
		}
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			return fmt.Errorf("%s %s: there is no folder %s: make it first", flag, path, filepath.Dir(path))
		}
	}
	return nil
}

// publish keeps the judgement and the report in the run's folder and shows it.
func (a *App) publish(dir string, d report.Document, o RunOptions) error {
	if err := record.Amend(dir, func(m *parley.Run) {
		m.Verdict, m.Headline, m.Diagnosis = d.Run.Verdict, d.Run.Headline, d.Run.Diagnosis
	}); err != nil {
		return err
	}
	page := filepath.Join(dir, reportFile)
	err := errors.Join(
		writeFile(page, func(w io.Writer) error { return report.HTML(w, d) }),
		writeFile(o.JUnit, func(w io.Writer) error { return report.JUnit(w, d) }),
		writeFile(o.Markdown, func(w io.Writer) error { return report.Markdown(w, d, report.MarkdownOptions{}) }),
	)
	if err != nil {
		return err
	}
	hub := a.actions(o)
	if o.JSON {
		// Standard output holds one document and nothing else; GitHub reads commands on both streams.
		return errors.Join(report.JSON(a.Out, d), hub.tell(a.Err, d))
	}
	if err := hub.quote(a.Out, func() error {
		if err := report.Terminal(a.Out, d, report.TerminalOptions{Width: a.Width, Color: a.Color}); err != nil {
			return err
		}
		_, err := fmt.Fprintf(a.Out, "\nReport: %s\n", page)
		return err
	}); err != nil {
		return err
	}
	return hub.tell(a.Out, d)
}

// writeFile writes a report beside its final name first, so that a reader never sees half of one. No path, no file.
func writeFile(path string, write func(io.Writer) error) (err error) {
	if path == "" {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write report: %w", err), f.Close(), os.Remove(f.Name()))
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Chmod(0o600); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
