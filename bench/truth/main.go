// Command truth holds the waits that parley reports against the log of the bot that was asked.
//
// The bot is a process of its own which writes down when the send API had taken each answer, by the
// monotonic clock. A user's wait is that moment minus the one at which the message was due by the plan: even
// arrivals, so that the schedule is known without asking parley. A message that falls due while the bot
// is frozen has therefore waited for the thaw, whenever it was sent.
//
//	go run ./bench/truth -json
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"text/tabwriter"

	"parley/bench/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "truth:", err)
		os.Exit(1)
	}
}

// The hidden first arguments by which the program starts itself again.
const (
	asTarget    = "target"
	asGenerator = "generator"
)

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case asGenerator:
			return rig.Generate(ctx, in, out)
		case asTarget:
			return target(args[1:])
		}
	}
	flags := flag.NewFlagSet("truth", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "write the figures as JSON")
	seconds := flags.Int("seconds", 20, "length of each case; a multiple of 5, the period of the freeze")
	rate := flags.Int("rate", 1000, "messages a second")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *seconds < 5 || *seconds%5 != 0 || *rate < 1 {
		return errors.New("-seconds is a multiple of 5, and -rate at least 1")
	}
	r := results{Seconds: *seconds, PerSecond: *rate}
	for _, c := range cases() {
		_, _ = fmt.Fprintf(os.Stderr, "%s ...\n", c.name)
		if err := r.measure(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	if *asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	return r.write(out)
}

// results are the figures of all cases. An error of up to 2 ms counts as none: so much may
// pass between a socket of one process and a log of the other.
type results struct {
	MaxError  float64 `json:"max_percentile_error"`
	Dropped   int     `json:"dropped"`
	Seconds   int     `json:"seconds"`
	PerSecond int     `json:"messages_per_second"`
	Rows      []row   `json:"rows"`
}

// row is one percentile of one case, in milliseconds.
type row struct {
	Case       string  `json:"case"`
	Percentile string  `json:"percentile"`
	Truth      float64 `json:"truth_ms"`
	Parley     float64 `json:"parley_ms"`
	Error      float64 `json:"error"` // relative
	// Expected is what follows from the arithmetic of the case alone, 0 if nothing does.
	Expected float64 `json:"expected_ms,omitempty"`
}

func (r *results) write(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "case\tpercentile\tlog, ms\tparley, ms\terror\tby arithmetic, ms\t") // errors surface in Flush
	for _, w := range r.Rows {
		expected := ""
		if w.Expected > 0 {
			expected = fmt.Sprintf("%.0f", w.Expected)
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%.2f\t%.2f\t%.2f %%\t%s\t\n", w.Case, w.Percentile, w.Truth, w.Parley, 100*w.Error, expected)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nlargest error %.2f %% (errors up to 2 ms count as none), %d of %d messages dropped\n",
		100*r.MaxError, r.Dropped, len(cases())*r.Seconds*r.PerSecond)
	if _, missing := exec.LookPath("k6"); missing != nil && err == nil {
		_, err = fmt.Fprintln(out, "k6 is not installed; docs/benchmarks.md says how to hold it against the same bot")
	}
	return err
}
