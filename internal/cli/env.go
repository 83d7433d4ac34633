package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"parley/internal/app"
)

func envCommand(a *app.App) *cobra.Command {
	var o app.EnvOptions
	var asJSON, docker bool
	c := &cobra.Command{
		Use:   "env",
		Short: "Print the variables that point a bot at parley, for one that parley does not start",
		Long: `env prints the variables that lead a bot to parley: base URLs, the addresses of
databases, and if the plan has target.proxy those of a proxy and of the certificates to
trust. Keys and passwords of the plan are among them.

The plan must give every listen address a port that stays.`,
		Example: `  eval "$(parley env)"                     # in a shell that starts the bot
  parley env --docker > parley.env         # docker run --env-file parley.env ...`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case asJSON:
				o.Format = app.EnvJSON
			case docker:
				o.Format = app.EnvDocker
			}
			return result(a.Env(o))(c)
		},
	}
	planFlag(c, &o.Plan)
	c.Flags().BoolVar(&asJSON, "json", false, "as one JSON object")
	c.Flags().BoolVar(&docker, "docker", false, "as lines for docker's --env-file")
	c.MarkFlagsMutuallyExclusive("json", "docker")
	return c
}

// afterDash takes the command that starts the bot.
func afterDash(c *cobra.Command, args []string) error {
	switch dash := c.ArgsLenAtDash(); {
	case dash == 0 && len(args) == 0:
		return errors.New("no command follows --")
	case dash != 0 && len(args) > 0:
		return fmt.Errorf("unexpected %q; a command that starts the bot follows --, as in: parley %s -- uvicorn app:app", args[0], c.Name())
	}
	return nil
}
