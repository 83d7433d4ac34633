// Command attribution holds the turns that parley ties calls to against the log of a bot that knows them.
//
// The bot is the receptionist of examples, which with SPAN_LOG notes each of its calls: when it was made, on which
// connection, for which message of which user. The log is read when the run is over; nothing of it was known to parley.
// The share of calls attributed, and of those rightly, stands beside what two rules score that look at the time alone:
// the turn that has waited longest, and any of the turns that wait.
//
//	go run ./bench/attribution -json
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"parley/bench/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "attribution:", err)
		os.Exit(1)
	}
}

// asGenerator is the hidden first argument by which the program starts itself again.
const asGenerator = "generator"

// bench is what was asked for.
type bench struct {
	bot      string        // the folder of the receptionist
	perHour  int           // conversations
	think    string        // in place of the plan's
	solo     time.Duration // lengths of the phases
	steady   time.Duration
	progress io.Writer
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) > 0 && args[0] == asGenerator {
		return rig.Generate(ctx, in, out)
	}
	b := bench{progress: os.Stderr}
	flags := flag.NewFlagSet("attribution", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "write the figures as JSON")
	keep := flags.String("keep", "", "keep the run and the log in this `folder`")
	judge := flags.String("judge", "", "judge what -keep left in this `folder`, and run nothing")
	flags.StringVar(&b.bot, "bot", "examples/receptionist", "folder of the bot")
	flags.IntVar(&b.perHour, "per-hour", 4500, "conversations an hour; with the plan's think time 4,500 keep more than 50 open")
	flags.StringVar(&b.think, "think", "", "think time instead of the plan's, as lognormal(p50=3s, p95=7s)")
	flags.DurationVar(&b.solo, "solo", time.Minute, "length of the phase with one user")
	flags.DurationVar(&b.steady, "steady", 2*time.Minute, "length of the phase that is judged")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir := *judge
	if dir == "" {
		var done func()
		var err error
		if dir, done, err = folder(*keep); err != nil {
			return err
		}
		defer done()
		if err := b.play(ctx, dir); err != nil {
			return err
		}
	}
	e, err := read(filepath.Join(dir, "run"), filepath.Join(dir, "spans"))
	if err != nil {
		return err
	}
	figures, err := e.judge()
	if err != nil {
		return err
	}
	if *asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(figures)
	}
	return figures.write(out)
}

// folder returns the folder for a run, and what to do with it in the end.
func folder(keep string) (dir string, done func(), err error) {
	if keep != "" {
		dir, err = filepath.Abs(keep)
		if err == nil {
			err = os.MkdirAll(dir, 0o750)
		}
		return dir, func() {}, err
	}
	dir, err = os.MkdirTemp("", "bench-attribution-")
	return dir, func() { _ = os.RemoveAll(dir) }, err // a folder of ours in the system's own for such things
}
