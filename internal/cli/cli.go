package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"parley"
	"parley/internal/app"
	"parley/internal/demo"
	"parley/internal/plan"
	"parley/internal/target"
)

// Env is everything of the process that a command may touch.
type Env struct {
	Args       []string // without the program's name
	Stdin      io.Reader
	Stdout     io.Writer
	Stderr     io.Writer
	Environ    []string
	Dir        string // working directory
	Executable string
	// Live: Stderr is a terminal. Width is that of Stdout, 0 if it is none.
	Live  bool
	Width int
}

// OS returns the Env of the running process.
func OS() (Env, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Env{}, fmt.Errorf("find the working directory: %w", err)
	}
	executable, err := os.Executable()
	if err != nil {
		return Env{}, fmt.Errorf("find parley's own program: %w", err)
	}
	e := Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Environ: os.Environ(), Dir: dir, Executable: executable,
		Live: term.IsTerminal(int(os.Stderr.Fd())),
	}
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		e.Width = width
	}
	return e, nil
}

// exit carries an exit code out of a command that has said all there is to say.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Main runs one command and returns its exit code.
func Main(e Env) int {
	// The first Ctrl-C ends the load and reports; a second one ends parley.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	root := newRoot(e)
	root.SetArgs(e.Args)
	root.SetIn(e.Stdin)
	root.SetOut(e.Stdout)
	root.SetErr(e.Stderr)
	err := root.ExecuteContext(ctx)
	var code exit
	switch {
	case err == nil:
		return parley.ExitPass
	case errors.As(err, &code):
		return int(code)
	default:
		complain(e.Stderr, err)
		return parley.ExitUsage
	}
}

// complain writes an error, a plan's as its list.
func complain(w io.Writer, err error) {
	if list, ok := errors.AsType[plan.Errors](err); ok {
		_, _ = fmt.Fprintln(w, strings.TrimRight(list.Error(), "\n"))
		return
	}
	_, _ = fmt.Fprintf(w, "parley: %v\n", err)
}

// newApp describes the process to the verbs.
func (e Env) newApp() *app.App {
	dumb := e.variable("TERM") == "dumb"
	return &app.App{
		Out: e.Stdout, Err: e.Stderr, Environ: e.Environ, Live: e.Live && !dumb,
		Width: e.Width, Color: e.Width > 0 && !dumb && e.variable("NO_COLOR") == "",
		Root: e.Dir, Executable: e.Executable,
	}
}

// variable looks a variable of the environment up, empty if there is none.
func (e Env) variable(name string) string {
	for _, entry := range slices.Backward(e.Environ) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// newRoot builds the tree of commands.
func newRoot(e Env) *cobra.Command {
	a := e.newApp()
	root := &cobra.Command{
		Use:   "parley",
		Short: "parley finds out why a chat bot is slow, by talking to it",
		Long:  rootHelp,
		// Errors are worded by Main; usage after each of them would bury what went wrong.
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		initCommand(a), demoCommand(a), reviewCommand(a), loadCommand(a), reportCommand(a), runsCommand(a), doctorCommand(a), learnCommand(a), envCommand(a), analyzeCommand(a), checksCommand(a), versionCommand(e),
		watchdogCommand(e), botCommand(e),
	)
	return root
}

// result turns a verb's answer into a command's.
func result(code int, err error) func(*cobra.Command) error {
	return func(c *cobra.Command) error {
		if code == parley.ExitPass {
			return err
		}
		if err != nil {
			complain(c.ErrOrStderr(), err)
		}
		return exit(code)
	}
}

// watchdogCommand keeps a process from outliving parley; parley runs it for itself.
func watchdogCommand(e Env) *cobra.Command {
	return &cobra.Command{
		Use: app.WatchdogCommand, Hidden: true, DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if code := target.Watchdog(args, e.Stdin); code != 0 {
				return exit(code)
			}
			return nil
		},
	}
}

// botCommand is the built-in bot of the demo.
func botCommand(e Env) *cobra.Command {
	return &cobra.Command{
		Use: app.BotCommand, Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return demo.Main(c.Context(), e.variable, e.Stdout)
		},
	}
}
