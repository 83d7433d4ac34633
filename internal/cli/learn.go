package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"parley/internal/app"
)

func learnCommand(a *app.App) *cobra.Command {
	var o app.LearnOptions
	c := &cobra.Command{
		Use:   "learn RUN...",
		Short: "Make latency models of real services from runs that relayed calls to them",
		Long: `learn fits the latency models of a plan's simulated services to calls that earlier
runs relayed to the real ones (relay: real), says how well each model fits and what the
calls cannot tell, and writes the numbers into the plan. Comments and order stay.`,
		Example: "  parley learn .parley/runs/20261101-101500-receptionist",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("learn needs the folders of the runs to learn from (parley runs lists them)")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			o.Runs = args
			return result(a.Learn(o))(c)
		},
	}
	planFlag(c, &o.Plan)
	c.Flags().StringVar(&o.Wire, "wire", "", "only this dependency (default: all that were relayed)")
	c.Flags().BoolVar(&o.Print, "print", false, "show what to write, and leave the plan as it is")
	c.Flags().BoolVar(&o.Simulate, "simulate", false, "turn what the plan relays into a simulation; the relay is commented out")
	return c
}
