package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"parley"
	"parley/internal/app"
)

const rootHelp = `parley finds out why a chat bot is slow, by talking to it.

It sends messages as the platform does, stands in for the services the bot calls,
and measures what a user feels: the time to the reply, not to the HTTP 200.

  parley init                     look at a bot's folder and write a plan for it
  parley demo                     the main job on a bot inside parley; needs nothing else
  parley review -f parley.yaml    the main job on your bot
  parley doctor -f parley.yaml    is everything there that the plan needs?

Exit codes: 0 pass; 1 a budget failed; 2 usage or plan error, or a wire of the bot
that does not end in parley; 3 not enough evidence, or an invalid run; 4 the bot
cannot be reached or died; 130 interrupted (the report is of what was recorded).`

func demoCommand(a *app.App) *cobra.Command {
	var o app.RunOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Review the bot inside parley, to see what a review is",
		Long: `demo starts a WhatsApp receptionist that is part of parley as a process of its own,
talks to it for about 45 seconds, alone, under load and under growing load, and
reports. It needs no plan, no network and no other program.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return result(a.Demo(c.Context(), o))(c) },
	}
	runFlags(c, &o)
	return c
}

func initCommand(a *app.App) *cobra.Command {
	o := app.InitOptions{}
	c := &cobra.Command{
		Use:   "init [FOLDER]",
		Short: "Look at the folder of a bot and write a plan for it",
		Long: `init reads the source of a bot, its requirements, Dockerfile, compose file and the
names in .env, and writes a plan that says of each line where it comes from. For a bot
that runs in containers it also writes compose.parley.yaml, which points them at parley.

It runs nothing, and reads no values from .env.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			o.Folder = "."
			if len(args) > 0 {
				o.Folder = args[0]
			}
			return a.Init(o)
		},
	}
	c.Flags().StringVarP(&o.Plan, "output", "o", "", "the plan to write (default parley.yaml in FOLDER)")
	c.Flags().BoolVar(&o.Force, "force", false, "replace files that are there already")
	c.Flags().BoolVar(&o.Here, "no-compose", false, "have parley start the bot itself, even if a compose file does")
	c.Flags().BoolVar(&o.JSON, "json", false, "write what was found to standard output as JSON")
	return c
}

func reviewCommand(a *app.App) *cobra.Command {
	o := app.RunOptions{}
	c := &cobra.Command{
		Use:   "review [-- COMMAND [ARGUMENT...]]",
		Short: "Talk to a bot, measure its replies and judge them by the plan's budgets",
		Long: `review is the main job. It starts the bot of the plan (or finds it running), with the
address of every service pointed at parley; proves by a canary that nothing
escapes; plays the plan's conversations; judges the budgets and reports.

A command after -- starts the bot in place of the plan's target.command; '${PORT}' in it is
the port that parley picks.

Ctrl-C ends the load within a second and reports what was recorded.`,
		Args: afterDash,
		RunE: func(c *cobra.Command, args []string) error {
			o.Command = args
			return result(a.Review(c.Context(), o))(c)
		},
	}
	planFlag(c, &o.Plan)
	runFlags(c, &o)
	return c
}

func loadCommand(a *app.App) *cobra.Command {
	o := app.RunOptions{}
	c := &cobra.Command{
		Use:   "load [-- COMMAND [ARGUMENT...]]",
		Short: "Talk to a bot and measure its replies, without judging them",
		Long: `load does what review does, but judges no budget: its exit code tells whether the
run itself went well. A command after -- starts the bot, as for review.`,
		Args: afterDash,
		RunE: func(c *cobra.Command, args []string) error {
			o.Command = args
			return result(a.Load(c.Context(), o))(c)
		},
	}
	planFlag(c, &o.Plan)
	runFlags(c, &o)
	return c
}

func reportCommand(a *app.App) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "report RUN",
		Short: "Show a run again, whole or cut short",
		Long: `report reads the folder of a run and writes its report to standard output. It works
for runs that were killed, too, and says what is missing.`,
		Example: "  parley report .parley/runs/20261101-101500-receptionist --format html > report.html",
		Args:    exactlyOneRun,
		RunE:    func(_ *cobra.Command, args []string) error { return a.Report(args[0], format) },
	}
	c.Flags().StringVar(&format, "format", app.FormatTerminal, strings.Join(app.Formats(), ", "))
	return c
}

func exactlyOneRun(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("report needs the folder of one run (parley runs lists them), not %d", len(args))
	}
	return nil
}

func runsCommand(a *app.App) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "runs",
		Short: "List the runs of this project, newest first",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.Runs(asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func doctorCommand(a *app.App) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check a plan, and whether everything it needs is there",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return result(a.Doctor(c.Context(), path))(c) },
	}
	planFlag(c, &path)
	return c
}

func versionCommand(e Env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			version := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
				version = info.Main.Version
			}
			_, err := fmt.Fprintf(e.Stdout, "parley %s, record format %d, %s %s/%s\n", version, parley.RecordVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// planFlag adds -f.
func planFlag(c *cobra.Command, path *string) {
	c.Flags().StringVarP(path, "file", "f", "parley.yaml", "the plan")
}

// runFlags adds the flags of commands that make a run.
func runFlags(c *cobra.Command, o *app.RunOptions) {
	c.Flags().StringVar(&o.Dir, "out", "", "folder of the run; one that is there already is replaced (default .parley/runs/<time>-<name>)")
	c.Flags().BoolVar(&o.JSON, "json", false, "write the report to standard output as JSON")
	c.Flags().StringVar(&o.JUnit, "junit", "", "write the verdict to this file, too, as JUnit's XML")
	c.Flags().StringVar(&o.Markdown, "markdown", "", "write the report to this file, too, as Markdown")
	c.Flags().BoolVar(&o.NoGitHub, "no-github", false, "in GitHub Actions, write no summary and no annotations")
}
