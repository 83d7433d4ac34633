package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"parley/internal/app"
)

func analyzeCommand(a *app.App) *cobra.Command {
	var o app.AnalyzeOptions
	c := &cobra.Command{
		Use:   "analyze RUN",
		Short: "Say what limits the bot of a run, and take its turns apart, call by call",
		Long: `analyze reads the folder of a run and says what limits the bot: each finding with what it
costs, what to change and turns that show it. parley checks lists what it looks for.

It then shows a typical turn and the p99 turn as waterfalls, with what made the slow one
slow; what the answers waited for, layer by layer; how many calls were under way under
which load; and what the bot did for no turn.`,
		Example: "  parley analyze .parley/runs/20261101-101500-receptionist\n  parley analyze .parley/runs/20261101-101500-receptionist --turn 41",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("analyze needs the folder of one run (parley runs lists them), not %d", len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("turn") && o.Turn <= 0 {
				return errors.New("--turn: turns are numbered from 1 up")
			}
			o.Dir = args[0]
			return a.Analyze(o)
		},
	}
	c.Flags().Int64Var(&o.Turn, "turn", 0, "show this turn alone, by its number in the record")
	c.Flags().BoolVar(&o.JSON, "json", false, "write the diagnosis and the anatomy to standard output as JSON")
	return c
}

func checksCommand(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:   "checks",
		Short: "List the checks of the diagnosis, with their thresholds",
		Long: `checks lists what parley analyze, and every report, looks for: the id of each check, what it
is about and its thresholds, which a plan may change.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.Checks() },
	}
}
