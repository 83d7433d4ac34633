package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley"
	"parley/internal/learn"
	"parley/internal/plan"
	"parley/internal/record"
)

// LearnOptions say what to learn from, and what to do with it.
type LearnOptions struct {
	Runs []string // folders of runs
	Plan string   // path of the plan to write to
	Wire string   // the dependency; empty: every one that was relayed
	// Print: the plan is left as it is.
	Print bool
	// Simulate turns dependencies that the plan relays into simulated ones.
	Simulate bool
}

// lesson is what was learnt about one dependency.
type lesson struct {
	wire    learn.Wire
	samples []learn.Sample
	fit     *learn.Fit
}

// Learn fits latency models to the relayed calls of runs and writes them into the plan. The code is one of parley.Exit....
func (a *App) Learn(o LearnOptions) (code int, err error) {
	lessons, err := collect(o)
	if err != nil {
		return parley.ExitUsage, err
	}
	fitted := 0
	for _, l := range lessons {
		if l.fit, err = learn.Learn(l.wire.Kind, l.samples); err != nil {
			_, _ = fmt.Fprintf(a.Out, "%s: %v\n\n", l.wire.Name, err)
			continue
		}
		fitted++
		a.tellFit(l)
	}
	if fitted == 0 {
		return parley.ExitCannotTell, nil
	}
	return a.teach(o, slices.DeleteFunc(lessons, func(l *lesson) bool { return l.fit == nil }))
}

// collect reads the calls of the relayed wires of all runs.
func collect(o LearnOptions) ([]*lesson, error) {
	var lessons []*lesson
	var simulated []string
	for _, dir := range o.Runs {
		reader, err := record.Open(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s holds no run; parley runs lists those of a project: %w", dir, err)
		}
		if err != nil {
			return nil, err
		}
		here := map[string]*lesson{}
		for _, w := range learn.Wires(reader.Run()) {
			switch {
			case !w.Relayed:
				simulated = append(simulated, w.Name)
			case o.Wire == "" || o.Wire == w.Name:
				lessons, here[w.Name] = about(lessons, w)
			}
		}
		if err := listen(reader, here); err != nil {
			return nil, err
		}
	}
	if len(lessons) == 0 {
		return nil, nothingRelayed(o.Wire, simulated)
	}
	return lessons, nil
}

// about returns the lesson about a wire, added if there is none.
func about(lessons []*lesson, w learn.Wire) ([]*lesson, *lesson) {
	if i := slices.IndexFunc(lessons, func(l *lesson) bool { return l.wire == w }); i >= 0 {
		return lessons, lessons[i]
	}
	l := &lesson{wire: w}
	return append(lessons, l), l
}

// listen adds the calls of one run to the lessons about its wires.
func listen(reader *record.Reader, lessons map[string]*lesson) error {
	run := reader.Run()
	for _, l := range lessons {
		l.samples = append(l.samples, learn.Sample{Run: run.ID, Started: run.Started})
	}
	for c := range reader.Calls() {
		name, _, _ := strings.Cut(c.Wire, "/")
		if l := lessons[name]; l != nil {
			last := &l.samples[len(l.samples)-1]
			last.Calls = append(last.Calls, c)
		}
	}
	return reader.Err()
}

func nothingRelayed(wire string, simulated []string) error {
	const hint = "; write relay: real, its address and a ceiling into the plan, and load it"
	switch {
	case wire != "" && slices.Contains(simulated, wire):
		return fmt.Errorf("%s was simulated: its latency was the plan's own, and teaches nothing%s", wire, hint)
	case wire != "":
		return fmt.Errorf("no call to a real %s was relayed%s", wire, hint)
	default:
		return errors.New("no call to a real service was relayed" + hint)
	}
}

// tellFit shows a model beside what it was made of.
func (a *App) tellFit(l *lesson) {
	_, _ = fmt.Fprintf(a.Out, "%s: %s\n", l.wire.Name, l.fit.Source)
	for i := range l.fit.Parts {
		p := &l.fit.Parts[i]
		_, _ = fmt.Fprintf(a.Out, "  %s: %v, %s (%s calls, distance %.3f)\n", p.Name, p.Model, p.Words(), parley.FormatNumber(float64(p.Calls)), p.Distance)
		for _, q := range p.Quantiles {
			_, _ = fmt.Fprintf(a.Out, "    p%.0f  measured %-8s model %s\n", q.P*100, parley.FormatDuration(q.Data), parley.FormatDuration(q.Model))
		}
	}
	for _, note := range l.fit.Notes {
		_, _ = fmt.Fprintf(a.Out, "  %s\n", note)
	}
	_, _ = fmt.Fprintln(a.Out)
}

// teach writes what was learnt into the plan, or shows what to write.
func (a *App) teach(o LearnOptions, lessons []*lesson) (code int, err error) {
	src, err := os.ReadFile(o.Plan)
	switch {
	case o.Print:
		a.fragments(lessons)
		return parley.ExitPass, nil
	case errors.Is(err, fs.ErrNotExist):
		_, _ = fmt.Fprintf(a.Out, "There is no %s to write to. In a plan:\n\n", o.Plan)
		a.fragments(lessons)
		return parley.ExitPass, nil
	case err != nil:
		return parley.ExitUsage, fmt.Errorf("read the plan: %w", err)
	}
	if _, err := a.plan(o.Plan); err != nil {
		return parley.ExitUsage, err
	}
	text := src
	var byHand, written []*lesson
	for _, l := range lessons {
		amended, left, err := plan.Amend(text, l.wire.Name, settings(l.fit), o.Simulate)
		if err != nil {
			_, _ = fmt.Fprintf(a.Out, "%s: dependencies.%s is left as it is: %v%s.\n", o.Plan, l.wire.Name, err, hintOf(err))
			byHand = append(byHand, l)
			continue
		}
		text, written = amended, append(written, l)
		for _, s := range left {
			_, _ = fmt.Fprintf(a.Out, "%s: dependencies.%s has no route of its own for %s, whose latency is %s.\n", o.Plan, l.wire.Name, s.Route, s.Value)
		}
	}
	if len(written) > 0 {
		if err := a.rewrite(o.Plan, text); err != nil {
			return parley.ExitUsage, err
		}
		for _, l := range written {
			_, _ = fmt.Fprintf(a.Out, "%s: dependencies.%s.simulate has the new model.\n", o.Plan, l.wire.Name)
		}
	}
	if len(byHand) > 0 {
		_, _ = fmt.Fprint(a.Out, "\nTo write by hand:\n\n")
		a.fragments(byHand)
	}
	return parley.ExitPass, nil
}

func hintOf(err error) string {
	if errors.Is(err, plan.ErrNotSimulated) {
		return " (--simulate comments its relay out and simulates it)"
	}
	return ""
}

func settings(f *learn.Fit) []plan.Setting {
	list := make([]plan.Setting, len(f.Settings))
	for i, s := range f.Settings {
		list[i] = plan.Setting(s)
	}
	return list
}

// rewrite replaces the plan's text if it can be read, as one step and through links.
func (a *App) rewrite(path string, text []byte) error {
	whole, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	if _, err := plan.Parse(path, text, filepath.Dir(whole), a.getenv); err != nil {
		return fmt.Errorf("with the new model the plan could not be read, so it is left as it is: %w", err)
	}
	info, err := os.Stat(whole)
	if err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(whole), ".parley-plan-*")
	if err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), whole)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the plan: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// fragments shows models as a plan has them.
func (a *App) fragments(lessons []*lesson) {
	_, _ = fmt.Fprintln(a.Out, "dependencies:")
	for _, l := range lessons {
		_, _ = fmt.Fprintf(a.Out, "  %s:\n", l.wire.Name)
		if l.wire.Name != l.wire.Kind {
			_, _ = fmt.Fprintf(a.Out, "    kind: %s\n", l.wire.Kind)
		}
		_, _ = fmt.Fprintln(a.Out, "    simulate:")
		for _, s := range l.fit.Settings {
			if s.Route != "" {
				_, _ = fmt.Fprintf(a.Out, "      # of the route %s: %s: %s\n", s.Route, s.Key, s.Value)
				continue
			}
			_, _ = fmt.Fprintf(a.Out, "      %s: %s\n", s.Key, s.Value)
		}
	}
}
