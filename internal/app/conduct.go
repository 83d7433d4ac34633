package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/demo"
	"parley/internal/diagnose"
	"parley/internal/engine"
	"parley/internal/plan"
	"parley/internal/record"
	"parley/internal/report"
	"parley/internal/verdict"
)

// reportFile is the report's name in a run's folder.
const reportFile = "report.html"

// RunOptions are common to the verbs that run something.
type RunOptions struct {
	Plan string // path of parley.yaml
	// Command starts the bot in place of the plan's own; empty: the plan's, if it has one.
	Command []string
	// Dir is the run's folder; a run that is in it already is replaced. Empty: a new
	// folder below the project's .parley/runs.
	Dir string
	// JSON writes the document to Out in place of the terminal's report.
	JSON bool
	// JUnit and Markdown are files that get the report in these formats, too; empty: none.
	JUnit, Markdown string
	// NoGitHub keeps a run in GitHub Actions from writing a summary and annotations.
	NoGitHub bool
}

// Review runs the plan, judges what was measured and reports. The code is one of parley.Exit....
func (a *App) Review(ctx context.Context, o RunOptions) (code int, err error) {
	p, err := a.planFor(o.Command, o.Plan)
	if err != nil {
		return parley.ExitUsage, err
	}
	return a.conduct(ctx, "review", p, o, true)
}

// Load runs the plan and reports what was measured, without judging it.
func (a *App) Load(ctx context.Context, o RunOptions) (code int, err error) {
	p, err := a.planFor(o.Command, o.Plan)
	if err != nil {
		return parley.ExitUsage, err
	}
	return a.conduct(ctx, "load", p, o, false)
}

// Demo reviews the built-in bot, which runs as a child process.
func (a *App) Demo(ctx context.Context, o RunOptions) (code int, err error) {
	p, err := plan.Parse("demo.yaml", demo.Plan(), a.Root, a.getenv)
	if err != nil {
		return parley.ExitUsage, fmt.Errorf("the built-in plan: %w", err)
	}
	p.Target.Command = []string{a.Executable, BotCommand}
	return a.conduct(ctx, "demo", p, o, true)
}

func (a *App) plan(path string) (*plan.Plan, error) { return a.planFor(nil, path) }

// planFor reads a plan for a bot that a command starts, if there is one, and holds it against the checks there are.
func (a *App) planFor(command []string, path string) (*plan.Plan, error) {
	p, err := plan.ReadFor(command, path, a.getenv)
	if err != nil {
		return nil, err
	}
	if err := checkChecks(p); err != nil {
		return nil, err
	}
	return p, nil
}

// conduct runs a plan from the first canary to the last line of the report.
func (a *App) conduct(ctx context.Context, verb string, p *plan.Plan, o RunOptions, judge bool) (int, error) {
	dir := o.Dir
	if dir == "" {
		dir = record.DefaultDir(a.Root, p.Name, time.Now())
	}
	if err := o.checkFiles(); err != nil {
		return parley.ExitUsage, err
	}
	line := newProgressLine(a.Err, a.Live, a.Width)
	run, err := engine.Run(ctx, engine.Options{
		Plan: p, Verb: verb, Dir: dir, Replace: o.Dir != "",
		Environ: a.Environ, Watchdog: a.watchdog(), Progress: line.show,
	})
	line.clear()
	if run == nil {
		return parley.ExitUsage, err
	}
	if err != nil {
		a.complain(err, o) // the report says it too, and what was lost
	}
	document, err := assess(dir, judge)
	if err != nil {
		return parley.ExitCannotTell, err
	}
	if err := a.publish(dir, document, o); err != nil {
		return parley.ExitCannotTell, err
	}
	return exitCode(document.Run), nil
}

// complain writes an error, which may quote the bot.
func (a *App) complain(err error, o RunOptions) {
	_ = a.actions(o).quote(a.Err, func() error { // nobody is left to be told that it could not be written
		_, err := fmt.Fprintf(a.Err, "parley: %v\n", err)
		return err
	})
}

// assess reads a run back, judges it or takes the judgement it has, and finds causes or takes those it has.
func assess(dir string, judge bool) (report.Document, error) {
	reader, err := record.Open(dir)
	if err != nil {
		return report.Document{}, err
	}
	run := reader.Run()
	d := report.Document{Run: run, Titles: titles()}
	summary, cases := anatomy.Study(run, reader.Turns(), reader.Replies(), reader.Calls(), diagnose.MostTurns)
	d.Summary = summary
	if run.Diagnosis == nil {
		if run.Diagnosis, err = diagnosed(reader, summary, cases); err != nil {
			return report.Document{}, err
		}
	}
	d.Proofs = proofs(reader, run.Diagnosis, cases)
	if err := reader.Err(); err != nil {
		return report.Document{}, err
	}
	run.Headline = headline(d.Summary)
	d.Missing = reader.Missing()
	if reader.Recording() {
		d.Missing = append(d.Missing, "the run is still going on: this is what it had recorded "+parley.FormatDuration(run.Elapsed)+" after its start")
	}
	if judge {
		judgeRun(d)
	}
	return d, nil
}

// judgeRun holds the budgets against what was measured.
func judgeRun(d report.Document) {
	v := verdict.Judge(d.Run, d.Run.Budgets, d.Summary)
	d.Run.Verdict = &v
}

// exitCode is the verdict's, or for a run that was not judged how the run itself went.
func exitCode(run *parley.Run) int {
	if run.Verdict != nil {
		return run.Verdict.ExitCode
	}
	v := verdict.Judge(run, nil, &anatomy.Summary{})
	lossy := slices.ContainsFunc(run.Problems, func(p parley.Problem) bool { return p.Code == parley.ProblemRecord })
	if v.ExitCode == parley.ExitCannotTell && len(run.Generator.Invalid) == 0 && !lossy && run.State == parley.Complete {
		return parley.ExitPass // nothing was to be judged
	}
	return v.ExitCode
}
